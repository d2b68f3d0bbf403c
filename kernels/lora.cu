// lora.cu: the adapter stack, many adapters of unequal rank in one launch
//
//   forward    S[n,j] = sum_i x[n,i] A[rank_j,i]              y[n,o] += sum_j s_j S[n,j] B[rank_j,o]
//   backward   dS[n,j] = s_j sum_o dy[n,o] B[rank_j,o]        dx[n,i] += sum_j dS[n,j] A[rank_j,i]
//              dB[rank_j,o] += s_j sum_n S[n,j] dy[n,o]       dA[rank_j,i] += sum_n dS[n,j] x[n,i]
//
//              S and dS are lora_shrink, y and dx are lora_expand, dB and dA are lora_gradient. Row n goes through the entries j of its
//              groups; a group of scaling zero has no entries, so nothing of it is read. The launcher cuts the groups into tiles
//              (token rows × at most 64 entries); groups over the same rows become one list of entries, added to y in one pass.
//
// Shapes     x, dx (N, Cin), y, dy (N, Cout) row-major;  A, dA (R, Cin), B, dB (R, Cout);  S, dS (N, s_stride)
// Types      x, y, dx, dy: T = f32 | bf16 in memory;  everything else f32. bf16: tensor cores; A, B, S and dS are split into two bf16
//            planes (block_product.cuh) instead of rounded, so that S, dA and dB err by at most 2^-16 Σ|terms|, and y and dx by
//            3 * 2^-16 Σ|terms| and the one rounding of their storage; ranks cost bytes and not operations, so it is free up to
//            r = 64. f32: FFMA.
// Launch     lora_shrink    grid (tiles, splits of the width), 128 threads;  128 rows × 64 entries, depth 128 bytes of x
//            lora_expand    grid (tiles, width / 128), 256 threads;  128 rows × 128 columns, depth 32 bytes of entries
//            lora_gradient  grid (tiles, width / 128 of dB, then of dA), 128 threads;  64 entries × 128 columns, depth 32 rows
//            lora_shrink_sum, lora_gradient_sum: the partial sums of the splits, in their order: no atomics, same inputs, same bits.
//            A block waits for memory once a step of depth, so a run of rows with few tiles is split finer (LoraWork)
// Aliasing   none, but y, dx, dA, dB accumulate (+=). Tiles of one launch of lora_expand have rows of their own, tiles of one launch of
//            lora_gradient have ranks of their own: the launcher orders what overlaps.
// Cost       lora_shrink      reads s N Cin + 4 r Cin + 24 ⌈N / 128⌉ + 12 r, writes 4 N r, loads s N Cin + (4 r Cin + 96 + 12 r) ⌈N / 128⌉,
//                             mma bf16 128 ⌈N / 128⌉ ⌈r / 16⌉ ⌈Cin / 64⌉, fma f32 N r Cin, excess ≤ bf16 N r / 8 + 4 ⌈N / 128⌉
//            lora_shrink_sum  reads 4 S N r + 24 ⌈N / 128⌉ + 12 r, writes 4 N r, loads 4 S N r + (24 + 12 r) N r / 32, excess ≤ N r / 32
//            lora_expand      reads s N Cout + 4 N r + 4 r Cout + 24 ⌈N / 128⌉ + 12 r, writes s N Cout,
//                             loads s N Cout + 4 N r ⌈Cout / 128⌉ + 4 r Cout ⌈N / 128⌉ + (192 + 108 r) ⌈N / 128⌉ ⌈Cout / 128⌉,
//                             mma bf16 384 ⌈N / 128⌉ ⌈Cout / 128⌉ ⌈r / 16⌉, fma f32 N r Cout, excess ≤ r ⌈N / 128⌉ ⌈Cout / 128⌉ / 2,
//                             conflicts f32 (1024 + 32 ⌈r / 8⌉) ⌈N / 128⌉ ⌈Cout / 128⌉
//            lora_gradient    reads s N Cin + s N Cout + 8 N r + 4 r (Cin + Cout) + 24 + 12 r, writes 4 r (Cin + Cout),
//                             loads s N Cin + s N Cout + 4 r (Cin + Cout) + (4 N r + 96 + 12 r) (⌈Cin / 128⌉ + ⌈Cout / 128⌉),
//                             mma bf16 16 ⌈r / 16⌉ (⌈Cin / 128⌉ + ⌈Cout / 128⌉) 2 ⌈N / 16⌉, fma f32 N r (Cin + Cout),
//                             conflicts 32 / s 2 ⌈N / 32⌉ (⌈Cin / 128⌉ + ⌈Cout / 128⌉), excess ≤ 4 ⌈Cin / 128⌉ + 4 ⌈Cout / 128⌉: one split.
//            lora_gradient_sum  reads (4 S + 4) r (Cin + Cout) + 16 + 4 r, writes 4 r (Cin + Cout),
//                             loads (4 S + 4) r (Cin + Cout) + 20 r (Cin + Cout) / 32, excess ≤ r (Cin + Cout) / 32
//            One adapter of r ranks, at most 64, on N rows; S splits. Bandwidth bound for small r.
// Source     Hu et al. 2021, arXiv:2106.09685;  the segmented layout is Punica's SGMV, Chen et al. 2023, arXiv:2310.18547
#include "device/lora_tiles.cuh"

