// lora_tiles.cuh: which ranks of a stack a tile goes through, and how their rows of A or B, or their columns of S, get into shared memory
//
// An entry is one rank that takes part. Ranks of weight zero have none, so nothing of theirs is ever read. Factors and S are f32 in
// memory; begin() reads them into registers, to be called before the product that hides the way; finish() puts them into the tile, for
// bf16 as two planes (block_product.cuh).
#pragma once

#include "device/block_product.cuh"

struct LoraEntry {
    int rank;       // row of A and B
    int column;     // column of S
    float scaling;  // s_k, or p_k s_k
};

// Rows of a factor (R, width), one an entry, as the rows of a tile: columns first .. first + Tile::columns. Rows from the count on and
// columns from the limit on are zero. `vector`: rows are aligned to 16 bytes and the limit is a multiple of 4.
template <typename T, typename Tile, int Threads>
struct FactorRows {
    static constexpr int quads = Tile::columns / 4, step = Threads / quads, passes = Tile::rows / step;
    static_assert(Threads % quads == 0 && Tile::rows % step == 0, "a thread stays in its columns");
    float x[passes][4];

    __device__ void begin(const float* factor, int width, const LoraEntry* entries, int count, bool scaled, int first, int limit,
                          bool vector) {
        const int row0 = threadIdx.x / quads, column = first + threadIdx.x % quads * 4;
#pragma unroll
        for (int i = 0; i < passes; ++i) {
            const int row = row0 + i * step;
            x[i][0] = x[i][1] = x[i][2] = x[i][3] = 0.0f;
            if (row < count && column < limit) {
                const LoraEntry entry = entries[row];
                const float* from = factor + static_cast<int64>(entry.rank) * width + column;
                if (vector) {
                    load_vector(from, x[i]);
                } else {
#pragma unroll
                    for (int e = 0; e < 4; ++e) {
                        if (column + e < limit) x[i][e] = from[e];
                    }
                }
                if (scaled) {
#pragma unroll
                    for (int e = 0; e < 4; ++e) x[i][e] *= entry.scaling;
                }
            }
        }
    }

    // Rows up to the next multiple of 16 are written.
    __device__ void finish(T* tile, int count) const {
        const int row0 = threadIdx.x / quads, rows = (count + 15) / 16 * 16;
        T* const to = tile + row0 * Tile::stride + threadIdx.x % quads * 4;
#pragma unroll
        for (int i = 0; i < passes; ++i) {
            if (row0 + i * step < rows) store_split(x[i], to + i * step * Tile::stride, Tile::plane);
        }
    }
};

// Columns of S (N, stride), one an entry, on consecutive token rows: tokens are the rows of the tile, entries its columns. Tokens from
// the count on and entries from the count on are zero.
template <typename T, typename Tile, int Threads>
struct TokenColumns {
    static constexpr int passes = Tile::rows * Tile::columns / Threads;
    float x[passes];

    // Threads lie along the fewest columns that hold the entries, so that small ranks cost few passes.
    static __device__ int lanes(int count) {
        int n = min(16, Tile::columns);
        while (n < count && n < Tile::columns) n *= 2;
        return n;
    }

    __device__ void begin(const float* s, int stride, int tokens, const LoraEntry* entries, int count, bool scaled) {
        const int along = lanes(count), column = threadIdx.x % along, step = Threads / along;
        const LoraEntry entry = column < count ? entries[column] : LoraEntry{0, 0, 0.0f};
        const int token0 = threadIdx.x / along, valid = column < count ? min(tokens, Tile::rows) - token0 : 0;
        const float scale = scaled ? entry.scaling : 1.0f;
        const float* from = s + static_cast<int64>(token0) * stride + entry.column;
#pragma unroll
        for (int i = 0; i < passes; ++i) {
            x[i] = 0.0f;
            if (i * step < valid) x[i] = *from * scale;
            from += step * stride;
        }
    }

    __device__ void finish(T* tile, int count) const {
        const int along = lanes(count), column = threadIdx.x % along, step = Threads / along;
#pragma unroll
        for (int i = 0; i < passes; ++i) {
            const int token = threadIdx.x / along + i * step;
            if (token < Tile::rows) store_split(x[i], tile + token * Tile::stride + column, Tile::plane);
        }
    }
};
