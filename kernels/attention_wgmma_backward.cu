// attention_wgmma_backward.cu: attention_backward.cu on the asynchronous tensor cores of sm_90a
//
//   backward   P = exp(scale q kᵀ - lse) again, dP = dO vᵀ, delta = rowsum(dO ∘ o), dS = P ∘ (dP - delta); per span and query head
//              dv = Pᵀ dO,  dk = scale dSᵀ q,  dq = scale dS k
//
// As in attention_wgmma.cu, a warpgroup copies and the others multiply. Each of these owns 64 rows of a gradient and makes P and dS of them
// as it needs them for a left side: (rows, keys) for dq, (keys, rows) for dk and dv, so that neither leaves the registers. The tiles that
// it walks over serve twice as they lie, in scores as rows of bᵀ and in gradients as rows of b. While P is made dP is summed, while dS is
// made dv is, and the sums of a step run on beside the scores of the next.
//
// Shapes     q, o, dO, dq (N, H, D);  k, v, dk, dv (M, Hkv, D);  lse, delta (N, H);  D a multiple of 8, 40 to 128, padded to W = 64 or 128;
// all
//            but lse and delta aligned to 16 bytes. Everything else is attention_backward.cu's.
// Types      bf16;  lse, delta f32. P and dS are rounded to bf16 before the second product, everything else in registers is f32.
// Target     sm_90a
// Launch     queries: a block owns rows, makes their delta, and walks over keys;  keys, after it: a block owns keys and walks over the rows
//            of all heads of the group. P is computed in both, so that every sum has one order and needs no atomics.
// Aliasing   none. Every row of a span is overwritten; rows of no span are not touched.
// Cost       attention_wgmma_keys_*     reads 2 s (H + Hkv) T D + 8 T H + 20 T / own, writes 2 s T Hkv D,
//                       loads copied + 4 H T (T + own) / own + 20 warps Hkv T / own, mma W H T (T + 64) / 1024,
//                       fma H T (T + 64) / 2, excess ≤ H T (T + own) / (4 own) + warps Hkv T / own,
//                       with copied = 2 s T Hkv D + s D H T (T + own) / own
//            attention_wgmma_queries_*  reads s (3 H + 2 Hkv) T D + 4 T H + 20 T / p, writes s T H D + 4 T H,
//                       loads copied + 2 s T H D + 4 T H + 20 warps Hkv T / p, mma 3 W H T (T + walk) / 4096,
//                       fma H T (T + walk) / 2 + T H D, excess ≤ T H / 2 + warps Hkv T / p, with p = own Hkv / H,
//                       with copied = 2 s T H D + s Hkv D T (T + max(p, walk)) / p
//            One causal span of T tokens; a block owns `own` rows (p queries) or keys, 64 a warpgroup, and walks over tiles of `walk`.
//            14 D operations a visible (query, key, head), 4 D of them twice: bound by arithmetic.
// Source     Dao 2023, "FlashAttention-2", arXiv:2307.08691, algorithm 2; Shah et al. 2024, "FlashAttention-3", arXiv:2407.08608
#include "device/attention_gradient.cuh"
#include "device/wgmma_tile.cuh"

constexpr int stages = 3;

// dq and delta of 64 Groups rows: q and dO stay, k and v come by.
template <int Width, int Groups, int Keys>
struct QueryGradient {
    static constexpr int rows = group_rows * Groups, tile = Keys * Width;

    const AttentionSpan& span;
    bf16* shared_q;   // (rows, W) swizzled
    bf16* shared_do;  // (rows, W)
    bf16* shared_k;   // (stages, Keys, W)
    bf16* shared_v;   // (stages, Keys, W)
    TileRing<1, stages> ring;
    int key_begin, steps;

    __device__ void produce(const bf16* d_o, const bf16* q, const bf16* k, const bf16* v, int thread) const {
        ring.produce(steps, [&](int, int n) {
            if (n == 0) {
                load_swizzled<rows, Width>(span.queries(q), span.tile.first, span.width, thread, shared_q);
                load_swizzled<rows, Width>(span.queries(d_o), span.tile.first, span.width, thread, shared_do);
            }
            load_swizzled<Keys, Width>(span.keys(k), key_begin + n * Keys, span.width, thread, shared_k + n % stages * tile);
            load_swizzled<Keys, Width>(span.keys(v), key_begin + n * Keys, span.width, thread, shared_v + n % stages * tile);
        });
    }