struct LoraTile {
    int row, rows;       // token rows
    int first, entries;  // of the list of entries
    int partial;         // where its partial sums begin, or -1: it has none
    int chunk;           // lora_shrink: columns of x that a block sums
};

struct LoraSum {
    int first, entries;  // of the list of entries
    int partial;         // row of the partial sums of its first split
    int splits;
};

constexpr int tile_entries = 64;

// Stores a run of sums, or adds it, as much of it as is left of the row; two at once where they are aligned.
template <int N>
__device__ inline void put_run(const float (&x)[N], bool adds, int left, float* to) {
    if constexpr (N == 2) {
        if (left >= 2 && reinterpret_cast<unsigned long long>(to) % sizeof(float2) == 0) {
            float2* const pair = reinterpret_cast<float2*>(to);
            const float2 old = adds ? *pair : make_float2(0.0f, 0.0f);
            *pair = adds ? make_float2(old.x + x[0], old.y + x[1]) : make_float2(x[0], x[1]);
            return;
        }
    }
#pragma unroll
    for (int i = 0; i < N; ++i) {
        if (i < left) to[i] = adds ? to[i] + x[i] : x[i];
    }
}

template <typename T>
struct Shrink {
    static constexpr int rows = 128, depth = 128 / sizeof(T), threads = 128, blocks = sizeof(T) == 2 ? 3 : 2;
    using X = TileOperand<T, rows, depth, false>;
    using Factor = TileOperand<T, tile_entries, depth, false, split_planes<T>>;
    using Product = BlockProduct<T, rows, tile_entries, 4, 1>;
};

// One tile of S = x Aᵀ, or of dS = s · dy Bᵀ, on columns split * chunk .. of x.
template <typename T>
__device__ void lora_shrink(const T* x, const float* factor, const LoraTile* tiles, const LoraEntry* list, int width, bool scaled,
                            int s_stride, bool vector, bool factor_vector, float* partials, float* s) {
    using Tiles = Shrink<T>;
    using X = typename Tiles::X;
    using Factor = typename Tiles::Factor;
    DYNAMIC_SHARED(T, memory);  // x, factor; x, factor
    __shared__ LoraEntry entries[tile_entries];
    constexpr int stage = X::elements + Factor::elements;
    const LoraTile tile = tiles[blockIdx.x];
    const int split = blockIdx.y, thread = threadIdx.x, begin = split * tile.chunk, end = min(width, begin + tile.chunk);
    if (split > 0 && begin >= width) return;  // another tile of the launch has more splits
    if (thread < tile.entries) entries[thread] = list[tile.first + thread];
    __syncthreads();

    const T* x_rows = x + static_cast<int64>(tile.row) * width;  // (rows, width)
    typename Tiles::Product product(thread);
    FactorRows<T, Factor, Tiles::threads> ranks;
    auto start = [&](int column, int buffer) {
        load_tile_async<X, Tiles::threads>(x_rows + column, width, tile.rows, end - column, vector, memory + buffer * stage);
        copy_async_commit();
        ranks.begin(factor, width, entries, tile.entries, false, column, end, factor_vector);
    };
    start(begin, 0);
    ranks.finish(memory + X::elements, tile.entries);
    for (int column = begin, buffer = 0; column < end; column += Tiles::depth, buffer ^= 1) {
        copy_async_wait<0>();
        __syncthreads();
        const bool more = column + Tiles::depth < end;
        if (more) start(column + Tiles::depth, buffer ^ 1);
        const T* stage_x = memory + buffer * stage;
        product.template add<X, Factor>(stage_x, stage_x + X::elements, Tiles::rows, tile.entries);
        if (more) ranks.finish(memory + (buffer ^ 1) * stage + X::elements, tile.entries);
    }

    float* partial = partials + tile.partial + static_cast<int64>(split) * tile.rows * tile.entries;  // (rows, entries)
    if (tile.partial >= 0) {
        product.each_run([&](int row, int j, const float(&values)[Tiles::Product::run]) {
            if (row < tile.rows) put_run(values, false, tile.entries - j, partial + row * tile.entries + j);
        });
        return;
    }
    product.each([&](int row, int j, float value) {
        if (row >= tile.rows || j >= tile.entries) return;
        s[static_cast<int64>(tile.row + row) * s_stride + entries[j].column] = scaled ? entries[j].scaling * value : value;
    });
}

