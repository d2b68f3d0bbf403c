// row_products.cuh: x · y, |x|² and |y|² of two rows, what their cosine is made of
//
// A lane adds up its own columns in their order, the lanes are summed as row_sum() does: whichever kernel walks the rows, with as many
// lanes the products have the same bits.
#pragma once

#include "device/reduce.cuh"

struct RowProducts {
    float xy = 0.0f, xx = 0.0f, yy = 0.0f;

    __device__ void add(float x, float y) {
        xy = fmaf(x, y, xy);
        xx = fmaf(x, x, xx);
        yy = fmaf(y, y, yy);
    }

    __device__ void store(float* to) const {  // (3)
        to[0] = xy, to[1] = xx, to[2] = yy;
    }
};

// The sums over the lanes of a row, one after the other.
__device__ inline RowProducts row_sum(const RowProducts& part, int lanes, float* scratch) {
    RowProducts sum;
    sum.yy = row_sum(part.yy, lanes, scratch);
    sum.xx = row_sum(part.xx, lanes, scratch);
    sum.xy = row_sum(part.xy, lanes, scratch);
    return sum;
}
