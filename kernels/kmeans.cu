// kmeans.cu: Lloyd's algorithm, one half a kernel
//
//   nearest[n] = argmin_k d(n, k),   distances[n] = min_k d(n, k),   d(n, k) = Σ_c (x[n,c] − centres[k,c])²        kmeans_assign
//   centres[k] = (1 / sizes[k]) Σ_{n: nearest[n] = k} x[n],   sizes[k] = |{n: nearest[n] = k}|                      kmeans_sum, kmeans_mean
//
// Neither half can raise the inertia Σ_n d(n, nearest[n]): a row that changes its cluster comes closer to its centre, and no point has a
// smaller sum of squared distances to a cluster's rows than their mean. So the two in turn come to rest, at a partition that depends on
// where they began.
//
// Assigning is a matrix product in which a − b, squared, takes the place of a b. The expansion |x|² − 2 x·c + |c|² would be one, with tensor
// cores, but it subtracts numbers of the size of |x|² to get one of the size of d: where the data lies far from the origin, nothing would be
// left of d, and the result would change when all of it is moved. A block keeps the distances of 64 rows to 64 centres in registers, 4 x 4 a
// thread, and goes through the columns 16 at a time in shared memory, then through the next 64 centres; of each row it keeps the nearest so
// far, and of two that are equally near the first.
//
// A mean is summed by blocks that look through `nearest` for the rows of one cluster: 128 entries at a time, each thread tests one, a ballot
// gives the rows that belong their places in order, and then each thread adds one column of them, in double. Where clusters are few, the rows
// are cut into segments with a block each, and kmeans_mean adds the segments' sums in order. Every sum is over rows in ascending order,
// whatever runs first: same inputs, same bits, and no atomics.
//
// Shapes     x (N, C), centres (K, C) row-major;  nearest, distances (N);  sizes (K);  sums (S, K, C), counts (S, K) of S segments, K of a launch
// Types      x, centres, distances: f32, f32 in registers;  nearest, sizes, counts: i32;  sums: double in registers and memory
// Launch     assign: 256 threads a block of 64 rows.  sum: 128 threads for (128 columns, a cluster, a segment).  mean: 128 threads for (128
//            columns, a cluster). Both take clusters first_cluster and on, as many as the sums have room for.
// Aliasing   none.  A cluster without rows keeps its centre.
// Cost       kmeans_assign  reads 4 N C + 4 K C, writes 8 N, loads 4 N C ⌈K / 64⌉ + 4 K C ⌈N / 64⌉,
//                           fma 65536 ⌈N / 64⌉ ⌈K / 64⌉ ⌈C / 16⌉: compute bound.
//            kmeans_sum     reads 4 N C + 4 N, writes 8 S K C + 4 S K, loads 4 N C + 4 N K ⌈C / 128⌉: bandwidth bound.
//            kmeans_mean    reads 8 S K C + 4 S K, writes 4 K C + 4 K, loads 8 S K C + 4 S K ⌈C / 32⌉
// Source     Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982
#include "device/load.cuh"
#include "device/reduce.cuh"

constexpr int assign_threads = 256, tile = 64, depth = 16, side = 4, tile_stride = tile + 4;
constexpr int sum_threads = 128, sum_warps = sum_threads / warp_size;

// Where row r of column c lies: with the eights of the later columns exchanged, the 8 rows x 4 columns that a warp stores meet 32 banks.
__device__ inline int position(int c, int r) { return c * tile_stride + (r ^ (c & 8)); }

// Columns first .. first + 16 of 64 rows from `row` on, transposed; zero where there is nothing.
template <bool is_vector>
__device__ inline void load_tile(const float* __restrict__ rows, int row, int row_count, int first, int columns, float* shared) {
    const int r = threadIdx.x / (depth / 4), c = threadIdx.x % (depth / 4) * 4;
    float x[4] = {};
    if (row + r < row_count && first + c < columns)
        load<is_vector>(rows + static_cast<int64>(row + r) * columns + first + c, columns - first - c, x);
#pragma unroll
    for (int i = 0; i < 4; ++i) shared[position(c + i, r)] = x[i];
}