    __device__ void consume(int group, float scale, const bf16* d_o, const bf16* o, const float* lse, float* delta, bf16* dq) const {
        const int lane = threadIdx.x % warp_size, own = span.tile.first + group * group_rows, row = lane_row(own);
        const unsigned long long left_q = group_descriptor<rows>(shared_q, group), left_do = group_descriptor<rows>(shared_do, group);
        const SeenColumns seen = seen_keys(span, row, lane);
        const Range walk = visible_keys(span, own, key_begin, Keys, steps);
        float row_lse[2], row_delta[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const bool valid = row + 8 * h < span.rows();
            row_lse[h] = valid ? *span.numbers(lse).at(row + 8 * h) * log2_e : 0.0f;
            row_delta[h] = row_product<Width>(valid ? span.queries(d_o).at(row + 8 * h) : nullptr, span.queries(o).at(row + 8 * h),
                                              span.width, true, lane);
            if (valid && lane % 4 == 0) *span.numbers(delta).at(row + 8 * h) = row_delta[h];
        }

        FragmentD sum[Width / 8], s[Keys / 8], dp[Keys / 8];  // (64, W), (64, Keys), (64, Keys)
        FragmentA ds[Keys / 16];                              // (64, Keys)
        clear(sum);
        for (int n = 0; n < walk.from; ++n) ring.pass(n);
        for (int n = walk.from; n < walk.to; ++n) {
            const bf16 *tile_k = shared_k + n % stages * tile, *tile_v = shared_v + n % stages * tile;
            ring.wait_full(0, n);
            hold_registers(s);
            hold_registers(dp);
            wgmma_fence();
            issue_scores<Width, rows, Keys>(s, left_q, tile_descriptor<Keys>(tile_k));
            wgmma_commit();
            issue_scores<Width, rows, Keys>(dp, left_do, tile_descriptor<Keys>(tile_v));
            wgmma_commit();
            wgmma_wait<1>();  // and the sum of the step before
            hold_registers(s);
            if (n > walk.from) ring.release(0, n - 1);
#pragma unroll
            for (int i = 0; i < 4 * (Keys / 8); ++i)
                s[i / 4].r[i % 4] = exp2_approx(fmaf(s[i / 4].r[i % 4], scale * log2_e, -row_lse[i % 4 / 2]));
            seen.hide(s, key_begin + n * Keys, lane, 0.0f);
            wgmma_wait<0>();
            hold_registers(dp);
#pragma unroll
            for (int i = 0; i < 4 * (Keys / 8); ++i) dp[i / 4].r[i % 4] = s[i / 4].r[i % 4] * (dp[i / 4].r[i % 4] - row_delta[i % 4 / 2]);
            to_left_side(dp, ds);
            hold_registers(sum);
            hold_registers(ds);
            wgmma_fence();
            issue_values(sum, ds, tile_descriptor<Keys>(tile_k));
            wgmma_commit();
        }
        wgmma_wait<0>();
        hold_registers(sum);
        if (walk.from < walk.to) ring.release(0, walk.to - 1);
        for (int n = max(walk.from, walk.to); n < steps; ++n) ring.pass(n);
        bf16* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) to[h] = row + 8 * h < span.rows() ? span.queries(dq).at(row + 8 * h) : nullptr;
        store_strip(sum, {scale, scale}, to, span.width, lane);
    }
};

// dk and dv of 64 Groups keys: k and v stay, q and dO come by with their lse and delta.
template <int Width, int Groups, int Rows>
struct KeyGradient {
    static constexpr int key_count = group_rows * Groups, tile = Rows * Width;

    const AttentionSpan& span;
    bf16* shared_k;       // (keys, W) swizzled
    bf16* shared_v;       // (keys, W)
    bf16* shared_q;       // (stages, Rows, W)
    bf16* shared_do;      // (stages, Rows, W)
    float* shared_lse;    // (stages, Rows)
    float* shared_delta;  // (stages, Rows)
    TileRing<1, stages> ring;
    int row_begin, steps;

    __device__ void produce(const bf16* d_o, const bf16* q, const bf16* k, const bf16* v, const float* lse, const float* delta,
                            int thread) const {
        ring.produce(steps, [&](int, int n) {
            if (n == 0) {
                load_swizzled<key_count, Width>(span.keys(k), span.tile.first, span.width, thread, shared_k);
                load_swizzled<key_count, Width>(span.keys(v), span.tile.first, span.width, thread, shared_v);
            }
            const int row = row_begin + n * Rows, place = n % stages;
            load_swizzled<Rows, Width>(span.queries(q), row, span.width, thread, shared_q + place * tile);
            load_swizzled<Rows, Width>(span.queries(d_o), row, span.width, thread, shared_do + place * tile);
            static_assert(2 * Rows == warpgroup_size, "a thread brings one number");
            const float* const numbers = thread < Rows ? lse : delta;
            float* const to = (thread < Rows ? shared_lse : shared_delta) + place * Rows + thread % Rows;
            const bool valid = row + thread % Rows < span.rows();
            copy_async_4(to, valid ? span.numbers(numbers).at(row + thread % Rows) : numbers, valid);
        });
    }

