// product_cases.cpp: tensor-core products against plain loops
#include "product_cases.h"

#include <cmath>

#include "kernels.h"
#include "rig.h"

namespace selftest {

std::uint16_t to_bf16(float x) {
    std::uint32_t word;
    std::memcpy(&word, &x, 4);
    return static_cast<std::uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

float from_bf16(std::uint16_t x) {
    const std::uint32_t word = static_cast<std::uint32_t>(x) << 16;
    float y;
    std::memcpy(&y, &word, 4);
    return y;
}

std::vector<std::uint16_t> bf16_ramp(std::size_t n, unsigned step) {
    std::vector<std::uint16_t> x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = to_bf16(static_cast<float>((i * step + 7) % 61) / 32.0f - 0.9f);
    return x;
}

// Launches the product kernel of a module; the largest error, infinite if there was a NaN. The status goes to `status`.
double product_error(const Module& module, int m, int n, int k, int& status) {
    const auto a = bf16_ramp(static_cast<std::size_t>(m) * k, 13), b = bf16_ramp(static_cast<std::size_t>(n) * k, 29);
    const Buffer buffer_a(a), buffer_b(b), buffer_c(static_cast<std::size_t>(m) * n * 4);
    void* parameters[] = {const_cast<Address*>(&buffer_a.address), const_cast<Address*>(&buffer_b.address), &m, &n, &k,
                          const_cast<Address*>(&buffer_c.address)};
    status = call("cuLaunchKernel", module.function("product"), (n + 31u) / 32, (m + 31u) / 32, 1u, 128u, 1u, 1u, product_shared_bytes,
                  static_cast<void*>(nullptr), static_cast<void**>(parameters), static_cast<void**>(nullptr));
    if (status == 0) status = synchronize();
    if (status != 0) return 0;
    const auto c = buffer_c.values<float>();
    double worst = 0;
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
            double sum = 0;
            for (int x = 0; x < k; ++x)
                sum += static_cast<double>(from_bf16(a[static_cast<std::size_t>(i) * k + x])) *
                       from_bf16(b[static_cast<std::size_t>(j) * k + x]);
            const double error = std::fabs(c[static_cast<std::size_t>(i) * n + j] - sum);
            worst = std::isnan(error) ? HUGE_VAL : std::fmax(worst, error);
        }
    return worst;
}

namespace {

// Each of the four ways that kernels/device/mma.cuh reads fragments, on a 16 × 16 times 16 × 16 product.
constexpr char fragments[] = R"(
#include "device/mma.cuh"
extern "C" __global__ void fragments(const bf16* a, const bf16* b, int ways, float* c) {
    __shared__ __align__(16) bf16 ta[16 * 24], tb[16 * 24];
    const int lane = threadIdx.x;
    for (int i = lane; i < 256; i += 32) {
        const int r = i / 16, s = i % 16;
        ta[ways & 1 ? s * 24 + r : r * 24 + s] = a[i];
        tb[ways & 2 ? r * 24 + s : s * 24 + r] = b[i];
    }
    __syncwarp();
    FragmentA fa;
    FragmentB left, right;
    FragmentD d[2] = {};
    if (ways & 1) load_a_transposed(fa, ta, 24, lane); else load_a(fa, ta, 24, lane);
    if (ways & 2) load_b_pair_transposed(left, right, tb, 24, lane); else load_b_pair(left, right, tb, 24, lane);
    mma(d[0], fa, left);
    mma(d[1], fa, right);
    for (int h = 0; h < 2; ++h)
        for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 16 + h * 8 + lane % 4 * 2 + i % 2] = d[h].r[i];
}
)";

void fragment_layouts() {
    const Module module("fragments.cu", fragments);
    const auto a = bf16_ramp(256, 13), b = bf16_ramp(256, 29);
    const Buffer buffer_a(a), buffer_b(b), out(256 * 4);
    for (int ways = 0; ways < 4; ++ways) {
        expect_status(launch(module.function("fragments"), {1, 32}, buffer_a.address, buffer_b.address, ways, out.address), 0, "launch");
        expect_status(synchronize(), 0, "synchronise");
        const auto c = out.values<float>();
        for (int i = 0; i < 256; ++i) {
            double sum = 0;
            for (int k = 0; k < 16; ++k) sum += static_cast<double>(from_bf16(a[i / 16 * 16 + k])) * from_bf16(b[k * 16 + i % 16]);
            expect(std::fabs(c[i] - sum) < 1e-5, "way " + std::to_string(ways) + ", element " + std::to_string(i));
        }
    }
}

void products() {
    const Module module("product.cu", product_kernel);
    for_seeds([&](std::uint64_t) {
        for (const auto& [m, n, k] : {std::array{32, 32, 32}, std::array{17, 40, 72}, std::array{64, 96, 128}}) {
            int status;
            const double error = product_error(module, m, n, k, status);
            expect_status(status, 0, "product");
            expect(error < 1e-4, "error " + std::to_string(error));
        }
    });
}

}  // namespace

void product_cases() {
    run_case("ldmatrix and mma, four ways to read fragments", fragment_layouts);
    run_case("two-stage product with cp.async, tails", products);
}

}  // namespace selftest
