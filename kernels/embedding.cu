// embedding.cu: token vectors, and the gradient of their table
//
//   forward    x[n]               = table[tokens[n]]
//   backward   dTable[tokens[n]] += dx[n]
//
// A token occurs many times, so the backward sorts the rows by token first: each run of equal tokens is then summed in the order of its
// rows and added to the table by one owner. No two threads add to one place, and the order is that of the rows.
//
// Shapes     table, dTable (vocab, C) row-major;  tokens (N);  x, dx (N, C), N = B·T;  keys (N)
// Types      table, x, dx: f32 | bf16, f32 in registers;  dTable: f32;  tokens: i32;  keys: i64 = token · 2³² + row, so all distinct
// Launch     forward: `lanes` threads a row (a power of two), 256 / lanes rows a block, 4 elements a step, 8 where all are bf16.
//            sort_tokens: one block of 256 a tile of 1,024 keys, merged in shared memory; merge_tokens: one thread a key, runs of `run`
//            keys into runs of twice that. A key's place after a merge is its place in its own run plus the number of smaller keys in
//            the sibling, found by bisection.
//            backward: block (i, j) owns places 8 i .. + 8 of the sorted rows and columns 32 V j .. + 32 V, V = 16 / sizeof(T); a warp
//            sums the run that starts at its place, and all eight share a run of more than 32 rows.
// Aliasing   none.  dTable accumulates (+=).
// Bounds     a token outside 0 .. vocab − 1 cannot be refused without waiting for the device: its x is NaN, its dx goes nowhere.
// Cost       embedding_forward_*     reads w N C + 4 N, writes s N C: w bytes an element of table.
//            embedding_sort_tokens   reads 4 N, writes 8 N, conflicts ≤ 3 N
//            embedding_merge_tokens  reads 8 N, writes 8 N, loads ≤ 24 N, sectors ≤ 1.8: ⌈log₂(N / 1024)⌉ times.
//            embedding_backward      reads s N C + 4 tokens C + 8 N, writes 4 tokens C,
//                                    loads ≤ s N C + 4 tokens C + (24 N + 264 tokens) ⌈C / (32 V)⌉, sectors ≤ 1.5: tokens that occur.
//            Bandwidth bound.
// Source     plain; the merge by ranks: Satish, Harris, Garland, "Designing efficient sorting algorithms for manycore GPUs", IPDPS 2009
#include "device/load.cuh"
#include "device/reduce.cuh"

constexpr int threads = 256, warps = threads / warp_size;
constexpr int tile_keys = 1024;
constexpr int short_run = 32;  // rows that a warp sums alone: beyond, seven waiting warps cost more than a barrier

// ---- forward ------------------------------------------------------------------------------------------------------------------------

template <typename W, typename T, bool is_vector>
__device__ inline void copy_row(const W* from, int lane, int lanes, int columns, T* to) {
    constexpr int width = sizeof(W) + sizeof(T) == 2 * sizeof(bf16) ? 8 : 4;  // where one side is f32, more would leave sectors half used
    for (int c = lane * width; c < columns; c += lanes * width) {
        float v[width];
        if (from != nullptr) {
            load<is_vector>(from + c, columns - c, v);
        } else {
#pragma unroll
            for (int i = 0; i < width; ++i) v[i] = __uint_as_float(0x7fffffffu);  // NaN
        }
        store<is_vector>(v, columns - c, to + c);
    }
}

template <typename W, typename T>
__device__ inline void embedding_forward(const W* table, const int* tokens, int rows, int vocabulary, int columns, int lanes, T* x) {
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    if (row >= rows) return;
    const int token = tokens[row];
    const W* from = token >= 0 && token < vocabulary ? table + static_cast<int64>(token) * columns : nullptr;  // (C)
    T* to = x + static_cast<int64>(row) * columns;                                                             // (C)
    if (columns % 8 == 0 && is_vector_aligned(columns, table, x)) {
        copy_row<W, T, true>(from, lane, lanes, columns, to);
    } else {
        copy_row<W, T, false>(from, lane, lanes, columns, to);
    }
}

// ---- the order of the tokens --------------------------------------------------------------------------------------------------------

constexpr int64 row_limit = 1ll << 32;

__device__ inline int token_of(int64 key) { return static_cast<int>(key >> 32); }

__device__ inline int row_of(int64 key) { return static_cast<int>(key & (row_limit - 1)); }

// How many of the ascending keys are below `bound`.
__device__ inline int count_below(const int64* keys, int count, int64 bound) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (keys[middle] < bound) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Where key i of sorted runs of `run` keys goes when every two neighbouring runs become one.
__device__ inline int merged_place(const int64* keys, int count, int run, int i) {
    const int own = i / run, sibling = min((own ^ 1) * run, count), length = min(run, count - sibling);
    return (own & ~1) * run + i % run + count_below(keys + sibling, length, keys[i]);
}

