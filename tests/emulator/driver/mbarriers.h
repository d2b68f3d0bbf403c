// mbarriers.h: a block's barriers with phases (mbarrier), at which fibers are parked
//
// The 8 bytes in shared memory hold a mark, so that a kernel that writes over them is caught; the counts are kept here. A thread that is
// woken looks again, as on the device: if two phases have gone by, it waits on.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "site.h"
#include "worker_limits.h"

namespace emulator {

struct Self;
class Worker;

class Mbarriers {
  public:
    explicit Mbarriers(Worker& worker) : worker_(worker) {}

    void begin_block() {
        if (!barriers_.empty()) barriers_.clear();
    }

    void init(Self* self, void* address, int arrivals, Site site);
    void arrive(Self* self, void* address, Site site);
    void wait(Self* self, void* address, int parity, Site site);

    // Who waits where and for what, for the report of a deadlock.
    std::string waiting() const;

  private:
    struct Waiter {
        Self* self;
        Site site;
        int parity;
    };

    struct Barrier {
        unsigned number;  // in the order of their initialisation
        Site made_at;
        unsigned expected, arrived;
        std::uint64_t completed, seen;  // phases; those that somebody has waited for
        std::bitset<maximum_threads> who;
        std::vector<Waiter> waiters;

        std::string text() const { return "mbarrier " + std::to_string(number) + " (initialised at " + made_at.text() + ")"; }
        std::uint64_t mark() const { return 0xfeedba22'00000000u | number; }
    };

    Barrier& find(Self* self, void* address, Site site, const char* function);
    void complete(Self* self, Barrier& barrier, Site site);

    Worker& worker_;
    std::unordered_map<void*, Barrier> barriers_;
};

}  // namespace emulator
