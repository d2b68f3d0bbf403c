// matrices.cpp: mma.m16n8k16 and ldmatrix.x4 over the operands of 32 lanes
//
// Lane l, g = l / 4, t = l % 4 holds a[0] = a(g, 2t..2t+1), a[1] = a(g+8, ...), a[2], a[3] the same 8 columns further; b0 = b(2t..2t+1, g),
// b1 8 rows further; d[0..1] = d(g, 2t..2t+1), d[2..3] = d(g+8, ...).
//
// Source     PTX ISA, 9.7.14.5.8 "Matrix Fragments for mma.m16n8k16" and 9.7.14.5.15 "ldmatrix"
#include <cstdint>
#include <cstring>

#include "counter.h"
#include "runtime.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

constexpr unsigned all_lanes = ~0u;

using Row = float __attribute__((vector_size(32)));  // 8 f32

void require_full_warp(unsigned members, const char* instruction) {
    if (members == all_lanes) return;
    Worker& worker = *Worker::current();
    worker.fail(status::launch_failed, worker.where(nullptr) + ": " + instruction + " needs all 32 lanes of the warp");
}

float upper_half(unsigned word) {
    const unsigned bits = word & 0xffff0000u;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

__attribute__((always_inline)) inline void multiply_with(void* const* operands, unsigned members) {
    require_full_warp(members, "mma.m16n8k16");
    if (Counter& counter = Counter::instance(); counter.is_on()) counter.add_products(1);
    alignas(32) float a[16][16], b[16][8], d[16][8];
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        const auto& operand = *static_cast<const MatrixProduct*>(operands[lane]);
        const unsigned g = lane / 4, t = lane % 4 * 2;
        for (unsigned i = 0; i < 4; ++i) {
            float* p = &a[g + i % 2 * 8][t + i / 2 * 8];
            p[0] = upper_half(operand.a[i] << 16), p[1] = upper_half(operand.a[i]);
        }
        b[t][g] = upper_half(operand.b0 << 16), b[t + 1][g] = upper_half(operand.b0);
        b[t + 8][g] = upper_half(operand.b1 << 16), b[t + 9][g] = upper_half(operand.b1);
        std::memcpy(&d[g][t], operand.d, 8);
        std::memcpy(&d[g + 8][t], operand.d + 2, 8);
    }
    for (unsigned m = 0; m < 16; m += 4) {
        Row sum[4];
        for (unsigned i = 0; i < 4; ++i) std::memcpy(&sum[i], d[m + i], sizeof(Row));
        for (unsigned k = 0; k < 16; ++k) {
            Row row;
            std::memcpy(&row, b[k], sizeof row);
            for (unsigned i = 0; i < 4; ++i) sum[i] += a[m + i][k] * row;
        }
        for (unsigned i = 0; i < 4; ++i) std::memcpy(d[m + i], &sum[i], sizeof(Row));
    }
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        const auto& operand = *static_cast<const MatrixProduct*>(operands[lane]);
        const unsigned g = lane / 4, t = lane % 4 * 2;
        std::memcpy(operand.d, &d[g][t], 8);
        std::memcpy(operand.d + 2, &d[g + 8][t], 8);
    }
}

void multiply_plain(void* const* operands, unsigned members) { multiply_with(operands, members); }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void multiply_avx2(void* const* operands, unsigned members) { multiply_with(operands, members); }
#endif

template <bool Transposed>
void load(void* const* operands, unsigned members) {
    require_full_warp(members, "ldmatrix.x4");
    Worker& worker = *Worker::current();
    std::uint16_t matrix[4][8][8];
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        const void* row = static_cast<const MatrixLoad*>(operands[lane])->row;
        if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
            worker.fail(status::illegal_address,
                        worker.where(nullptr) + ": ldmatrix: the row of lane " + std::to_string(lane) + " is not aligned to 16");
        if (!worker.shared().holds(row, 16))
            worker.fail(status::illegal_address, worker.where(nullptr) + ": ldmatrix: the row of lane " + std::to_string(lane) +
                                                     " is not shared memory of the block");
        std::memcpy(matrix[lane / 8][lane % 8], row, 16);
    }
    if (Counter& counter = Counter::instance(); counter.is_on()) {
        const unsigned char* rows[warp_lanes];
        for (unsigned lane = 0; lane < warp_lanes; ++lane)
            rows[lane] = static_cast<const unsigned char*>(static_cast<const MatrixLoad*>(operands[lane])->row);
        counter.shared_request(rows, all_lanes, 16);
    }
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        const unsigned g = lane / 4, t = lane % 4 * 2;
        unsigned* r = static_cast<const MatrixLoad*>(operands[lane])->r;
        for (unsigned i = 0; i < 4; ++i) {
            const unsigned low = Transposed ? matrix[i][t][g] : matrix[i][g][t],
                           high = Transposed ? matrix[i][t + 1][g] : matrix[i][g][t + 1];
            r[i] = low | high << 16;
        }
    }
}

}  // namespace

Combine multiply_matrices() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiply_avx2;
#endif
    return multiply_plain;
}

Combine load_matrices() { return load<false>; }

Combine load_matrices_transposed() { return load<true>; }

}  // namespace emulator
