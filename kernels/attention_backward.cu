// attention_backward.cu: the gradients of attention.cu, without the T x T matrix
//
//   backward   P = exp(scale q kᵀ - lse) again, dP = dO vᵀ, delta = rowsum(dO ∘ o), dS = P ∘ (dP - delta); per span and query head
//              dv = Pᵀ dO,  dk = scale dSᵀ q,  dq = scale dS k
//
// Shapes     q, o, dO, dq (N, H, D);  k, v, dk, dv (M, Hkv, D);  lse, delta (N, H);  D even, 2 to 256, padded to W as in attention.cu
// Types      q, k, v, o and gradients: f32 | bf16;  lse, delta f32. bf16: P and dS are rounded to bf16 before the second product,
//            everything else in registers is f32.  f32: FFMA only.
// Launch     queries: a block owns rows, makes their delta, and walks over keys;  keys, after it: a block owns keys and walks over the rows
//            of all heads of the group. P is computed in both, so that every sum has one order and needs no atomics.
// Aliasing   none. Every row of a span is overwritten; rows of no span are not touched.
// Cost       attention_backward_keys_*     reads 2 s (H + Hkv) T D + 8 T H + 20 T / own, writes 2 s T Hkv D,
//                       loads copied + 4 H T (T + own) / own + 20 warps Hkv T / own,
//                       mma bf16 W (parts + 1) H T (T + q) / 2048, fma (f32 W (parts + 1) + parts / 2) H T (T + q),
//                       excess ≤ H T (T + own) / (8 own) + warps Hkv T / own,
//                       with q = max(walk Hkv / H, 16), with copied = 2 s T Hkv D + s D H T (T + own) / own
//            attention_backward_queries_*  reads s (3 H + 2 Hkv) T D + 4 T H + 20 T / p, writes s T H D + 4 T H,
//                       loads copied + 2 s T H D + 4 T H + 20 warps Hkv T / p, mma bf16 3 W H T (T + walk) / 4096,
//                       fma (3 f32 W + 1) H T (T + walk) / 2 + T H D,
//                       excess ≤ T H / 4 + warps Hkv T / p, with p = own Hkv / H,
//                       with copied = 2 s T H D + s Hkv D T (T + max(p, walk)) / p
//            One causal span of T tokens; a block owns `own` rows (p queries) or keys, walks over tiles of `walk`; `parts` warps share 16.
//            14 D operations a visible (query, key, head), 4 D of them twice: bound by arithmetic.
// Source     Dao 2023, "FlashAttention-2", arXiv:2307.08691, algorithm 2
#include "device/attention_gradient.cuh"

