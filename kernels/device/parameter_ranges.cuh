// parameter_ranges.cuh: which part of the flat parameter buffer a block of threads works on
//
// The buffer is cut into ranges (a run of one client's adapter, a norm weight, …), each of one optimiser segment, and every range into
// blocks of `block_elements`; the last block of a range is shorter. Blocks are numbered through all ranges in order.
#pragma once

#include "device/dtype.cuh"

constexpr int block_elements = 8192;

// As the host lays it out: CudaBackend.RangeBlocks.
struct RangeBlocks {
    int64 offset, count;  // elements of the flat buffer
    int first_block;
    int segment;
    int decays, reserved;
};

// The elements begin .. end - 1 of a block, and their range.
struct RangeBlock {
    int64 begin, end;
    int range;
};

__device__ inline RangeBlock find_block(int block, const RangeBlocks* ranges, int range_count) {
    int low = 0, high = range_count - 1;  // the last range whose first block is not after this one; empty ranges have none of their own
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (ranges[middle].first_block <= block) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    const RangeBlocks range = ranges[low];
    const int64 first = static_cast<int64>(block - range.first_block) * block_elements, left = range.count - first;
    return RangeBlock{range.offset + first, range.offset + first + (left < block_elements ? left : block_elements), low};
}

// Calls body(i, is_vector) for the elements begin .. end - 1: with a multiple i of 4 and true for four at a time, else one by one. The
// base of the buffers is aligned if `aligned`; a range may start anywhere.
template <typename Body>
__device__ inline void for_block(int64 begin, int64 end, int thread, int threads, bool aligned, Body body) {
    for (int64 i = begin / 4 * 4 + thread * 4; i < end; i += threads * 4) {
        if (aligned && i >= begin && i + 4 <= end) {
            body(i, true);
        } else {
            for (int64 j = i < begin ? begin : i; j < i + 4 && j < end; ++j) body(j, false);
        }
    }
}
