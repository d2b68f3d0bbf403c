// cross_entropy.cu: the loss of a row of logits, and its gradient, in the place of the logits or, rounded, in one of its own
//
//   e_v = exp(logit_v − max)        others = Σ_{v ≠ label} e_v
//   loss = log(1 + others / e_label)                       log(others + e_label) + (max − logit_label) where e_label vanishes
//   d logit_v = weight e_v / (others + e_label), v ≠ label;    d logit_label = −weight others / (others + e_label)
//
// Keeping the label out of the sum keeps small losses and small gradients accurate. A row of weight 0 gets a gradient of exactly 0
// whatever it holds; a NaN anywhere makes the loss NaN.
//
// Shapes     logits, gradient (N, vocab) row-major;  labels, weights, losses (N)
// Types      logits, weights, losses: f32;  gradient: f32 | bf16;  labels: i32;  e: f32, a thread's sum f32, the sum over threads double
// Launch     one block a row. First pass: a thread keeps the running maximum of what it has seen and its sum of exponentials relative to
//            that, rescaled when the maximum grows. Second pass: the gradient, from the end of the row, which the cache still holds.
//            Threads step by vectors of 16 bytes aligned in memory, not in the row, so that an odd vocabulary costs nothing; the ends of a
//            row are partial vectors.
// Aliasing   an f32 gradient may be the logits.
// Bounds     a label outside 0 .. vocab − 1 cannot be refused without waiting for the device: its loss, and its gradient, are NaN.
// Cost       cross_entropy  reads 4 N vocab + 4 N + 4 N gradient, writes 4 N vocab gradient + 4 N,
//                           loads 4 N vocab (1 + gradient) + 8 N warps + 4 N (warps + 1) gradient: gradient is 1 or 0.
//            cross_entropy_to_bf16  reads 4 N vocab + 8 N, writes 2 N vocab + 4 N, loads 8 N vocab + 8 N warps + 4 N (warps + 1)
//            Bandwidth bound; the second walk finds in the L2 cache what fits there.
// Source     Milakov and Gimelshein 2018, arXiv:1805.02867, algorithm 3 (the maximum and the sum in one pass)
#include "device/load.cuh"
#include "device/reduce.cuh"

constexpr int max_threads = 1024, width = 4;
constexpr float lowest = -3.402823466e38f;  // finite: a logit of −∞ before any other must give e^(−∞), not e^(∞ − ∞)

// Below this, e_label has lost digits or is about to.
constexpr float vanishing = 1e-30f;

__device__ inline float minus_infinity() { return __uint_as_float(0xff800000u); }

// Elements i .. i + 3 of a row, −∞ where the row has none. True if all four are there.
__device__ inline bool load_logits(const float* row, int i, int vocabulary, float (&x)[width]) {
    if (i >= 0 && i + width <= vocabulary) {
        load_vector(row + i, x);
        return true;
    }
#pragma unroll
    for (int j = 0; j < width; ++j) x[j] = i + j >= 0 && i + j < vocabulary ? row[i + j] : minus_infinity();
    return false;
}

// The maximum so far, and the sum of exp(x − maximum) over all but the label.
struct RunningSum {
    float maximum = lowest, sum = 0.0f;

    __device__ void add(float (&x)[width], int i, int label) {
        const float top = fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3]));
        if (top > maximum) {
            sum *= expf(maximum - top);
            maximum = top;
        }
        if (label >= i && label < i + width) {
#pragma unroll
            for (int j = 0; j < width; ++j) {
                if (i + j == label) x[j] = minus_infinity();
            }
        }
#pragma unroll
        for (int j = 0; j < width; ++j) sum += expf(x[j] - maximum);
    }
};

// log(1 + x) for x ≥ 0 without losing small x (W. Kahan's formula).
__device__ inline double log_1_plus(double x) {
    const double y = 1.0 + x;
    return y == 1.0 ? x : log(y) * (x / (y - 1.0));
}

// Four elements of the gradient, `to` aligned to the first of them as the logits are in their row.
__device__ inline void store_gradient(const float (&x)[width], float* to) { store_vector(x, to); }

__device__ inline void store_gradient(const float (&x)[width], bf16* to) {
    *reinterpret_cast<uint2*>(to) = make_uint2(pack_bf16x2(x[0], x[1]), pack_bf16x2(x[2], x[3]));
}

template <typename T>
__device__ inline void loss_and_gradient(const int* labels, const float* weights, bool with_gradient, int vocabulary, const float* logits,
                                         float* losses, T* gradient) {
    __shared__ float maxima[warp_size];
    __shared__ double sums[warp_size];
    __shared__ float factors[2];
    const int n = blockIdx.x, thread = threadIdx.x, step = blockDim.x * width;
    const float* row = logits + static_cast<int64>(n) * vocabulary;  // (vocab)
    T* to = gradient + static_cast<int64>(n) * vocabulary;           // (vocab)
    const int past_alignment = static_cast<int>(reinterpret_cast<unsigned long long>(row) / sizeof(float) % width);
    const int first = thread * width - past_alignment, label = labels[n];
    const float own = label >= 0 && label < vocabulary ? row[label] : __uint_as_float(0x7fffffffu);

    RunningSum running;
    for (int i = first; i < vocabulary; i += 2 * step) {
        float x[width], y[width];
        load_logits(row, i, vocabulary, x);
        load_logits(row, i + step, vocabulary, y);
        running.add(x, i, label);
        running.add(y, i + step, label);
    }
    const float maximum = block_max(running.maximum, maxima);
    const double others = block_sum(static_cast<double>(running.sum * expf(running.maximum - maximum)), sums);
    if (thread == 0) {
        const float own_term = expf(own - maximum), weight = with_gradient ? weights[n] : 0.0f;
        const double sum = others + own_term;
        losses[n] = static_cast<float>(own_term > vanishing ? log_1_plus(others / own_term)
                                                            : log(sum) + (static_cast<double>(maximum) - static_cast<double>(own)));
        factors[0] = static_cast<float>(weight / sum);
        factors[1] = static_cast<float>(-weight * (others / sum));
    }
    if (!with_gradient) return;
    __syncthreads();

    const bool is_zero = weights[n] == 0.0f, is_aligned = reinterpret_cast<unsigned long long>(to + first) % (width * sizeof(T)) == 0;
    const float factor = factors[0], own_gradient = factors[1];
    for (int i = first + max(0, vocabulary - 1 - first) / step * step; i >= first; i -= step) {
        float x[width];
        const bool is_whole = load_logits(row, i, vocabulary, x);
#pragma unroll
        for (int j = 0; j < width; ++j) x[j] = is_zero ? 0.0f : i + j == label ? own_gradient : factor * expf(x[j] - maximum);
        if (is_whole && is_aligned) {
            store_gradient(x, to + i);
        } else {
#pragma unroll
            for (int j = 0; j < width; ++j) {
                if (i + j >= 0 && i + j < vocabulary) to[i + j] = from_float<T>(x[j]);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(max_threads, 2)
    cross_entropy(const int* labels, const float* weights, int with_gradient, int vocabulary, const float* logits, float* losses,
                  float* gradient) {
    loss_and_gradient<float>(labels, weights, with_gradient != 0, vocabulary, logits, losses, gradient);
}

extern "C" __global__ void __launch_bounds__(max_threads, 2)
    cross_entropy_to_bf16(const int* labels, const float* weights, int with_gradient, int vocabulary, const float* logits, float* losses,
                          bf16* gradient) {
    loss_and_gradient<bf16>(labels, weights, with_gradient != 0, vocabulary, logits, losses, gradient);
}