// S, or dS, of one tile from the partial sums of its splits.
extern "C" __global__ void __launch_bounds__(256)
    lora_shrink_sum(const float* __restrict__ partials, const LoraTile* __restrict__ tiles, const LoraEntry* __restrict__ list, int width,
                    int scaled, int s_stride, float* __restrict__ s) {
    const LoraTile tile = tiles[blockIdx.x];
    if (tile.partial < 0) return;  // it wrote S itself
    const int elements = tile.rows * tile.entries, splits = (width + tile.chunk - 1) / tile.chunk;
    for (int i = blockIdx.y * blockDim.x + threadIdx.x; i < elements; i += gridDim.y * blockDim.x) {
        const float* partial = partials + tile.partial + i;
        float sum = 0.0f;
#pragma unroll 4
        for (int split = 0; split < splits; ++split) sum += partial[static_cast<int64>(split) * elements];
        const LoraEntry entry = list[tile.first + i % tile.entries];
        s[static_cast<int64>(tile.row + i / tile.entries) * s_stride + entry.column] = scaled ? entry.scaling * sum : sum;
    }
}

template <typename T>
struct Expand {
    static constexpr int rows = 128, columns = 128, depth = 32 / sizeof(T), threads = 256;
    using Tokens = TileOperand<T, rows, depth, false, split_planes<T>>;
    using Factor = TileOperand<T, columns, depth, true, split_planes<T>>;
    using Product = BlockProduct<T, rows, columns, 4, 2>;
    using Y = TileOperand<T, columns, rows, true>;
};

// One tile of y += s · S B, or of dx += dS A. y comes in while the product is computed, and takes it up in shared memory.
template <typename T>
__device__ void lora_expand(const float* s, const float* factor, const LoraTile* tiles, const LoraEntry* list, int s_stride, bool scaled,
                            int width, bool vector, bool factor_vector, T* y) {
    using Tiles = Expand<T>;
    using Tokens = typename Tiles::Tokens;
    using Factor = typename Tiles::Factor;
    using Y = typename Tiles::Y;
    DYNAMIC_SHARED(T, memory);  // y; S, factor; S, factor
    constexpr int stage = Tokens::elements + Factor::elements;
    const LoraTile tile = tiles[blockIdx.x];
    const int column = blockIdx.y * Tiles::columns, thread = threadIdx.x;
    const LoraEntry* entries = list + tile.first;

    T* y_tile = y + static_cast<int64>(tile.row) * width + column;  // (rows, width)
    load_tile_async<Y, Tiles::threads>(y_tile, width, tile.rows, width - column, vector, memory);
    copy_async_commit();
    typename Tiles::Product product(thread);
    TokenColumns<T, Tokens, Tiles::threads> tokens;
    FactorRows<T, Factor, Tiles::threads> ranks;
    auto begin = [&](int j) {
        const int count = min(Tiles::depth, tile.entries - j);
        tokens.begin(s + static_cast<int64>(tile.row) * s_stride, s_stride, tile.rows, entries + j, count, scaled);
        ranks.begin(factor, width, entries + j, count, false, column, width, factor_vector);
    };
    auto finish = [&](int j, T* tiles_of_stage) {
        const int count = min(Tiles::depth, tile.entries - j);
        tokens.finish(tiles_of_stage, count);
        ranks.finish(tiles_of_stage + Tokens::elements, count);
    };
    T* const stages = memory + Y::elements;
    begin(0);
    finish(0, stages);
    for (int j = 0, buffer = 0; j < tile.entries; j += Tiles::depth, buffer ^= 1) {
        __syncthreads();
        const bool more = j + Tiles::depth < tile.entries;
        if (more) begin(j + Tiles::depth);
        const T* const now = stages + buffer * stage;
        product.template add<Tokens, Factor>(now, now + Tokens::elements);
        if (more) finish(j + Tiles::depth, stages + (buffer ^ 1) * stage);
    }

    copy_async_wait<0>();
    __syncthreads();
    product.each([&](int row, int c, float value) {
        T& element = memory[row * Y::stride + c];
        element = from_float<T>(to_float(element) + value);
    });
    __syncthreads();
    store_tile<Y::rows, Y::columns, Y::stride, Tiles::threads>(memory, tile.rows, width - column, vector, y_tile, width);
}

