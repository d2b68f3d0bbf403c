// dropout.cu: dropout whose mask is a pure function of (seed, step, module, token, column)
//
//   forward    y[n,c]   = x[n,c] kept[n,c] scale           kept[n,c] = (word(i, c) ≥ threshold), scale = 1 / (1 − rate)
//   backward   dx[n,c] += dy[n,c] kept[n,c] scale
//   word(i, c) = word c mod 4 of Philox(seed, step · 2³² + module, i · 2³² + ⌊c / 4⌋), row n being token row i of its client
//
// Rows of no client are kept as they are. A dropped NaN is gone.
//
// Shapes     x, y, dy, dx (N, C) row-major, N = B·T;  clients (K), ascending in row_start, disjoint
// Types      x, y, dy, dx: f32 | bf16 in memory, f32 in registers
// Launch     `lanes` threads a row (a power of two), 256 / lanes rows a block; a step of a thread is one vector of 16 bytes: one block of
//            random words for f32, two for bf16
// Aliasing   y may be x.  dx accumulates (+=).
// Cost       dropout_forward   reads s N C + 20 K, writes s N C, loads s N C + (24 + 4 ⌈log₂(K + 1)⌉) ⌈N lanes / 32⌉
//            dropout_backward  reads 2 s N C + 20 K, writes s N C, loads 2 s N C + (24 + 4 ⌈log₂(K + 1)⌉) ⌈N lanes / 32⌉
//            Ten rounds of Philox for 4 elements: bandwidth bound in f32, close to even with arithmetic in bf16.
// Source     Srivastava et al., JMLR 15, 2014
#include "device/load.cuh"
#include "device/philox.cuh"

constexpr int threads = 256;

// As the host lays it out: NativeFl.Tensors.DropoutRows.
struct DropoutRows {
    int row_start, row_count;
    unsigned long long seed;
    int step;
};

// The client of a row, by bisection; null for a row of no client.
__device__ inline const DropoutRows* client_of(int row, const DropoutRows* clients, int count) {
    int low = 0, high = count;  // the last client that starts at or before the row lies in low - 1 .. high - 1
    while (low < high) {
        const int middle = (low + high) / 2;
        if (clients[middle].row_start <= row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) return nullptr;
    const DropoutRows* client = clients + low - 1;
    return row - client->row_start < client->row_count ? client : nullptr;
}

template <typename T, bool is_vector>
__device__ inline void drop(const T* from, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale,
                            int rows, int columns, int lanes, bool accumulate, T* to) {
    constexpr int width = Vector<T>::width;
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    if (row >= rows) return;
    const int64 start = static_cast<int64>(row) * columns;
    const DropoutRows* client = client_of(row, clients, client_count);
    const unsigned long long seed = client != nullptr ? client->seed : 0;
    const unsigned long long stream =
        client != nullptr ? static_cast<unsigned long long>(static_cast<unsigned>(client->step)) << 32 | static_cast<unsigned>(module) : 0;
    const unsigned long long token = client != nullptr ? static_cast<unsigned long long>(row - client->row_start) << 32 : 0;

    for (int c = lane * width; c < columns; c += lanes * width) {
        float x[width], y[width];
        load<is_vector>(from + start + c, columns - c, x);
        if (accumulate) load<is_vector>(to + start + c, columns - c, y);
#pragma unroll
        for (int i = 0; i < width; i += 4) {
            uint4 words = make_uint4(~0u, ~0u, ~0u, ~0u);
            if (client != nullptr) words = philox(seed, stream, token | static_cast<unsigned>((c + i) / 4));
            const unsigned word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float factor = client != nullptr ? scale : 1.0f, dropped = accumulate ? y[i + j] : 0.0f;
                const float kept = accumulate ? fmaf(factor, x[i + j], y[i + j]) : factor * x[i + j];
                x[i + j] = word[j] >= threshold ? kept : dropped;
            }
        }
        store<is_vector>(x, columns - c, to + start + c);
    }
}

template <typename T>
__device__ inline void dropout(const T* from, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale,
                               int rows, int columns, int lanes, bool accumulate, T* to) {
    if (is_vector_aligned(columns, from, to)) {
        drop<T, true>(from, clients, client_count, module, threshold, scale, rows, columns, lanes, accumulate, to);
    } else {
        drop<T, false>(from, clients, client_count, module, threshold, scale, rows, columns, lanes, accumulate, to);
    }
}

extern "C" __global__ void __launch_bounds__(threads)
    dropout_forward_f32(const float* x, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale, int rows,
                        int columns, int lanes, float* y) {
    dropout(x, clients, client_count, module, threshold, scale, rows, columns, lanes, false, y);
}

extern "C" __global__ void __launch_bounds__(threads)
    dropout_forward_bf16(const bf16* x, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale, int rows,
                         int columns, int lanes, bf16* y) {
    dropout(x, clients, client_count, module, threshold, scale, rows, columns, lanes, false, y);
}

extern "C" __global__ void __launch_bounds__(threads)
    dropout_backward_f32(const float* dy, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale,
                         int rows, int columns, int lanes, float* dx) {
    dropout(dy, clients, client_count, module, threshold, scale, rows, columns, lanes, true, dx);
}

extern "C" __global__ void __launch_bounds__(threads)
    dropout_backward_bf16(const bf16* dy, const DropoutRows* clients, int client_count, int module, unsigned threshold, float scale,
                          int rows, int columns, int lanes, bf16* dx) {
    dropout(dy, clients, client_count, module, threshold, scale, rows, columns, lanes, true, dx);
}
