// attention_gradient.cuh: what the backward of attention does to a row and to a score
//
//   delta = rowsum(dO ∘ o),  P = exp(scale q kᵀ - lse),  dS = P ∘ (dO vᵀ - delta)
#pragma once

#include "device/attention_tile.cuh"
#include "device/online_softmax.cuh"

// x · y of one row, by the four lanes that share it; each of them receives it, 0 where x is null.
template <int Width, typename T>
__device__ inline float row_product(const T* x, const T* y, int width, bool aligned, int lane) {
    constexpr int lanes = 4, vector = Vector<T>::width;
    float sum = 0.0f;
    if (x != nullptr && aligned) {
#pragma unroll
        for (int first = 0; first < Width; first += lanes * vector) {
            const int c = first + lane % lanes * vector;
            if (c >= width) break;
            float a[vector], b[vector];
            load_vector(x + c, a);
            load_vector(y + c, b);
#pragma unroll
            for (int i = 0; i < vector; ++i) sum = fmaf(a[i], b[i], sum);
        }
    } else if (x != nullptr) {
#pragma unroll 1
        for (int c = lane % lanes; c < width; c += lanes) sum = fmaf(to_float(x[c]), to_float(y[c]), sum);
    }
    sum += __shfl_xor_sync(all_lanes, sum, 1);
    return sum + __shfl_xor_sync(all_lanes, sum, 2);
}

// Scores become P and dP becomes dS, of one accumulator each; lse is in powers of two.
__device__ inline void probability_and_gradient(float& s, float& dp, float scale_log2, float lse_log2, float delta) {
    s = exp2_approx(fmaf(s, scale_log2, -lse_log2));
    dp = s * (dp - delta);
}
