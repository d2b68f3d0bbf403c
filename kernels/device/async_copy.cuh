// async_copy.cuh: a tile of rows from global to shared memory, asynchronously, by all threads of a block
//
// copy_tile_async starts the copies of a (rows, columns) tile; copy_async_commit closes the group, copy_async_wait<n> and then
// __syncthreads() make it visible. Rows and columns beyond the matrix become zero. The row stride in shared memory should be a multiple of
// 16 bytes but not of 128, or ldmatrix meets bank conflicts: columns + 8 bf16 does it.
#pragma once

#include "device/dtype.cuh"

// `source` is element (0, 0) of the tile; `valid_rows`, `valid_columns` are how much of the matrix is left from there. Source rows must be
// aligned to 16 bytes (pointer and stride); valid_columns a multiple of a vector.
template <typename T, int Rows, int Columns, int Threads>
__device__ inline void copy_tile_async(const T* source, int64 source_stride, int valid_rows, int valid_columns, T* shared,
                                       int shared_stride) {
    constexpr int width = 16 / sizeof(T), vectors = Columns / width;
    for (int i = threadIdx.x; i < Rows * vectors; i += Threads) {
        const int row = i / vectors, column = i % vectors * width;
        const bool valid = row < valid_rows && column < valid_columns;
        copy_async_16(shared + row * shared_stride + column, valid ? source + row * source_stride + column : source, valid);
    }
}
