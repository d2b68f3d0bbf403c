// counter.h: what kernels ask of memory and of the tensor cores, counted by entry point
//
// The unit of memory traffic is a request: what the lanes of a warp ask for by the same execution of the same access, the n-th of one lane
// being that of the others. Lanes run one after another here, so a request is open until the last lane of its warp has come, or the block
// has ended. One thread runs the blocks while this is on.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "launch.h"
#include "shared_memory.h"
#include "worker.h"

namespace emulator {

struct Counts {
    std::uint64_t launches = 0;
    std::uint64_t reads = 0, writes = 0;             // bytes of global memory, each once a launch however often it is asked for
    std::uint64_t loads = 0, stores = 0;             // bytes of global memory that requests ask for, each once a request
    std::uint64_t load_sectors = 0, load_floor = 0;  // of 32 bytes, that requests touch, and that would hold their bytes
    std::uint64_t store_sectors = 0, store_floor = 0;
    std::uint64_t copies = 0;  // bytes of the loads that cp.async makes
    std::uint64_t conflicts = 0;
    std::uint64_t mma = 0, fma = 0;
};

class Counter {
  public:
    static Counter& instance();

    bool is_on() const { return is_on_.load(std::memory_order_relaxed); }
    void set_on(bool is_on) { is_on_ = is_on; }
    void reset() { by_name_.clear(); }
    std::string text() const;

    void begin_launch(const Launch& launch);
    void end_launch();
    void begin_block(unsigned threads, const SharedMemory& shared);
    void end_block();

    // Of global or shared memory; anything else is not counted.
    void access(const Self& self, const void* address, unsigned bytes, bool is_write, const void* site);
    // The lane takes part in the instruction without asking for anything.
    void pass(const Self& self, const void* site) { ++turn(self, number_of(site)); }
    // Rows of equal size, one a lane. 32 banks serve 4 bytes each at a time, a word that several lanes want is served once, and what is
    // wider than a word goes by half or quarter warps.
    void shared_request(const unsigned char* const (&rows)[warp_lanes], unsigned lanes, unsigned bytes);
    void add_copied(unsigned bytes) { now_->copies += bytes; }
    void add_products(unsigned count) { now_->mma += count; }
    void add_multiply_add() { ++now_->fma; }

  private:
    struct Request {
        const unsigned char* address[warp_lanes];
        unsigned lanes = 0, bytes = 0;
        bool is_shared = false, is_write = false;
    };

    // Which of a page's bytes the launch has touched.
    struct Page {
        std::uint64_t read[64] = {}, written[64] = {};
    };

    unsigned number_of(const void* site) { return sites_.emplace(site, static_cast<unsigned>(sites_.size())).first->second; }
    std::uint32_t& turn(const Self& self, unsigned number);
    void finish(const Request& request);
    void mark(const unsigned char* address, unsigned bytes, bool is_write);

    std::atomic<bool> is_on_{false};
    std::map<std::string, Counts> by_name_;
    Counts* now_ = nullptr;
    const SharedMemory* shared_ = nullptr;
    unsigned threads_ = 0;
    std::unordered_map<const void*, unsigned> sites_;  // numbered as they come
    std::vector<std::vector<std::uint32_t>> turns_;    // by thread of the block, by site: how often it came there
    std::unordered_map<std::uint64_t, Request> open_;
    std::unordered_map<std::uintptr_t, Page> pages_;
};

}  // namespace emulator
