// column_sum.cu: sums over rows
//
//   sums[j,c] (+)= Σ_{n in chunk j} x[n,c]
//
// One chunk is the op. A tall x takes two launches: chunks of rows into a workspace, then the workspace as one chunk into the sums.
//
// Shapes     x (N, C) row-major;  sums (⌈N / chunk_rows⌉, C)
// Types      x: f32 | bf16 in memory, f32 in registers;  sums: f32
// Launch     block (i, j) sums chunk j over 32 V columns, V = 16 / sizeof(T): lane l owns columns l V .. + V, the eight warps take rows in
//            turn, and the warps' sums are added in order. The order of a sum depends on N alone.
// Aliasing   none.  sums accumulate (+=) where asked.
// Cost       column_sum  reads s N C + 4 C accumulate, writes 4 C chunks, conflicts bf16 64 ⌈C / (32 V)⌉ chunks: bandwidth bound.
// Source     plain
#include "device/load.cuh"
#include "device/reduce.cuh"

constexpr int threads = 256, warps = threads / warp_size;

template <typename T, bool is_vector>
__device__ inline void chunk_sum(const T* __restrict__ x, int rows, int columns, int chunk_rows, bool accumulate, float* sums) {
    constexpr int width = Vector<T>::width, tile = warp_size * width;
    __shared__ __align__(16) float scratch[threads * width];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int first = blockIdx.x * tile, c = first + lane * width;
    const int start = blockIdx.y * chunk_rows, end = min(rows, start + chunk_rows);

    float partial[width] = {};
    if (c < columns) {
#pragma unroll 2
        for (int row = start + warp; row < end; row += warps) {
            float value[width];
            load<is_vector>(x + static_cast<int64>(row) * columns + c, columns - c, value);
#pragma unroll
            for (int i = 0; i < width; ++i) partial[i] += value[i];
        }
    }
    const float sum = tile_column_sum(partial, scratch);
    const int column = first + threadIdx.x;
    if (threadIdx.x < tile && column < columns) {
        float* to = sums + static_cast<int64>(blockIdx.y) * columns + column;
        *to = accumulate ? *to + sum : sum;
    }
}

template <typename T>
__device__ inline void column_sum(const T* x, int rows, int columns, int chunk_rows, int accumulate, float* sums) {
    if (is_vector_aligned(columns, x)) {
        chunk_sum<T, true>(x, rows, columns, chunk_rows, accumulate != 0, sums);
    } else {
        chunk_sum<T, false>(x, rows, columns, chunk_rows, accumulate != 0, sums);
    }
}

extern "C" __global__ void __launch_bounds__(threads, 8)
    column_sum_f32(const float* x, int rows, int columns, int chunk_rows, int accumulate, float* sums) {
    column_sum(x, rows, columns, chunk_rows, accumulate, sums);
}

extern "C" __global__ void __launch_bounds__(threads, 8)
    column_sum_bf16(const bf16* x, int rows, int columns, int chunk_rows, int accumulate, float* sums) {
    column_sum(x, rows, columns, chunk_rows, accumulate, sums);
}
