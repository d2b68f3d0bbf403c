// worker.h: one OS thread's block of CUDA threads: fibers, warps, the barrier
//
// A block runs on one OS thread. Its threads are fibers that switch only where they must wait: at a barrier, a warp collective, a product
// of a warpgroup or an mbarrier. A thread that never waits hands its stack to the next one, so a kernel without barriers is a plain loop
// over its threads.
//
// Order is not the device's promise, so each execution draws one: which warp runs next, which lane within it, and which block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "async_proxy.h"
#include "launch.h"
#include "mbarriers.h"
#include "shared_memory.h"
#include "site.h"
#include "warpgroup.h"
#include "worker_limits.h"

namespace emulator {

class Worker;

// Where a lane waits, to be compared with where the others wait.
struct Rendezvous {
    Combine combine;
    const char* file;
    int line;
    unsigned mask;
};

struct Warp {
    Worker* worker;
    unsigned number;
    unsigned alive;  // lanes that exist and have not returned
    unsigned ready;  // lanes that can run now (a lane that runs is not ready)
    unsigned at_barrier;
    unsigned at_collective;
    unsigned random;
    Self* fiber[warp_lanes];  // null: not started
    void* operand[warp_lanes];
    Rendezvous rendezvous[warp_lanes];
};

class Worker {
  public:
    explicit Worker(unsigned number);

    // Runs one block to its end. False: it failed, and outcome() says how.
    bool run_block(const Launch& launch, std::uint64_t order, Index3 block);
    const Outcome& outcome() const { return outcome_; }

    void barrier(Self* self, const char* file, int line);
    void collective(Self* self, unsigned mask, Combine combine, void* operand, const char* file, int line);
    // Others run until somebody wakes this thread.
    void park(Self* self);
    void wake(unsigned warp, unsigned lanes);
    void give_way(Self* self);
    void wake(const Self* self) { wake(self->warp->number, 1u << self->lane); }
    unsigned lanes_alive(unsigned warp) const { return warp < warp_count_ ? warps_[warp].alive : 0; }

    // Ends the block from inside a fiber.
    [[noreturn]] void fail(int status, const std::string& text);
    // The same from a signal handler, which jumps home by itself.
    void note_fault(int status, const char* text);
    void* home() const { return home_; }
    bool in_block() const { return running_; }
    Self* self_of_stack(std::uintptr_t address) const;
    std::string where(const Self* self) const;
    SharedMemory& shared() { return shared_; }
    AsyncProxy& async_proxy() { return async_proxy_; }
    Mbarriers& mbarriers() { return mbarriers_; }
    Warpgroups& warpgroups() { return warpgroups_; }

    // The worker of the calling OS thread, or null.
    static Worker* current();
    // What self() adds to a stack's number.
    static unsigned char* selves_for_modules();
    static unsigned limit();

  private:
    static void fiber_entry();
    void fiber_main(Self* self);
    void leave(Self* self);
    Self* fresh_fiber();
    void lay_first_frame(Self* self);
    void begin(Self* self, Warp& warp, unsigned lane);
    bool pick(Warp*& warp, unsigned& lane);
    Self* start_or_resume(Warp& warp, unsigned lane);
    void wait_for_others(Self* self);
    void complete(Warp& warp, unsigned members, Self* last);
    void recheck_collectives(Warp& warp);
    void report_deadlock();
    void refill_selves(unsigned count);

    unsigned number_;
    Self* selves_;
    unsigned char* stacks_;
    unsigned made_ = 0;  // fibers that have a stack
    std::vector<Self*> idle_;
    SharedMemory shared_;
    AsyncProxy async_proxy_;
    Mbarriers mbarriers_{*this};
    Warpgroups warpgroups_{*this};
    std::vector<std::byte> copies_;

    const Launch* launch_ = nullptr;
    Index3 block_{};
    void* home_ = nullptr;
    bool running_ = false;
    Outcome outcome_;
    unsigned threads_ = 0, alive_ = 0, arrived_ = 0, warp_count_ = 0;
    unsigned ready_warps_ = 0;
    unsigned random_ = 0;
    Warp* current_warp_ = nullptr;
    Site barrier_site_{};
    Warp warps_[maximum_threads / warp_lanes];
};

}  // namespace emulator