    // The steps whose rows see some of the 64 keys from `own` on.
    __device__ Range visible_rows(int own) const {
        if (own >= span.tile.key_count) return {steps, steps};
        const Range rows = span.rows_that_see(own, own + group_rows);
        return {max(0, rows.from - row_begin) / Rows, min(steps, (max(0, rows.to - row_begin) + Rows - 1) / Rows)};
    }

    // P^T and dS^T of a lane's keys, which are rows here; lse and delta belong to columns.
    __device__ void consume(int group, float scale, bf16* dk, bf16* dv) const {
        const int lane = threadIdx.x % warp_size, own = span.tile.first + group * group_rows, key = lane_row(own);
        const unsigned long long left_k = group_descriptor<key_count>(shared_k, group),
                                 left_v = group_descriptor<key_count>(shared_v, group);
        const SeenColumns seen = seen_rows(span, key, lane);
        const Range walk = visible_rows(own);

        FragmentD sum_k[Width / 8], sum_v[Width / 8], s[Rows / 8], dp[Rows / 8];  // (64, W), (64, W), (64, Rows), (64, Rows)
        FragmentA p[Rows / 16], ds[Rows / 16];                                    // (64, Rows)
        clear(sum_k);
        clear(sum_v);
        for (int n = 0; n < walk.from; ++n) ring.pass(n);
        for (int n = walk.from; n < walk.to; ++n) {
            const int place = n % stages;
            const bf16 *tile_q = shared_q + place * tile, *tile_do = shared_do + place * tile;
            ring.wait_full(0, n);
            hold_registers(s);
            wgmma_fence();
            issue_scores<Width, key_count, Rows>(s, left_k, tile_descriptor<Rows>(tile_q));
            wgmma_commit();
            wgmma_wait<0>();  // and for the sums of the step before
            hold_registers(s);
            if (n > walk.from) ring.release(0, n - 1);
            hold_registers(dp);
            wgmma_fence();
            issue_scores<Width, key_count, Rows>(dp, left_v, tile_descriptor<Rows>(tile_do));
            wgmma_commit();
            // Rows beyond the span are zeros: their P meets dO = 0, their dS is 0.
            const float *const tile_lse = shared_lse + place * Rows + lane % 4 * 2, *const tile_delta =
                                                                                        shared_delta + place * Rows + lane % 4 * 2;
#pragma unroll
            for (int i = 0; i < 4 * (Rows / 8); ++i)
                s[i / 4].r[i % 4] = exp2_approx(fmaf(s[i / 4].r[i % 4], scale * log2_e, -tile_lse[i / 4 * 8 + i % 2] * log2_e));
            seen.hide(s, row_begin + n * Rows, lane, 0.0f);
            wgmma_wait<0>();
            hold_registers(dp);
#pragma unroll
            for (int i = 0; i < 4 * (Rows / 8); ++i)
                dp[i / 4].r[i % 4] = s[i / 4].r[i % 4] * (dp[i / 4].r[i % 4] - tile_delta[i / 4 * 8 + i % 2]);
            to_left_side(s, p);
            to_left_side(dp, ds);
            hold_registers(sum_v);
            hold_registers(p);
            hold_registers(sum_k);
            hold_registers(ds);
            wgmma_fence();
            issue_values(sum_v, p, tile_descriptor<Rows>(tile_do));
            issue_values(sum_k, ds, tile_descriptor<Rows>(tile_q));
            wgmma_commit();
        }
        wgmma_wait<0>();
        hold_registers(sum_k);
        hold_registers(sum_v);
        if (walk.from < walk.to) ring.release(0, walk.to - 1);
        for (int n = max(walk.from, walk.to); n < steps; ++n) ring.pass(n);
        store(sum_k, scale, key, lane, dk);
        store(sum_v, 1.0f, key, lane, dv);
    }

    __device__ void store(const FragmentD (&sum)[Width / 8], float factor, int key, int lane, bf16* gradient) const {
        bf16* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) to[h] = key + 8 * h < span.tile.key_count ? span.keys(gradient).at(key + 8 * h) : nullptr;
        store_strip(sum, {factor, factor}, to, span.width, lane);
    }
};