template <bool is_vector>
__device__ inline void assign(const float* __restrict__ x, const float* __restrict__ centres, int rows, int clusters, int columns, int* nearest,
                              float* distances) {
    __shared__ __align__(16) float row_tile[depth * tile_stride];
    __shared__ __align__(16) float centre_tile[depth * tile_stride];
    const int first_row = blockIdx.x * tile, across = threadIdx.x % (tile / side), down = threadIdx.x / (tile / side);
    float least[side];
    int best[side] = {};
#pragma unroll
    for (int i = 0; i < side; ++i) least[i] = __int_as_float(0x7f800000);

    for (int first_centre = 0; first_centre < clusters; first_centre += tile) {
        float d[side][side] = {};
        for (int first = 0; first < columns; first += depth) {
            __syncthreads();
            load_tile<is_vector>(x, first_row, rows, first, columns, row_tile);
            load_tile<is_vector>(centres, first_centre, clusters, first, columns, centre_tile);
            __syncthreads();
#pragma unroll 8
            for (int c = 0; c < depth; ++c) {
                float a[4], b[4];
                load_vector(row_tile + position(c, down * side), a);
                load_vector(centre_tile + position(c, across * side), b);
#pragma unroll
                for (int i = 0; i < side; ++i) {
#pragma unroll
                    for (int j = 0; j < side; ++j) {
                        const float difference = a[i] - b[j];
                        d[i][j] = fmaf(difference, difference, d[i][j]);
                    }
                }
            }
        }
#pragma unroll
        for (int i = 0; i < side; ++i) {
#pragma unroll
            for (int j = 0; j < side; ++j) {
                const int k = first_centre + across * side + j;
                if (k < clusters && d[i][j] < least[i]) least[i] = d[i][j], best[i] = k;
            }
        }
    }

    // The 16 threads of a row are neighbours in a warp.
#pragma unroll
    for (int i = 0; i < side; ++i) {
        for (int offset = tile / side / 2; offset > 0; offset /= 2) {
            const float other = __shfl_xor_sync(all_lanes, least[i], offset);
            const int other_best = __shfl_xor_sync(all_lanes, best[i], offset);
            if (other < least[i] || (other == least[i] && other_best < best[i])) least[i] = other, best[i] = other_best;
        }
        const int row = first_row + down * side + i;
        if (across == 0 && row < rows) nearest[row] = best[i], distances[row] = least[i];
    }
}

extern "C" __global__ void __launch_bounds__(assign_threads, 4)
    kmeans_assign(const float* x, const float* centres, int rows, int clusters, int columns, int* nearest, float* distances) {
    if (is_vector_aligned(columns, x, centres)) {
        assign<true>(x, centres, rows, clusters, columns, nearest, distances);
    } else {
        assign<false>(x, centres, rows, clusters, columns, nearest, distances);
    }
}

extern "C" __global__ void __launch_bounds__(sum_threads)
    kmeans_sum(const float* __restrict__ x, const int* __restrict__ nearest, int rows, int columns, int segment_rows, int first_cluster, double* sums, int* counts) {
    __shared__ int members[sum_threads];
    __shared__ int found[sum_warps];
    const int thread = threadIdx.x, lane = thread % warp_size, warp = thread / warp_size;
    const int column = blockIdx.y * sum_threads + thread, cluster = first_cluster + blockIdx.x, segment = blockIdx.z;
    const int start = segment * segment_rows, end = min(rows, start + segment_rows);
    double sum = 0.0;
    int count = 0;
    for (int first = start; first < end; first += sum_threads) {
        const int row = first + thread;
        const bool is_member = row < end && nearest[row] == cluster;
        const unsigned mask = __ballot_sync(all_lanes, is_member);
        if (lane == 0) found[warp] = __popc(mask);
        __syncthreads();
        int before = 0, all = 0;
        for (int w = 0; w < sum_warps; ++w) {
            if (w < warp) before += found[w];
            all += found[w];
        }
        if (is_member) members[before + __popc(mask & ((1u << lane) - 1u))] = row;
        __syncthreads();
        if (column < columns) {
#pragma unroll 4
            for (int i = 0; i < all; ++i) sum += static_cast<double>(x[static_cast<int64>(members[i]) * columns + column]);
        }
        count += all;
        __syncthreads();
    }
    const int64 place = static_cast<int64>(segment) * gridDim.x + blockIdx.x;
    if (column < columns) sums[place * columns + column] = sum;
    if (column == 0) counts[place] = count;
}

extern "C" __global__ void __launch_bounds__(sum_threads)
    kmeans_mean(const double* __restrict__ sums, const int* __restrict__ counts, int segments, int columns, int first_cluster, float* centres,
                int* sizes) {
    const int column = blockIdx.y * sum_threads + threadIdx.x, cluster = first_cluster + blockIdx.x;
    if (column >= columns) return;
    double sum = 0.0;
    int size = 0;
    for (int segment = 0; segment < segments; ++segment) {
        const int64 place = static_cast<int64>(segment) * gridDim.x + blockIdx.x;
        sum += sums[place * columns + column];
        size += counts[place];
    }
    if (size > 0) centres[static_cast<int64>(cluster) * columns + column] = static_cast<float>(sum / size);
    if (column == 0) sizes[cluster] = size;
}
