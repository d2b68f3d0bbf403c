// swiglu.cu: the gated activation of Llama's feed-forward network
//
//   forward    y     = g σ(g) u                           σ(g) = 1 / (1 + e^(−g)),  g = gate, u = up
//   backward   dGate = dy u σ (1 + g (1 − σ))
//              dUp   = dy g σ
//
// Shapes     gate, up, y, dy, dGate, dUp: (N, F), here N · F = `count` elements in a row
// Types      all: f32 | bf16 in memory, f32 in registers
// Launch     one vector of 16 bytes a thread, 256 threads a block
// Aliasing   y may be gate or up. dGate may be gate, dUp may be up or dy: a thread reads its elements of all before it writes one.
// Cost       swiglu_forward   reads 2 s N F, writes s N F: bandwidth bound.
//            swiglu_backward  reads 3 s N F, writes 2 s N F: bandwidth bound.
// Source     Shazeer 2020, arXiv:2002.05202, eq. 6 with β = 1
#include "device/load.cuh"

constexpr int threads = 256;

// e^(−x) overflows to infinity for very negative x, and the result is its limit, zero.
__device__ inline float sigmoid(float x) { return reciprocal_approx(1.0f + expf(-x)); }

template <typename T, bool is_vector>
__device__ inline void forward_vector(const T* gate, const T* up, int64 left, T* y) {
    float g[Vector<T>::width], u[Vector<T>::width];
    load<is_vector>(gate, left, g);
    load<is_vector>(up, left, u);
#pragma unroll
    for (int i = 0; i < Vector<T>::width; ++i) u[i] *= g[i] * sigmoid(g[i]);
    store<is_vector>(u, left, y);
}

template <typename T, bool is_vector>
__device__ inline void backward_vector(const T* dy, const T* gate, const T* up, int64 left, T* d_gate, T* d_up) {
    float d[Vector<T>::width], g[Vector<T>::width], u[Vector<T>::width];
    load<is_vector>(dy, left, d);
    load<is_vector>(gate, left, g);
    load<is_vector>(up, left, u);
#pragma unroll
    for (int i = 0; i < Vector<T>::width; ++i) {
        const float s = sigmoid(g[i]), slope = s * fmaf(g[i], 1.0f - s, 1.0f);
        u[i] *= d[i] * slope;
        d[i] *= g[i] * s;
    }
    store<is_vector>(u, left, d_gate);
    store<is_vector>(d, left, d_up);
}

template <typename T>
__device__ inline void swiglu_forward(const T* gate, const T* up, int64 count, T* y) {
    constexpr int width = Vector<T>::width;
    const int64 i = (static_cast<int64>(blockIdx.x) * threads + threadIdx.x) * width, left = count - i;
    if (left >= width && is_vector_aligned(0, gate, up, y)) {
        forward_vector<T, true>(gate + i, up + i, left, y + i);
    } else {
        forward_vector<T, false>(gate + i, up + i, left, y + i);
    }
}

template <typename T>
__device__ inline void swiglu_backward(const T* dy, const T* gate, const T* up, int64 count, T* d_gate, T* d_up) {
    constexpr int width = Vector<T>::width;
    const int64 i = (static_cast<int64>(blockIdx.x) * threads + threadIdx.x) * width, left = count - i;
    if (left >= width && is_vector_aligned(0, dy, gate, up, d_gate, d_up)) {
        backward_vector<T, true>(dy + i, gate + i, up + i, left, d_gate + i, d_up + i);
    } else {
        backward_vector<T, false>(dy + i, gate + i, up + i, left, d_gate + i, d_up + i);
    }
}

extern "C" __global__ void __launch_bounds__(threads) swiglu_forward_f32(const float* gate, const float* up, int64 count, float* y) {
    swiglu_forward(gate, up, count, y);
}

extern "C" __global__ void __launch_bounds__(threads) swiglu_forward_bf16(const bf16* gate, const bf16* up, int64 count, bf16* y) {
    swiglu_forward(gate, up, count, y);
}

extern "C" __global__ void __launch_bounds__(threads)
    swiglu_backward_f32(const float* dy, const float* gate, const float* up, int64 count, float* d_gate, float* d_up) {
    swiglu_backward(dy, gate, up, count, d_gate, d_up);
}

extern "C" __global__ void __launch_bounds__(threads)
    swiglu_backward_bf16(const bf16* dy, const bf16* gate, const bf16* up, int64 count, bf16* d_gate, bf16* d_up) {
    swiglu_backward(dy, gate, up, count, d_gate, d_up);
}