template <typename T>
struct Gradient {
    static constexpr int columns = 128, depth = 32, threads = 128, blocks = sizeof(T) == 2 ? 3 : 2;
    using Tokens = TileOperand<T, tile_entries, depth, true, split_planes<T>>;
    using X = TileOperand<T, columns, depth, true>;
    using Product = BlockProduct<T, tile_entries, columns, 1, 4>;
};

// dB += s · Sᵀ dy, or dA += dSᵀ x: what a block adds up, (ranks, width).
template <typename T>
struct GradientOf {
    const float* s;  // (N, s_stride)
    const T* x;      // (N, width)
    int width;
    bool scaled, vector;
    float* partials;  // (partial rows, width)
    float* gradient;  // (R, width)
};

template <typename T>
__device__ void lora_gradient(const GradientOf<T>& of, const LoraTile& tile, const LoraEntry* list, int s_stride, int column) {
    using Tiles = Gradient<T>;
    using Tokens = typename Tiles::Tokens;
    using X = typename Tiles::X;
    DYNAMIC_SHARED(T, memory);  // S, x; S, x
    __shared__ LoraEntry entries[tile_entries];
    constexpr int stage = Tokens::elements + X::elements;
    const int thread = threadIdx.x;
    if (thread < tile.entries) entries[thread] = list[tile.first + thread];
    __syncthreads();

    const float* s_rows = of.s + static_cast<int64>(tile.row) * s_stride;       // (rows, s_stride)
    const T* x_rows = of.x + static_cast<int64>(tile.row) * of.width + column;  // (rows, width)
    typename Tiles::Product product(thread);
    TokenColumns<T, Tokens, Tiles::threads> tokens;
    auto start = [&](int row, int buffer) {
        load_tile_async<X, Tiles::threads>(x_rows + static_cast<int64>(row) * of.width, of.width, tile.rows - row, of.width - column,
                                           of.vector, memory + buffer * stage + Tokens::elements);
        copy_async_commit();
        tokens.begin(s_rows + static_cast<int64>(row) * s_stride, s_stride, tile.rows - row, entries, tile.entries, of.scaled);
    };
    start(0, 0);
    tokens.finish(memory, tile.entries);
    for (int row = 0, buffer = 0; row < tile.rows; row += Tiles::depth, buffer ^= 1) {
        copy_async_wait<0>();
        __syncthreads();
        const bool more = row + Tiles::depth < tile.rows;
        if (more) start(row + Tiles::depth, buffer ^ 1);
        const T* now = memory + buffer * stage;
        product.template add<Tokens, X>(now, now + Tokens::elements, tile.entries);
        if (more) tokens.finish(memory + (buffer ^ 1) * stage, tile.entries);
    }

    const bool adds = tile.partial < 0;
    product.each_run([&](int j, int c, const float(&values)[Tiles::Product::run]) {
        if (j >= tile.entries) return;
        float* const row = adds ? of.gradient + static_cast<int64>(entries[j].rank) * of.width
                                : of.partials + static_cast<int64>(tile.partial + j) * of.width;  // (width)
        put_run(values, adds, of.width - column - c, row + column + c);
    });
}

template <typename T>
__device__ void lora_gradients(const float* s, const float* ds, const T* dy, const T* x, const LoraTile* tiles, const LoraEntry* list,
                               int s_stride, int out, int in, int tiles_of_b, bool out_vector, bool in_vector, float* partials_b,
                               float* partials_a, float* db, float* da) {
    const LoraTile tile = tiles[blockIdx.x];
    const int y = blockIdx.y;
    const bool is_b = y < tiles_of_b;
    const GradientOf<T> of =
        is_b ? GradientOf<T>{s, dy, out, true, out_vector, partials_b, db} : GradientOf<T>{ds, x, in, false, in_vector, partials_a, da};
    lora_gradient(of, tile, list, s_stride, (is_b ? y : y - tiles_of_b) * Gradient<T>::columns);
}

