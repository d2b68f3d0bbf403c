// cosine_similarity.cu: what the cosine of two rows is made of
//
//   products[n] = (x · y, |x|², |y|²)                    cos(x[n], y[n]) = x · y / sqrt(|x|² |y|²)
//
// With x what enters a layer and y what leaves it, its residual included, 1 − mean_n cos(x[n], y[n]) is the layer's importance. Where y is
// the residual sum of x, residual_rms_norm.cu gives these products to the last bit, and for nothing; this is for rows that no kernel holds
// together, such as the two ends of a block. Products instead of cosines: what a row of zeros or of padding means is for their reader.
//
// Shapes     x, y (N, C) row-major, N = B·T;  products (N, 3)
// Types      x, y: f32 | bf16 in memory, f32 in registers;  products: f32
// Launch     `lanes` threads a row (device/row.cuh), 256 / lanes rows a block; as many lanes as residual_rms_norm.cu has
// Aliasing   x may be y.
// Cost       cosine_similarity  reads 2 s N C, writes 12 N, excess ≤ N: bandwidth bound.
// Source     LLM-Drop, arXiv:2406.15786
#include "device/reduce.cuh"
#include "device/row.cuh"
#include "device/row_products.cuh"

constexpr int threads = 256, warps = threads / warp_size;

template <typename T, bool is_vector>
__device__ inline void row_products(const T* x, const T* y, int rows, int columns, int lanes, float* products) {
    constexpr int width = Vector<T>::width;
    __shared__ float scratch[warps];
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    const int64 start = static_cast<int64>(row) * columns;

    HeldRows<T, 2, is_vector> held(lane, lanes, row < rows ? columns : 0);
    held.from[0] = x + start;  // (C)
    held.from[1] = y + start;  // (C)
    RowProducts part;
    held.read([&](int, float(&v)[2][width]) {
#pragma unroll
        for (int i = 0; i < width; ++i) part.add(v[0][i], v[1][i]);
    });
    const RowProducts sum = row_sum(part, lanes, scratch);
    if (row < rows && lane == 0) sum.store(products + 3 * static_cast<int64>(row));
}

template <typename T>
__device__ inline void cosine_similarity(const T* x, const T* y, int rows, int columns, int lanes, float* products) {
    if (is_vector_aligned(columns, x, y)) {
        row_products<T, true>(x, y, rows, columns, lanes, products);
    } else {
        row_products<T, false>(x, y, rows, columns, lanes, products);
    }
}

extern "C" __global__ void __launch_bounds__(threads)
    cosine_similarity_f32(const float* x, const float* y, int rows, int columns, int lanes, float* products) {
    cosine_similarity(x, y, rows, columns, lanes, products);
}

extern "C" __global__ void __launch_bounds__(threads)
    cosine_similarity_bf16(const bf16* x, const bf16* y, int rows, int columns, int lanes, float* products) {
    cosine_similarity(x, y, rows, columns, lanes, products);
}
