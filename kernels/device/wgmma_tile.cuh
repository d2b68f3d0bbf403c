// wgmma_tile.cuh: tiles in shared memory as the tensor cores of sm_90a read them, and products of a warpgroup on them
//
//   scores     d += a bᵀ     a (64, K), b (8 N, K) in shared memory;  d (64, 8 N)
//   values     d += p b      p (64, 16 J) in registers, b (16 J, W) in shared memory;  d (64, W)
//
// The two are a chain such as softmax(q kᵀ) v, as in tile_product.cuh: what the first leaves in registers is, rounded to bf16, the left
// side of the second. A warpgroup is four warps, warp w owns rows 16 w .. 16 w + 15, and its lanes hold them as in mma.cuh. The products
// run on their own: between the issue and its wgmma_wait nobody may touch d, p or the tiles.
//
// A tile of Rows rows and Width columns is Width / 64 chunks of (Rows, 64): a row of a chunk is 128 bytes, and its eight vectors of 16
// bytes stand in the order of their number xor row % 8. Eight rows of one column, or eight vectors of one row, then meet all banks. The
// same tile serves both products: with its rows as rows of bᵀ, and with its rows as rows of b.
//
// Source     PTX ISA 8.0, "Asynchronous Warpgroup Level Matrix Instructions": matrix descriptors, 128-byte swizzling
#pragma once

#include "device/attention_tile.cuh"
#include "device/ptx_sm90a.cuh"
#include "device/tile_ring.cuh"

constexpr int group_rows = 64, chunk_columns = 64, chunk_row_bytes = 128, swizzled_rows = 8;

// Starts copying rows first .. first + Rows by one warpgroup, `width` elements each (a multiple of 8, addresses aligned to 16); rows and
// columns beyond become zero. `thread` counts within the warpgroup. A thread keeps its column and its row's place among eight.
template <int Rows, int Width, typename Source>
__device__ inline void load_swizzled(const Source& rows, int first, int width, int thread, bf16* tile) {
    constexpr int vectors = Width / Vector<bf16>::width, step = warpgroup_size / vectors;
    static_assert(warpgroup_size % vectors == 0 && step % swizzled_rows == 0 && Rows % step == 0, "whole rows, eight at a time");
    const int vector = thread % vectors, row = thread / vectors, column = vector * Vector<bf16>::width;
    bf16* to = tile + vector / 8 * Rows * chunk_columns + row * chunk_columns + (vector % 8 ^ row % swizzled_rows) * Vector<bf16>::width;
#pragma unroll 4
    for (int i = 0; i < Rows; i += step) {
        const bool valid = first + row + i < rows.count && column < width;
        copy_async_16(to + i * chunk_columns, valid ? rows.at(first + row + i) + column : rows.base, valid);
    }
}

// Where the tensor cores find a tile: its address, the bytes from chunk to chunk and from eight rows to the next, 128-byte swizzling.
template <int Rows>
__device__ inline unsigned long long tile_descriptor(const bf16* tile) {
    constexpr unsigned long long chunk_bytes = Rows * chunk_row_bytes, eight_rows = swizzled_rows * chunk_row_bytes;
    return (shared_offset(tile) & 0x3ffffu) >> 4 | chunk_bytes >> 4 << 16 | eight_rows >> 4 << 32 | 1ull << 62;
}

// The descriptor of what lies so many bytes further.
__device__ inline unsigned long long advance(unsigned long long descriptor, int bytes) { return descriptor + (bytes >> 4); }

// The descriptor of the 64 rows of a tile that are warpgroup `group`'s.
template <int Rows>
__device__ inline unsigned long long group_descriptor(const bf16* tile, int group) {
    return advance(tile_descriptor<Rows>(tile), group * group_rows * chunk_row_bytes);
}

