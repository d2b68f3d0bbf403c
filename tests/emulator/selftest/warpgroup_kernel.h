// warpgroup_kernel.h: a producer and two consuming warpgroups, correct as they stand; the broken cases change one thing each by a macro
#pragma once

namespace selftest {

// c (128, N) = a (128, K) b, N = 64 or 128, K a multiple of 64; 384 threads, two stages. `ss`: b is (N, K) and a comes from shared memory.
// `rs`: b is (K, N) and a comes from registers.
constexpr char warpgroup_kernel[] = R"(
#include "device/ptx_sm90a.cuh"
#ifndef FENCE
#define FENCE wgmma_fence()
#endif
#ifndef LAST_WAIT
#define LAST_WAIT wgmma_wait<0>()
#endif
#ifndef PROXY
#define PROXY fence_async_proxy()
#endif
#ifndef FREED
#define FREED (step - 1)
#endif
#ifndef EMPTY_ARRIVALS
#define EMPTY_ARRIVALS 256
#endif
#ifndef PRODUCES
#define PRODUCES true
#endif
#ifndef SWIZZLE
#define SWIZZLE 1
#endif
using Bytes = unsigned char;
__device__ inline unsigned long long operand(const Bytes* start, int leading) {
    return (unsigned long long)SWIZZLE << 62 | 64ull << 32 | (unsigned long long)(leading >> 4) << 16 | shared_offset(start) >> 4;
}
// Rows of 64 elements into atoms, by 128 threads.
__device__ inline void fetch(Bytes* to, const bf16* from, int stride, int rows, int thread) {
    for (int i = thread; i < rows * 8; i += 128) {
        const int row = i / 8, chunk = i % 8;
        copy_async_16(to + row * 128 + ((chunk ^ row % 8) << 4), from + (int64)row * stride + chunk * 8, true);
    }
}
template <int Eights, bool Registers>
__device__ inline void fetch_step(Bytes* stage, const bf16* a, const bf16* b, int k, int step, int thread) {
    constexpr int columns = 8 * Eights;
    if constexpr (Registers) {
        for (int n = 0; n < columns; n += 64) fetch(stage + n * 128, b + (int64)step * 64 * columns + n, columns, 64, thread);
    } else {
        fetch(stage, b + step * 64, k, columns, thread);
        fetch(stage + columns * 128, a + step * 64, k, 128, thread);
    }
}
template <int Eights, bool Registers>
__device__ inline void product(const bf16* a, const bf16* b, int k, float* c) {
    constexpr int columns = 8 * Eights, stage_bytes = (columns + 128) * 128;
    DYNAMIC_SHARED(Bytes, shared);
    __shared__ unsigned long long full[2], empty[2];
    const int role = threadIdx.x / 128, thread = threadIdx.x % 128, steps = k / 64;
    if (threadIdx.x < 2) mbarrier_init(full + threadIdx.x, 128), mbarrier_init(empty + threadIdx.x, EMPTY_ARRIVALS);
    __syncthreads();
    if (role == 2) {
        fewer_registers<40>();
        for (int step = 0; step < steps; ++step) {
            mbarrier_wait(empty + step % 2, step / 2 % 2 ^ 1);
            fetch_step<Eights, Registers>(shared + step % 2 * stage_bytes, a, b, k, step, thread);
            copy_async_commit();
            copy_async_wait<0>();
            PROXY;
            if (PRODUCES) mbarrier_arrive(full + step % 2);
        }
        return;
    }
    more_registers<232>();
    const int row = role * 64 + thread / 32 * 16 + thread % 32 / 4, pair = thread % 4 * 2;
    FragmentD d[Eights];
    FragmentA fragments[2][4];
    for (int step = 0; step < steps; ++step) {
        const Bytes* stage = shared + step % 2 * stage_bytes;
        FragmentA (&f)[4] = fragments[step % 2];
        for (int i = 0; i < 16; ++i)
            f[i / 4].r[i % 4] = *(const unsigned*)(a + (int64)(row + i % 2 * 8) * k + step * 64 + i / 4 * 16 + i % 4 / 2 * 8 + pair);
        mbarrier_wait(full + step % 2, step / 2 % 2);
        FENCE;
        for (int i = 0; i < 4; ++i) {
            if constexpr (Registers)
                wgmma_rs(d, f[i], operand(stage + i * 2048, 8192), step + i > 0);
            else
                wgmma_ss(d, operand(stage + columns * 128 + role * 8192 + i * 32, 0), operand(stage + i * 32, 0), step + i > 0);
        }
        wgmma_commit();
        wgmma_wait<1>();
        if (FREED >= 0) mbarrier_arrive(empty + FREED % 2);
    }
    LAST_WAIT;
    hold_registers(d);
    for (int n = 0; n < Eights; ++n)
        for (int i = 0; i < 4; ++i) c[(row + i / 2 * 8) * columns + 8 * n + pair + i % 2] = d[n].r[i];
}
extern "C" __global__ void __launch_bounds__(384, 1) ss_64(const bf16* a, const bf16* b, int k, float* c) { product<8, false>(a, b, k, c); }
extern "C" __global__ void __launch_bounds__(384, 1) ss_128(const bf16* a, const bf16* b, int k, float* c) { product<16, false>(a, b, k, c); }
extern "C" __global__ void __launch_bounds__(384, 1) rs_64(const bf16* a, const bf16* b, int k, float* c) { product<8, true>(a, b, k, c); }
extern "C" __global__ void __launch_bounds__(384, 1) rs_128(const bf16* a, const bf16* b, int k, float* c) { product<16, true>(a, b, k, c); }
)";

constexpr unsigned warpgroup_shared_bytes(int columns) { return 2u * (static_cast<unsigned>(columns) + 128) * 128; }

}  // namespace selftest
