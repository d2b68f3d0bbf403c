// block_product.cuh: d (Rows, Columns) += a (Rows, Depth) b (Depth, Columns), tiles in shared memory, by all threads of a block
//
// bf16 runs on the tensor cores, f32 by FFMA (never TF32: it would miss the reference). A kernel that is a template on its storage type
// gets either with the same text.
//
// An operand lies as it lies in memory: element (i, k), i a row of a or a column of b, k the depth, at i * stride + k, or at
// k * stride + i where it is depth-first. Its rows are 16 bytes longer than they need be, so that eight of them meet eight different
// groups of banks.
//
// Planes: an f32 number meets bf16 as two planes, high = bf16(x) and low = bf16(x - high), |x - high - low| <= 2^-16 |x|. The products
// are high high + high low + low high: a term errs by at most 2^-16 of its size where one operand is split, 3 * 2^-16 where both are,
// against 2^-8 of plain rounding. An infinity, or what rounds to one, becomes a NaN.
//
// Source     mma.cuh; the split is Henry, Tang, Heinecke 2019, arXiv:1904.06376
#pragma once

#include "device/async_copy.cuh"
#include "device/load.cuh"
#include "device/mma.cuh"

// A tile as it lies in shared memory. Width is the extent that is not the depth.
template <typename T, int Width, int Depth, bool DepthFirst, int Planes = 1>
struct TileOperand {
    static constexpr bool depth_first = DepthFirst;
    static constexpr int rows = DepthFirst ? Depth : Width, columns = DepthFirst ? Width : Depth, depth = Depth, planes = Planes;
    static constexpr int stride = columns + 16 / sizeof(T), plane = rows * stride, elements = Planes * plane;
};

// How many planes an f32 operand takes in a product of T.
template <typename T>
constexpr int split_planes = sizeof(T) == 2 ? 2 : 1;

__device__ inline void store_split(float x, float* to, int) { *to = x; }

__device__ inline void store_split(float x, bf16* to, int plane) {
    const bf16 high = from_float<bf16>(x);
    to[0] = high;
    to[plane] = from_float<bf16>(x - to_float(high));
}

// Four neighbours, `to` aligned to four elements.
__device__ inline void store_split(const float (&x)[4], float* to, int) { store_vector(x, to); }

__device__ inline void store_split(const float (&x)[4], bf16* to, int plane) {
    const unsigned left = pack_bf16x2(x[0], x[1]), right = pack_bf16x2(x[2], x[3]);
    *reinterpret_cast<uint2*>(to) = make_uint2(left, right);
    *reinterpret_cast<uint2*>(to + plane) = make_uint2(pack_bf16x2(x[0] - low_float(left), x[1] - high_float(left)),
                                                       pack_bf16x2(x[2] - low_float(right), x[3] - high_float(right)));
}

// The block's part of the work: WarpRows × WarpColumns warps, each of Rows / WarpRows × Columns / WarpColumns elements of d.
template <typename T, int Rows, int Columns, int WarpRows, int WarpColumns>
struct BlockProduct;

template <int Rows, int Columns, int WarpRows, int WarpColumns>
struct BlockProduct<bf16, Rows, Columns, WarpRows, WarpColumns> {
    static constexpr int threads = 32 * WarpRows * WarpColumns;
    static constexpr int tiles = Rows / WarpRows / 16, pairs = Columns / WarpColumns / 16;
    FragmentD d[tiles][2 * pairs];
    int lane, row0, column0;

