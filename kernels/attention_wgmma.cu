// attention_wgmma.cu: the forward of attention.cu on the asynchronous tensor cores of sm_90a
//
//   forward    o = softmax(scale q kᵀ + causal mask) v,  lse = log Σ exp of the masked scores; per span and query head
//
// One warpgroup of a block brings tiles of keys and values (tile_ring.cuh), each of the others owns 64 rows. Of its two products a tile,
// both read shared memory without the registers' help (wgmma_tile.cuh), and a warpgroup keeps one under way while it works on the other:
// the scores of a tile are issued before the values of the tile before, and their softmax runs while those are summed. Warpgroups wait for
// tiles, not for each other, so that the softmax of one meets the products of another.
//
// Shapes     q, o (N, H, D);  k, v (M, Hkv, D);  lse (N, H);  D a multiple of 8, 40 to 128, padded in the tile to W = 64 or 128; all
//            aligned to 16 bytes. Everything else is attention.cu's.
// Types      bf16;  lse f32. exp(score - m) is rounded to bf16 before the product with v, everything else in registers is f32.
// Target     sm_90a
// Launch     blocks = tiles of rows times key heads (attention_tile.cuh), of one warpgroup more than a tile has 64 rows. Registers go from
// the
//            one that copies to those that multiply. Tiles of keys that the mask or the window hides from a block are not brought, those
//            that it hides from a warpgroup are let go.
// Copies     by threads and not by the copy engine (TMA): a span's tile ends where the span does, and what lies behind it must not
//            be read (it may be another sequence, or nothing yet), which a tensor map of the whole array cannot know. A tile of 128
//            keys and D = 128 is 16 copies a thread of the one warpgroup that has nothing else to do.
// Aliasing   none. Every row of a span is overwritten; rows of no span are not touched.
// Cost       attention_wgmma_forward_*  reads s (H + 2 Hkv) T D + 20 T / p, writes s T H D + 4 T H, loads copied + 20 warps Hkv T / p,
//                                 mma W H T (T + walk) / 2048, fma (1 / 2 + 2 / walk) H T (T + walk) + H T,
//                                 excess ≤ T H / 4 + warps Hkv T / p, with p = own Hkv / H,
//                                 with copied = s T H D + s Hkv D T (T + max(p, walk)) / p
//            One causal span of T tokens; a block owns `own` rows, which are p queries, and walks over tiles of `walk` keys. A wgmma is N /
//            2 mma. 4 D operations a visible (query, key, head): bound by arithmetic.
// Source     Shah et al. 2024, "FlashAttention-3", arXiv:2407.08608, algorithms 1 and 2
#include "device/online_softmax.cuh"
#include "device/wgmma_tile.cuh"

constexpr int stages = 2, key_item = 0, value_item = 1;

template <int Width, int Groups, int Keys>
struct WgmmaAttention {
    static constexpr int rows = group_rows * Groups, tile = Keys * Width;

    const AttentionSpan& span;
    bf16* shared_q;  // (rows, W) swizzled
    bf16* shared_k;  // (stages, Keys, W)
    bf16* shared_v;  // (stages, Keys, W)
    TileRing<2, stages> ring;
    int key_begin, steps;

    // The warpgroup that copies. The rows of q come with the first keys.
    __device__ void produce(const bf16* q, const bf16* k, const bf16* v, int thread) const {
        const KeyRows<const bf16> keys = span.keys(k), values = span.keys(v);
        ring.produce(steps, [&](int item, int n) {
            if (item == key_item && n == 0) load_swizzled<rows, Width>(span.queries(q), span.tile.first, span.width, thread, shared_q);
            const int key = key_begin + n * Keys, place = n % stages * tile;
            if (item == key_item) {
                load_swizzled<Keys, Width>(keys, key, span.width, thread, shared_k + place);
            } else {
                load_swizzled<Keys, Width>(values, key, span.width, thread, shared_v + place);
            }
        });
    }

    // A warpgroup that multiplies: rows `own` of the span, which are rows 64 `group` of the tile.
    __device__ void consume(int group, float scale, bf16* o, float* lse) const {
        const int lane = threadIdx.x % warp_size, own = span.tile.first + group * group_rows;
        const int row = lane_row(own);
        const unsigned long long left = group_descriptor<rows>(shared_q, group);
        const float scale_log2 = scale * log2_e;
        const Range walk = visible_keys(span, own, key_begin, Keys, steps);
        const SeenColumns seen = seen_keys(span, row, lane);

        FragmentD out[Width / 8], s[Keys / 8];  // (64, W), (64, Keys)
        FragmentA p[Keys / 16];                 // (64, Keys)
        float maximum[2] = {-infinity(), -infinity()}, sum[2] = {}, decay[2];
        clear(out);
        for (int n = 0; n < walk.from; ++n) ring.pass(n);
        if (walk.from < walk.to) {
            scores(s, left, walk.from);
            wgmma_wait<0>();
            hold_registers(s);
            ring.release(key_item, walk.from);
            softmax(s, seen, walk.from, lane, scale_log2, maximum, sum, decay);
            ring.wait_full(value_item, walk.from);
            to_left_side(s, p);
            for (int n = walk.from + 1; n < walk.to; ++n) {
                scores(s, left, n);
                values(out, p, n - 1);
                wgmma_wait<1>();
                hold_registers(s);
                ring.release(key_item, n);
                softmax(s, seen, n, lane, scale_log2, maximum, sum, decay);
                ring.wait_full(value_item,
                               n);  // of use in the next step; here, it keeps the compiler from a softmax behind the wait for out
                wgmma_wait<0>();
                hold_registers(out);
                ring.release(value_item, n - 1);
                decay_row(out, 0, decay[0]);
                decay_row(out, 1, decay[1]);
                to_left_side(s, p);
            }
            values(out, p, walk.to - 1);
            wgmma_wait<0>();
            hold_registers(out);
            ring.release(value_item, walk.to - 1);
        }
        for (int n = max(walk.from, walk.to); n < steps; ++n) ring.pass(n);
        store(out, row, lane, maximum, sum, scale_log2, o, lse);
    }

