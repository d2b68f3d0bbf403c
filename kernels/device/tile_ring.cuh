// tile_ring.cuh: one warpgroup brings tiles into shared memory, the others work on them; a ring of places with two barriers each
//
// A walk takes `Items` tiles a step (k and v, say), each item with `Stages` places of its own. Step n of an item stands in place n %
// Stages. Its full barrier completes when all threads of the producer have seen their copies land and handed them to the tensor cores'
// proxy; its empty barrier when every warp of the consumers has let go of it. Both complete once a step, so the parity to wait for follows
// from n.
//
// The producer is one step behind itself: it starts the copies of a tile before it waits for those of the one before, so that two tiles are
// on their way. It never waits for a place while a tile that the consumers need to free it is not handed over: of an item, place n is freed
// by those who have tiles up to n of every item.
#pragma once

#include "device/ptx_sm90a.cuh"
#include "device/reduce.cuh"

constexpr int warpgroup_size = 128;

template <int Items, int Stages>
struct TileRing {
    static constexpr int barriers = 2 * Items * Stages;
    unsigned long long* full;  // (2, Items, Stages): those of full places, then those of empty ones

    __device__ unsigned long long* full_barrier(int item, int n) const { return full + item * Stages + n % Stages; }

    __device__ unsigned long long* empty_barrier(int item, int n) const { return full_barrier(item, n) + Items * Stages; }

    // By all threads of the block, before anything else.
    __device__ void begin(int consumers) const {
        const int warps = consumers * warpgroup_size / warp_size;
        if (threadIdx.x < barriers) mbarrier_init(full + threadIdx.x, threadIdx.x < Items * Stages ? warpgroup_size : warps);
        __syncthreads();
    }

    __device__ void wait_full(int item, int n) const { mbarrier_wait(full_barrier(item, n), n / Stages % 2); }

    // By every consumer once a step and item, having waited for the tile, and after its products of the tile have been waited for.
    __device__ void release(int item, int n) const {
        if (threadIdx.x % warp_size == 0) mbarrier_arrive(empty_barrier(item, n));
    }

    // By every consumer, for a step that it has no use for.
    __device__ void pass(int n) const {
#pragma unroll
        for (int item = 0; item < Items; ++item) {
            wait_full(item, n);
            release(item, n);
        }
    }

    // By every thread of the producer: `load(item, n)` starts the copies of a tile.
    template <typename Load>
    __device__ void produce(int steps, const Load& load) const {
        for (int n = 0; n < steps; ++n) {
#pragma unroll
            for (int item = 0; item < Items; ++item) {
                mbarrier_wait(empty_barrier(item, n), n / Stages % 2 ^ 1);
                load(item, n);
                copy_async_commit();
                if (n > 0 || item > 0) {
                    copy_async_wait<1>();
                    hand_over(item > 0 ? full_barrier(item - 1, n) : full_barrier(Items - 1, n - 1));
                }
            }
        }
        copy_async_wait<0>();
        if (steps > 0) hand_over(full_barrier(Items - 1, steps - 1));
    }

  private:
    __device__ static void hand_over(unsigned long long* barrier) {
        fence_async_proxy();
        mbarrier_arrive(barrier);
    }
};

// Gives the last of a block's warpgroups to `produce` and the others, by their number, to `consume`, with the registers that each is to
// have.
template <int Consumers, int ProducerRegisters, int ConsumerRegisters, typename Produce, typename Consume>
__device__ inline void share_out(const Produce& produce, const Consume& consume) {
    // The same for all lanes of a warp, and the compiler is to know it.
    const int group = __shfl_sync(all_lanes, static_cast<int>(threadIdx.x) / warpgroup_size, 0);
    if (group == Consumers) {
        fewer_registers<ProducerRegisters>();
        produce(static_cast<int>(threadIdx.x) % warpgroup_size);
    } else {
        more_registers<ConsumerRegisters>();
        consume(group);
    }
}
