// blas_cases.cpp: the stand-in cuBLASLt against plain loops: layouts, transposes, types, batches, capture
#include <cmath>

#include "product_cases.h"
#include "rig.h"

namespace selftest {

namespace {

constexpr int f32 = 0, bf16 = 14, compute_f32 = 68, row_major = 1, not_supported = 15;

struct Shape {
    int m, n, k;
    bool transpose_a, transpose_b;
    int type, output;
    bool is_row_major;
    int batch;
    float alpha, beta;
};

struct Layout {
    void* handle = nullptr;
    std::int64_t leading, stride;

    Layout(int type, int rows, int columns, const Shape& shape, int padding) {
        leading = (shape.is_row_major ? columns : rows) + padding;
        stride = leading * (shape.is_row_major ? rows : columns);
        const int order = shape.is_row_major ? row_major : 0;
        expect_status(call("cublasLtMatrixLayoutCreate", &handle, type, static_cast<std::uint64_t>(rows),
                           static_cast<std::uint64_t>(columns), leading),
                      0, "layout");
        call("cublasLtMatrixLayoutSetAttribute", handle, 1, static_cast<const void*>(&order), sizeof order);
        call("cublasLtMatrixLayoutSetAttribute", handle, 5, static_cast<const void*>(&shape.batch), sizeof shape.batch);
        call("cublasLtMatrixLayoutSetAttribute", handle, 6, static_cast<const void*>(&stride), sizeof stride);
    }
    ~Layout() { call("cublasLtMatrixLayoutDestroy", handle); }
    Layout(const Layout&) = delete;
    Layout& operator=(const Layout&) = delete;
};

// Numbers that bf16 holds exactly, so that one list serves both types.
struct Matrix {
    Layout layout;
    std::vector<float> values;
    Buffer buffer;
    int type;
    bool is_row_major;

    Matrix(int type, int rows, int columns, const Shape& shape, int padding, unsigned step)
        : layout(type, rows, columns, shape, padding),
          values(static_cast<std::size_t>(layout.stride * shape.batch)),
          buffer(values.size() * (type == f32 ? 4 : 2)),
          type(type),
          is_row_major(shape.is_row_major) {
        const auto halves = bf16_ramp(values.size(), step);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_bf16(halves[i]);
        if (type == f32)
            buffer.upload(values.data());
        else
            buffer.upload(halves.data());
    }

    std::size_t index(int row, int column, int batch) const {
        return static_cast<std::size_t>((is_row_major ? row * layout.leading + column : column * layout.leading + row) +
                                        batch * layout.stride);
    }
};

void product(const Shape& shape) {
    void *handle = nullptr, *how = nullptr, *preference = nullptr;
    call("cublasLtCreate", &handle);
    call("cublasLtMatmulDescCreate", &how, compute_f32, f32);
    call("cublasLtMatmulPreferenceCreate", &preference);
    const int ta = shape.transpose_a ? 1 : 0, tb = shape.transpose_b ? 1 : 0;
    call("cublasLtMatmulDescSetAttribute", how, 3, static_cast<const void*>(&ta), sizeof ta);
    call("cublasLtMatmulDescSetAttribute", how, 4, static_cast<const void*>(&tb), sizeof tb);
    {
        const Matrix a(shape.type, ta ? shape.k : shape.m, ta ? shape.m : shape.k, shape, 3, 13),
            b(shape.type, tb ? shape.n : shape.k, tb ? shape.k : shape.n, shape, 1, 29);
        const Matrix c(shape.output, shape.m, shape.n, shape, 2, 7), d(shape.output, shape.m, shape.n, shape, 0, 11);
        unsigned char results[1024];
        int found = 0;
        expect_status(call("cublasLtMatmulAlgoGetHeuristic", handle, how, a.layout.handle, b.layout.handle, c.layout.handle,
                           d.layout.handle, preference, 1, static_cast<void*>(results), &found),
                      0, "heuristic");
        expect(found == 1, "no algorithm");
        expect_status(
            call("cublasLtMatmul", handle, how, static_cast<const void*>(&shape.alpha), a.buffer.address, a.layout.handle, b.buffer.address,
                 b.layout.handle, static_cast<const void*>(&shape.beta), c.buffer.address, c.layout.handle, d.buffer.address,
                 d.layout.handle, static_cast<void*>(results), static_cast<void*>(nullptr), std::size_t{0}, static_cast<void*>(nullptr)),
            0, "cublasLtMatmul");
        expect_status(synchronize(), 0, "synchronise");
        std::vector<float> got(d.values.size());
        if (shape.output == f32) {
            got = d.buffer.values<float>();
        } else {
            const auto halves = d.buffer.values<std::uint16_t>();
            for (std::size_t i = 0; i < got.size(); ++i) got[i] = from_bf16(halves[i]);
        }
        for (int batch = 0; batch < shape.batch; ++batch)
            for (int i = 0; i < shape.m; ++i)
                for (int j = 0; j < shape.n; ++j) {
                    double sum = 0;
                    for (int k = 0; k < shape.k; ++k)
                        sum += static_cast<double>(a.values[ta ? a.index(k, i, batch) : a.index(i, k, batch)]) *
                               b.values[tb ? b.index(j, k, batch) : b.index(k, j, batch)];
                    const double expected = shape.alpha * sum + shape.beta * c.values[c.index(i, j, batch)];
                    const double error = std::fabs(got[d.index(i, j, batch)] - expected);
                    expect(error <= 1e-4 + (shape.output == f32 ? 0 : std::fabs(expected) / 200),
                           "element " + std::to_string(i) + ", " + std::to_string(j));
                }
    }
    call("cublasLtMatmulPreferenceDestroy", preference);
    call("cublasLtMatmulDescDestroy", how);
    call("cublasLtDestroy", handle);
}

void products() {
    for (const bool ta : {false, true})
        for (const bool tb : {false, true})
            for (const bool is_row_major : {false, true})
                for (const auto& [type, output] : {std::pair{f32, f32}, std::pair{bf16, bf16}, std::pair{bf16, f32}}) {
                    product({5, 7, 3, ta, tb, type, output, is_row_major, 1, 1, 0});
                    product({70, 33, 300, ta, tb, type, output, is_row_major, 2, 0.5f, 1});
                }
}

void refusals() {
    void *handle = nullptr, *how = nullptr, *preference = nullptr;
    call("cublasLtCreate", &handle);
    call("cublasLtMatmulDescCreate", &how, compute_f32, f32);
    call("cublasLtMatmulPreferenceCreate", &preference);
    const Shape shape{4, 4, 4, false, false, f32, bf16, false, 1, 1, 0};
    {
        const Layout a(f32, 4, 4, shape, 0), d(bf16, 4, 4, shape, 0);
        unsigned char results[1024];
        int found = 0;
        expect(call("cublasLtMatmulAlgoGetHeuristic", handle, how, a.handle, a.handle, d.handle, d.handle, preference, 1,
                    static_cast<void*>(results), &found) == not_supported &&
                   found == 0,
               "f32 inputs with a bf16 result");
    }
    call("cublasLtMatmulPreferenceDestroy", preference);
    call("cublasLtMatmulDescDestroy", how);
    call("cublasLtDestroy", handle);
}

}  // namespace

void blas_cases() {
    run_case("cuBLASLt: transposes, orders, types, batches, beta", products);
    run_case("cuBLASLt: refuses what the real one does", refusals);
}

}  // namespace selftest
