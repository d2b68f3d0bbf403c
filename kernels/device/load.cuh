// load.cuh: 16 bytes at a time between memory and registers
//
// A vector is 16 bytes: 4 f32 or 8 bf16. Rows whose width is no multiple of it, and pointers that are not aligned to 16, take the scalar
// path: vector_width<T>() tells a kernel's launcher which, and is_vector_aligned() a kernel that gets slices.
#pragma once

#include "dtype.cuh"

template <typename T>
struct Vector {
    static constexpr int width = 16 / sizeof(T);
};

__device__ inline void load_vector(const float* p, float (&x)[4]) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
}

__device__ inline void load_vector(const bf16* p, float (&x)[8]) {
    const uint4 v = *reinterpret_cast<const uint4*>(p);
    x[0] = low_float(v.x), x[1] = high_float(v.x), x[2] = low_float(v.y), x[3] = high_float(v.y);
    x[4] = low_float(v.z), x[5] = high_float(v.z), x[6] = low_float(v.w), x[7] = high_float(v.w);
}

__device__ inline void store_vector(const float (&x)[4], float* p) {
    *reinterpret_cast<float4*>(p) = make_float4(x[0], x[1], x[2], x[3]);
}

__device__ inline void store_vector(const float (&x)[8], bf16* p) {
    *reinterpret_cast<uint4*>(p) =
        make_uint4(pack_bf16x2(x[0], x[1]), pack_bf16x2(x[2], x[3]), pack_bf16x2(x[4], x[5]), pack_bf16x2(x[6], x[7]));
}
