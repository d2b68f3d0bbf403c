// correct_cases.cpp: kernels that are right give the right numbers under every order
#include <array>
#include <cmath>

#include "rig.h"

namespace selftest {

namespace {

constexpr char reductions[] = R"(
#include "device/dtype.cuh"
#include "device/load.cuh"
#include "device/reduce.cuh"
template <typename T>
__device__ void body(const T* x, int n, T* sums) {
    __shared__ float scratch[32];
    float sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += to_float(x[blockIdx.x * n + i]);
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x] = from_float<T>(sum);
}
extern "C" __global__ void __launch_bounds__(256) row_sum_f32(const float* __restrict__ x, int n, float* __restrict__ sums) { body(x, n, sums); }
extern "C" __global__ void __launch_bounds__(256) row_sum_bf16(const bf16* __restrict__ x, int n, bf16* __restrict__ sums) { body(x, n, sums); }
)";

constexpr char collectives[] = R"(
extern "C" __global__ void shuffles(int* out) {
    const int lane = threadIdx.x;
    int* o = out + lane * 12;
    o[0] = __shfl_sync(0xffffffffu, lane, 5);
    o[1] = __shfl_xor_sync(0xffffffffu, lane, 3);
    o[2] = __shfl_down_sync(0xffffffffu, lane, 4);
    o[3] = __shfl_up_sync(0xffffffffu, lane, 2u);
    o[4] = __shfl_sync(0xffffffffu, lane, 3, 8);
    o[5] = __shfl_down_sync(0xffffffffu, lane, 6, 8);
    o[6] = static_cast<int>(__ballot_sync(0xffffffffu, lane % 3 == 0));
    o[7] = __any_sync(0xffffffffu, lane == 31) + 2 * __all_sync(0xffffffffu, lane < 31);
    o[8] = static_cast<int>(__shfl_xor_sync(0xffffffffu, static_cast<double>(lane) + 0.5, 16) * 2);
    o[9] = static_cast<int>(__shfl_sync(0xffffffffu, (long long)lane << 32, 7) >> 32);
    if (lane < 8) o[10] = __shfl_xor_sync(0xffu, lane, 1);
    else o[10] = __shfl_xor_sync(0xffffff00u, lane, 1);
    __syncwarp();
    o[11] = lane;
}
)";

constexpr char transpose[] = R"(
#include "device/ptx.cuh"
extern "C" __global__ void __launch_bounds__(256) transpose(const float* in, int n, float* out) {
    DYNAMIC_SHARED(float, tile);
    __shared__ int check[2];
    const int x = threadIdx.x % 16, y = threadIdx.x / 16, column = blockIdx.x * 16, row = blockIdx.y * 16;
    for (int pass = 0; pass < 2; ++pass) {
        tile[y * 17 + x] = in[(row + y) * n + column + x];
        if (threadIdx.x < 2) check[threadIdx.x] = pass;
        __syncthreads();
        out[(column + y) * n + row + x] = tile[x * 17 + y] + check[1] - pass;
        __syncthreads();
    }
}
)";

// Every thread of a block of any shape meets every other; warps may be incomplete, some threads leave before a shuffle.
constexpr char shapes[] = R"(
#include "device/reduce.cuh"
extern "C" __global__ void shapes(int* out) {
    __shared__ float scratch[32];
    const int threads = blockDim.x * blockDim.y * blockDim.z;
    const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    float count = warp_sum(thread / 32 * 32 + 32 <= threads ? 1.0f : 0.0f);
    if (thread % 32 == 0) scratch[thread / 32] = count;
    __syncthreads();
    float full = 0;
    for (int w = 0; w < threads / 32; ++w) full += scratch[w];
    if (thread % 32 >= 24) { out[block * threads + thread] = static_cast<int>(full); return; }
    const int first = __shfl_sync(all_lanes, thread, 0);
    out[block * threads + thread] = first == thread / 32 * 32 ? static_cast<int>(full) : -1;
}
)";

std::vector<float> ramp(std::size_t n) {
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>((i * 37 + 11) % 101) / 16.0f - 3.0f;
    return x;
}