    __device__ explicit BlockProduct(int thread) {
        lane = thread % 32;
        row0 = thread / 32 / WarpColumns * (16 * tiles);
        column0 = thread / 32 % WarpColumns * (16 * pairs);
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
#pragma unroll
            for (int j = 0; j < 2 * pairs; ++j) d[i][j] = FragmentD{{0.0f, 0.0f, 0.0f, 0.0f}};
        }
    }

    // Rows and columns from the active ones on are left out, in steps of 16: up to there the tiles must hold numbers. Where all are
    // active, the constants leave no branch behind.
    template <typename A, typename B>
    __device__ void add(const bf16* a, const bf16* b, int active_rows = Rows, int active_columns = Columns) {
#pragma unroll
        for (int k = 0; k < A::depth; k += 16) {
            FragmentA left[A::planes][tiles];
#pragma unroll
            for (int i = 0; i < tiles; ++i) {
                const int row = row0 + 16 * i;
                if (row >= active_rows) break;
#pragma unroll
                for (int p = 0; p < A::planes; ++p) {
                    if constexpr (A::depth_first)
                        load_a_transposed(left[p][i], a + p * A::plane + k * A::stride + row, A::stride, lane);
                    else
                        load_a(left[p][i], a + p * A::plane + row * A::stride + k, A::stride, lane);
                }
            }
#pragma unroll
            for (int j = 0; j < pairs; ++j) {
                const int column = column0 + 16 * j;
                if (column >= active_columns) break;
                FragmentB right[B::planes][2];
#pragma unroll
                for (int p = 0; p < B::planes; ++p) {
                    if constexpr (B::depth_first)
                        load_b_pair_transposed(right[p][0], right[p][1], b + p * B::plane + k * B::stride + column, B::stride, lane);
                    else
                        load_b_pair(right[p][0], right[p][1], b + p * B::plane + column * B::stride + k, B::stride, lane);
                }
                // Small terms first; the products of one pair of planes are independent of each other and hide their latency.
                if constexpr (A::planes == 2) add_planes(left[1], right[0], j, active_rows);
                if constexpr (B::planes == 2) add_planes(left[0], right[1], j, active_rows);
                add_planes(left[0], right[0], j, active_rows);
            }
        }
    }

    __device__ void add_planes(const FragmentA (&left)[tiles], const FragmentB (&right)[2], int j, int active_rows) {
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
            if (row0 + 16 * i >= active_rows) break;
            mma(d[i][2 * j], left[i], right[0]);
            mma(d[i][2 * j + 1], left[i], right[1]);
        }
    }

    // f(row, column, value) for each element of d that this thread holds.
    template <typename F>
    __device__ void each(F f) const {
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
#pragma unroll
            for (int j = 0; j < 2 * pairs; ++j) {
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    f(row0 + 16 * i + lane / 4 + e / 2 * 8, column0 + 8 * j + lane % 4 * 2 + e % 2, d[i][j].r[e]);
                }
            }
        }
    }

    // f(row, column, values) for each run of neighbours in a row that this thread holds.
    static constexpr int run = 2;

    template <typename F>
    __device__ void each_run(F f) const {
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
#pragma unroll
            for (int j = 0; j < 2 * pairs; ++j) {
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const float values[run] = {d[i][j].r[2 * e], d[i][j].r[2 * e + 1]};
                    f(row0 + 16 * i + lane / 4 + e * 8, column0 + 8 * j + lane % 4 * 2, values);
                }
            }
        }
    }
};

// 16 threads lie along a row of d; each owns every (threads / 16)-th row and every 16th column, so that small ranks cost little.
template <int Rows, int Columns, int WarpRows, int WarpColumns>
struct BlockProduct<float, Rows, Columns, WarpRows, WarpColumns> {
    static constexpr int threads = 32 * WarpRows * WarpColumns, thread_rows = threads / 16;
    static constexpr int rows = Rows / thread_rows, columns = Columns / 16;
    float d[rows][columns];
    int row0, column0;

    __device__ explicit BlockProduct(int thread) {
        row0 = thread / 16;
        column0 = thread % 16;
#pragma unroll
        for (int i = 0; i < rows; ++i) {
#pragma unroll
            for (int j = 0; j < columns; ++j) d[i][j] = 0.0f;
        }
    }

    // Elements k .. k+3 in depth of row (or column) i.
    template <typename Operand>
    static __device__ float4 load4(const float* tile, int i, int k) {
        if constexpr (Operand::depth_first) {
            const float* p = tile + k * Operand::stride + i;
            return make_float4(p[0], p[Operand::stride], p[2 * Operand::stride], p[3 * Operand::stride]);
        } else {
            return *reinterpret_cast<const float4*>(tile + i * Operand::stride + k);
        }
    }

