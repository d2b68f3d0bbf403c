// add_scaled.cu: y += alpha x
//
// Shapes     x, y: any, equal; `count` elements
// Types      x, y: f32 | bf16 in memory, f32 in registers
// Launch     one vector of 16 bytes a thread, 256 threads a block: a multiprocessor full of threads has 64 KiB under way, enough to hide
//            the latency of memory without a loop
// Aliasing   x may be y.
// Cost       add_scaled  reads 2 s n, writes s n: bandwidth bound.
// Source     plain
#include "device/load.cuh"

constexpr int threads = 256;

template <typename T, bool is_vector>
__device__ inline void add_vector(const T* x, float alpha, int64 left, T* y) {
    float a[Vector<T>::width], b[Vector<T>::width];
    load<is_vector>(x, left, a);
    load<is_vector>(y, left, b);
#pragma unroll
    for (int i = 0; i < Vector<T>::width; ++i) b[i] = fmaf(alpha, a[i], b[i]);
    store<is_vector>(b, left, y);
}

template <typename T>
__device__ inline void add_scaled(const T* x, int64 count, float alpha, T* y) {
    constexpr int width = Vector<T>::width;
    const int64 i = (static_cast<int64>(blockIdx.x) * threads + threadIdx.x) * width, left = count - i;
    if (left >= width && is_vector_aligned(0, x, y)) {
        add_vector<T, true>(x + i, alpha, left, y + i);
    } else {
        add_vector<T, false>(x + i, alpha, left, y + i);
    }
}

extern "C" __global__ void __launch_bounds__(threads) add_scaled_f32(const float* x, int64 count, float alpha, float* y) {
    add_scaled(x, count, alpha, y);
}

extern "C" __global__ void __launch_bounds__(threads) add_scaled_bf16(const bf16* x, int64 count, float alpha, bf16* y) {
    add_scaled(x, count, alpha, y);
}
