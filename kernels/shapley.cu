// shapley.cu: what players are worth, from random orders of them and from measured coalitions
//
//   order      block j: Philox(seed, first + j) shuffles 0 .. n − 1 (Fisher and Yates), turned around the circle and read backwards as
//              asked
//   marginal   m[j, i] = mean over the orders of block j of v(those before i and i itself) − v(those before i)
//   moments    moments[0, i] = Σ_j m[j, i],  moments[1, i] = Σ_j m[j, i]²: Shapley's value of i is near the first over the blocks, since
//              i's mean marginal over all orders is that value by definition, and both give its standard error
//
//   game         v(S)                                          marginal of i after S                        an order costs
//   quadratic    Σ gains − ½ |Σ rows|²                         gains[i] − rows[i] · (s + ½ rows[i])         6 n d operations
//   gram         the same, gram = rows rowsᵀ                   gains[i] − (c[i] + ½ gram[i, i])             n² operations
//   voting       1 where Σ weights ≥ quota, else 0             whether i's weight reaches the quota         ~10 n
//   neighbours   mean over T points of 1/K · #{of the K        1/(K T) · (own class agrees − that of        2 n T K
//                nearest of S: of the point's class}           the one pushed out), over the points
//
// with s = Σ_S rows and c = Σ_S rows of gram. A warp walks along an order; what is known of those before stays with it: s in registers,
// 32 × 4 columns at a time, c in shared memory, the K nearest of a lane's point in registers. Neither s nor the marginals wait for each
// other: a lane keeps its share of 32 products, and the 32 sums are then taken together (lane_sums), 31 shuffles instead of 160.
//
// shapley_table takes from measured v(S) what the estimators need: sums of marginals, of v with and without a player, KernelSHAP's
// equations.
//
// Shapes     gains (n);  rows (n, d);  gram (n, n);  weights (n);  keys (n, T), twice the player's rank by distance to the point, plus 1
//            where the classes agree;  partials (parts, 2 n);  moments (2, n);  table: Backend.ShapleyTable.  n ≤ 4,096, K ≤ 16
// Types      gains, rows, gram, marginals: f32;  weights, keys: i32, sums of weights 64 bits, so that no rounding decides a vote;
//            partials, moments, table: f64. A marginal carries f32's rounding, 2⁻²⁴ of it; plain f64 sums of millions of marginals and of
//            squares add less than that to mean and variance, and need no division a step as Welford's would.
// Launch     a block a part of the orders, whatever the device; up to 8 warps, as many as have 6 n bytes (gram: 10 n) in 48 KB. The warps
//            take orders in turns, and after each round the threads add the round's marginals in the order of the orders.
//            shapley_moments adds the parts, one thread a sum, in their order: the bits depend on the number of parts alone, and there
//            are no atomics. table: a block a player, 256 threads.
// Aliasing   none.
// Cost       shapley_quadratic   reads 4 n d + 4 n + sums, writes sums, stores sums (1 + R), loads (4 n d + 4 n) P + sums R,
//                                fma 2 n d P + 2 n P, conflicts ≤ n P, excess ≤ n P
//            shapley_gram        reads 4 n n + 4 n + sums, writes sums, stores sums (1 + R), loads (4 n n + 8 n) P + sums R,
//                                fma 3 n P, conflicts ≤ n P, excess ≤ n P
//            shapley_voting      reads 4 n + sums, writes sums, stores sums (1 + R), loads 4 n P + sums R, conflicts ≤ n P, excess ≤ n P
//            shapley_neighbours  reads 4 n T + sums, writes sums, stores sums (1 + R), loads 4 n T P + sums R, conflicts ≤ n P
//            shapley_moments     reads 16 n parts, writes 16 n
//            shapley_table       reads (4 words + 24) M + 12 steps, writes 72 n + 8 n (n + 1), sectors ≤ 1.1,
//                                loads ≤ n (4 steps + 28 M + 20 M ⌈(n + 1) / 32⌉): n² M / 2 additions.
//            P orders in R rounds of a block, sums = 16 n parts. Walks read from L2; one lane draws an order by n dependent swaps.
// Source     Shapley 1953; Castro, Gómez, Tejada 2009, doi:10.1016/j.cor.2008.04.004; Jia et al. 2019, arXiv:1908.08619 (neighbours);
//            Lundberg and Lee 2017, arXiv:1705.07874 (equations); Wang and Jia 2023, arXiv:2205.15466 (with and without)
#include "device/dtype.cuh"
#include "device/philox.cuh"
#include "device/reduce.cuh"