    // Issues the scores of tile n.
    __device__ void scores(FragmentD (&s)[Keys / 8], unsigned long long left, int n) const {
        ring.wait_full(key_item, n);
        hold_registers(s);
        wgmma_fence();
        issue_scores<Width, rows, Keys>(s, left, tile_descriptor<Keys>(shared_k + n % stages * tile));
        wgmma_commit();
    }

    // Issues o += p v of tile n.
    __device__ void values(FragmentD (&out)[Width / 8], FragmentA (&p)[Keys / 16], int n) const {
        hold_registers(out);
        hold_registers(p);
        wgmma_fence();
        issue_values(out, p, tile_descriptor<Keys>(shared_v + n % stages * tile));
        wgmma_commit();
    }

    __device__ void softmax(FragmentD (&s)[Keys / 8], const SeenColumns& seen, int n, int lane, float scale_log2, float (&maximum)[2],
                            float (&sum)[2], float (&decay)[2]) const {
        seen.hide(s, key_begin + n * Keys, lane, -infinity());
#pragma unroll
        for (int h = 0; h < 2; ++h) decay[h] = online_softmax(s, h, scale_log2, maximum[h], sum[h]);
    }

    __device__ void store(const FragmentD (&out)[Width / 8], int row, int lane, const float (&maximum)[2], const float (&sum)[2],
                          float scale_log2, bf16* o, float* lse) const {
        float factor[2];
        bf16* to[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float total = sum[h] + __shfl_xor_sync(all_lanes, sum[h], 1);
            total += __shfl_xor_sync(all_lanes, total, 2);
            const bool valid = row + 8 * h < span.rows();
            to[h] = valid ? span.queries(o).at(row + 8 * h) : nullptr;
            factor[h] = 1.0f / total;
            if (valid && lane % 4 == 0) *span.numbers(lse).at(row + 8 * h) = log_sum(maximum[h], total, scale_log2);
        }
        store_strip(out, factor, to, span.width, lane);
    }
};

template <int Width, int Groups, int Keys, int ProducerRegisters, int ConsumerRegisters>
__device__ inline void attention_wgmma(const bf16* __restrict__ q,               // (N, H, D)
                                       const bf16* __restrict__ k,               // (M, Hkv, D)
                                       const bf16* __restrict__ v,               // (M, Hkv, D)
                                       const AttentionTile* __restrict__ tiles,  // (gridDim.x / Hkv)
                                       int heads, int kv_heads, int width, int window, float scale,
                                       bf16* __restrict__ o,       // (N, H, D)
                                       float* __restrict__ lse) {  // (N, H)
    constexpr int rows = group_rows * Groups, tile = Keys * Width;
    SWIZZLED_SHARED(bf16, shared_q);
    bf16* shared_k = shared_q + rows * Width;
    bf16* shared_v = shared_k + stages * tile;
    const TileRing<2, stages> ring = {reinterpret_cast<unsigned long long*>(shared_v + stages * tile)};

    const AttentionSpan span = attention_span(tiles, heads, kv_heads, width, window);
    const int last = min(span.tile.first + rows, span.rows()) - 1, key_begin = span.begin(span.tile.first) / Keys * Keys;
    const WgmmaAttention<Width, Groups, Keys> attention = {
        span, shared_q, shared_k, shared_v, ring, key_begin, (span.end(last) - key_begin + Keys - 1) / Keys};
    ring.begin(Groups);
    share_out<Groups, ProducerRegisters, ConsumerRegisters>([&](int thread) { attention.produce(q, k, v, thread); },
                                                            [&](int group) { attention.consume(group, scale, o, lse); });
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define PARAMETERS                                                                                                                        \
    const bf16 *q, const bf16 *k, const bf16 *v, const AttentionTile *tiles, int heads, int kv_heads, int width, int window, float scale, \
        bf16 *o, float *lse
#define ARGUMENTS q, k, v, tiles, heads, kv_heads, width, window, scale, o, lse

extern "C" __global__ void __launch_bounds__(512, 1) attention_wgmma_forward_64_bf16(PARAMETERS) {
    attention_wgmma<64, 3, 128, 32, 160>(ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(384, 1) attention_wgmma_forward_128_bf16(PARAMETERS) {
    attention_wgmma<128, 2, 128, 40, 232>(ARGUMENTS);
}