// dk and dv of 16 Warps / Parts keys, walking over tiles of `Rows` rows, two buffers each. Scores are computed transposed (keys, rows), so
// that P^T and dS^T are left sides as they lie. Where a head is too wide for one warp's registers, `Parts` warps share 16 keys and own
// D / Parts columns each.
template <typename T, int Width, int Warps, int Parts, int Rows>
__device__ inline void attention_backward_keys(const T* __restrict__ d_o,                // (N, H, D)
                                               const T* __restrict__ q,                  // (N, H, D)
                                               const T* __restrict__ k,                  // (M, Hkv, D)
                                               const T* __restrict__ v,                  // (M, Hkv, D)
                                               const float* __restrict__ lse,            // (N, H)
                                               const float* __restrict__ delta,          // (N, H)
                                               const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                               int heads, int kv_heads, int width, int window, float scale,
                                               T* __restrict__ dk,    // (M, Hkv, D)
                                               T* __restrict__ dv) {  // (M, Hkv, D)
    constexpr int key_count = 16 * Warps / Parts, columns = Width / Parts, threads = 32 * Warps, stride = tile_stride<T, Width>();
    DYNAMIC_SHARED(T, shared_k);                                                  // (key_count, stride)
    T* shared_v = shared_k + key_count * stride;                                  // (key_count, stride)
    T* shared_q = shared_v + key_count * stride;                                  // (2, Rows, stride)
    T* shared_do = shared_q + 2 * Rows * stride;                                  // (2, Rows, stride)
    float* shared_lse = reinterpret_cast<float*>(shared_do + 2 * Rows * stride);  // (2, Rows)
    float* shared_delta = shared_lse + 2 * Rows;                                  // (2, Rows)
    const int thread = threadIdx.x, lane = thread % warp_size, warp = thread / warp_size;
    float* scratch = shared_delta + 2 * Rows + warp * product_scratch<T>(1, Rows / 8);

    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const KeyRows<const T> keys = span.keys(k), values = span.keys(v);
    const QueryRows<const T> queries = span.queries(q), d_outputs = span.queries(d_o);
    const bool aligned = rows_are_aligned(width, q, k, v) && rows_are_aligned(width, d_o, d_o, d_o);
    const int first = span.tile.first, own = first + warp / Parts * 16, own_columns = warp % Parts * columns;

    const Range seen = span.rows_that_see(first, first + key_count);
    const int row_begin = seen.from, row_end = seen.to;

    const auto load_tile = [&](int row, int buffer) {
        load_rows<Rows, Width, threads>(queries, row, width, aligned, shared_q + buffer * Rows * stride);
        load_rows<Rows, Width, threads>(d_outputs, row, width, aligned, shared_do + buffer * Rows * stride);
        for (int i = thread; i < Rows; i += threads) {
            const bool valid = row + i < row_end;
            copy_async_4(shared_lse + buffer * Rows + i, valid ? span.numbers(lse).at(row + i) : lse, valid);
            copy_async_4(shared_delta + buffer * Rows + i, valid ? span.numbers(delta).at(row + i) : delta, valid);
        }
        copy_async_commit();
    };
    load_rows<key_count, Width, threads>(keys, first, width, aligned, shared_k);
    load_rows<key_count, Width, threads>(values, first, width, aligned, shared_v);
    load_tile(row_begin, 0);

    FragmentD sum_k[1][columns / 8], sum_v[1][columns / 8];  // (16, W / Parts)
    clear(sum_k);
    clear(sum_v);
    int buffer = 0;
    for (int row = row_begin; row < row_end; row += Rows, buffer ^= 1) {
        copy_async_wait<0>();
        __syncthreads();
        if (row + Rows < row_end) load_tile(row + Rows, buffer ^ 1);
        if (own >= span.end(row + Rows - 1) || own + 16 <= span.begin(row)) continue;

        const T *tile_q = shared_q + buffer * Rows * stride, *tile_do = shared_do + buffer * Rows * stride;
        FragmentD s[1][Rows / 8], dp[1][Rows / 8];  // (16, Rows)
        clear(s);
        clear(dp);
        multiply_transposed<Width>(s, shared_k + (own - first) * stride, tile_q, stride, lane);
        multiply_transposed<Width>(dp, shared_v + (own - first) * stride, tile_do, stride, lane);

        // Rows beyond the span are zeros: their P meets dO = 0, their dS is 0.
#pragma unroll
        for (int i = 0; i < Rows / 4; ++i) {
            const int column = i / 2 * 8 + lane % 4 * 2 + i % 2;
            const float row_lse = shared_lse[buffer * Rows + column] * log2_e, row_delta = shared_delta[buffer * Rows + column];
#pragma unroll
            for (int h = 0; h < 2; ++h)
                probability_and_gradient(s[0][i / 2].r[2 * h + i % 2], dp[0][i / 2].r[2 * h + i % 2], scale * log2_e, row_lse, row_delta);
        }
        if (own + 16 > span.end(row) || own < span.begin(row + Rows - 1)) {
#pragma unroll
            for (int i = 0; i < Rows / 4; ++i) {
                const int column = row + i / 2 * 8 + lane % 4 * 2 + i % 2, end = span.end(column), begin = end - window;
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const int key = own + lane / 4 + 8 * h;
                    if (key < begin || key >= end) s[0][i / 2].r[2 * h + i % 2] = dp[0][i / 2].r[2 * h + i % 2] = 0.0f;
                }
            }
        }
        multiply(sum_v, s, tile_do + own_columns, stride, scratch, lane);
        multiply(sum_k, dp, tile_q + own_columns, stride, scratch, lane);
    }
    copy_async_wait<0>();

    auto store = [&](decltype(sum_k[0]) sum, float factor, T* gradient) {
        T* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int key = own + lane / 4 + 8 * h;
            to[h] = key < span.tile.key_count ? span.keys(gradient).at(key) + own_columns : nullptr;
        }
        store_strip(sum, {factor, factor}, to, width - own_columns, lane);
    };
    __syncthreads();  // keeps what follows from being begun above it, for which sm_80 has no registers left
    store(sum_k[0], scale, dk);
    store(sum_v[0], 1.0f, dv);
}

