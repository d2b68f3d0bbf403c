// attention_forward.cuh: the walk over keys that attention.cu makes for a tile of rows, and attention_decode.cu for a share of the keys
//
// Tile of keys by tile of keys, with m the largest score so far and l = Σ exp(score - m): a tile multiplies l and o by exp(m_old - m_new)
// and adds its own terms. What becomes of m, l and o at the end is up to the caller's Result:
//
//   Output                                   what a row of o is stored as
//   row(i), factor(l)                        where row i of the span goes, and what o is multiplied by on its way
//   store(i, m, l, scale log2 e)             keeps what else there is to keep of row i; m is that of the scores without their scale
#pragma once

#include "device/attention_tile.cuh"
#include "device/online_softmax.cuh"

// 16 M rows a warp, tiles of `Keys` keys from `key` (a multiple of Keys) to key_end. K and V have one buffer each: V arrives during the
// scores, the next K during P V.
template <typename T, int Width, int Warps, int M, int Keys, typename Result>
__device__ inline void attention_walk(const AttentionSpan& span, int key, int key_end,
                                      const T* __restrict__ q,  // (N, H, D)
                                      const T* __restrict__ k,  // (M, Hkv, D)
                                      const T* __restrict__ v,  // (M, Hkv, D)
                                      float scale, const Result& result) {
    constexpr int rows = 16 * M * Warps, threads = 32 * Warps, stride = tile_stride<T, Width>(), k_steps = Width / 16;
    constexpr bool held = sizeof(T) == 2 && Width * M <= 128;  // q in registers: wider heads have none left beside o
    DYNAMIC_SHARED(T, shared_q);                               // (rows, stride)
    T* shared_k = shared_q + rows * stride;                    // (Keys, stride)
    T* shared_v = shared_k + Keys * stride;                    // (Keys, stride)
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    float* scratch = reinterpret_cast<float*>(shared_v + Keys * stride) + warp * product_scratch<T>(M, Keys / 8);

    const int first = span.tile.first, width = span.width;
    const int own = first + warp * 16 * M, own_begin = span.begin(own), own_end = own < span.rows() ? span.end(own + 16 * M - 1) : 0;
    const int all_begin = span.begin(own + 16 * M - 1), all_end = span.end(own);  // keys that every row of the warp sees
    const bool aligned = rows_are_aligned(width, q, k, v);
    const KeyRows<const T> keys = span.keys(k), values = span.keys(v);

    load_rows<rows, Width, threads>(span.queries(q), first, width, aligned, shared_q);
    load_rows<Keys, Width, threads>(keys, key, width, aligned, shared_k);
    copy_async_commit();

    FragmentD out[M][Width / 8];  // (16 M, W)
    clear(out);
    FragmentA left[k_steps][M];  // (16 M, W), if held
    float maximum[M][2], sum[M][2] = {}, scale_log2 = scale * log2_e;
#pragma unroll
    for (int m = 0; m < M; ++m) maximum[m][0] = maximum[m][1] = -infinity();

    for (bool start = true; key < key_end; key += Keys, start = false) {
        copy_async_wait<0>();
        __syncthreads();
        load_rows<Keys, Width, threads>(values, key, width, aligned, shared_v);
        copy_async_commit();
        const T* own_q = shared_q + warp * 16 * M * stride;
        if constexpr (held) {
            if (start) {
#pragma unroll
                for (int i = 0; i < k_steps * M; ++i) load_a(left[i / M][i % M], own_q + i % M * 16 * stride + i / M * 16, stride, lane);
            }
        }

        const bool visible = key < own_end && key + Keys > own_begin;
        FragmentD s[M][Keys / 8];  // (16 M, Keys)
        clear(s);
        if (visible) {
            if constexpr (held) {
                multiply_transposed(s, left, shared_k, stride, lane);
            } else {
                multiply_transposed<Width>(s, own_q, shared_k, stride, lane);
            }
        }
        copy_async_wait<0>();
        __syncthreads();
        if (key + Keys < key_end) load_rows<Keys, Width, threads>(keys, key + Keys, width, aligned, shared_k);
        copy_async_commit();
        if (!visible) continue;

        if (key < all_begin || key + Keys > all_end) {
#pragma unroll
            for (int i = 0; i < 2 * M; ++i) {
                const int row = own + lane / 4 + 8 * i, row_end = span.end(row), row_begin = span.begin(row);
#pragma unroll
                for (int j = 0; j < Keys / 4; ++j) {
                    const int column = key + j / 2 * 8 + lane % 4 * 2 + j % 2;
                    if (column < row_begin || column >= row_end) s[i / 2][j / 2].r[i % 2 * 2 + j % 2] = -infinity();
                }
            }
        }
#pragma unroll
        for (int i = 0; i < 2 * M; ++i) {
            decay_row(out[i / 2], i % 2, online_softmax(s[i / 2], i % 2, scale_log2, maximum[i / 2][i % 2], sum[i / 2][i % 2]));
        }
        multiply(out, s, shared_v, stride, scratch, lane);
    }

#pragma unroll
    for (int m = 0; m < M; ++m) {
        float factor[2];
        typename Result::Output* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float total = sum[m][h] + __shfl_xor_sync(all_lanes, sum[m][h], 1);
            total += __shfl_xor_sync(all_lanes, total, 2);
            const int row = own + m * 16 + h * 8 + lane / 4;
            const bool valid = row < span.rows();
            to[h] = valid ? result.row(row) : nullptr;
            factor[h] = result.factor(total);
            if (valid && lane % 4 == 0) result.store(row, maximum[m][h], total, scale_log2);
        }
        store_strip(out[m], factor, to, width, lane);
    }
}