    template <typename A, typename B>
    __device__ void add(const float* a, const float* b, int active_rows = Rows, int active_columns = Columns) {
#pragma unroll 1
        for (int k = 0; k < A::depth; k += 4) {
            float4 right[columns];
#pragma unroll
            for (int j = 0; j < columns; ++j) {
                if (16 * j >= active_columns) break;
                right[j] = load4<B>(b, column0 + 16 * j, k);
            }
#pragma unroll
            for (int i = 0; i < rows; ++i) {
                if (thread_rows * i >= active_rows) break;
                const float4 left = load4<A>(a, row0 + thread_rows * i, k);
#pragma unroll
                for (int j = 0; j < columns; ++j) {
                    if (16 * j >= active_columns) break;
                    float sum = d[i][j];
                    sum = fmaf(left.x, right[j].x, sum), sum = fmaf(left.y, right[j].y, sum);
                    sum = fmaf(left.z, right[j].z, sum), sum = fmaf(left.w, right[j].w, sum);
                    d[i][j] = sum;
                }
            }
        }
    }

    template <typename F>
    __device__ void each(F f) const {
#pragma unroll
        for (int i = 0; i < rows; ++i) {
#pragma unroll
            for (int j = 0; j < columns; ++j) f(row0 + thread_rows * i, column0 + 16 * j, d[i][j]);
        }
    }

    static constexpr int run = 1;

    template <typename F>
    __device__ void each_run(F f) const {
        each([&](int row, int column, float value) {
            const float values[run] = {value};
            f(row, column, values);
        });
    }
};

// Starts the copy of a tile of T, invalid elements zero; `vector`: rows are aligned to 16 bytes and valid_columns a multiple of a vector.
// A thread stays in its column.
template <typename Tile, int Threads, typename T>
__device__ inline void load_tile_async(const T* source, int64 stride, int valid_rows, int valid_columns, bool vector, T* tile) {
    constexpr int width = Vector<T>::width, vectors = Tile::columns / width, step = Threads / vectors;
    static_assert(Threads % vectors == 0 && Tile::rows % step == 0, "every thread copies as many vectors");
    if (vector) {
        const int row0 = copied_row<Tile::columns * sizeof(T)>(threadIdx.x / vectors), column = threadIdx.x % vectors * width;
        const int rows = column < valid_columns ? valid_rows - row0 : 0;
        const T* from = source + row0 * stride + column;
        T* to = tile + row0 * Tile::stride + column;
#pragma unroll
        for (int row = 0; row < Tile::rows; row += step) {
            copy_async_16(to + row * Tile::stride, row < rows ? from : source, row < rows);
            from += step * stride;
        }
        return;
    }
#pragma unroll 1
    for (int i = threadIdx.x; i < Tile::rows * Tile::columns; i += Threads) {
        const int row = i / Tile::columns, column = i % Tile::columns;
        const bool valid = row < valid_rows && column < valid_columns;
        T* to = tile + row * Tile::stride + column;
        if constexpr (sizeof(T) == 4)
            copy_async_4(to, valid ? source + row * stride + column : source, valid);
        else
            *to = valid ? source[row * stride + column] : T{};
    }
}

// The way back: the valid part of a tile to memory.
template <int Rows, int Columns, int Stride, int Threads, typename T>
__device__ inline void store_tile(const T* tile, int valid_rows, int valid_columns, bool vector, T* destination, int64 stride) {
    constexpr int width = Vector<T>::width;
    const int step = vector ? width : 1, columns = Columns / step;
    for (int i = threadIdx.x; i < Rows * columns; i += Threads) {
        const int row = i / columns, column = i % columns * step;
        if (row >= valid_rows || column >= valid_columns) continue;
        const T* from = tile + row * Stride + column;
        T* to = destination + row * stride + column;
        if (vector)
            *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
        else
            *to = *from;
    }
}