// delta and dq of 16 M Warps rows, walking over tiles of `Keys` keys, two buffers each.
template <typename T, int Width, int Warps, int M, int Keys>
__device__ inline void attention_backward_queries(const T* __restrict__ d_o,                // (N, H, D)
                                                  const T* __restrict__ o,                  // (N, H, D)
                                                  const T* __restrict__ q,                  // (N, H, D)
                                                  const T* __restrict__ k,                  // (M, Hkv, D)
                                                  const T* __restrict__ v,                  // (M, Hkv, D)
                                                  const float* __restrict__ lse,            // (N, H)
                                                  const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                                  int heads, int kv_heads, int width, int window, float scale,
                                                  float* __restrict__ delta,  // (N, H)
                                                  T* __restrict__ dq) {       // (N, H, D)
    constexpr int rows = 16 * M * Warps, threads = 32 * Warps, stride = tile_stride<T, Width>();
    DYNAMIC_SHARED(T, shared_q);                 // (rows, stride)
    T* shared_do = shared_q + rows * stride;     // (rows, stride)
    T* shared_k = shared_do + rows * stride;     // (2, Keys, stride)
    T* shared_v = shared_k + 2 * Keys * stride;  // (2, Keys, stride)
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    float* scratch = reinterpret_cast<float*>(shared_v + 2 * Keys * stride) + warp * product_scratch<T>(M, Keys / 8);

    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const KeyRows<const T> keys = span.keys(k), values = span.keys(v);
    const bool aligned = rows_are_aligned(width, q, k, v) && rows_are_aligned(width, d_o, o, o);
    const int first = span.tile.first, key_end = span.end(min(first + rows, span.rows()) - 1), own = first + warp * 16 * M;
    const int own_begin = span.begin(own), own_end = own < span.rows() ? span.end(own + 16 * M - 1) : 0;
    const int all_begin = span.begin(own + 16 * M - 1), all_end = span.end(own);  // keys that every row of the warp sees

    const auto load_tile = [&](int key, int buffer) {
        load_rows<Keys, Width, threads>(keys, key, width, aligned, shared_k + buffer * Keys * stride);
        load_rows<Keys, Width, threads>(values, key, width, aligned, shared_v + buffer * Keys * stride);
        copy_async_commit();
    };
    int key = span.begin(first) / Keys * Keys, buffer = 0;
    load_rows<rows, Width, threads>(span.queries(q), first, width, aligned, shared_q);
    load_rows<rows, Width, threads>(span.queries(d_o), first, width, aligned, shared_do);
    load_tile(key, 0);

    float row_lse[2 * M], row_delta[2 * M];
#pragma unroll
    for (int i = 0; i < 2 * M; ++i) {
        const int row = own + lane / 4 + 8 * i;
        const bool valid = row < span.rows();
        row_lse[i] = valid ? *span.numbers(lse).at(row) * log2_e : 0.0f;
        row_delta[i] = row_product<Width>(valid ? span.queries(d_o).at(row) : nullptr, span.queries(o).at(row), width, aligned, lane);
        if (valid && lane % 4 == 0) *span.numbers(delta).at(row) = row_delta[i];
    }
    FragmentD sum[M][Width / 8];  // (16 M, W)
    clear(sum);
    for (; key < key_end; key += Keys, buffer ^= 1) {
        copy_async_wait<0>();
        __syncthreads();
        if (key + Keys < key_end) load_tile(key + Keys, buffer ^ 1);
        if (key >= own_end || key + Keys <= own_begin) continue;

        const T *tile_k = shared_k + buffer * Keys * stride, *tile_v = shared_v + buffer * Keys * stride;
        FragmentD s[M][Keys / 8], dp[M][Keys / 8];  // (16 M, Keys)
        clear(s);
        clear(dp);
        multiply_transposed<Width>(s, shared_q + warp * 16 * M * stride, tile_k, stride, lane);
        multiply_transposed<Width>(dp, shared_do + warp * 16 * M * stride, tile_v, stride, lane);
#pragma unroll
        for (int i = 0; i < 2 * M; ++i) {
#pragma unroll
            for (int j = 0; j < Keys / 4; ++j) {
                const int at = i % 2 * 2 + j % 2;
                probability_and_gradient(s[i / 2][j / 2].r[at], dp[i / 2][j / 2].r[at], scale * log2_e, row_lse[i], row_delta[i]);
            }
        }
        if (key < all_begin || key + Keys > all_end) {
#pragma unroll
            for (int i = 0; i < 2 * M; ++i) {
                const int end = span.end(own + lane / 4 + 8 * i), begin = end - window;
#pragma unroll
                for (int j = 0; j < Keys / 4; ++j) {
                    const int column = key + j / 2 * 8 + lane % 4 * 2 + j % 2;
                    if (column < begin || column >= end) dp[i / 2][j / 2].r[i % 2 * 2 + j % 2] = 0.0f;
                }
            }
        }
        multiply(sum, dp, tile_k, stride, scratch, lane);
    }

#pragma unroll
    for (int m = 0; m < M; ++m) {
        T* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int row = own + m * 16 + h * 8 + lane / 4;
            to[h] = row < span.rows() ? span.queries(dq).at(row) : nullptr;
        }
        store_strip(sum[m], {scale, scale}, to, width, lane);
    }
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define KEYS_PARAMETERS(T)                                                                                                         \
    const T *d_o, const T *q, const T *k, const T *v, const float *lse, const float *delta, const AttentionTile *tiles, int heads, \
        int kv_heads, int width, int window, float scale, T *dk, T *dv
