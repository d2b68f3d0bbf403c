// gemm.cu: the dense product, for machines without cuBLASLt
//
//   gemm       c[m,n] = sum_k op(a)[m,k] op(b)[k,n] + bias[n]        or c += that;  op transposes where the name has a t
//
//              gemm_nt is y = x Wᵀ + bias, gemm_nn is dx = dy W, gemm_tn is dW += dyᵀ x.
//
// Shapes     op(a) (M, K), op(b) (K, N), c (M, N), all row-major and contiguous, of any size;  bias (N) or null
// Types      gemm_*_bf16: a, b, c bf16;  gemm_*_bf16_to_f32: a, b bf16, c f32;  tensor cores, accumulation f32
//            gemm_nn|nt_bf16_with_f32: a bf16, b f32, rounded on its way, c bf16 (_to_f32: f32), for weights that are kept in f32
//            gemm_*_f32: a, b, c f32;  gemm_nn|nt_f32_with_bf16: b bf16, widened on its way;  FFMA, no TF32.   bias f32
// Launch     grid (N / 128, M / 128), a tile of c each, three stages of asynchronous copies.  bf16: 128 threads, warps of 64 × 64, depth
//            32;  f32: 256 threads of 8 × 8, depth 16
// Aliasing   none; c accumulates if asked, in f32 with one rounding.
// Cost       gemm_??_f32*   reads a M K + b K N, writes c M N, loads a M K ⌈N / 128⌉ + b K N ⌈M / 128⌉,
//                           fma 262144 ⌈M / 128⌉ ⌈N / 128⌉ ⌈K / 16⌉, conflicts 512 ⌈M / 128⌉ ⌈N / 128⌉
//            gemm_??_bf16*  reads a M K + b K N, writes c M N, loads a M K ⌈N / 128⌉ + b K N ⌈M / 128⌉,
//                           mma 256 ⌈M / 128⌉ ⌈N / 128⌉ ⌈K / 32⌉, conflicts 512 (c / 2 − 1) ⌈M / 128⌉ ⌈N / 128⌉
//            gemm_bias      reads 4 N, writes s M N, loads 4 M N
//            Bytes of an element are a, b and c.
//            2 M N K operations: compute bound from M, N, K of some hundreds on.
// Source     the multistage tile of CUTLASS, github.com/NVIDIA/cutlass, media/docs/efficient_gemm.md
#include "device/block_product.cuh"

template <typename T>
struct Gemm {
    static constexpr int rows = 128, columns = 128, depth = 64 / sizeof(T), stages = 3;
    static constexpr int warp_rows = 2, warp_columns = sizeof(T) == 2 ? 2 : 4;
    using Product = BlockProduct<T, rows, columns, warp_rows, warp_columns>;
    static constexpr int threads = Product::threads;
};

// A tile of bf16 as f32. Not asynchronous: it is complete at the next barrier.
template <typename Tile, int Threads>
__device__ inline void load_tile_async(const bf16* source, int64 stride, int valid_rows, int valid_columns, bool vector, float* tile) {
    constexpr int width = Vector<float>::width;
    if (vector) {
#pragma unroll 1
        for (int i = threadIdx.x; i < Tile::rows * Tile::columns / width; i += Threads) {
            const int row = copied_row<Tile::columns * sizeof(float)>(i * width / Tile::columns), column = i * width % Tile::columns;
            float x[width] = {};
            if (row < valid_rows && column < valid_columns) load_vector(source + row * stride + column, x);
            store_vector(x, tile + row * Tile::stride + column);
        }
        return;
    }
#pragma unroll 1
    for (int i = threadIdx.x; i < Tile::rows * Tile::columns; i += Threads) {
        const int row = i / Tile::columns, column = i % Tile::columns;
        const bool valid = row < valid_rows && column < valid_columns;
        tile[row * Tile::stride + column] = valid ? to_float(source[row * stride + column]) : 0.0f;
    }
}

// A tile of f32 as bf16, complete at the next barrier too.
template <typename Tile, int Threads>
__device__ inline void load_tile_async(const float* source, int64 stride, int valid_rows, int valid_columns, bool vector, bf16* tile) {
    constexpr int width = Vector<float>::width;
    if (vector) {
#pragma unroll 1
        for (int i = threadIdx.x; i < Tile::rows * Tile::columns / width; i += Threads) {
            const int row = copied_row<Tile::columns * sizeof(bf16)>(i * width / Tile::columns), column = i * width % Tile::columns;
            float x[width] = {};
            if (row < valid_rows && column < valid_columns) load_vector(source + row * stride + column, x);
            store_vector(x, tile + row * Tile::stride + column);
        }
        return;
    }
#pragma unroll 1
    for (int i = threadIdx.x; i < Tile::rows * Tile::columns; i += Threads) {
        const int row = i / Tile::columns, column = i % Tile::columns;
        const bool valid = row < valid_rows && column < valid_columns;
        tile[row * Tile::stride + column] = from_float<bf16>(valid ? source[row * stride + column] : 0.0f);
    }
}

