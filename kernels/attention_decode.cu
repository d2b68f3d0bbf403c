// attention_decode.cu: attention of a few queries over many keys, the keys cut into splits that blocks of their own walk over
//
//   split      m, l = Σ exp(score - m) and o = Σ exp(score - m) v of a row over the keys of one split
//   combine    o = Σ c o / Σ c l,  lse = m + log Σ c l,  with c = exp(m of the split - m), m the largest;  split by split in their order
//
// A decoded token has one row a query head: the tiles of attention.cu would be as many as there are key heads, each of which would stream
// all its keys alone. The walk is the same one (attention_forward.cuh).
//
// Rule       A span is cut if its rows (queries times the heads of a group) are one tile: into ⌈2 multiprocessors / Hkv⌉ splits, at most
//            one for every max(128, 16 rows) keys that it walks over, of whole tiles of keys. What is not cut is attention.cu's.
//            Two blocks a multiprocessor have two tiles on their way, 16 KB each at D = 128. A row sends 8 D bytes a split through the
//            workspace, there and back, where 16 keys bring 32 s D: in bf16 an eighth. A span of training, of as many keys as queries,
//            is never cut. The rule knows the span and the device and not the batch, so what stands beside a sequence does not touch
//            its bits; those of a span that is cut are the whole sequence's but for rounding.
// Shapes     q, o (N, H, D);  k, v (M, Hkv, D);  lse (N, H);  partial (P, D) of o, sums (P) of m without the scale and of l: P counts
//            spans, splits, key heads, rows, the last one innermost
// Types      q, k, v, o: f32 | bf16, as attention.cu;  partial, sums, lse f32
// Launch     split: (spans times key heads, most splits of a span) blocks of attention.cu's size.  combine: (spans times key heads, most
//            rows) blocks, a row each, a thread two columns. What a span has less of does nothing.
// Aliasing   none. Every row of a span is overwritten; rows of no span are not touched.
// Cost       attention_split_*  reads s H D + 2 s Hkv M D + 32, writes 4 S H D + 8 S H, loads s S H D + 2 s Hkv M D + 32 warps S Hkv,
//                               mma bf16 strip Hkv M W / 1024, fma strip Hkv M (2 f32 W + 1 + 4 / walk)
//            attention_combine  reads 4 S H D + 8 S H + 32, writes s H D + 4 H, loads 4 S H D + ⌈D / 64⌉ H (12 S + 32)
//            One query of M keys in S splits of whole tiles of `walk` keys, `strip` rows a warp. 2 s Hkv M D are nearly all of it: bound by
//            bandwidth.
// Source     Dao, Haziza, Massa and Sizov 2023, "Flash-Decoding for long-context inference"
#include "device/attention_forward.cuh"

// A span and its splits. Written by the launcher.
struct AttentionCut {
    AttentionTile tile;
    int splits, keys, first_row;  // keys of a split; where the span begins in partial

    // Where the rows of the block's key head begin in partial.
    __device__ int64 row(const AttentionSpan& span, int split) const {
        return first_row + (static_cast<int64>(split) * span.kv_heads + span.kv_head) * span.rows();
    }
};

// A row of o is one split's term of the sum.
struct SplitRows {
    using Output = float;
    const AttentionCut& cut;
    const AttentionSpan& span;
    float* partial;  // (P, D)
    float2* sums;    // (P)

    __device__ float* row(int i) const { return partial + (cut.row(span, blockIdx.y) + i) * span.width; }

    __device__ float factor(float) const { return 1.0f; }

    __device__ void store(int i, float m, float l, float) const { sums[cut.row(span, blockIdx.y) + i] = make_float2(m, l); }
};

template <typename T, int Width, int Warps, int M, int Keys>
__device__ inline void attention_split(const T* __restrict__ q,                // (N, H, D)
                                       const T* __restrict__ k,                // (M, Hkv, D)
                                       const T* __restrict__ v,                // (M, Hkv, D)
                                       const AttentionCut* __restrict__ cuts,  // (gridDim.x / Hkv)
                                       int heads, int kv_heads, int width, int window, float scale,
                                       float* __restrict__ partial,  // (P, D)
                                       float2* __restrict__ sums) {  // (P)
    const AttentionCut cut = cuts[blockIdx.x / kv_heads];
    const int split = blockIdx.y;
    if (split >= cut.splits) return;
    const AttentionSpan span = attention_span(cut.tile, heads, kv_heads, width, window);
    const int key = span.begin(0) / Keys * Keys + split * cut.keys, key_end = min(key + cut.keys, cut.tile.key_count);
    attention_walk<T, Width, Warps, M, Keys>(span, key, key_end, q, k, v, scale, SplitRows{cut, span, partial, sums});
}

