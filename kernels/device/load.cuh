// load.cuh: 16 bytes at a time between memory and registers
//
// A vector is 16 bytes: 4 f32 or 8 bf16. Rows whose width is no multiple of it, and pointers that are not aligned to 16, take the scalar
// path: a kernel's body is a template on `is_vector`, and is_vector_aligned() picks one of the two, the same for the whole grid.
#pragma once

#include "device/dtype.cuh"

template <typename T>
struct Vector {
    static constexpr int width = 16 / sizeof(T);
};

__device__ inline void load_vector(const float* p, float (&x)[4]) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
}

// A vector as it lies in memory, which for bf16 takes half of the registers that its elements do.
__device__ inline void unpack(const uint4& v, float (&x)[4]) {
    x[0] = __uint_as_float(v.x), x[1] = __uint_as_float(v.y), x[2] = __uint_as_float(v.z), x[3] = __uint_as_float(v.w);
}

__device__ inline void unpack(const uint4& v, float (&x)[8]) {
    x[0] = low_float(v.x), x[1] = high_float(v.x), x[2] = low_float(v.y), x[3] = high_float(v.y);
    x[4] = low_float(v.z), x[5] = high_float(v.z), x[6] = low_float(v.w), x[7] = high_float(v.w);
}

__device__ inline uint4 pack(const float (&x)[4]) {
    return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]), __float_as_uint(x[3]));
}

__device__ inline uint4 pack(const float (&x)[8]) {
    return make_uint4(pack_bf16x2(x[0], x[1]), pack_bf16x2(x[2], x[3]), pack_bf16x2(x[4], x[5]), pack_bf16x2(x[6], x[7]));
}

__device__ inline void load_vector(const bf16* p, float (&x)[8]) {
    const uint4 v = *reinterpret_cast<const uint4*>(p);  // one access, however its parts are used
    unpack(v, x);
}

// 4 bf16 beside 4 f32: half as wide, for then both sides of a conversion fill their sectors.
__device__ inline void load_vector(const bf16* p, float (&x)[4]) {
    const uint2 v = *reinterpret_cast<const uint2*>(p);
    x[0] = low_float(v.x), x[1] = high_float(v.x), x[2] = low_float(v.y), x[3] = high_float(v.y);
}

// 8 f32 beside 8 bf16, such as a norm weight beside its activations.
__device__ inline void load_vector(const float* p, float (&x)[8]) {
    const float4 low = reinterpret_cast<const float4*>(p)[0], high = reinterpret_cast<const float4*>(p)[1];
    x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
    x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
}

__device__ inline void store_vector(const float (&x)[4], float* p) { *reinterpret_cast<float4*>(p) = make_float4(x[0], x[1], x[2], x[3]); }

__device__ inline void store_vector(const float (&x)[8], bf16* p) { *reinterpret_cast<uint4*>(p) = pack(x); }

__device__ inline void store_vector(const float (&x)[4], bf16* p) {
    *reinterpret_cast<uint2*>(p) = make_uint2(pack_bf16x2(x[0], x[1]), pack_bf16x2(x[2], x[3]));
}

__device__ inline void store_vector(const float (&x)[8], float* p) {
    reinterpret_cast<float4*>(p)[0] = make_float4(x[0], x[1], x[2], x[3]);
    reinterpret_cast<float4*>(p)[1] = make_float4(x[4], x[5], x[6], x[7]);
}

// Whether rows of `columns` elements that start at these pointers are whole vectors, all aligned.
template <typename... Ts>
__device__ inline bool is_vector_aligned(int64 columns, const Ts*... rows) {
    return ((... | (reinterpret_cast<unsigned long long>(rows) | static_cast<unsigned long long>(columns * sizeof(Ts)))) & 15) == 0;
}

// Width elements from p; where they are no vector, only `left` of them are there and the rest is zero.
template <bool is_vector, typename T, int Width>
__device__ inline void load(const T* p, int64 left, float (&x)[Width]) {
    if constexpr (is_vector) {
        load_vector(p, x);
    } else {
#pragma unroll
        for (int i = 0; i < Width; ++i) x[i] = i < left ? to_float(p[i]) : 0.0f;
    }
}

// The same back to p, rounded to T.
template <bool is_vector, typename T, int Width>
__device__ inline void store(const float (&x)[Width], int64 left, T* p) {
    if constexpr (is_vector) {
        store_vector(x, p);
    } else {
#pragma unroll
        for (int i = 0; i < Width; ++i) {
            if (i < left) p[i] = from_float<T>(x[i]);
        }
    }
}