template <typename T, typename TB, typename TC, bool TransposeA, bool TransposeB>
__device__ void gemm(const T* a, const TB* b, const float* bias, int m, int n, int k, bool accumulate, bool a_vector, bool b_vector,
                     bool c_vector, TC* c) {
    using Tiles = Gemm<T>;
    using A = TileOperand<T, Tiles::rows, Tiles::depth, TransposeA>;
    using B = TileOperand<T, Tiles::columns, Tiles::depth, !TransposeB>;
    using C = TileOperand<TC, Tiles::columns, Tiles::rows, true>;
    DYNAMIC_SHARED(T, memory);  // stages of a and b; then c
    constexpr int stage = A::elements + B::elements;
    const int thread = threadIdx.x, row = blockIdx.y * Tiles::rows, column = blockIdx.x * Tiles::columns;
    const int rows = m - row, columns = n - column, steps = (k + Tiles::depth - 1) / Tiles::depth;
    auto start = [&](int step) {
        T* const to = memory + step % Tiles::stages * stage;
        const int from = step * Tiles::depth, depth = k - from;
        if (step < steps) {
            if constexpr (TransposeA)
                load_tile_async<A, Tiles::threads>(a + static_cast<int64>(from) * m + row, m, depth, rows, a_vector, to);
            else
                load_tile_async<A, Tiles::threads>(a + static_cast<int64>(row) * k + from, k, rows, depth, a_vector, to);
            if constexpr (TransposeB)
                load_tile_async<B, Tiles::threads>(b + static_cast<int64>(column) * k + from, k, columns, depth, b_vector,
                                                   to + A::elements);
            else
                load_tile_async<B, Tiles::threads>(b + static_cast<int64>(from) * n + column, n, depth, columns, b_vector,
                                                   to + A::elements);
        }
        copy_async_commit();
    };

    typename Tiles::Product product(thread);
    for (int step = 0; step < Tiles::stages - 1; ++step) start(step);
    for (int step = 0; step < steps; ++step) {
        copy_async_wait<Tiles::stages - 2>();
        __syncthreads();
        start(step + Tiles::stages - 1);
        const T* const now = memory + step % Tiles::stages * stage;
        product.template add<A, B>(now, now + A::elements);
    }

    copy_async_wait<0>();
    __syncthreads();
    TC* const tile = reinterpret_cast<TC*>(memory);
    TC* const c_tile = c + static_cast<int64>(row) * n + column;  // (rows, n)
    if (accumulate) {
        load_tile_async<C, Tiles::threads>(c_tile, n, rows, columns, c_vector, tile);
        copy_async_commit();
        copy_async_wait<0>();
        __syncthreads();
    }
    product.each([&](int r, int j, float value) {
        TC& element = tile[r * C::stride + j];
        if (bias != nullptr && j < columns) value += bias[column + j];
        element = from_float<TC>(accumulate ? to_float(element) + value : value);
    });
    __syncthreads();
    store_tile<C::rows, C::columns, C::stride, Tiles::threads>(tile, rows, columns, c_vector, c_tile, n);
}

// Every row of c is the bias, for a product that then adds to it.
template <typename T>
__device__ void gemm_bias(const float* bias, int n, T* c) {
    T* const row = c + static_cast<int64>(blockIdx.x) * n;  // (n)
    for (int i = threadIdx.x; i < n; i += blockDim.x) row[i] = from_float<T>(bias[i]);
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define PARAMETERS(T, TB, TC)                                                                                                             \
    const T *__restrict__ a, const TB *__restrict__ b, const float *__restrict__ bias, int m, int n, int k, int accumulate, int a_vector, \
        int b_vector, int c_vector, TC *__restrict__ c
#define ARGUMENTS a, b, bias, m, n, k, accumulate, a_vector, b_vector, c_vector, c

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nn_bf16(PARAMETERS(bf16, bf16, bf16)) {
    gemm<bf16, bf16, bf16, false, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nn_bf16_to_f32(PARAMETERS(bf16, bf16, float)) {
    gemm<bf16, bf16, float, false, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_nn_f32(PARAMETERS(float, float, float)) {
    gemm<float, float, float, false, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nt_bf16(PARAMETERS(bf16, bf16, bf16)) {
    gemm<bf16, bf16, bf16, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nt_bf16_to_f32(PARAMETERS(bf16, bf16, float)) {
    gemm<bf16, bf16, float, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_nt_f32(PARAMETERS(float, float, float)) {
    gemm<float, float, float, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_tn_bf16(PARAMETERS(bf16, bf16, bf16)) {
    gemm<bf16, bf16, bf16, true, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_tn_bf16_to_f32(PARAMETERS(bf16, bf16, float)) {
    gemm<bf16, bf16, float, true, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_tn_f32(PARAMETERS(float, float, float)) {
    gemm<float, float, float, true, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_tt_bf16(PARAMETERS(bf16, bf16, bf16)) {
    gemm<bf16, bf16, bf16, true, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_tt_bf16_to_f32(PARAMETERS(bf16, bf16, float)) {
    gemm<bf16, bf16, float, true, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_tt_f32(PARAMETERS(float, float, float)) {
    gemm<float, float, float, true, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_nn_f32_with_bf16(PARAMETERS(float, bf16, float)) {
    gemm<float, bf16, float, false, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<float>::threads, 2) gemm_nt_f32_with_bf16(PARAMETERS(float, bf16, float)) {
    gemm<float, bf16, float, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nn_bf16_with_f32(PARAMETERS(bf16, float, bf16)) {
    gemm<bf16, float, bf16, false, false>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nt_bf16_with_f32(PARAMETERS(bf16, float, bf16)) {
    gemm<bf16, float, bf16, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gemm<bf16>::threads, 2) gemm_nt_bf16_with_f32_to_f32(PARAMETERS(bf16, float, float)) {
    gemm<bf16, float, float, false, true>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(256) gemm_bias_f32(const float* __restrict__ bias, int n, float* __restrict__ c) {
    gemm_bias<float>(bias, n, c);
}

extern "C" __global__ void __launch_bounds__(256) gemm_bias_bf16(const float* __restrict__ bias, int n, bf16* __restrict__ c) {
    gemm_bias<bf16>(bias, n, c);
}
