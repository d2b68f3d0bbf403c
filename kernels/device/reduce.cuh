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

// The sum over the `lanes` threads (a power of two) that share a row, which each of them receives; the rows of a block lie one after the
// other in its threads, whole warps of them. scratch holds one value a warp; all threads of the block call.
template <typename T>
__device__ inline T row_sum(T x, int lanes, T* scratch) {
    for (int offset = min(lanes, warp_size) / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(all_lanes, x, offset);
    if (lanes <= warp_size) return x;
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size, warps = lanes / warp_size;
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return warp_sum(lane < warps ? scratch[warp / warps * warps + lane] : T(0));
}

// Sums over the warps of a block, one after the other. Lane l of every warp brings Width columns of a tile, l * Width and on; thread t
// receives the sum of column t, for t < 32 Width, Width a multiple of 4. scratch holds blockDim.x * Width values, aligned to 16 bytes; all
// threads call.
template <int Width>
__device__ inline float tile_column_sum(const float (&x)[Width], float* scratch) {
    const int thread = threadIdx.x, warps = blockDim.x / warp_size;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < Width; i += 4)
        *reinterpret_cast<float4*>(scratch + thread * Width + i) = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    __syncthreads();
    float sum = 0.0f;
    if (thread < warp_size * Width) {
        for (int warp = 0; warp < warps; ++warp) sum += scratch[warp * warp_size * Width + thread];
    }
    return sum;
}