extern "C" __global__ void __launch_bounds__(threads) embedding_sort_tokens(const int* tokens, int rows, int first_row, int64* keys) {
    __shared__ int64 buffer[2][tile_keys];
    const int tile = blockIdx.x * tile_keys, count = min(tile_keys, rows - tile), thread = threadIdx.x;
    for (int i = thread; i < count; i += threads) {
        const int row = first_row + tile + i;
        buffer[0][i] = static_cast<int64>(tokens[row]) * row_limit + row;
    }
    int from = 0;
    for (int run = 1; run < count; run *= 2) {
        __syncthreads();
        for (int i = thread; i < count; i += threads) buffer[1 - from][merged_place(buffer[from], count, run, i)] = buffer[from][i];
        from = 1 - from;
    }
    __syncthreads();
    for (int i = thread; i < count; i += threads) keys[tile + i] = buffer[from][i];
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_merge_tokens(const int64* __restrict__ keys, int rows, int run, int64* __restrict__ merged) {
    const int i = blockIdx.x * threads + threadIdx.x;
    if (i < rows) merged[merged_place(keys, rows, run, i)] = keys[i];
}

// ---- backward -----------------------------------------------------------------------------------------------------------------------

// The rows of the token whose run starts at `place`; 0 if none does. A warp asks together: its lanes look at the next 32 places at once,
// and only a longer run is bisected.
__device__ inline int run_length(const int64* keys, int rows, int vocabulary, int place, int lane) {
    if (place >= rows) return 0;
    const int token = token_of(keys[place]), next = place + 1 + lane;
    if (token < 0 || token >= vocabulary || (place > 0 && token_of(keys[place - 1]) == token)) return 0;
    const int same = static_cast<int>(warp_sum(next < rows && token_of(keys[next]) == token ? 1.0f : 0.0f));
    return same < warp_size ? 1 + same : count_below(keys + place, rows - place, (token + 1ll) * row_limit);
}

// sums += the rows at places first, first + step, … of a run of `length`, in this order.
template <typename T, bool is_vector, int Width>
__device__ inline void add_run(const T* dx, const int64* run, int first, int step, int length, int columns, int c, float (&sums)[Width]) {
#pragma unroll 2
    for (int i = first; i < length; i += step) {
        float v[Width];
        load<is_vector>(dx + static_cast<int64>(row_of(run[i])) * columns + c, columns - c, v);
#pragma unroll
        for (int j = 0; j < Width; ++j) sums[j] += v[j];
    }
}

template <typename T, bool is_vector>
__device__ inline void add_runs(const T* __restrict__ dx, const int64* __restrict__ keys, int rows, int vocabulary, int columns,
                                float* d_table) {
    constexpr int width = Vector<T>::width, tile = warp_size * width;
    __shared__ int lengths[warps];
    __shared__ __align__(16) float scratch[threads * width];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int first_place = blockIdx.x * warps, first = blockIdx.y * tile, c = first + lane * width;

    const int place = first_place + warp, length = run_length(keys, rows, vocabulary, place, lane);
    if (lane == 0) lengths[warp] = length;
    if (length > 0 && length <= short_run && c < columns) {
        float sums[width] = {}, table[width];
        float* to = d_table + static_cast<int64>(token_of(keys[place])) * columns + c;  // (V)
        add_run<T, is_vector>(dx, keys + place, 0, 1, length, columns, c, sums);
        load<is_vector>(to, columns - c, table);
#pragma unroll
        for (int i = 0; i < width; ++i) table[i] += sums[i];
        store<is_vector>(table, columns - c, to);
    }
    __syncthreads();

    for (int other = 0; other < warps; ++other) {
        if (lengths[other] <= short_run) continue;
        const int64* run = keys + first_place + other;
        float sums[width] = {};
        if (c < columns) add_run<T, is_vector>(dx, run, warp, warps, lengths[other], columns, c, sums);
        const float sum = tile_column_sum(sums, scratch);
        const int column = first + threadIdx.x;
        if (threadIdx.x < tile && column < columns) d_table[static_cast<int64>(token_of(run[0])) * columns + column] += sum;
    }
}

template <typename T>
__device__ inline void embedding_backward(const T* dx, const int64* keys, int rows, int vocabulary, int columns, float* d_table) {
    if (is_vector_aligned(columns, dx) && is_vector_aligned(columns, d_table)) {
        add_runs<T, true>(dx, keys, rows, vocabulary, columns, d_table);
    } else {
        add_runs<T, false>(dx, keys, rows, vocabulary, columns, d_table);
    }
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_backward_f32(const float* dx, const int64* keys, int rows, int vocabulary, int columns, float* d_table) {
    embedding_backward(dx, keys, rows, vocabulary, columns, d_table);
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_backward_bf16(const bf16* dx, const int64* keys, int rows, int vocabulary, int columns, float* d_table) {
    embedding_backward(dx, keys, rows, vocabulary, columns, d_table);
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_forward_f32(const float* table, const int* tokens, int rows, int vocabulary, int columns, int lanes, float* x) {
    embedding_forward(table, tokens, rows, vocabulary, columns, lanes, x);
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_forward_bf16(const bf16* table, const int* tokens, int rows, int vocabulary, int columns, int lanes, bf16* x) {
    embedding_forward(table, tokens, rows, vocabulary, columns, lanes, x);
}

// A bf16 table under f32 activations, and the reverse.
extern "C" __global__ void __launch_bounds__(threads)
    embedding_forward_widened_f32(const bf16* table, const int* tokens, int rows, int vocabulary, int columns, int lanes, float* x) {
    embedding_forward(table, tokens, rows, vocabulary, columns, lanes, x);
}

extern "C" __global__ void __launch_bounds__(threads)
    embedding_forward_rounded_bf16(const float* table, const int* tokens, int rows, int vocabulary, int columns, int lanes, bf16* x) {
    embedding_forward(table, tokens, rows, vocabulary, columns, lanes, x);
}
