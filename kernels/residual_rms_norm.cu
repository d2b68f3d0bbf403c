// residual_rms_norm.cu: the residual sum, its root-mean-square normalisation, and what a cosine similarity needs of both, in one pass
//
//   x_out[n,c] = x[n,c] + delta[n,c]
//   y[n,c]     = x_out[n,c] rstd[n] w[c]                 rstd[n] = (mean_c x_out[n,c]² + ε)^(−1/2)
//   products[n] = (x · x_out, |x|², |x_out|²)            unless products is null
//
// So cos(x, x_out) of a block with its residual costs no bytes: the rows are in registers anyway. Of any other rows cosine_similarity.cu
// has the products, summed in this order. The backward is that of rms_norm.cu on x_out: its dx is the gradient of x and of delta both.
//
// Shapes     x, delta, x_out, y (N, C) row-major, N = B·T;  w (C);  rstd (N);  products (N, 3)
// Types      x, delta, x_out, y: f32 | bf16 in memory, f32 in registers;  w, rstd, products: f32. Norm and products are those of the
//            rounded x_out, which is what later ops and the backward read.
// Launch     `lanes` threads a row (device/row.cuh), 256 / lanes rows a block
// Aliasing   x_out may be x or delta; y may be the other one.
// Cost       residual_rms_norm_forward  reads 2 s N C + s N max(0, C − 4 V lanes) + 4 C, writes 2 s N C + 16 N,
//                       loads 2 s N C + 2 s N max(0, C − 4 V lanes) + 4 C ⌈N min(lanes, 32) / 32⌉,
//                       excess ≤ bf16 C ⌈N min(lanes, 32) / 32⌉ / 8 + N: bandwidth bound.
// Source     Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4; the cosine: LLM-Drop, arXiv:2406.15786
#include "device/reduce.cuh"
#include "device/row.cuh"
#include "device/row_products.cuh"

constexpr int threads = 256, warps = threads / warp_size;

template <typename T, bool is_vector>
__device__ inline void forward(const T* x, const T* delta, const float* w, int rows, int columns, int lanes, float epsilon, T* x_out, T* y,
                               float* rstd, float* products) {
    constexpr int width = Vector<T>::width;
    __shared__ float scratch[warps];
    const int row = blockIdx.x * (threads / lanes) + threadIdx.x / lanes, lane = threadIdx.x % lanes;
    const int64 start = static_cast<int64>(row) * columns;

    HeldRows<T, 2, is_vector> held(lane, lanes, row < rows ? columns : 0);
    held.from[0] = x + start;      // (C)
    held.from[1] = delta + start;  // (C)
    RowProducts part;
    held.template read<true>([&](int c, float(&v)[2][width]) {
#pragma unroll
        for (int i = 0; i < width; ++i) {
            const float in = v[0][i], out = to_float(from_float<T>(in + v[1][i]));
            part.add(in, out);
            v[0][i] = out;
        }
        store<is_vector>(v[0], columns - c, x_out + start + c);
    });
    RowProducts sum;
    if (products != nullptr) {
        sum = row_sum(part, lanes, scratch);
    } else {
        sum.yy = row_sum(part.yy, lanes, scratch);
    }
    const float scale = 1.0f / sqrtf(sum.yy / columns + epsilon);
    if (row < rows && lane == 0) {
        rstd[row] = scale;
        if (products != nullptr) sum.store(products + 3 * static_cast<int64>(row));
    }

    held.from[0] = x_out + start;  // (C)
    held.again([&](int c, float(&v)[2][width]) {
        float weight[width], result[width];
        load<is_vector>(w + c, columns - c, weight);
#pragma unroll
        for (int i = 0; i < width; ++i) result[i] = v[0][i] * scale * weight[i];
        store<is_vector>(result, columns - c, y + start + c);
    });
}

template <typename T>
__device__ inline void residual_rms_norm_forward(const T* x, const T* delta, const float* w, int rows, int columns, int lanes,
                                                 float epsilon, T* x_out, T* y, float* rstd, float* products) {
    if (is_vector_aligned(columns, x, delta, w, x_out, y)) {
        forward<T, true>(x, delta, w, rows, columns, lanes, epsilon, x_out, y, rstd, products);
    } else {
        forward<T, false>(x, delta, w, rows, columns, lanes, epsilon, x_out, y, rstd, products);
    }
}

extern "C" __global__ void __launch_bounds__(threads)
    residual_rms_norm_forward_f32(const float* x, const float* delta, const float* w, int rows, int columns, int lanes, float epsilon,
                                  float* x_out, float* y, float* rstd, float* products) {
    residual_rms_norm_forward(x, delta, w, rows, columns, lanes, epsilon, x_out, y, rstd, products);
}

extern "C" __global__ void __launch_bounds__(threads)
    residual_rms_norm_forward_bf16(const bf16* x, const bf16* delta, const float* w, int rows, int columns, int lanes, float epsilon,
                                   bf16* x_out, bf16* y, float* rstd, float* products) {
    residual_rms_norm_forward(x, delta, w, rows, columns, lanes, epsilon, x_out, y, rstd, products);
}