void row_sums() {
    const Module module("row_sum.cu", reductions);
    constexpr int rows = 6;
    for (const int n : {1, 31, 256, 1000}) {
        const auto x = ramp(static_cast<std::size_t>(rows) * n);
        const Buffer in(x), out(rows * sizeof(float));
        std::vector<float> first;
        for_seeds([&](std::uint64_t) {
            expect_status(launch(module.function("row_sum_f32"), {rows, 256}, in.address, n, out.address), 0, "launch");
            expect_status(synchronize(), 0, "synchronise");
            const auto sums = out.values<float>();
            for (int r = 0; r < rows; ++r) {
                double sum = 0;
                for (int i = 0; i < n; ++i) sum += x[static_cast<std::size_t>(r) * n + i];
                expect(std::fabs(sums[r] - sum) < 1e-2,
                       "row " + std::to_string(r) + ": " + std::to_string(sums[r]) + ", expected " + std::to_string(sum));
            }
            if (first.empty()) first = sums;
            expect(std::memcmp(first.data(), sums.data(), sums.size() * 4) == 0, "another order gives other bits");
        });
    }
}

void shuffles() {
    const Module module("shuffles.cu", collectives);
    const Buffer out(32 * 12 * sizeof(int));
    for_seeds([&](std::uint64_t) {
        expect_status(launch(module.function("shuffles"), {1, 32}, out.address), 0, "launch");
        expect_status(synchronize(), 0, "synchronise");
        const auto o = out.values<int>();
        for (int lane = 0; lane < 32; ++lane) {
            const int segment_end = lane | 7;
            const int expected[] = {5,
                                    lane ^ 3,
                                    lane + 4 < 32 ? lane + 4 : lane,
                                    lane >= 2 ? lane - 2 : lane,
                                    (lane & ~7) + 3,
                                    lane + 6 <= segment_end ? lane + 6 : lane,
                                    0x49249249,
                                    1,
                                    2 * (lane ^ 16) + 1,
                                    7,
                                    lane ^ 1,
                                    lane};
            for (int i = 0; i < 12; ++i)
                expect(o[lane * 12 + i] == expected[i], "lane " + std::to_string(lane) + ", result " + std::to_string(i) + ": " +
                                                            std::to_string(o[lane * 12 + i]) + ", expected " + std::to_string(expected[i]));
        }
    });
}

void block_shapes() {
    const Module module("shapes.cu", shapes);
    for_seeds([&](std::uint64_t) {
        for (const auto& [x, y, z] : {std::array{1024u, 1u, 1u}, std::array{8u, 4u, 4u}, std::array{40u, 1u, 1u}, std::array{1u, 1u, 1u},
                                      std::array{33u, 3u, 2u}}) {
            const unsigned threads = x * y * z, blocks = 2 * 3 * 2;
            const Buffer out(blocks * threads * 4);
            void* parameters[] = {const_cast<Address*>(&out.address)};
            expect_status(call("cuLaunchKernel", module.function("shapes"), 2u, 3u, 2u, x, y, z, 0u, static_cast<void*>(nullptr),
                               static_cast<void**>(parameters), static_cast<void**>(nullptr)),
                          0, "launch");
            expect_status(synchronize(), 0, "synchronise");
            for (const int value : out.values<int>())
                expect(value == static_cast<int>(threads / 32 * 32), std::to_string(threads) + " threads: " + std::to_string(value));
        }
    });
}

void transposes() {
    const Module module("transpose.cu", transpose);
    constexpr int n = 64;
    const auto x = ramp(n * n);
    const Buffer in(x), out(n * n * sizeof(float));
    for_seeds([&](std::uint64_t) {
        int size = n;
        void* parameters[] = {const_cast<Address*>(&in.address), &size, const_cast<Address*>(&out.address)};
        expect_status(call("cuLaunchKernel", module.function("transpose"), 4u, 4u, 1u, 256u, 1u, 1u, 16u * 17u * 4u,
                           static_cast<void*>(nullptr), static_cast<void**>(parameters), static_cast<void**>(nullptr)),
                      0, "launch");
        expect_status(synchronize(), 0, "synchronise");
        const auto y = out.values<float>();
        for (int i = 0; i < n * n; ++i) expect(y[i] == x[i % n * n + i / n], "element " + std::to_string(i));
    });
}

}  // namespace

void correct_cases() {
    run_case("block sums, static shared memory, tails", row_sums);
    run_case("shuffles, votes, partial masks", shuffles);
    run_case("blocks of any shape, incomplete warps, early returns", block_shapes);
    run_case("transpose through dynamic shared memory", transposes);
}

}  // namespace selftest