// Issues d (64, 8 N) = a bᵀ: a and b begin a tile of ARows and BRows rows, or some rows (a multiple of 8) into it.
template <int Width, int ARows, int BRows, int N>
__device__ inline void issue_scores(FragmentD (&d)[N], unsigned long long a, unsigned long long b) {
    static_assert(8 * N <= BRows, "b has as many rows as d has columns");
#pragma unroll
    for (int k = 0; k < Width; k += 16) {
        const int chunk = k / chunk_columns, bytes = k % chunk_columns * static_cast<int>(sizeof(bf16));
        wgmma_ss(d, advance(a, chunk * ARows * chunk_row_bytes + bytes), advance(b, chunk * BRows * chunk_row_bytes + bytes), k > 0);
    }
}

// Issues d (64, W) += p b: b begins a tile of at least 16 J rows.
template <int J, int N>
__device__ inline void issue_values(FragmentD (&d)[N], const FragmentA (&p)[J], unsigned long long b) {
#pragma unroll
    for (int j = 0; j < J; ++j) wgmma_rs(d, p[j], advance(b, j * 16 * chunk_row_bytes), 1);
}

// Accumulators rounded to bf16, as the left side of the next product.
template <int J>
__device__ inline void to_left_side(const FragmentD (&s)[2 * J], FragmentA (&p)[J]) {
#pragma unroll
    for (int j = 0; j < J; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) p[j].r[i] = pack_bf16x2(s[2 * j + i / 2].r[i % 2 * 2], s[2 * j + i / 2].r[i % 2 * 2 + 1]);
    }
}

// A lane's first row, of the warp's 16 (the other is 8 further), of rows that begin at `own` for its warpgroup.
__device__ inline int lane_row(int own) {
    return own + static_cast<int>(threadIdx.x) % warpgroup_size / warp_size * 16 + threadIdx.x % warp_size / 4;
}

template <int N>
__device__ inline void clear(FragmentD (&d)[N]) {
#pragma unroll
    for (int i = 0; i < 4 * N; ++i) d[i / 4].r[i % 4] = 0.0f;
}

// ---- who sees what ------------------------------------------------------------------------------------------------------------------

// What a warpgroup's rows from `own` on see of a walk over `steps` tiles of `keys` keys from key_begin on.
__device__ inline Range visible_keys(const AttentionSpan& span, int own, int key_begin, int keys, int steps) {
    const int last = min(own + group_rows, span.rows()) - 1;
    if (last < own) return {steps, steps};
    return {max(0, span.begin(own) - key_begin) / keys, (span.end(last) - key_begin + keys - 1) / keys};
}

// Which columns of a walk a lane's rows g and g + 8 of the warp's 16 have to do with, from first to before last, and those that all 16
// have.
struct SeenColumns {
    int first[2], last[2], all_first, all_last;

    // What belongs to another column of the tile that begins at `column` becomes `hidden`.
    template <int N>
    __device__ void hide(FragmentD (&s)[N], int column, int lane, float hidden) const {
        if (column >= all_first && column + 8 * N <= all_last) return;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int from = first[h] - column - lane % 4 * 2, to = last[h] - column - lane % 4 * 2;
#pragma unroll
            for (int i = 0; i < 2 * N; ++i) {
                const int at = i / 2 * 8 + i % 2;
                if (at < from || at >= to) s[i / 2].r[2 * h + i % 2] = hidden;
            }
        }
    }
};

// The keys that a row of the span sees.
__device__ inline SeenColumns seen_keys(const AttentionSpan& span, int row, int lane) {
    const int top = row - lane / 4;
    return {{span.begin(row), span.begin(row + 8)}, {span.end(row), span.end(row + 8)}, span.begin(top + 15), span.end(top)};
}

// The rows of the span that see a key.
__device__ inline SeenColumns seen_rows(const AttentionSpan& span, int key, int lane) {
    const int top = key - lane / 4;
    const Range upper = span.rows_that_see(key, key + 1), lower = span.rows_that_see(key + 8, key + 9);
    return {
        {upper.from, lower.from}, {upper.to, lower.to}, span.rows_that_see(top + 15, top + 16).from, span.rows_that_see(top, top + 1).to};
}
