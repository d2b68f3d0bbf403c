// copy.cu: elements between f32 and bf16
//
//   copy       y[i] = x[i], to bf16 rounded to nearest even; to f32 exact
//
// Shapes     x, y (n), n of any size
// Types      one of x, y f32, the other bf16. Equal types need no kernel: the device copies bytes by itself.
// Launch     256 threads a block, at most 8 blocks a multiprocessor; thread t takes runs of 8 elements at 8 t, 8 (t + threads), ...
// Aliasing   none.
// Cost       copy_f32_to_bf16  reads 4 n, writes 2 n, excess n / 8: bandwidth bound.
//            copy_bf16_to_f32  reads 2 n, writes 4 n, excess n / 8: bandwidth bound.
// Source     IEEE 754-2019 4.3.1 (ties to even)
#include "device/load.cuh"

constexpr int run = 8;  // elements: one vector of bf16, two of f32

// A run from memory, both halves as vectors where the address allows.
__device__ inline void load_run(const bf16* x, float (&values)[run]) { load_vector(x, values); }

__device__ inline void load_run(const float* x, float (&values)[run]) {
    float half[4];
    for (int part = 0; part < 2; ++part) {
        load_vector(x + 4 * part, half);
        for (int i = 0; i < 4; ++i) values[4 * part + i] = half[i];
    }
}

__device__ inline void store_run(const float (&values)[run], bf16* y) { store_vector(values, y); }

__device__ inline void store_run(const float (&values)[run], float* y) {
    for (int part = 0; part < 2; ++part) {
        const float half[4] = {values[4 * part], values[4 * part + 1], values[4 * part + 2], values[4 * part + 3]};
        store_vector(half, y + 4 * part);
    }
}

__device__ inline bool is_aligned(const void* p) { return reinterpret_cast<unsigned long long>(p) % 16 == 0; }

template <typename From, typename To>
__device__ void copy(const From* __restrict__ x,  // (n)
                     const int64 n,
                     To* __restrict__ y) {  // (n)
    const int64 thread = static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64 stride = static_cast<int64>(gridDim.x) * blockDim.x * run;
    const bool vectors = is_aligned(x) && is_aligned(y);
    for (int64 start = thread * run; start < n; start += stride) {
        if (vectors && start + run <= n) {
            float values[run];
            load_run(x + start, values);
            store_run(values, y + start);
        } else {
            for (int64 i = start; i < start + run && i < n; ++i) y[i] = from_float<To>(to_float(x[i]));
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) copy_f32_to_bf16(const float* x, int64 n, bf16* y) { copy(x, n, y); }

extern "C" __global__ void __launch_bounds__(256) copy_bf16_to_f32(const bf16* x, int64 n, float* y) { copy(x, n, y); }
