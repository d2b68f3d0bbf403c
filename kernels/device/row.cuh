// row.cuh: rows that several threads walk together twice, and memory is read for once
//
// `lanes` threads (a power of two) share a row. Lane l owns columns (l + lanes k) V .. + V, V a vector of T; its first `held` vectors stay
// in registers between the two walks, as they lie in memory, what a wide row has beyond them is read again.
#pragma once

#include "device/load.cuh"

// Count rows of equal width, such as x and dy, walked side by side.
template <typename T, int Count, bool is_vector>
struct HeldRows {
    // What is loaded element by element would take more registers than the vectors do, and the kernel of both has those of the larger.
    static constexpr int width = Vector<T>::width, held = is_vector ? 4 : 1;

    const T* from[Count];  // (C) each
    int first, step, end;  // this lane's first column, the way to its next vector, C; end = 0 where there is no row
    uint4 kept[held][Count];

    __device__ HeldRows(int lane, int lanes, int columns) : first(lane * width), step(lanes * width), end(columns) {}

    // The first walk: body(c, v) for every vector of this lane, v[i] the elements c .. + width of row i; zero beyond the row. If it
    // changes v, to numbers that T holds, these are what it gets in the second walk of a held vector.
    template <bool Changes = false, typename Body>
    __device__ void read(Body body) {
#pragma unroll
        for (int k = 0; k < held; ++k) {
            if (first + k * step < end) fetch(first + k * step, kept[k]);
        }
#pragma unroll
        for (int k = 0; k < held; ++k) {
            if (first + k * step >= end) break;
            float v[Count][width];
            unpack_all(kept[k], v);
            body(first + k * step, v);
            if constexpr (Changes) {
#pragma unroll
                for (int i = 0; i < Count; ++i) kept[k][i] = pack(v[i]);
            }
        }
        read_beyond(body);
    }

    // The second walk; the vectors that are not held come from `from` as it is by then.
    template <typename Body>
    __device__ void again(Body body) {
#pragma unroll
        for (int k = 0; k < held; ++k) {
            if (first + k * step >= end) break;
            float v[Count][width];
            unpack_all(kept[k], v);
            body(first + k * step, v);
        }
        read_beyond(body);
    }

  private:
    __device__ void fetch(int c, uint4 (&packed)[Count]) {
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            if constexpr (is_vector) {
                packed[i] = *reinterpret_cast<const uint4*>(from[i] + c);
            } else {
                float v[width];
                load<false>(from[i] + c, end - c, v);
                packed[i] = pack(v);
            }
        }
    }

    __device__ static void unpack_all(const uint4 (&packed)[Count], float (&v)[Count][width]) {
#pragma unroll
        for (int i = 0; i < Count; ++i) unpack(packed[i], v[i]);
    }

    template <typename Body>
    __device__ void read_beyond(Body body) {
        for (int c = first + held * step; c < end; c += step) {
            uint4 packed[Count];
            float v[Count][width];
            fetch(c, packed);
            unpack_all(packed, v);
            body(c, v);
        }
    }
};
