// warpgroup_matrices.cpp: where a descriptor's elements lie, and 16 × N sums in f32
//
// Source     PTX ISA, 9.7.15.5 "Asynchronous warpgroup-level matrix operands: shared memory layout, matrix descriptor"
#include "warpgroup_matrices.h"

#include <cstdint>
#include <cstring>

#include "site.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

constexpr unsigned depth = 16, chunk_bytes = 16, chunk = 8, row_bytes = 128;

using Row = float __attribute__((vector_size(32), may_alias));  // 8 f32, aligned to their size

Row* row_at(float* p) { return reinterpret_cast<Row*>(p); }

const Row* row_at(const float* p) { return reinterpret_cast<const Row*>(p); }

float from_half(std::uint32_t upper) {
    float x;
    std::memcpy(&x, &upper, sizeof x);
    return x;
}

// An operand in shared memory: start, leading and stride in bytes.
struct Descriptor {
    unsigned start, leading, stride;

    explicit Descriptor(unsigned long long bits)
        : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4) {}
};

class Operands {
  public:
    Operands(Worker& worker, const WarpgroupProduct& product) : worker_(worker), product_(product) {}

    // Eight elements at an offset of the layout without its swizzle.
    const unsigned char* at(unsigned offset, const char* which) const {
        const unsigned swizzled = offset ^ (offset >> 3 & 0x70);
        if (swizzled + chunk_bytes > worker_.shared().dynamic_bytes())
            fail(which, "reaches byte " + std::to_string(swizzled + chunk_bytes - 1) + " of the " +
                            std::to_string(worker_.shared().dynamic_bytes()) + " bytes of dynamic shared memory");
        if (const unsigned writer = worker_.async_proxy().unfenced_writer(swizzled); writer != 0)
            fail(which, "missing fence_async_proxy: byte " + std::to_string(swizzled) + " was copied by thread " +
                            std::to_string(writer - 1) + " of the block, which has not called it since the copy landed");
        return worker_.shared().dynamic() + swizzled;
    }

  private:
    [[noreturn]] void fail(const char* which, const std::string& text) const {
        worker_.fail(status::illegal_address,
                     worker_.where(product_.self) + ": wgmma of " + Site{product_.file, product_.line}.text() + ": " + which + " " + text);
    }

    Worker& worker_;
    const WarpgroupProduct& product_;
};

void spread(const unsigned char* from, float* to, unsigned step) {
    std::uint16_t halves[chunk];
    std::memcpy(halves, from, sizeof halves);
    for (unsigned i = 0; i < chunk; ++i) to[i * step] = from_half(static_cast<std::uint32_t>(halves[i]) << 16);
}

void read_a(const Operands& operands, Descriptor from, unsigned warp, float (&a)[16][depth]) {
    for (unsigned m = 0; m < 16; ++m) {
        const unsigned row = 16 * warp + m, offset = from.start + row / 8 * from.stride + row % 8 * row_bytes;
        for (unsigned half = 0; half < 2; ++half) spread(operands.at(offset + half * chunk_bytes, "a"), &a[m][half * chunk], 1);
    }
}

void take_a(const unsigned* const* registers, float (&a)[16][depth]) {
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        const unsigned g = lane / 4, t = lane % 4 * 2;
        for (unsigned i = 0; i < 4; ++i) {
            float* p = &a[g + i % 2 * 8][t + i / 2 * 8];
            p[0] = from_half(registers[lane][i] << 16), p[1] = from_half(registers[lane][i] & 0xffff0000u);
        }
    }
}

// K-major: a row of memory is a column of b.
void read_b_columns(const Operands& operands, Descriptor from, unsigned columns, float (&b)[depth][maximum_columns]) {
    for (unsigned n = 0; n < columns; ++n) {
        const unsigned offset = from.start + n / 8 * from.stride + n % 8 * row_bytes;
        for (unsigned half = 0; half < 2; ++half)
            spread(operands.at(offset + half * chunk_bytes, "b"), &b[half * chunk][n], maximum_columns);
    }
}

// MN-major: a row of memory is 64 columns of a row of b.
void read_b_rows(const Operands& operands, Descriptor from, unsigned columns, float (&b)[depth][maximum_columns]) {
    for (unsigned k = 0; k < depth; ++k)
        for (unsigned n = 0; n < columns; n += chunk) {
            const unsigned offset = from.start + k / 8 * from.stride + k % 8 * row_bytes + n / 64 * from.leading + n % 64 * 2;
            spread(operands.at(offset, "b"), &b[k][n], 1);
        }
}

__attribute__((always_inline)) inline void add_product(const float (&a)[16][depth], const float (&b)[depth][maximum_columns],
                                                       unsigned columns, WarpRows& sum) {
    for (unsigned m = 0; m < 16; m += 4)
        for (unsigned n = 0; n < columns; n += 16) {
            Row part[4][2];
#pragma GCC unroll 4
            for (unsigned i = 0; i < 4; ++i) part[i][0] = *row_at(&sum[m + i][n]), part[i][1] = *row_at(&sum[m + i][n + 8]);
            for (unsigned k = 0; k < depth; ++k) {
                const Row left = *row_at(&b[k][n]), right = *row_at(&b[k][n + 8]);
#pragma GCC unroll 4
                for (unsigned i = 0; i < 4; ++i) part[i][0] += a[m + i][k] * left, part[i][1] += a[m + i][k] * right;
            }
#pragma GCC unroll 4
            for (unsigned i = 0; i < 4; ++i) *row_at(&sum[m + i][n]) = part[i][0], *row_at(&sum[m + i][n + 8]) = part[i][1];
        }
}

using AddProduct = void (*)(const float (&)[16][depth], const float (&)[depth][maximum_columns], unsigned, WarpRows&);

void add_plain(const float (&a)[16][depth], const float (&b)[depth][maximum_columns], unsigned columns, WarpRows& sum) {
    add_product(a, b, columns, sum);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void add_avx2(const float (&a)[16][depth], const float (&b)[depth][maximum_columns], unsigned columns,
                                                  WarpRows& sum) {
    add_product(a, b, columns, sum);
}
#endif

AddProduct best_add() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return add_avx2;
#endif
    return add_plain;
}

}  // namespace

std::string descriptor_mistake(unsigned long long descriptor) {
    constexpr unsigned long long unused = 0x3full << 52 | 7ull << 46 | 3ull << 30 | 3ull << 14;
    if (descriptor >> 62 != 1) return "swizzle " + std::to_string(descriptor >> 62) + " in bits 62-63, expected 1 (128 bytes)";
    if ((descriptor >> 49 & 7) != 0) return "a base offset in bits 49-51, expected 0: atoms start at multiples of 1024";
    if ((descriptor & unused) != 0) return "bits that mean nothing: an address or offset that is too large?";
    return {};
}

void multiply_warp_rows(Worker& worker, const WarpgroupProduct& product, unsigned warp, const unsigned* const* registers, WarpRows& sum) {
    static const AddProduct add = best_add();
    const Operands operands(worker, product);
    const unsigned columns = 8 * product.eights;
    alignas(32) float a[16][depth], b[depth][maximum_columns];
    if (product.a != nullptr) {
        take_a(registers, a);
        read_b_rows(operands, Descriptor(product.b_descriptor), columns, b);
    } else {
        read_a(operands, Descriptor(product.a_descriptor), warp, a);
        read_b_columns(operands, Descriptor(product.b_descriptor), columns, b);
    }
    if (product.accumulate == 0) std::memset(sum, 0, sizeof sum);
    add(a, b, columns, sum);
}

}  // namespace emulator
