// gather_rows.cu: rows picked by index, and put back by index
//
//   gather     y[i] = x[rows[i]]
//   scatter    y[rows[i]] = x[i]                          other rows of y keep what they hold
//              other_y[rows[i]] = other[i]                in the same launch, such as values beside keys
//
// Shapes     gather: x (N, C), rows (M), y (M, C);  scatter: x, other (M, C), rows (M), y, other_y (N, C)
// Types      x, y: f32, i32 (as f32) | bf16, moved bit for bit;  rows: i32
// Launch     `lanes` threads a row (a power of two), 256 / lanes rows a block, 16 bytes a step;  a scatter of two has two rows of blocks
// Aliasing   none; the rows of a scatter are distinct, so no two threads write one place.
// Bounds     an index outside 0 .. N − 1 cannot be refused without waiting for the device: gathered it is a row of ones in every bit,
//            which is NaN, and scattered it goes nowhere.
// Cost       gather_rows   reads s M C + 4 M, writes s M C, loads s M C + 4 M ⌈lanes / 32⌉: bandwidth bound.
//            scatter_rows  reads s M C + 4 M, writes s M C, loads s M C + 4 M ⌈lanes / 32⌉: bandwidth bound.
// Source     plain
#include "device/load.cuh"

constexpr int threads = 256;

// `from` may be null: a row of ones.
template <typename T>
__device__ inline void copy_row(const T* from, int lane, int lanes, int columns, bool is_vector, T* to) {
    if (is_vector) {
        constexpr int width = Vector<T>::width;
        const uint4 ones = make_uint4(~0u, ~0u, ~0u, ~0u);
        for (int c = lane * width; c < columns; c += lanes * width)
            *reinterpret_cast<uint4*>(to + c) = from != nullptr ? *reinterpret_cast<const uint4*>(from + c) : ones;
    } else {
        for (int c = lane; c < columns; c += lanes) to[c] = from != nullptr ? from[c] : T(~T(0));
    }
}

// T is an unsigned integer of the element's size.
template <typename T>
__device__ inline void gather_rows(const T* x, const int* rows, int count, int limit, int columns, int lanes, T* y) {
    const int i = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    if (i >= count) return;
    const int row = rows[i];
    const T* from = row >= 0 && row < limit ? x + static_cast<int64>(row) * columns : nullptr;  // (C)
    copy_row(from, lane, lanes, columns, is_vector_aligned(columns, x, y), y + static_cast<int64>(i) * columns);
}

// Block row 1 moves `other` in the same way.
template <typename T>
__device__ inline void scatter_rows(const T* x, const T* other, const int* rows, int count, int limit, int columns, int lanes, T* y,
                                    T* other_y) {
    if (blockIdx.y == 1) x = other, y = other_y;
    const int i = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    if (i >= count) return;
    const int row = rows[i];
    if (row < 0 || row >= limit) return;
    copy_row(x + static_cast<int64>(i) * columns, lane, lanes, columns, is_vector_aligned(columns, x, y),
             y + static_cast<int64>(row) * columns);
}

extern "C" __global__ void __launch_bounds__(threads)
    gather_rows_f32(const unsigned* x, const int* rows, int count, int limit, int columns, int lanes, unsigned* y) {
    gather_rows(x, rows, count, limit, columns, lanes, y);
}

extern "C" __global__ void __launch_bounds__(threads)
    gather_rows_bf16(const unsigned short* x, const int* rows, int count, int limit, int columns, int lanes, unsigned short* y) {
    gather_rows(x, rows, count, limit, columns, lanes, y);
}

extern "C" __global__ void __launch_bounds__(threads) scatter_rows_f32(const unsigned* x, const unsigned* other, const int* rows, int count,
                                                                       int limit, int columns, int lanes, unsigned* y, unsigned* other_y) {
    scatter_rows(x, other, rows, count, limit, columns, lanes, y, other_y);
}

extern "C" __global__ void __launch_bounds__(threads)
    scatter_rows_bf16(const unsigned short* x, const unsigned short* other, const int* rows, int count, int limit, int columns, int lanes,
                      unsigned short* y, unsigned short* other_y) {
    scatter_rows(x, other, rows, count, limit, columns, lanes, y, other_y);
}