template <int Width, int Groups, int Keys, int ProducerRegisters, int ConsumerRegisters>
__device__ inline void attention_wgmma_queries(const bf16* __restrict__ d_o,             // (N, H, D)
                                               const bf16* __restrict__ o,               // (N, H, D)
                                               const bf16* __restrict__ q,               // (N, H, D)
                                               const bf16* __restrict__ k,               // (M, Hkv, D)
                                               const bf16* __restrict__ v,               // (M, Hkv, D)
                                               const float* __restrict__ lse,            // (N, H)
                                               const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                               int heads, int kv_heads, int width, int window, float scale,
                                               float* __restrict__ delta,  // (N, H)
                                               bf16* __restrict__ dq) {    // (N, H, D)
    constexpr int rows = group_rows * Groups, tile = Keys * Width;
    SWIZZLED_SHARED(bf16, shared_q);
    bf16 *shared_do = shared_q + rows * Width, *shared_k = shared_do + rows * Width, *shared_v = shared_k + stages * tile;
    const TileRing<1, stages> ring = {reinterpret_cast<unsigned long long*>(shared_v + stages * tile)};

    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const int last = min(span.tile.first + rows, span.rows()) - 1, key_begin = span.begin(span.tile.first) / Keys * Keys;
    const QueryGradient<Width, Groups, Keys> gradient = {span,     shared_q, shared_do, shared_k,
                                                         shared_v, ring,     key_begin, (span.end(last) - key_begin + Keys - 1) / Keys};
    ring.begin(Groups);
    share_out<Groups, ProducerRegisters, ConsumerRegisters>([&](int thread) { gradient.produce(d_o, q, k, v, thread); },
                                                            [&](int group) { gradient.consume(group, scale, d_o, o, lse, delta, dq); });
}

template <int Width, int Groups, int Rows, int ProducerRegisters, int ConsumerRegisters>
__device__ inline void attention_wgmma_keys(const bf16* __restrict__ d_o,             // (N, H, D)
                                            const bf16* __restrict__ q,               // (N, H, D)
                                            const bf16* __restrict__ k,               // (M, Hkv, D)
                                            const bf16* __restrict__ v,               // (M, Hkv, D)
                                            const float* __restrict__ lse,            // (N, H)
                                            const float* __restrict__ delta,          // (N, H)
                                            const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                            int heads, int kv_heads, int width, int window, float scale,
                                            bf16* __restrict__ dk,    // (M, Hkv, D)
                                            bf16* __restrict__ dv) {  // (M, Hkv, D)
    constexpr int key_count = group_rows * Groups, tile = Rows * Width;
    SWIZZLED_SHARED(bf16, shared_k);
    bf16 *shared_v = shared_k + key_count * Width, *shared_q = shared_v + key_count * Width, *shared_do = shared_q + stages * tile;
    float *shared_lse = reinterpret_cast<float*>(shared_do + stages * tile), *shared_delta = shared_lse + stages * Rows;
    const TileRing<1, stages> ring = {reinterpret_cast<unsigned long long*>(shared_delta + stages * Rows)};

    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const Range seen = span.rows_that_see(span.tile.first, span.tile.first + key_count);
    const KeyGradient<Width, Groups, Rows> gradient = {
        span,       shared_k,     shared_v, shared_q,  shared_do,
        shared_lse, shared_delta, ring,     seen.from, max(0, seen.to - seen.from + Rows - 1) / Rows};
    ring.begin(Groups);
    share_out<Groups, ProducerRegisters, ConsumerRegisters>([&](int thread) { gradient.produce(d_o, q, k, v, lse, delta, thread); },
                                                            [&](int group) { gradient.consume(group, scale, dk, dv); });
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define KEYS_PARAMETERS                                                                                                             \
    const bf16 *d_o, const bf16 *q, const bf16 *k, const bf16 *v, const float *lse, const float *delta, const AttentionTile *tiles, \
        int heads, int kv_heads, int width, int window, float scale, bf16 *dk, bf16 *dv
#define KEYS_ARGUMENTS d_o, q, k, v, lse, delta, tiles, heads, kv_heads, width, window, scale, dk, dv
#define QUERIES_PARAMETERS                                                                                                                \
    const bf16 *d_o, const bf16 *o, const bf16 *q, const bf16 *k, const bf16 *v, const float *lse, const AttentionTile *tiles, int heads, \
        int kv_heads, int width, int window, float scale, float *delta, bf16 *dq
#define QUERIES_ARGUMENTS d_o, o, q, k, v, lse, tiles, heads, kv_heads, width, window, scale, delta, dq

extern "C" __global__ void __launch_bounds__(384, 1) attention_wgmma_keys_64_bf16(KEYS_PARAMETERS) {
    attention_wgmma_keys<64, 2, 64, 40, 232>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(384, 1) attention_wgmma_keys_128_bf16(KEYS_PARAMETERS) {
    attention_wgmma_keys<128, 2, 64, 40, 232>(KEYS_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(384, 1) attention_wgmma_queries_64_bf16(QUERIES_PARAMETERS) {
    attention_wgmma_queries<64, 2, 128, 40, 232>(QUERIES_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(384, 1) attention_wgmma_queries_128_bf16(QUERIES_PARAMETERS) {
    attention_wgmma_queries<128, 2, 64, 40, 232>(QUERIES_ARGUMENTS);
}
