// matmul.cpp: the product by plain loops
//
// Operands are brought to f32 panels first, op(A) as (m, k) and op(B) as (k, n), both row-major, so that one loop nest serves every layout.
// Sums run over k in order, in f32: the same bits every time.
#include <algorithm>
#include <cstring>
#include <vector>

#include "types.h"

namespace emulator {

namespace {

constexpr std::size_t panel_depth = 256, panel_rows = 64;

float load(const void* base, std::uint32_t type, std::int64_t index) {
    if (type == lt::f32) {
        float x;
        std::memcpy(&x, static_cast<const char*>(base) + index * 4, 4);
        return x;
    }
    std::uint16_t half;
    std::memcpy(&half, static_cast<const char*>(base) + index * 2, 2);
    const std::uint32_t word = static_cast<std::uint32_t>(half) << 16;
    float x;
    std::memcpy(&x, &word, 4);
    return x;
}

void store(void* base, std::uint32_t type, std::int64_t index, float x) {
    if (type == lt::f32) {
        std::memcpy(static_cast<char*>(base) + index * 4, &x, 4);
        return;
    }
    std::uint32_t word;
    std::memcpy(&word, &x, 4);
    const auto half = static_cast<std::uint16_t>((word & 0x7fffffffu) > 0x7f800000u ? 0x7fff : (word + 0x7fff + (word >> 16 & 1)) >> 16);
    std::memcpy(static_cast<char*>(base) + index * 2, &half, 2);
}

std::int64_t index_of(const MatrixLayout& layout, std::int64_t row, std::int64_t column, std::int64_t batch) {
    const std::int64_t within = layout.order == lt::row_major ? row * layout.leading + column : column * layout.leading + row;
    return within + batch * layout.batch_stride;
}

// op(X) from (row, column) on, `rows` × `columns` of it, row-major into `panel`.
void pack(const void* base, const MatrixLayout& layout, bool is_transposed, std::int64_t row, std::int64_t column, std::int64_t rows,
          std::int64_t columns, std::int64_t batch, float* panel) {
    const std::int64_t start = is_transposed ? index_of(layout, column, row, batch) : index_of(layout, row, column, batch);
    const bool rows_are_far = (layout.order == lt::row_major) != is_transposed;
    const std::int64_t row_step = rows_are_far ? layout.leading : 1, column_step = rows_are_far ? 1 : layout.leading;
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) panel[i * columns + j] = load(base, layout.type, start + i * row_step + j * column_step);
}

#if defined(__x86_64__)
__attribute__((target_clones("avx2,fma", "default")))
#endif
void accumulate(const float* a, const float* b, float* sum, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < depth; ++k) {
            const float x = a[i * depth + k];
            const float* y = b + k * columns;
            float* z = sum + i * columns;
            for (std::int64_t j = 0; j < columns; ++j) z[j] += x * y[j];
        }
}

std::uint64_t bytes_of(std::uint32_t type) { return type == lt::f32 ? 4 : 2; }

std::uint64_t extent(const MatrixLayout& layout) {
    if (layout.rows == 0 || layout.columns == 0) return 0;
    const std::int64_t last =
        index_of(layout, static_cast<std::int64_t>(layout.rows) - 1, static_cast<std::int64_t>(layout.columns) - 1, layout.batch - 1);
    return (static_cast<std::uint64_t>(last) + 1) * bytes_of(layout.type);
}

bool is_good(const MatrixLayout& layout) {
    const auto least = static_cast<std::int64_t>(layout.order == lt::row_major ? layout.columns : layout.rows);
    return (layout.type == lt::f32 || layout.type == lt::bf16) && (layout.order == lt::row_major || layout.order == lt::column_major) &&
           layout.leading >= least && layout.batch >= 1;
}

}  // namespace

