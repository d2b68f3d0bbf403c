// speed_cases.cpp: what the emulator costs, on the machine at hand
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "kernels.h"
#include "product_cases.h"
#include "rig.h"

namespace selftest {

namespace {

constexpr char kernels[] = R"(
#include "device/mma.cuh"
extern "C" __global__ void nothing(float* x) { if (x == nullptr) __syncthreads(); }
extern "C" __global__ void barriers(int n) { for (int i = 0; i < n; ++i) __syncthreads(); }
extern "C" __global__ void shuffles(int n, float* x) { float y = x[0]; for (int i = 0; i < n; ++i) y += __shfl_xor_sync(0xffffffffu, y, 1); x[0] = y; }
extern "C" __global__ void products(int n, float* x) {
    FragmentA a{}; FragmentB b{}; FragmentD d{};
    for (int i = 0; i < n; ++i) mma(d, a, b);
    x[0] = d.r[0];
}
)";

constexpr char warpgroup_kernels[] = R"(
#include "device/ptx_sm90a.cuh"
extern "C" __global__ void products(int n, float* x) {
    DYNAMIC_SHARED(unsigned, s);
    for (int i = threadIdx.x; i < 4096; i += 128) s[i] = 0;
    __syncthreads();
    FragmentD d[16] = {};
    const unsigned long long start = 1ull << 62 | 64ull << 32;
    for (int i = 0; i < n; ++i) {
        wgmma_fence();
        for (int k = 0; k < 4; ++k) wgmma_ss(d, start + 2 * k, start + 2 * k, 1);
        wgmma_commit();
        wgmma_wait<0>();
    }
    x[0] = d[0].r[0];
}
)";

double seconds(const std::function<void()>& work) {
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

}  // namespace

void speed_cases() {
    const Module module("speed.cu", kernels);
    const Buffer x(std::vector<float>(64, 0.0f));
    constexpr int n = 2000;
    const auto time = [&](auto&&... arguments) {
        return seconds([&] {
            expect_status(launch(arguments...), 0, "launch");
            expect_status(synchronize(), 0, "synchronise");
        });
    };
    std::printf("launch and wait, one block of 32      %8.1f us\n", 1e6 * time(module.function("nothing"), Geometry{1, 32}, x.address));
    std::printf("a thread that does not wait           %8.1f ns\n",
                1e9 * time(module.function("nothing"), Geometry{1000, 256}, x.address) / 256e3);
    std::printf("a switch (warp of 32, shuffle)        %8.1f ns\n",
                1e9 * time(module.function("shuffles"), Geometry{1, 32}, n, x.address) / (32.0 * n));
    std::printf("a barrier of 256 threads              %8.2f us\n", 1e6 * time(module.function("barriers"), Geometry{1, 256}, n) / n);
    std::printf("mma, one core                         %8.2f GFLOP/s\n",
                4096e-9 * n / time(module.function("products"), Geometry{1, 32}, n, x.address));
    std::printf("mma, all cores                        %8.2f GFLOP/s\n",
                4096e-9 * 16 * n / time(module.function("products"), Geometry{16, 32}, n, x.address));
    const Module warpgroup("warpgroup_speed.cu", warpgroup_kernels, "sm_90a");
    std::printf("wgmma of 128 columns, one core        %8.2f GFLOP/s\n",
                262144e-9 * n / time(warpgroup.function("products"), Geometry{1, 128, 16384}, n / 4, x.address));
}

}  // namespace selftest