__device__ inline void store_two(float2 x, float* p) { *reinterpret_cast<float2*>(p) = x; }

__device__ inline void store_two(float2 x, bf16* p) { *reinterpret_cast<unsigned*>(p) = pack_bf16x2(x.x, x.y); }

template <typename T>
__device__ inline void attention_combine(const float* __restrict__ partial,      // (P, D)
                                         const float2* __restrict__ sums,        // (P)
                                         const AttentionCut* __restrict__ cuts,  // (gridDim.x / Hkv)
                                         int heads, int kv_heads, int width, float scale,
                                         T* __restrict__ o,          // (N, H, D)
                                         float* __restrict__ lse) {  // (N, H)
    const AttentionCut cut = cuts[blockIdx.x / kv_heads];
    const AttentionSpan span = attention_span(cut.tile, heads, kv_heads, width, 0);
    const int row = blockIdx.y, column = 2 * threadIdx.x;
    if (row >= span.rows() || column >= width) return;
    const int64 first = cut.row(span, 0) + row, step = cut.row(span, 1) - cut.row(span, 0);

    float maximum = -infinity();
    for (int i = 0; i < cut.splits; ++i) maximum = fmaxf(maximum, sums[first + i * step].x);
    const float scale_log2 = scale * log2_e;
    float l = 0.0f;
    float2 out = make_float2(0.0f, 0.0f);
#pragma unroll 8
    for (int i = 0; i < cut.splits; ++i) {
        const float2 own = sums[first + i * step], x = *reinterpret_cast<const float2*>(partial + (first + i * step) * width + column);
        const float c = exp2_approx((own.x - maximum) * scale_log2);  // 0 where the row sees no key of the split
        l += c * own.y;
        out.x += c * x.x;
        out.y += c * x.y;
    }
    store_two(make_float2(out.x / l, out.y / l), span.queries(o).at(row) + column);
    if (column == 0) *span.numbers(lse).at(row) = log_sum(maximum, l, scale_log2);
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define SPLIT_PARAMETERS(T)                                                                                                    \
    const T *q, const T *k, const T *v, const AttentionCut *cuts, int heads, int kv_heads, int width, int window, float scale, \
        float *partial, float2 *sums
#define SPLIT_ARGUMENTS q, k, v, cuts, heads, kv_heads, width, window, scale, partial, sums

extern "C" __global__ void __launch_bounds__(128, 3) attention_split_32_bf16(SPLIT_PARAMETERS(bf16)) {
    attention_split<bf16, 32, 4, 2, 64>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_split_64_bf16(SPLIT_PARAMETERS(bf16)) {
    attention_split<bf16, 64, 4, 2, 64>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128) attention_split_128_bf16(SPLIT_PARAMETERS(bf16)) {
    attention_split<bf16, 128, 4, 1, 64>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 1) attention_split_256_bf16(SPLIT_PARAMETERS(bf16)) {
    attention_split<bf16, 256, 4, 1, 32>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_split_32_f32(SPLIT_PARAMETERS(float)) {
    attention_split<float, 32, 4, 1, 64>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_split_64_f32(SPLIT_PARAMETERS(float)) {
    attention_split<float, 64, 4, 1, 64>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_split_128_f32(SPLIT_PARAMETERS(float)) {
    attention_split<float, 128, 4, 1, 32>(SPLIT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(64, 1) attention_split_256_f32(SPLIT_PARAMETERS(float)) {
    attention_split<float, 256, 2, 1, 16>(SPLIT_ARGUMENTS);
}

#define COMBINE_PARAMETERS(T) \
    const float *partial, const float2 *sums, const AttentionCut *cuts, int heads, int kv_heads, int width, float scale, T *o, float *lse
#define COMBINE_ARGUMENTS partial, sums, cuts, heads, kv_heads, width, scale, o, lse

extern "C" __global__ void __launch_bounds__(128) attention_combine_f32(COMBINE_PARAMETERS(float)) { attention_combine(COMBINE_ARGUMENTS); }

extern "C" __global__ void __launch_bounds__(128) attention_combine_bf16(COMBINE_PARAMETERS(bf16)) { attention_combine(COMBINE_ARGUMENTS); }
