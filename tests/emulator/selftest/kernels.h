// kernels.h: a kernel that uses everything, correct as it stands; the broken cases leave out one thing each by a macro
#pragma once

namespace selftest {

// c = a bᵀ, a (M, K), b (N, K) bf16, c (M, N) f32, one block of 4 warps a 32 × 32 tile, two stages of cp.async copies.
constexpr char product_kernel[] = R"(
#include "device/block_product.cuh"
#ifndef WAIT
#define WAIT copy_async_wait<1>()
#endif
#ifndef BARRIER
#define BARRIER __syncthreads()
#endif
#ifndef ROW
#define ROW(lane) ((lane) / 4)
#endif
extern "C" __global__ void __launch_bounds__(128) product(const bf16* a, const bf16* b, int m, int n, int k, float* c) {
    constexpr int tile = 32, depth = 32, stride = depth + 8;
    using Tile = TileOperand<bf16, tile, depth, false>;
    DYNAMIC_SHARED(bf16, shared);
    bf16* stage_a = shared;                          // (2, tile, stride)
    bf16* stage_b = shared + 2 * tile * stride;      // (2, tile, stride)
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int row = blockIdx.y * tile, column = blockIdx.x * tile, steps = (k + depth - 1) / depth;
    auto fetch = [&](int step) {
        const int start = step * depth;
        if (step < steps) {
            load_tile_async<Tile, 128>(a + (int64)row * k + start, k, m - row, k - start, true, stage_a + step % 2 * tile * stride);
            load_tile_async<Tile, 128>(b + (int64)column * k + start, k, n - column, k - start, true, stage_b + step % 2 * tile * stride);
        }
        copy_async_commit();
    };
    FragmentD d[2] = {};
    const int warp_row = warp / 2 * 16, warp_column = warp % 2 * 16;
    fetch(0);
    for (int step = 0; step < steps; ++step) {
        fetch(step + 1);
        WAIT;
        BARRIER;
        for (int kk = 0; kk < depth; kk += 16) {
            FragmentA fa;
            FragmentB left, right;
            load_a(fa, stage_a + (step % 2 * tile + warp_row) * stride + kk, stride, lane);
            load_b_pair(left, right, stage_b + (step % 2 * tile + warp_column) * stride + kk, stride, lane);
            mma(d[0], fa, left);
            mma(d[1], fa, right);
        }
        __syncthreads();
    }
    for (int half = 0; half < 2; ++half)
        for (int i = 0; i < 4; ++i) {
            const int r = row + warp_row + ROW(lane) + i / 2 * 8, s = column + warp_column + half * 8 + lane % 4 * 2 + i % 2;
            if (r < m && s < n) c[(int64)r * n + s] = d[half].r[i];
        }
}
)";

constexpr unsigned product_shared_bytes = 4 * 32 * 40 * 2;

}  // namespace selftest
