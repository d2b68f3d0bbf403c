// tile_product.cuh: products of tiles in shared memory, one warp a strip of 16 M rows, accumulators in the layout of mma.cuh
//
//   multiply_transposed   d += a bᵀ     a (16 M, K), b (8 N, K) row-major in shared memory, or a in fragments;  d (16 M, 8 N)
//   multiply              d += p b      p (16 M, 8 J) as multiply_transposed leaves it, b (8 J, 8 N) row-major in shared memory
//
// The two are a chain such as softmax(q kᵀ) v: what the first leaves in the registers is the left side of the second. bf16 goes through
// the tensor cores (p is rounded to bf16 and needs no shuffle, mma.cuh); f32 is plain FFMA on the same layout (p takes the way through
// `scratch`, 16 M rows of 8 J floats of the warp's own). So a kernel on these is one body for both storage types.
//
// Rows of a, b and d lie `stride` elements apart: tile_stride avoids bank conflicts.
#pragma once

#include "device/load.cuh"
#include "device/mma.cuh"

// Elements from row to row of a tile of Width columns: 16 bytes more than the row, so that eight rows meet different banks.
template <typename T, int Width>
__device__ constexpr int tile_stride() {
    return Width + Vector<T>::width;
}

// Where column c of row r of p lies in its row of scratch: the eights of a row are exchanged, so that the 4 rows of 8 floats that half a warp
// stores meet 32 banks, and no row needs to be longer for it.
template <int J>
__device__ inline int scratch_column(int r, int c) {
    static_assert(J == 1 || J == 2 || J % 4 == 0, "the eights of a row are exchanged in groups of 4");
    return c ^ r % 4 / (J < 4 ? 4 / J : 1) * 8;
}

// Floats of scratch that one warp needs for multiply with p (16 M, 8 J); tensor cores need none.
template <typename T>
__device__ constexpr int product_scratch(int m, int j) {
    return sizeof(T) == sizeof(float) ? 16 * m * 8 * j : 0;
}

template <int M, int N>
__device__ inline void clear(FragmentD (&d)[M][N]) {
#pragma unroll
    for (int i = 0; i < 4 * M * N; ++i) d[i / 4 / N][i / 4 % N].r[i % 4] = 0.0f;
}

// ---- bf16 ---------------------------------------------------------------------------------------------------------------------------

template <int M, int N>
__device__ inline void multiply_step(FragmentD (&d)[M][N], const FragmentA (&a)[M], const bf16* b, int stride, int lane) {
    static_assert(N % 2 == 0, "fragments of b are loaded in pairs");
#pragma unroll
    for (int n = 0; n < N; n += 2) {
        FragmentB left, right;
        load_b_pair(left, right, b + n * 8 * stride, stride, lane);
#pragma unroll
        for (int m = 0; m < M; ++m) {
            mma(d[m][n], a[m], left);
            mma(d[m][n + 1], a[m], right);
        }
    }
}

template <int K, int M, int N>
__device__ inline void multiply_transposed(FragmentD (&d)[M][N], const bf16* a, const bf16* b, int stride, int lane) {
#pragma unroll
    for (int k = 0; k < K; k += 16) {
        FragmentA left[M];
#pragma unroll
        for (int m = 0; m < M; ++m) load_a(left[m], a + m * 16 * stride + k, stride, lane);
        multiply_step(d, left, b + k, stride, lane);
    }
}

// The same with a held in registers: a[k][m] is rows 16 m .. +16, columns 16 k .. +16.
template <int M, int N, int K16>
__device__ inline void multiply_transposed(FragmentD (&d)[M][N], const FragmentA (&a)[K16][M], const bf16* b, int stride, int lane) {
#pragma unroll
    for (int k = 0; k < K16; ++k) multiply_step(d, a[k], b + k * 16, stride, lane);
}

template <int M, int N, int J>
__device__ inline void multiply(FragmentD (&d)[M][N], const FragmentD (&p)[M][J], const bf16* b, int stride, float*, int lane) {
    static_assert(N % 2 == 0 && J % 2 == 0, "a fragment of p spans two accumulators, and those of b are loaded in pairs");
#pragma unroll
    for (int j = 0; j < J; j += 2) {
        FragmentA left[M];
#pragma unroll
        for (int m = 0; m < M; ++m) {
            const float(&x)[4] = p[m][j].r, (&y)[4] = p[m][j + 1].r;
            left[m].r[0] = pack_bf16x2(x[0], x[1]), left[m].r[1] = pack_bf16x2(x[2], x[3]);
            left[m].r[2] = pack_bf16x2(y[0], y[1]), left[m].r[3] = pack_bf16x2(y[2], y[3]);
        }
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            FragmentB even, odd;
            load_b_pair_transposed(even, odd, b + j * 8 * stride + n * 8, stride, lane);
#pragma unroll
            for (int m = 0; m < M; ++m) {
                mma(d[m][n], left[m], even);
                mma(d[m][n + 1], left[m], odd);
            }
        }
    }
}

// ---- f32 ----------------------------------------------------------------------------------------------------------------------------

template <int K, int M, int N>
__device__ inline void multiply_transposed(FragmentD (&d)[M][N], const float* a, const float* b, int stride, int lane) {
    const int g = lane / 4, t = lane % 4;
#pragma unroll 1
    for (int k = 0; k < K; k += 4) {
        float x[2 * M][4];
#pragma unroll
        for (int row = 0; row < 2 * M; ++row) load_vector(a + (g + 8 * row) * stride + k, x[row]);
#pragma unroll
        for (int n = 0; n < N; ++n) {
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                float y[4];
                load_vector(b + (8 * n + 2 * t + c) * stride + k, y);
#pragma unroll
                for (int row = 0; row < 2 * M; ++row) {
                    float& sum = d[row / 2][n].r[row % 2 * 2 + c];
#pragma unroll
                    for (int i = 0; i < 4; ++i) sum = fmaf(x[row][i], y[i], sum);
                }
            }
        }
    }
}

template <int M, int N, int J>
__device__ inline void multiply(FragmentD (&d)[M][N], const FragmentD (&p)[M][J], const float* b, int stride, float* scratch, int lane) {
    constexpr int p_stride = 8 * J;
    const int g = lane / 4, t = lane % 4;
    __syncwarp();
#pragma unroll
    for (int row = 0; row < 2 * M; ++row) {
#pragma unroll
        for (int j = 0; j < J; ++j) {
            const float* pair = p[row / 2][j].r + row % 2 * 2;
            *reinterpret_cast<float2*>(scratch + (g + 8 * row) * p_stride + scratch_column<J>(g, 8 * j) + 2 * t) = make_float2(pair[0], pair[1]);
        }
    }
    __syncwarp();
#pragma unroll 1
    for (int j = 0; j < 8 * J; j += 4) {
        float x[2 * M][4];
#pragma unroll
        for (int row = 0; row < 2 * M; ++row) load_vector(scratch + (g + 8 * row) * p_stride + scratch_column<J>(g, j), x[row]);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int n = 0; n < N; ++n) {
                const float2 y = *reinterpret_cast<const float2*>(b + (j + i) * stride + 8 * n + 2 * t);
#pragma unroll
                for (int row = 0; row < 2 * M; ++row) {
                    float* sums = d[row / 2][n].r + row % 2 * 2;
                    sums[0] = fmaf(x[row][i], y.x, sums[0]);
                    sums[1] = fmaf(x[row][i], y.y, sums[1]);
                }
            }
        }
    }
}