#define KEYS_ARGUMENTS d_o, q, k, v, lse, delta, tiles, heads, kv_heads, width, window, scale, dk, dv
#define QUERIES_PARAMETERS(T)                                                                                                            \
    const T *d_o, const T *o, const T *q, const T *k, const T *v, const float *lse, const AttentionTile *tiles, int heads, int kv_heads, \
        int width, int window, float scale, float *delta, T *dq
#define QUERIES_ARGUMENTS d_o, o, q, k, v, lse, tiles, heads, kv_heads, width, window, scale, delta, dq

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_keys_32_bf16(KEYS_PARAMETERS(bf16)) {
    attention_backward_keys<bf16, 32, 4, 1, 64>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_keys_64_bf16(KEYS_PARAMETERS(bf16)) {
    attention_backward_keys<bf16, 64, 4, 1, 64>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 1) attention_backward_keys_128_bf16(KEYS_PARAMETERS(bf16)) {
    attention_backward_keys<bf16, 128, 4, 1, 32>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 1) attention_backward_keys_256_bf16(KEYS_PARAMETERS(bf16)) {
    attention_backward_keys<bf16, 256, 4, 2, 16>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_backward_keys_32_f32(KEYS_PARAMETERS(float)) {
    attention_backward_keys<float, 32, 4, 1, 32>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_keys_64_f32(KEYS_PARAMETERS(float)) {
    attention_backward_keys<float, 64, 4, 1, 32>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_keys_128_f32(KEYS_PARAMETERS(float)) {
    attention_backward_keys<float, 128, 4, 2, 16>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(64, 1) attention_backward_keys_256_f32(KEYS_PARAMETERS(float)) {
    attention_backward_keys<float, 256, 2, 2, 8>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_queries_32_bf16(QUERIES_PARAMETERS(bf16)) {
    attention_backward_queries<bf16, 32, 4, 2, 64>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_queries_64_bf16(QUERIES_PARAMETERS(bf16)) {
    attention_backward_queries<bf16, 64, 4, 2, 32>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_queries_128_bf16(QUERIES_PARAMETERS(bf16)) {
    attention_backward_queries<bf16, 128, 4, 1, 32>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 1) attention_backward_queries_256_bf16(QUERIES_PARAMETERS(bf16)) {
    attention_backward_queries<bf16, 256, 4, 1, 16>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_queries_32_f32(QUERIES_PARAMETERS(float)) {
    attention_backward_queries<float, 32, 4, 1, 32>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_backward_queries_64_f32(QUERIES_PARAMETERS(float)) {
    attention_backward_queries<float, 64, 4, 1, 32>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(64, 2) attention_backward_queries_128_f32(QUERIES_PARAMETERS(float)) {
    attention_backward_queries<float, 128, 2, 1, 16>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(64, 1) attention_backward_queries_256_f32(QUERIES_PARAMETERS(float)) {
    attention_backward_queries<float, 256, 2, 1, 8>(QUERIES_ARGUMENTS);
}