// dB and dA of a run of entries from the partial sums of their splits of the rows.
extern "C" __global__ void __launch_bounds__(128)
    lora_gradient_sum(const float* __restrict__ partials_b, const float* __restrict__ partials_a, const LoraSum* __restrict__ sums,
                      const LoraEntry* __restrict__ list, int out, int in, int tiles_of_b, float* __restrict__ db, float* __restrict__ da) {
    const LoraSum sum = sums[blockIdx.x];
    const int y = blockIdx.y, j = blockIdx.z;
    const bool is_b = y < tiles_of_b;
    const int width = is_b ? out : in, column = (is_b ? y : y - tiles_of_b) * blockDim.x + threadIdx.x;
    if (column >= width || j >= sum.entries) return;
    const float* partial = (is_b ? partials_b : partials_a) + static_cast<int64>(sum.partial) * width + column;  // (splits, entries, width)
    float* gradient = (is_b ? db : da) + column;                                                                 // (R, width)
    float total = 0.0f;
#pragma unroll 4
    for (int split = 0; split < sum.splits; ++split) total += partial[static_cast<int64>(split * sum.entries + j) * width];
    gradient[static_cast<int64>(list[sum.first + j].rank) * width] += total;
}

// ---- entry points -------------------------------------------------------------------------------------------------------------------

#define SHRINK_PARAMETERS(T)                                                                                                           \
    const T *__restrict__ x, const float *__restrict__ factor, const LoraTile *__restrict__ tiles, const LoraEntry *__restrict__ list, \
        int width, int scaled, int s_stride, int vector, int factor_vector, float *__restrict__ partials, float *__restrict__ s
#define SHRINK_ARGUMENTS x, factor, tiles, list, width, scaled, s_stride, vector, factor_vector, partials, s

#define EXPAND_PARAMETERS(T)                                                                                                               \
    const float *__restrict__ s, const float *__restrict__ factor, const LoraTile *__restrict__ tiles, const LoraEntry *__restrict__ list, \
        int s_stride, int scaled, int width, int vector, int factor_vector, T *__restrict__ y
#define EXPAND_ARGUMENTS s, factor, tiles, list, s_stride, scaled, width, vector, factor_vector, y

#define GRADIENT_PARAMETERS(T)                                                                                                 \
    const float *__restrict__ s, const float *__restrict__ ds, const T *__restrict__ dy, const T *__restrict__ x,              \
        const LoraTile *__restrict__ tiles, const LoraEntry *__restrict__ list, int s_stride, int out, int in, int tiles_of_b, \
        int out_vector, int in_vector, float *__restrict__ partials_b, float *__restrict__ partials_a, float *__restrict__ db, \
        float *__restrict__ da
#define GRADIENT_ARGUMENTS s, ds, dy, x, tiles, list, s_stride, out, in, tiles_of_b, out_vector, in_vector, partials_b, partials_a, db, da

extern "C" __global__ void __launch_bounds__(Shrink<float>::threads, Shrink<float>::blocks) lora_shrink_f32(SHRINK_PARAMETERS(float)) {
    lora_shrink<float>(SHRINK_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Shrink<bf16>::threads, Shrink<bf16>::blocks) lora_shrink_bf16(SHRINK_PARAMETERS(bf16)) {
    lora_shrink<bf16>(SHRINK_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Expand<float>::threads, 2) lora_expand_f32(EXPAND_PARAMETERS(float)) {
    lora_expand<float>(EXPAND_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Expand<bf16>::threads, 2) lora_expand_bf16(EXPAND_PARAMETERS(bf16)) {
    lora_expand<bf16>(EXPAND_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gradient<float>::threads, Gradient<float>::blocks)
    lora_gradient_f32(GRADIENT_PARAMETERS(float)) {
    lora_gradients<float>(GRADIENT_ARGUMENTS);
}

extern "C" __global__ void __launch_bounds__(Gradient<bf16>::threads, Gradient<bf16>::blocks)
    lora_gradient_bf16(GRADIENT_PARAMETERS(bf16)) {
    lora_gradients<bf16>(GRADIENT_ARGUMENTS);
}
