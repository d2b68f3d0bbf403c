// mma.cuh: 16 × 8 × 16 tiles on the tensor cores, and how their elements lie in the lanes of a warp
//
//   d += a b      a (16, 16), b (16, 8) bf16;  d (16, 8) f32
//
// Lane l, group g = l / 4, t = l % 4:
//   a[0] = a(g, 2t .. 2t+1)     a[1] = a(g+8, 2t .. 2t+1)     a[2] = a(g, 2t+8 .. 2t+9)     a[3] = a(g+8, 2t+8 .. 2t+9)
//   b[0] = b(2t .. 2t+1, g)     b[1] = b(2t+8 .. 2t+9, g)
//   d[0], d[1] = d(g, 2t), d(g, 2t+1)                          d[2], d[3] = d(g+8, 2t), d(g+8, 2t+1)
//
// So d, rounded to bf16, is the a of a following product without a shuffle: columns 2t .. 2t+1 of two neighbouring d are a's columns.
//
// Source     PTX ISA, 9.7.14.5.8 "Matrix Fragments for mma.m16n8k16"
#pragma once

#include "device/dtype.cuh"

struct FragmentA {
    unsigned r[4];
};

struct FragmentB {
    unsigned r[2];
};

struct FragmentD {
    float r[4];
};

__device__ inline void mma(FragmentD& d, const FragmentA& a, const FragmentB& b) { mma_m16n8k16_bf16(d.r, a.r, b.r[0], b.r[1]); }

// a (16, 16) from row-major shared memory: `tile` is a(0, 0), rows are `stride` elements apart (a multiple of 8).
__device__ inline void load_a(FragmentA& a, const bf16* tile, int stride, int lane) {
    ldmatrix_x4(a.r, tile + (lane % 16) * stride + (lane / 16) * 8);
}

// a (16, 16) from shared memory that holds it transposed: `tile` is a(0, 0), element a(m, k) at tile[k * stride + m].
__device__ inline void load_a_transposed(FragmentA& a, const bf16* tile, int stride, int lane) {
    ldmatrix_x4_transposed(a.r, tile + (lane % 8 + (lane / 16) * 8) * stride + (lane / 8 % 2) * 8);
}

// Two neighbouring b (16, 8), columns 0-7 and 8-15, from shared memory that holds bᵀ row-major: b(k, n) at tile[n * stride + k], such as a
// weight matrix (out, in) in y = x wᵀ.
__device__ inline void load_b_pair(FragmentB& left, FragmentB& right, const bf16* tile, int stride, int lane) {
    unsigned r[4];
    ldmatrix_x4(r, tile + (lane % 8 + (lane / 16) * 8) * stride + (lane / 8 % 2) * 8);
    left.r[0] = r[0], left.r[1] = r[1], right.r[0] = r[2], right.r[1] = r[3];
}

// The same from shared memory that holds b row-major: b(k, n) at tile[k * stride + n].
__device__ inline void load_b_pair_transposed(FragmentB& left, FragmentB& right, const bf16* tile, int stride, int lane) {
    unsigned r[4];
    ldmatrix_x4_transposed(r, tile + (lane % 16) * stride + (lane / 16) * 8);
    left.r[0] = r[0], left.r[1] = r[1], right.r[0] = r[2], right.r[1] = r[3];
}
