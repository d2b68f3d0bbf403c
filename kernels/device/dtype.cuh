// dtype.cuh: storage types and their way to f32 and back
//
// A kernel is a template on the type T of what lies in memory and computes in f32; its entry points at the end of the file are one a
// type: name_f32, name_bf16. bf16 is the upper half of an f32 (8 exponent bits, 7 mantissa bits), rounded to nearest even.
#pragma once

#include "device/ptx.cuh"

using int64 = long long;

struct bf16 {
    unsigned short bits;
};

__device__ inline float to_float(float x) { return x; }

__device__ inline float to_float(bf16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }

// The halves of a word that holds two bf16.
__device__ inline float low_float(unsigned pair) { return __uint_as_float(pair << 16); }

__device__ inline float high_float(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

template <typename T>
__device__ inline T from_float(float x);

template <>
__device__ inline float from_float<float>(float x) {
    return x;
}

template <>
__device__ inline bf16 from_float<bf16>(float x) {
    return bf16{static_cast<unsigned short>(pack_bf16x2(x, 0.0f) & 0xffffu)};
}
