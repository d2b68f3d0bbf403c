// async_copy.cuh: which row of a tile a thread copies into shared memory
//
// Copies of 16 bytes are written eight at a time. A tile's rows are 16 bytes longer than they need be (tile_stride, TileOperand), so that
// reading eight of them meets eight different groups of banks; but rows of 64 bytes then lie 80 apart, eight copies are two rows, and those
// of r and r + 1 would meet in four banks. Rows r and r + 4 lie 320 bytes apart, 64 beyond a multiple of 128, and meet nowhere.
#pragma once

#include "device/dtype.cuh"

// Row i in the order of the copies, for rows of so many bytes: a bijection of 0 .. 7, of 8 .. 15, and so on.
template <int RowBytes>
__device__ inline int copied_row(int i) {
    if constexpr (RowBytes == 64) return i & ~7 | (i & 1) << 2 | (i & 7) >> 1;
    return i;
}
