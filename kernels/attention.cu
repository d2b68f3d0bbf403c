// attention.cu: causal grouped-query attention in one pass over keys and values, without the T x T matrix
//
//   forward    o = softmax(scale q kᵀ + causal mask) v,  lse = log Σ exp of the masked scores; per span and query head
//
// Tile of keys by tile of keys (attention_forward.cuh), with m the largest score and l = Σ exp(score - m); at the end o is divided by l,
// and lse = m + log l. A few queries of a long cache are attention_decode.cu's, the backward is attention_backward.cu.
//
// Shapes     q, o (N, H, D);  k, v (M, Hkv, D);  lse (N, H);  D even, 2 to 256, padded in the tile to W = 32, 64, 128 or 256
// Types      q, k, v, o: f32 | bf16;  lse f32. bf16: exp(score - m) is rounded to bf16 before the product with v, everything else in
//            registers is f32.  f32: FFMA only.
// Launch     blocks = tiles of rows times key heads (attention_tile.cuh); a warp owns 16 M rows of the tile, a lane of it the rows and
//            columns of mma.cuh. Tiles of keys that the causal mask or the window hides from a block or from a warp are skipped.
// Aliasing   none. Every row of a span is overwritten; rows of no span are not touched.
// Cost       attention_forward_*  reads s (H + 2 Hkv) T D + 20 T / p, writes s T H D + 4 T H, loads copied + 20 warps Hkv T / p,
//                                 mma bf16 W H T (T + walk) / 2048, fma (f32 W + 1 / 2 + 2 / walk) H T (T + walk) + H T,
//                                 excess ≤ T H / 8 + warps Hkv T / p, with p = own Hkv / H,
//                                 with copied = s T H D + s Hkv D T (T + max(p, walk)) / p
//            One causal span of T tokens; a block owns `own` rows, which are p queries, and walks over tiles of `walk` keys.
//            4 D operations a visible (query, key, head): bound by arithmetic.
// Source     Dao 2023, "FlashAttention-2", arXiv:2307.08691, algorithm 1; Milakov and Gimelshein 2018, arXiv:1805.02867
#include "device/attention_forward.cuh"

// A row of o is complete: l divides it.
template <typename T>
struct WholeRows {
    using Output = T;
    const AttentionSpan& span;
    T* o;        // (N, H, D)
    float* lse;  // (N, H)

    __device__ T* row(int i) const { return span.queries(o).at(i); }

    __device__ float factor(float l) const { return 1.0f / l; }

    __device__ void store(int i, float m, float l, float scale_log2) const { *span.numbers(lse).at(i) = log_sum(m, l, scale_log2); }
};

template <typename T, int Width, int Warps, int M, int Keys>
__device__ inline void attention_forward(const T* __restrict__ q,                  // (N, H, D)
                                         const T* __restrict__ k,                  // (M, Hkv, D)
                                         const T* __restrict__ v,                  // (M, Hkv, D)
                                         const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                         int heads, int kv_heads, int width, int window, float scale,
                                         T* __restrict__ o,          // (N, H, D)
                                         float* __restrict__ lse) {  // (N, H)
    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const int first = span.tile.first, last = min(first + 16 * M * Warps, span.rows()) - 1;
    attention_walk<T, Width, Warps, M, Keys>(span, span.begin(first) / Keys * Keys, span.end(last), q, k, v, scale,
                                             WholeRows<T>{span, o, lse});
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define PARAMETERS(T)                                                                                                                  \
    const T *q, const T *k, const T *v, const AttentionTile *tiles, int heads, int kv_heads, int width, int window, float scale, T *o, \
        float *lse
#define ARGUMENTS q, k, v, tiles, heads, kv_heads, width, window, scale, o, lse

extern "C" __global__ void __launch_bounds__(128, 3) attention_forward_32_bf16(PARAMETERS(bf16)) {
    attention_forward<bf16, 32, 4, 2, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_forward_64_bf16(PARAMETERS(bf16)) {
    attention_forward<bf16, 64, 4, 2, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_128_bf16(PARAMETERS(bf16)) {
    attention_forward<bf16, 128, 4, 1, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 1) attention_forward_256_bf16(PARAMETERS(bf16)) {
    attention_forward<bf16, 256, 4, 1, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 4) attention_forward_32_f32(PARAMETERS(float)) {
    attention_forward<float, 32, 4, 1, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_forward_64_f32(PARAMETERS(float)) {
    attention_forward<float, 64, 4, 1, 64>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_forward_128_f32(PARAMETERS(float)) {
    attention_forward<float, 128, 4, 1, 32>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(64, 1) attention_forward_256_f32(PARAMETERS(float)) {
    attention_forward<float, 256, 2, 1, 16>(ARGUMENTS);
}