int check_product(const Product& product) {
    const MatmulDescription& how = product.description;
    const MatrixLayout &a = product.layout_a, &b = product.layout_b, &c = product.layout_c, &d = product.layout_d;
    for (const MatrixLayout* layout : {&a, &b, &c, &d})
        if (!is_good(*layout)) return lt::invalid_value;
    const bool ta = how.transpose_a != lt::operation_none, tb = how.transpose_b != lt::operation_none;
    const std::uint64_t m = ta ? a.columns : a.rows, k = ta ? a.rows : a.columns, k_of_b = tb ? b.columns : b.rows,
                        n = tb ? b.rows : b.columns;
    if (k != k_of_b || d.rows != m || d.columns != n || c.rows != m || c.columns != n) return lt::invalid_value;
    if (a.batch != d.batch || b.batch != d.batch || c.batch != d.batch) return lt::invalid_value;
    const bool is_known = (how.compute_type == lt::compute_f32 || how.compute_type == lt::compute_f32_pedantic) &&
                          how.scale_type == lt::f32 && how.pointer_mode == 0 &&
                          (how.epilogue == lt::epilogue_default || how.epilogue == lt::epilogue_bias) &&
                          how.transpose_c == lt::operation_none;
    // The pairs that the real library multiplies: both inputs of one type, f32 only with f32 results.
    const bool types_fit = a.type == b.type && c.type == d.type && (a.type == lt::bf16 || d.type == lt::f32);
    return is_known && types_fit ? lt::success : lt::not_supported;
}

bool operands_are_live(const Product& product, int (*is_range)(const void*, std::uint64_t)) {
    const auto live = [&](const void* p, std::uint64_t bytes) { return bytes == 0 || is_range(p, bytes) != 0; };
    const std::uint64_t bias =
        product.description.epilogue == lt::epilogue_bias ? product.layout_d.rows * bytes_of(product.layout_d.type) : 0;
    return live(product.a, extent(product.layout_a)) && live(product.b, extent(product.layout_b)) &&
           live(product.d, extent(product.layout_d)) && (product.beta == 0 || live(product.c, extent(product.layout_c))) &&
           live(product.description.bias, bias);
}

void multiply(const Product& product) {
    const MatrixLayout& d = product.layout_d;
    const bool ta = product.description.transpose_a != lt::operation_none, tb = product.description.transpose_b != lt::operation_none;
    const auto m = static_cast<std::int64_t>(d.rows), n = static_cast<std::int64_t>(d.columns);
    const auto depth = static_cast<std::int64_t>(ta ? product.layout_a.rows : product.layout_a.columns);
    const auto step = static_cast<std::int64_t>(panel_depth), band = static_cast<std::int64_t>(panel_rows);
    const auto bias_type =
        static_cast<std::uint32_t>(product.description.bias_type < 0 ? static_cast<std::int32_t>(d.type) : product.description.bias_type);
    std::vector<float> panel_a(panel_rows * panel_depth), panel_b(panel_depth * panel_rows * 4), sum(panel_rows * panel_rows * 4);
    const std::int64_t width = band * 4;
    for (std::int64_t batch = 0; batch < d.batch; ++batch)
        for (std::int64_t row = 0; row < m; row += band)
            for (std::int64_t column = 0; column < n; column += width) {
                const std::int64_t rows = std::min(band, m - row), columns = std::min(width, n - column);
                std::fill(sum.begin(), sum.end(), 0.0f);
                for (std::int64_t k = 0; k < depth; k += step) {
                    const std::int64_t part = std::min(step, depth - k);
                    pack(product.a, product.layout_a, ta, row, k, rows, part, batch, panel_a.data());
                    pack(product.b, product.layout_b, tb, k, column, part, columns, batch, panel_b.data());
                    accumulate(panel_a.data(), panel_b.data(), sum.data(), rows, columns, part);
                }
                for (std::int64_t i = 0; i < rows; ++i)
                    for (std::int64_t j = 0; j < columns; ++j) {
                        float x = product.alpha * sum[static_cast<std::size_t>(i * columns + j)];
                        if (product.beta != 0)
                            x += product.beta *
                                 load(product.c, product.layout_c.type, index_of(product.layout_c, row + i, column + j, batch));
                        if (product.description.epilogue == lt::epilogue_bias) x += load(product.description.bias, bias_type, row + i);
                        store(product.d, d.type, index_of(d, row + i, column + j, batch), x);
                    }
            }
}

}  // namespace emulator
