// rms_norm.cu: root-mean-square normalisation
//
//   forward    y[n,c]   = x[n,c] rstd[n] w[c]            rstd[n] = (mean_c x[n,c]² + ε)^(−1/2)
//   backward   dx[n,c] += rstd[n] (w[c] dy[n,c] − x[n,c] rstd[n]² mean_k(w[k] dy[n,k] x[n,k]))
//              dw[c]   += Σ_n dy[n,c] x[n,c] rstd[n]
//
// Shapes     x, y, dx, dy (N, C) row-major, N = B·T;  w, dw (C);  rstd (N);  partial (⌈N / chunk_rows⌉, C)
// Types      x, y, dx, dy: f32 | bf16 in memory, f32 in registers;  w, dw, rstd, partial: f32
// Launch     rows: `lanes` threads a row (device/row.cuh), 256 / lanes rows a block.
//            weight gradient: block (i, j) sums chunk j of the rows over 32 V columns into row j of `partial`, V = 16 / sizeof(T), its
//            eight warps taking rows in turn; column_sum.cu adds the rows of `partial` to dw. The chunks depend on N alone.
// Aliasing   y may be x.  dx and dw accumulate (+=).
// Cost       rms_norm_forward   reads s N C + 4 C, writes s N C + 4 N,
//                               loads s N C + s N max(0, C − 4 V lanes) + 4 C ⌈N min(lanes, 32) / 32⌉,
//                               excess bf16 C ⌈N min(lanes, 32) / 32⌉ / 8
//            rms_norm_backward  reads 3 s N C + 4 C + 4 N, writes s N C,
//                               loads 3 s N C + 2 s N max(0, C − 4 V lanes) + 8 C ⌈N min(lanes, 32) / 32⌉ + 4 N ⌈lanes / 32⌉,
//                               excess bf16 C ⌈N min(lanes, 32) / 32⌉ / 4
//            rms_norm_weight_gradient  reads 2 s N C + 4 N, writes 4 C chunks, loads 2 s N C + 4 N ⌈C / (32 V)⌉,
//                               conflicts bf16 64 ⌈C / (32 V)⌉ chunks
//            Bandwidth bound. The excess is w beside bf16 rows, from the cache.
// Source     Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4
#include "device/reduce.cuh"
#include "device/row.cuh"

constexpr int threads = 256, warps = threads / warp_size;

template <typename T, bool is_vector>
__device__ inline void forward(const T* x, const float* w, int rows, int columns, int lanes, float epsilon, T* y, float* rstd) {
    constexpr int width = Vector<T>::width;
    __shared__ float scratch[warps];
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    const int64 start = static_cast<int64>(row) * columns;

    HeldRows<T, 1, is_vector> held(lane, lanes, row < rows ? columns : 0);
    held.from[0] = x + start;  // (C)
    float square = 0.0f;
    held.read([&](int, float(&v)[1][width]) {
#pragma unroll
        for (int i = 0; i < width; ++i) square = fmaf(v[0][i], v[0][i], square);
    });
    const float scale = 1.0f / sqrtf(row_sum(square, lanes, scratch) / columns + epsilon);
    if (row < rows && lane == 0) rstd[row] = scale;
    held.again([&](int c, float(&v)[1][width]) {
        float weight[width], result[width];
        load<is_vector>(w + c, columns - c, weight);
#pragma unroll
        for (int i = 0; i < width; ++i) result[i] = v[0][i] * scale * weight[i];
        store<is_vector>(result, columns - c, y + start + c);
    });
}

template <typename T>
__device__ inline void rms_norm_forward(const T* x, const float* w, int rows, int columns, int lanes, float epsilon, T* y, float* rstd) {
    if (is_vector_aligned(columns, x, w, y)) {
        forward<T, true>(x, w, rows, columns, lanes, epsilon, y, rstd);
    } else {
        forward<T, false>(x, w, rows, columns, lanes, epsilon, y, rstd);
    }
}

template <typename T, bool is_vector>
__device__ inline void backward(const T* dy, const T* x, const float* __restrict__ w, const float* __restrict__ rstd, int rows, int columns,
                                int lanes, T* dx) {
    constexpr int width = Vector<T>::width;
    __shared__ float scratch[warps];
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    const int64 start = static_cast<int64>(row) * columns;

    HeldRows<T, 2, is_vector> held(lane, lanes, row < rows ? columns : 0);
    held.from[0] = dy + start;  // (C)
    held.from[1] = x + start;   // (C)
    float product = 0.0f;
    held.read([&](int c, float(&v)[2][width]) {
        float weight[width];
        load<is_vector>(w + c, columns - c, weight);
#pragma unroll
        for (int i = 0; i < width; ++i) product = fmaf(weight[i] * v[0][i], v[1][i], product);
    });
    const float scale = row < rows ? rstd[row] : 0.0f;
    const float pull = -row_sum(product, lanes, scratch) / columns * scale * scale;
    held.again([&](int c, float(&v)[2][width]) {
        float weight[width], sum[width];
        load<is_vector>(w + c, columns - c, weight);
        load<is_vector>(dx + start + c, columns - c, sum);
#pragma unroll
        for (int i = 0; i < width; ++i) sum[i] = fmaf(scale, fmaf(pull, v[1][i], weight[i] * v[0][i]), sum[i]);
        store<is_vector>(sum, columns - c, dx + start + c);
    });
}