constexpr int most_threads = 256, most_neighbours = 16, table_threads = 256;

// Which orders a launch walks along; scale is what a block's summed marginal is multiplied by.
struct Orders {
    unsigned long long seed;
    int64 first;
    int blocks, turns, per_block;
    double scale;
};

// An order as it is walked.
struct Path {
    const unsigned short* order;  // (n)
    int players, shift;
    bool is_backward;

    __device__ int at(int k) const {
        const int place = (is_backward ? players - 1 - k : k) + shift;
        return order[place < players ? place : place - players];
    }
};

__device__ inline void put(bool is_first, float marginal, float* sum) { *sum = is_first ? marginal : *sum + marginal; }

// The shuffle word by word, by one lane.
__device__ inline void shuffle_one_by_one(unsigned long long seed, unsigned long long stream, int players, unsigned short* order) {
    uint4 four = make_uint4(0, 0, 0, 0);
    unsigned position = 0;
    for (int i = players - 1; i > 0; --i) {
        const unsigned bound = static_cast<unsigned>(i) + 1, refused = (0u - bound) % bound;
        unsigned word, low;
        do {
            if (position % 4 == 0) four = philox(seed, stream, position / 4);
            word = position % 4 == 0 ? four.x : position % 4 == 1 ? four.y : position % 4 == 2 ? four.z : four.w;
            ++position;
            low = word * bound;
        } while (low < refused);
        const unsigned j = __umulhi(word, bound);
        const unsigned short moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

// order = NativeFl.Tensors.Philox(seed, stream).Shuffle of 0 .. players − 1. The lanes draw all words at once, word players − 1 − i for
// place i; one that the shuffle would refuse, one in 2³² / players, moves those behind it: then all is drawn again word by word. draws is
// scratch.
__device__ inline void shuffle_players(unsigned long long seed, unsigned long long stream, int players, int lane, unsigned short* draws,
                                       unsigned short* order) {
    bool is_refused = false;
    for (int block = lane; 4 * block < players - 1; block += warp_size) {
        const uint4 four = philox(seed, stream, block);
        const unsigned words[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            const int i = players - 1 - (4 * block + q);
            if (i <= 0) continue;
            const unsigned bound = static_cast<unsigned>(i) + 1, low = words[q] * bound;
            draws[i] = static_cast<unsigned short>(__umulhi(words[q], bound));
            is_refused |= low < bound && low < (0u - bound) % bound;
        }
    }
    for (int i = lane; i < players; i += warp_size) order[i] = static_cast<unsigned short>(i);
    const bool again = __any_sync(all_lanes, is_refused);
    __syncwarp();
    if (lane == 0 && again) shuffle_one_by_one(seed, stream, players, order);
    if (lane == 0 && !again) {
        for (int i = players - 1; i > 0; --i) {
            const int j = draws[i];
            const unsigned short moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
    }
    __syncwarp();
}

// Lane l receives the sum over the lanes of their x[l], pairs of lanes added as a binary tree: of the Half pairs of sums that are left,
// each half of the lanes goes on with one. A template, because registers have no index.
template <int Half = warp_size / 2>
__device__ inline float lane_sums(float (&x)[warp_size], int lane) {
    if constexpr (Half == 0) {
        return x[0];
    } else {
        const bool is_upper = (lane & Half) != 0;
#pragma unroll
        for (int i = 0; i < Half; ++i) {
            const float given = is_upper ? x[i] : x[i + Half], kept = is_upper ? x[i + Half] : x[i];
            x[i] = kept + __shfl_xor_sync(all_lanes, given, Half);
        }
        return lane_sums<Half / 2>(x, lane);
    }
}

// One order of the quadratic game; lane l has columns l + 32 i of a run of 32 Slices.
template <int Slices>
__device__ inline void walk_quadratic(const float* __restrict__ gains,  // (n)
                                      const float* __restrict__ rows,   // (n, d)
                                      int width, const Path& path, int lane, bool is_first, float* marginals) {
    for (int column = 0; column == 0 || column < width; column += warp_size * Slices) {
        float sum[Slices];
#pragma unroll
        for (int i = 0; i < Slices; ++i) sum[i] = 0.0f;
        for (int first = 0; first < path.players; first += warp_size) {
            float product[warp_size];
#pragma unroll
            for (int k = 0; k < warp_size; ++k) {
                const bool is_there = first + k < path.players;
                const float* row = rows + static_cast<int64>(is_there ? path.at(first + k) : 0) * width;
                product[k] = 0.0f;
#pragma unroll
                for (int i = 0; i < Slices; ++i) {
                    const int c = column + lane + warp_size * i;
                    const float own = is_there && c < width ? row[c] : 0.0f;
                    product[k] = fmaf(own, fmaf(0.5f, own, sum[i]), product[k]);
                    sum[i] += own;
                }
            }
            const float mine = lane_sums(product, lane);
            if (first + lane < path.players) {
                const int player = path.at(first + lane);
                put(is_first && column == 0, (column == 0 ? gains[player] : 0.0f) - mine, marginals + player);
            }
        }
    }
}

struct Quadratic {
    static constexpr int scratch = 0;  // floats a player
    const float* gains;                // (n)
    const float* rows;                 // (n, d)
    int width;

    __device__ void walk(const Path& path, int lane, bool is_first, float*, float* marginals) const {
        if (width <= warp_size) {
            walk_quadratic<1>(gains, rows, width, path, lane, is_first, marginals);
        } else if (width <= 2 * warp_size) {
            walk_quadratic<2>(gains, rows, width, path, lane, is_first, marginals);
        } else {
            walk_quadratic<4>(gains, rows, width, path, lane, is_first, marginals);
        }
    }
};

// Lane l has the columns l + 32 i of c, and the marginals of those players: no lane waits for another.
struct Gram {
    static constexpr int scratch = 1;
    const float* gains;  // (n)
    const float* gram;   // (n, n)

    __device__ void walk(const Path& path, int lane, bool is_first, float* before, float* marginals) const {
        for (int c = lane; c < path.players; c += warp_size) before[c] = 0.0f;
        for (int k = 0; k < path.players; ++k) {
            const int player = path.at(k);
            const float* row = gram + static_cast<int64>(player) * path.players;
            if (player % warp_size == lane) put(is_first, gains[player] - fmaf(0.5f, row[player], before[player]), marginals + player);
            for (int c = lane; c < path.players; c += warp_size) before[c] += row[c];
        }
    }
};

struct Voting {
    static constexpr int scratch = 0;
    const int* weights;  // (n)
    int64 quota;

    __device__ void walk(const Path& path, int lane, bool is_first, float*, float* marginals) const {
        int64 before = 0;
        for (int first = 0; first < path.players; first += warp_size) {
            const bool is_there = first + lane < path.players;
            const int player = is_there ? path.at(first + lane) : 0;
            const int64 weight = is_there ? weights[player] : 0;
            int64 sum = weight;
#pragma unroll
            for (int distance = 1; distance < warp_size; distance *= 2) {
                const int64 left = __shfl_up_sync(all_lanes, sum, distance);
                if (lane >= distance) sum += left;
            }
            sum += before;
            if (is_there) put(is_first, (sum >= quota ? 1.0f : 0.0f) - (sum - weight >= quota ? 1.0f : 0.0f), marginals + player);
            before = __shfl_sync(all_lanes, sum, warp_size - 1);
        }
    }
};

// Lane l has points l + 32 g. A key pushes one out of the K nearest: itself, another or none (no_key, of no class).
struct Neighbours {
    static constexpr int scratch = 0;
    static constexpr int no_key = 0x7ffffffe;
    const int* keys;  // (n, T)
    int points, neighbours;

    __device__ void walk(const Path& path, int lane, bool is_first, float*, float* marginals) const {
        for (int point = 0; point < points; point += warp_size) {
            int nearest[most_neighbours];
#pragma unroll
            for (int j = 0; j < most_neighbours; ++j) nearest[j] = no_key;
            float mine = 0.0f;
            for (int k = 0; k < path.players; ++k) {
                const int player = path.at(k);
                const int key = point + lane < points ? keys[static_cast<int64>(player) * points + point + lane] : no_key;
                int falling = key;
#pragma unroll
                for (int j = 0; j < most_neighbours; ++j) {
                    if (j < neighbours) {
                        const int held = nearest[j];
                        nearest[j] = min(held, falling);
                        falling = max(held, falling);
                    }
                }
                const int change = (key & 1) - (falling & 1);
                const int gained = __popc(__ballot_sync(all_lanes, change > 0)), lost = __popc(__ballot_sync(all_lanes, change < 0));
                if (k % warp_size == lane) mine = static_cast<float>(gained - lost);
                const int first = k / warp_size * warp_size;
                if ((k % warp_size == warp_size - 1 || k == path.players - 1) && first + lane <= k)
                    put(is_first && point == 0, mine, marginals + path.at(first + lane));
            }
        }
    }
};

// A block: one part of the orders. Of a warp's room there are (n) marginals, scratch, (n) places.
template <typename Game>
__device__ inline void walk_orders(const Game& game, int players, const Orders& orders, double* partials) {  // (parts, 2 n)
    DYNAMIC_SHARED(float, room);
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size, warps = blockDim.x / warp_size;
    const int floats = (1 + Game::scratch) * players + (players + 1) / 2;
    float* marginals = room + warp * floats;  // (n); before the walk: the draws
    float* scratch = marginals + players;
    unsigned short* order = reinterpret_cast<unsigned short*>(scratch + Game::scratch * players);
    double* sums = partials + 2 * static_cast<int64>(players) * blockIdx.x;  // (n)
    double* squares = sums + players;                                        // (n)

    for (int i = threadIdx.x; i < players; i += blockDim.x) sums[i] = squares[i] = 0.0;
    const int64 end = static_cast<int64>(orders.blocks) * (blockIdx.x + 1) / gridDim.x;
    for (int64 round = static_cast<int64>(orders.blocks) * blockIdx.x / gridDim.x; round < end; round += warps) {
        if (round + warp < end) {
            shuffle_players(orders.seed, orders.first + round + warp, players, lane, reinterpret_cast<unsigned short*>(marginals), order);
            for (int o = 0; o < orders.per_block; ++o) {
                const int shift = static_cast<int>(static_cast<int64>(o % orders.turns) * players / orders.turns);
                game.walk(Path{order, players, shift, o >= orders.turns}, lane, o == 0, scratch, marginals);
                __syncwarp();
            }
        }
        __syncthreads();
        const int walked = static_cast<int>(min(static_cast<int64>(warps), end - round));
        for (int i = threadIdx.x; i < players; i += blockDim.x) {
            double sum = sums[i], square = squares[i];
            for (int w = 0; w < walked; ++w) {
                const double marginal = room[w * floats + i], scaled = marginal * orders.scale;
                sum = fma(marginal, orders.scale, sum);
                square = fma(scaled, scaled, square);
            }
            sums[i] = sum;
            squares[i] = square;
        }
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(most_threads)
    shapley_quadratic(const float* gains, const float* rows, int width, int players, unsigned long long seed, int64 first, int blocks,
                      int turns, int per_block, double scale, double* partials) {
    walk_orders(Quadratic{gains, rows, width}, players, Orders{seed, first, blocks, turns, per_block, scale}, partials);
}

extern "C" __global__ void __launch_bounds__(most_threads)
    shapley_gram(const float* gains, const float* gram, int players, unsigned long long seed, int64 first, int blocks, int turns,
                 int per_block, double scale, double* partials) {
    walk_orders(Gram{gains, gram}, players, Orders{seed, first, blocks, turns, per_block, scale}, partials);
}

extern "C" __global__ void __launch_bounds__(most_threads)
    shapley_voting(const int* weights, int64 quota, int players, unsigned long long seed, int64 first, int blocks, int turns, int per_block,
                   double scale, double* partials) {
    walk_orders(Voting{weights, quota}, players, Orders{seed, first, blocks, turns, per_block, scale}, partials);
}

extern "C" __global__ void __launch_bounds__(most_threads)
    shapley_neighbours(const int* keys, int points, int neighbours, int players, unsigned long long seed, int64 first, int blocks,
                       int turns, int per_block, double scale, double* partials) {
    walk_orders(Neighbours{keys, points, neighbours}, players, Orders{seed, first, blocks, turns, per_block, scale}, partials);
}

// moments[i] = Σ over the parts, in their order.
extern "C" __global__ void __launch_bounds__(most_threads)
    shapley_moments(const double* __restrict__ partials, int parts, int count, double* moments) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    double sum = 0.0;
    for (int part = 0; part < parts; ++part) sum += partials[static_cast<int64>(part) * count + i];
    moments[i] = sum;
}

__device__ inline bool contains(const int* set, int player) { return (static_cast<unsigned>(set[player / 32]) >> (player % 32) & 1u) != 0; }

// Writes the sums over all threads of one kind: count, Σ v, Σ v².
__device__ inline void store_sums(double count, double sum, double square, double* scratch, double* sums) {
    count = block_sum(count, scratch);
    sum = block_sum(sum, scratch);
    square = block_sum(square, scratch);
    if (threadIdx.x == 0) sums[0] = count, sums[1] = sum, sums[2] = square;
}

extern "C" __global__ void __launch_bounds__(table_threads) shapley_table(const int* __restrict__ coalitions,  // (M, words)
                                                                          const double* __restrict__ values,   // (M)
                                                                          const double* __restrict__ weights,  // (M, 2)
                                                                          const int* __restrict__ steps,       // (step_count, 3)
                                                                          int rows, int words, int step_count, int players,
                                                                          double* sums,      // (n, 9)
                                                                          double* normal) {  // (n, n + 1)
    __shared__ double scratch[table_threads / warp_size];
    const int player = blockIdx.x;
    double* own = sums + 9 * static_cast<int64>(player);

    double count = 0.0, sum = 0.0, square = 0.0;
    for (int s = threadIdx.x; s < step_count; s += table_threads) {
        if (steps[3 * s + 2] != player) continue;
        const double marginal = values[steps[3 * s + 1]] - values[steps[3 * s]];
        count += 1.0;
        sum += marginal;
        square = fma(marginal, marginal, square);
    }
    store_sums(count, sum, square, scratch, own);

    for (int kind = 0; kind < 2; ++kind) {  // with, without
        count = sum = square = 0.0;
        for (int m = threadIdx.x; m < rows; m += table_threads) {
            if (contains(coalitions + static_cast<int64>(m) * words, player) != (kind == 0)) continue;
            const double weight = weights[2 * m];
            count += weight;
            sum = fma(weight, values[m], sum);
            square = fma(weight * values[m], values[m], square);
        }
        store_sums(count, sum, square, scratch, own + 3 + 3 * kind);
    }

    for (int other = threadIdx.x; other <= players; other += table_threads) {
        double entry = 0.0;
        for (int m = 0; m < rows; ++m) {
            const int* set = coalitions + static_cast<int64>(m) * words;
            if (!contains(set, player)) continue;
            if (other == players) {
                entry = fma(weights[2 * m + 1], values[m], entry);
            } else if (contains(set, other)) {
                entry += weights[2 * m + 1];
            }
        }
        normal[static_cast<int64>(player) * (players + 1) + other] = entry;
    }
}
