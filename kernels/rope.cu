// rope.cu: rotary position embedding, in place
//
//   forward    x'[j]       = x[j] cos θ − x[j + D/2] sin θ          for every head, θ = positions[n] · frequencies[j], j < D/2
//              x'[j + D/2] = x[j + D/2] cos θ + x[j] sin θ
//   backward   the same with −θ
//
// The angle is a product of a 31-bit and a 24-bit number: in f32 it would be off by 0.004 at position 10⁵. It is made and brought into
// [−π/4, π/4] in double, then rounded once; the polynomials are those of Cephes' sinf and cosf.
//
// Shapes     x (N, heads · D), other (N, other_heads · D) row-major, N = B·T, such as queries and keys, or x alone;  positions (N);
//            frequencies (D/2)
// Types      x: f32 | bf16 in memory, f32 in registers;  positions: i32;  frequencies: f32
// Launch     a thread owns V neighbouring pairs of up to four heads of one row, V = 16 / sizeof(T): it makes their angles once. Pairs vary
//            fastest over the threads, then groups of heads (x's, then other's), then rows.
// Aliasing   in place.
// Cost       rope_*  reads s N H D + 4 N + 2 D, writes s N H D, loads s N H D + 4 N + 2 D ⌈N ⌈H / 4⌉ D / (64 V)⌉,
//                    excess ≤ 3 N ⌈H / 4⌉ D / 64: bandwidth bound.
// Source     Su et al. 2021, arXiv:2104.09864, eq. 34, with the halves of Hugging Face's Llama instead of neighbours as pairs;
//            S. L. Moshier, Cephes (netlib.org/cephes), single/sinf.c
#include "device/load.cuh"

constexpr int threads = 256, heads_per_thread = 4;

// cos and sin of position · frequency, to about 1 ulp.
__device__ inline void rotation(int position, float frequency, float& cosine, float& sine) {
    constexpr double two_over_pi = 0.63661977236758134, half_pi = 1.5707963267948966;
    constexpr double rounder = 6755399441055744.0;  // 1.5 · 2⁵²: adding it leaves the nearest integer in the low bits
    const double angle = static_cast<double>(position) * static_cast<double>(frequency);
    const double turns = (angle * two_over_pi + rounder) - rounder;
    const float r = static_cast<float>(angle - turns * half_pi), square = r * r;
    const unsigned quadrant = static_cast<unsigned>(static_cast<int64>(turns));

    float s = fmaf(-1.9515295891e-4f, square, 8.3321608736e-3f);
    s = fmaf(s, square, -1.6666654611e-1f);
    s = fmaf(s * square, r, r);
    float c = fmaf(2.443315711809948e-5f, square, -1.388731625493765e-3f);
    c = fmaf(c, square, 4.166664568298827e-2f);
    c = fmaf(c * square, square, fmaf(square, -0.5f, 1.0f));

    // Quadrant q turns (cos, sin) by q right angles.
    cosine = quadrant & 1 ? s : c;
    sine = quadrant & 1 ? c : s;
    if ((quadrant + 1) & 2) cosine = -cosine;
    if (quadrant & 2) sine = -sine;
}

template <typename T, bool is_vector>
__device__ inline void rotate_heads(int position, const float* frequencies, float direction, int heads, int half, int64 left, T* x) {
    constexpr int width = Vector<T>::width;
    float frequency[width], cosine[width], sine[width];
    load<is_vector>(frequencies, left, frequency);
#pragma unroll
    for (int i = 0; i < width; ++i) {
        rotation(position, frequency[i], cosine[i], sine[i]);
        sine[i] *= direction;
    }
#pragma unroll
    for (int head = 0; head < heads_per_thread; ++head) {
        if (head >= heads) break;
        T* low = x + static_cast<int64>(head) * 2 * half;  // (width) of the first half, x[j]
        T* high = low + half;                              // (width) of the second, x[j + D/2]
        float a[width], b[width], c[width], d[width];
        load<is_vector>(low, left, a);
        load<is_vector>(high, left, b);
#pragma unroll
        for (int i = 0; i < width; ++i) {
            c[i] = fmaf(a[i], cosine[i], -(b[i] * sine[i]));
            d[i] = fmaf(b[i], cosine[i], a[i] * sine[i]);
        }
        store<is_vector>(c, left, low);
        store<is_vector>(d, left, high);
    }
}

template <typename T>
__device__ inline void rope(const int* __restrict__ positions, const float* __restrict__ frequencies, int rows, int half, int heads,
                            int other_heads, float direction, T* x, T* other) {
    constexpr int width = Vector<T>::width;
    const int vectors = (half + width - 1) / width, groups = (heads + heads_per_thread - 1) / heads_per_thread;
    const int per_row = vectors * (groups + (other_heads + heads_per_thread - 1) / heads_per_thread);
    const int64 item = static_cast<int64>(blockIdx.x) * threads + threadIdx.x, row = item / per_row;
    if (row >= rows) return;
    const int within = static_cast<int>(item - row * per_row), group = within / vectors, j = within % vectors * width;
    const bool is_other = group >= groups;
    const int own_heads = is_other ? other_heads : heads, head = (is_other ? group - groups : group) * heads_per_thread;

    T* first = (is_other ? other : x) + (row * own_heads + head) * 2 * half + j;  // pair j of the group's first head
    if (is_vector_aligned(half, x, other, frequencies)) {
        rotate_heads<T, true>(positions[row], frequencies + j, direction, own_heads - head, half, half - j, first);
    } else {
        rotate_heads<T, false>(positions[row], frequencies + j, direction, own_heads - head, half, half - j, first);
    }
}

extern "C" __global__ void __launch_bounds__(threads) rope_forward_f32(const int* positions, const float* frequencies, int rows, int half,
                                                                       int heads, int other_heads, float* x, float* other) {
    rope(positions, frequencies, rows, half, heads, other_heads, 1.0f, x, other);
}

extern "C" __global__ void __launch_bounds__(threads) rope_forward_bf16(const int* positions, const float* frequencies, int rows, int half,
                                                                        int heads, int other_heads, bf16* x, bf16* other) {
    rope(positions, frequencies, rows, half, heads, other_heads, 1.0f, x, other);
}

extern "C" __global__ void __launch_bounds__(threads) rope_backward_f32(const int* positions, const float* frequencies, int rows, int half,
                                                                        int heads, int other_heads, float* dx, float* other) {
    rope(positions, frequencies, rows, half, heads, other_heads, -1.0f, dx, other);
}

extern "C" __global__ void __launch_bounds__(threads) rope_backward_bf16(const int* positions, const float* frequencies, int rows, int half,
                                                                         int heads, int other_heads, bf16* dx, bf16* other) {
    rope(positions, frequencies, rows, half, heads, other_heads, -1.0f, dx, other);
}
