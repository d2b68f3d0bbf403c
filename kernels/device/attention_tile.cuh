// attention_tile.cuh: which rows a block of attention works on, which keys they see, and how their tiles come into shared memory
//
// The G = H / Hkv query heads of one key head read the same keys. So the rows of a tile are (query, head of the group) pairs, heads
// innermost: row r of a span is query r / G, head r % G of the group. A tile of keys is then loaded once for the whole group, and a group
// of 8 heads that decodes one token fills half a tensor-core tile instead of a sixteenth.
#pragma once

#include "device/async_copy.cuh"
#include "device/reduce.cuh"
#include "device/tile_product.cuh"

// One block's work on one span: the rows, or the keys, from `first` on. Written by the launcher.
struct AttentionTile {
    int query_start, query_count, key_start, key_count, first;
};

// Rows of k, v and their gradients: one key head of the span's tokens.
template <typename T>
struct KeyRows {
    T* base;
    int64 stride;
    int count;

    __device__ T* at(int row) const { return base + row * stride; }
};

// Rows of q, o and their gradients: (query, head of the group) pairs.
template <typename T>
struct QueryRows {
    T* base;
    int64 stride;
    int count, group, width;

    __device__ T* at(int row) const { return base + row / group * stride + row % group * width; }
};

// Of a walk, or of rows: from one to before the other.
struct Range {
    int from, to;
};

// The span as one key head sees it.
struct AttentionSpan {
    AttentionTile tile;
    int heads, kv_heads, kv_head, group, width, window;

    __device__ int rows() const { return tile.query_count * group; }

    // The first key that this row does not see, for being later than itself.
    __device__ int end(int row) const { return tile.key_count - tile.query_count + row / group + 1; }

    // The first key that this row sees.
    __device__ int begin(int row) const { return max(0, end(row) - window); }

    // The rows that see some of these keys: earlier ones do not see the first yet, the window of later ones is past the last.
    __device__ Range rows_that_see(int first_key, int key_end) const {
        const int earlier = tile.key_count - tile.query_count;
        return {max(0, first_key - earlier) * group, min(tile.query_count, key_end + window - 1 - earlier) * group};
    }

    template <typename T>
    __device__ KeyRows<T> keys(T* k) const {
        const int64 stride = static_cast<int64>(kv_heads) * width;
        return {k + tile.key_start * stride + static_cast<int64>(kv_head) * width, stride, tile.key_count};
    }

    template <typename T>
    __device__ QueryRows<T> queries(T* q) const {
        const int64 stride = static_cast<int64>(heads) * width;
        return {q + tile.query_start * stride + static_cast<int64>(kv_head) * group * width, stride, rows(), group, width};
    }

    // The numbers of the rows in lse and delta (N, H): rows of width 1.
    template <typename T>
    __device__ QueryRows<T> numbers(T* x) const {
        return {x + static_cast<int64>(tile.query_start) * heads + kv_head * group, heads, rows(), group, 1};
    }
};

// The block's span: blockIdx.x counts tiles, key heads innermost, so that blocks that run together share rows of q in the L2 cache.
__device__ inline AttentionSpan attention_span(const AttentionTile& tile, int heads, int kv_heads, int width, int window) {
    return {tile, heads, kv_heads, static_cast<int>(blockIdx.x % kv_heads), heads / kv_heads, width, window};
}

__device__ inline AttentionSpan attention_span(const AttentionTile* tiles, int heads, int kv_heads, int width, int window) {
    return attention_span(tiles[blockIdx.x / kv_heads], heads, kv_heads, width, window);
}

// Whether rows of these tensors start at multiples of 16 bytes, given where the tensors do.
template <typename T>
__device__ inline bool rows_are_aligned(int width, const T* a, const T* b, const T* c) {
    const auto address = [](const T* p) { return reinterpret_cast<unsigned long long>(p); };
    return width % Vector<T>::width == 0 && (address(a) | address(b) | address(c)) % 16 == 0;
}

// Starts copying rows first .. first + Count, `width` elements each; rows and columns beyond become zero. A width that 16 bytes do not
// divide goes by 4 bytes, which an even width of bf16 allows.
template <int Count, int Width, int Threads, typename Rows, typename T>
__device__ inline void load_rows(const Rows& rows, int first, int width, bool aligned, T* shared) {
    constexpr int vectors = Width / Vector<T>::width, words = Width * sizeof(T) / 4, stride = tile_stride<T, Width>();
    if (aligned) {
        static_assert(Threads % vectors == 0, "a thread keeps its column from row to row");
        const int column = threadIdx.x % vectors * Vector<T>::width;
#pragma unroll 1
        for (int row = copied_row<Width * sizeof(T)>(threadIdx.x / vectors); row < Count; row += Threads / vectors) {
            const bool valid = first + row < rows.count && column < width;
            copy_async_16(shared + row * stride + column, valid ? rows.at(first + row) + column : rows.base, valid);
        }
    } else {
#pragma unroll 1
        for (int i = threadIdx.x; i < Count * words; i += Threads) {
            const int row = i / words, column = i % words * (4 / sizeof(T));
            const bool valid = first + row < rows.count && column < width;
            copy_async_4(shared + row * stride + column, valid ? rows.at(first + row) + column : rows.base, valid);
        }
    }
}

// Stores the accumulator rows g and g + 8 of a strip, times their factors: to[h] is the row's column 0, or null to store nothing.
template <int N>
__device__ inline void store_strip(const FragmentD (&d)[N], const float (&factor)[2], float* const (&to)[2], int columns, int lane) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        if (to[h] == nullptr) continue;
#pragma unroll
        for (int n = 0; n < N; ++n) {
            const int column = 8 * n + lane % 4 * 2;
            if (column < columns)
                *reinterpret_cast<float2*>(to[h] + column) = make_float2(d[n].r[2 * h] * factor[h], d[n].r[2 * h + 1] * factor[h]);
        }
    }
}

// Two bf16 a lane are half a sector for the four lanes of a row. So neighbouring lanes exchange: the even one takes both their pairs of
// fragment n, the odd one those of n + 1, and a row's lanes store 32 bytes at once.
template <int N>
__device__ inline void store_strip(const FragmentD (&d)[N], const float (&factor)[2], bf16* const (&to)[2], int columns, int lane) {
    static_assert(N % 2 == 0, "fragments are stored in pairs");
    const int odd = lane % 2;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        const bool whole = columns % 4 == 0 && reinterpret_cast<unsigned long long>(to[h]) % 8 == 0;
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            const unsigned even_pair = pack_bf16x2(d[n].r[2 * h] * factor[h], d[n].r[2 * h + 1] * factor[h]);
            const unsigned odd_pair = pack_bf16x2(d[n + 1].r[2 * h] * factor[h], d[n + 1].r[2 * h + 1] * factor[h]);
            const unsigned other = __shfl_xor_sync(all_lanes, odd ? even_pair : odd_pair, 1);
            const unsigned left = odd ? other : even_pair, right = odd ? odd_pair : other;
            const int column = 8 * (n + odd) + lane % 4 / 2 * 4;
            if (to[h] == nullptr || column >= columns) continue;
            bf16* const p = to[h] + column;
            if (whole) {
                *reinterpret_cast<uint2*>(p) = make_uint2(left, right);
            } else {
                *reinterpret_cast<unsigned*>(p) = left;
                if (column + 2 < columns) *reinterpret_cast<unsigned*>(p + 2) = right;
            }
        }
    }
}
