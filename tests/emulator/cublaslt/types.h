// types.h: cuBLASLt's numbers and what its opaque handles are here
//
// The handles that cuBLASLt calls opaque are pointers to these structs; the real library's descriptors are created, set by attribute and
// destroyed in the same way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

namespace lt {

constexpr int success = 0, not_initialized = 1, alloc_failed = 3, invalid_value = 7, execution_failed = 13, not_supported = 15;

constexpr int f32 = 0, bf16 = 14;  // cudaDataType_t
constexpr int compute_f32 = 68;    // CUBLAS_COMPUTE_32F; the pedantic form is 69
constexpr int compute_f32_pedantic = 69;
constexpr int column_major = 0, row_major = 1;  // cublasLtOrder_t
constexpr int operation_none = 0, operation_transpose = 1;
constexpr int epilogue_default = 1, epilogue_bias = 4;

}  // namespace lt

struct MatmulDescription {
    std::int32_t compute_type = lt::compute_f32;
    std::int32_t scale_type = lt::f32;
    std::int32_t pointer_mode = 0;  // alpha and beta on the host
    std::int32_t transpose_a = lt::operation_none, transpose_b = lt::operation_none, transpose_c = lt::operation_none;
    std::uint32_t epilogue = lt::epilogue_default;
    const void* bias = nullptr;
    std::int32_t bias_type = -1;  // as D
};

struct MatrixLayout {
    std::uint32_t type = lt::f32;
    std::int32_t order = lt::column_major;
    std::uint64_t rows = 0, columns = 0;
    std::int64_t leading = 0;
    std::int32_t batch = 1;
    std::int64_t batch_stride = 0;  // elements
};

struct Preference {
    std::uint32_t search_mode = 0;
    std::uint64_t workspace_bytes = 0;
};

// One product, complete, as it runs: D = alpha op(A) op(B) + beta C, with a bias for each row of D.
struct Product {
    MatmulDescription description;
    MatrixLayout layout_a, layout_b, layout_c, layout_d;
    const void *a, *b, *c;
    void* d;
    float alpha, beta;
};

// Checks shapes and types: lt::success or why not.
int check_product(const Product& product);

// Whether every operand lies in live device memory; `is_range` says so of a range.
bool operands_are_live(const Product& product, int (*is_range)(const void*, std::uint64_t));

void multiply(const Product& product);

}  // namespace emulator