template <typename T>
__device__ inline void rms_norm_backward(const T* dy, const T* x, const float* w, const float* rstd, int rows, int columns, int lanes,
                                         T* dx) {
    if (is_vector_aligned(columns, dy, x, w, dx)) {
        backward<T, true>(dy, x, w, rstd, rows, columns, lanes, dx);
    } else {
        backward<T, false>(dy, x, w, rstd, rows, columns, lanes, dx);
    }
}

template <typename T, bool is_vector>
__device__ inline void weight_gradient(const T* __restrict__ dy, const T* __restrict__ x, const float* __restrict__ rstd, int rows,
                                       int columns, int chunk_rows, float* partial) {
    constexpr int width = Vector<T>::width, tile = warp_size * width;
    __shared__ __align__(16) float scratch[threads * width];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int first = blockIdx.x * tile, c = first + lane * width;
    const int start = blockIdx.y * chunk_rows, end = min(rows, start + chunk_rows);

    float sums[width] = {};
    if (c < columns) {
#pragma unroll 4
        for (int row = start + warp; row < end; row += warps) {
            const int64 at = static_cast<int64>(row) * columns + c;
            float gradient[width], value[width];
            load<is_vector>(dy + at, columns - c, gradient);
            load<is_vector>(x + at, columns - c, value);
            const float scale = rstd[row];
#pragma unroll
            for (int i = 0; i < width; ++i) sums[i] = fmaf(gradient[i], value[i] * scale, sums[i]);
        }
    }
    const float sum = tile_column_sum(sums, scratch);
    const int column = first + threadIdx.x;
    if (threadIdx.x < tile && column < columns) partial[static_cast<int64>(blockIdx.y) * columns + column] = sum;
}

template <typename T>
__device__ inline void rms_norm_weight_gradient(const T* dy, const T* x, const float* rstd, int rows, int columns, int chunk_rows,
                                                float* partial) {
    if (is_vector_aligned(columns, dy, x)) {
        weight_gradient<T, true>(dy, x, rstd, rows, columns, chunk_rows, partial);
    } else {
        weight_gradient<T, false>(dy, x, rstd, rows, columns, chunk_rows, partial);
    }
}

extern "C" __global__ void __launch_bounds__(threads, 4)
    rms_norm_forward_f32(const float* x, const float* w, int rows, int columns, int lanes, float epsilon, float* y, float* rstd) {
    rms_norm_forward(x, w, rows, columns, lanes, epsilon, y, rstd);
}

extern "C" __global__ void __launch_bounds__(threads, 4)
    rms_norm_forward_bf16(const bf16* x, const float* w, int rows, int columns, int lanes, float epsilon, bf16* y, float* rstd) {
    rms_norm_forward(x, w, rows, columns, lanes, epsilon, y, rstd);
}

extern "C" __global__ void __launch_bounds__(threads, 3)
    rms_norm_backward_f32(const float* dy, const float* x, const float* w, const float* rstd, int rows, int columns, int lanes, float* dx) {
    rms_norm_backward(dy, x, w, rstd, rows, columns, lanes, dx);
}

extern "C" __global__ void __launch_bounds__(threads, 3)
    rms_norm_backward_bf16(const bf16* dy, const bf16* x, const float* w, const float* rstd, int rows, int columns, int lanes, bf16* dx) {
    rms_norm_backward(dy, x, w, rstd, rows, columns, lanes, dx);
}

extern "C" __global__ void __launch_bounds__(threads) rms_norm_weight_gradient_f32(const float* dy, const float* x, const float* rstd,
                                                                                   int rows, int columns, int chunk_rows, float* partial) {
    rms_norm_weight_gradient(dy, x, rstd, rows, columns, chunk_rows, partial);
}

extern "C" __global__ void __launch_bounds__(threads)
    rms_norm_weight_gradient_bf16(const bf16* dy, const bf16* x, const float* rstd, int rows, int columns, int chunk_rows, float* partial) {
    rms_norm_weight_gradient(dy, x, rstd, rows, columns, chunk_rows, partial);
}
