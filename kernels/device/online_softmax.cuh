// online_softmax.cuh: one row's step of the softmax that sees its scores tile by tile
//
//   m' = max(m, scores),  l' = l exp(m - m') + Σ exp(score - m'),  and what was summed with m is multiplied by exp(m - m')
//
// Source     Milakov and Gimelshein 2018, arXiv:1805.02867
#pragma once

#include "device/mma.cuh"
#include "device/reduce.cuh"

// exp(x) = 2^(x log2 e): the special function unit knows powers of two.
constexpr float log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;

__device__ inline float infinity() { return __uint_as_float(0x7f800000u); }

// log Σ exp(scale score) of a row, from the largest score and l.
__device__ inline float log_sum(float maximum, float l, float scale_log2) {
    const float shift = maximum == -infinity() ? 0.0f : maximum * scale_log2;
    return fmaf(shift, ln_2, logf(l));
}

// Scores become exp(score - m), 0 where the score is -inf; m and l follow. Returns what the row's sums so far are to be multiplied by. One
// row of a lane: its half h of the fragments; four lanes share the row, and each of them keeps the l of its own columns.
template <int N>
__device__ inline float online_softmax(FragmentD (&s)[N], int h, float scale, float& maximum, float& sum) {
    float highest = maximum;
#pragma unroll
    for (int n = 0; n < N; ++n) highest = fmaxf(highest, fmaxf(s[n].r[2 * h], s[n].r[2 * h + 1]));
    highest = fmaxf(highest, __shfl_xor_sync(all_lanes, highest, 1));
    highest = fmaxf(highest, __shfl_xor_sync(all_lanes, highest, 2));

    // Nothing visible yet: any finite shift will do, all terms are exp(-inf). A tile that leaves m alone must not change a bit of o: a
    // key-value cache then gives what the whole sequence gives.
    const float shift = highest == -infinity() ? 0.0f : highest * scale;
    const float decay = highest == maximum ? 1.0f : exp2_approx(maximum * scale - shift);
    float terms = 0.0f;
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
        for (int i = 2 * h; i < 2 * h + 2; ++i) {
            s[n].r[i] = exp2_approx(fmaf(s[n].r[i], scale, -shift));
            terms += s[n].r[i];
        }
    }
    sum = fmaf(sum, decay, terms);
    maximum = highest;
    return decay;
}

// A row of the sums so far, times what online_softmax says.
template <int N>
__device__ inline void decay_row(FragmentD (&o)[N], int h, float decay) {
#pragma unroll
    for (int n = 0; n < N; ++n) {
        o[n].r[2 * h] *= decay;
        o[n].r[2 * h + 1] *= decay;
    }
}
