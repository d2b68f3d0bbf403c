// reduce.cuh: sums and maxima over a warp and over a block, in a fixed order
//
// The order is a binary tree over the lanes (and then over the warps), the same in every run: same inputs, same bits.
#pragma once

constexpr int warp_size = 32;
constexpr unsigned all_lanes = 0xffffffffu;

__device__ inline float warp_sum(float x) {
    for (int offset = warp_size / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(all_lanes, x, offset);
    return x;
}

__device__ inline double warp_sum(double x) {
    for (int offset = warp_size / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(all_lanes, x, offset);
    return x;
}

__device__ inline float warp_max(float x) {
    for (int offset = warp_size / 2; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(all_lanes, x, offset));
    return x;
}

// The sum over all threads of a block of at most 1,024, which every thread receives. scratch holds one value a warp; all threads call.
template <typename T>
__device__ inline T block_sum(T x, T* scratch) {
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size, warps = (blockDim.x + warp_size - 1) / warp_size;
    x = warp_sum(x);
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return warp_sum(lane < warps ? scratch[lane] : T(0));
}

__device__ inline float block_max(float x, float* scratch) {
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size, warps = (blockDim.x + warp_size - 1) / warp_size;
    x = warp_max(x);
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return warp_max(lane < warps ? scratch[lane] : scratch[0]);
}
