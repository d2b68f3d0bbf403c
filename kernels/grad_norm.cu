// grad_norm.cu: the Euclidean norm of each optimiser segment's gradients
//
//   norms[k] = (Σ_{i in ranges of segment k} g[i]²)^(1/2)
//
// Two kernels: grad_norm_squares sums blocks of elements, grad_norm_roots the blocks of a segment.
//
// Shapes     gradients: flat;  ranges: device/parameter_ranges.cuh;  squares (blocks);  norms (K)
// Types      gradients, norms: f32;  sums: double, so that no square overflows and the order hardly matters; it is fixed all the same
// Launch     squares: one block of 256 threads a block of elements, four elements a step.  roots: one block of 256 threads a segment.
// Aliasing   none.
// Cost       grad_norm_squares  reads 4 P + 32 ranges, writes 16 blocks, loads 4 P + (260 + 32 ⌈log₂(ranges)⌉) blocks
//            grad_norm_roots    reads 16 blocks, writes 4 K, loads 8 K blocks + 8 blocks, sectors ≤ 2
//            Bandwidth bound: the gradients are read once.
// Source     Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063 (clipping by the norm)
#include "device/load.cuh"
#include "device/parameter_ranges.cuh"
#include "device/reduce.cuh"

constexpr int threads = 256, warps = threads / warp_size;

struct BlockSquare {
    double sum;
    int64 segment;
};

extern "C" __global__ void __launch_bounds__(threads)
    grad_norm_squares(const float* __restrict__ gradients, const RangeBlocks* ranges, int range_count, BlockSquare* squares) {
    __shared__ double scratch[warps];
    const RangeBlock block = find_block(blockIdx.x, ranges, range_count);
    double sum = 0.0;
    for_block(block.begin, block.end, threadIdx.x, threads, is_vector_aligned(0, gradients), [&](int64 i, bool is_vector) {
        float g[4] = {};
        if (is_vector) {
            load_vector(gradients + i, g);
        } else {
            g[0] = gradients[i];
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) sum += static_cast<double>(g[j]) * static_cast<double>(g[j]);
    });
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) squares[blockIdx.x] = BlockSquare{sum, ranges[block.range].segment};
}

extern "C" __global__ void __launch_bounds__(threads)
    grad_norm_roots(const BlockSquare* __restrict__ squares, int block_count, float* norms) {
    __shared__ double scratch[warps];
    const int segment = blockIdx.x;
    double sum = 0.0;
    for (int block = threadIdx.x; block < block_count; block += threads) {
        if (squares[block].segment == segment) sum += squares[block].sum;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) norms[segment] = static_cast<float>(sqrt(sum));
}
