// copy.cu: elements between f32 and bf16
//
//   copy       y[i] = x[i], to bf16 rounded to nearest even; to f32 exact
//
// Shapes     x, y (n), n of any size
// Types      one of x, y f32, the other bf16. Equal types need no kernel: the device copies bytes by itself.
// Launch     256 threads a block, at most 8 blocks a multiprocessor; thread t takes runs of 4 elements at 4 t, 4 (t + threads), ...
// Aliasing   none.
// Cost       copy_f32_to_bf16  reads 4 n, writes 2 n: bandwidth bound.
//            copy_bf16_to_f32  reads 2 n, writes 4 n: bandwidth bound.
// Source     IEEE 754-2019 4.3.1 (ties to even)
#include "device/load.cuh"

constexpr int run = 4;  // elements: 16 bytes of f32, 8 of bf16

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
            load_vector(x + start, values);
            store_vector(values, y + start);
        } else {
            for (int64 i = start; i < start + run && i < n; ++i) y[i] = from_float<To>(to_float(x[i]));
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) copy_f32_to_bf16(const float* x, int64 n, bf16* y) { copy(x, n, y); }

extern "C" __global__ void __launch_bounds__(256) copy_bf16_to_f32(const bf16* x, int64 n, float* y) { copy(x, n, y); }
