#include "mbarriers.h"

#include <cstring>

#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

unsigned thread_number(const Self* self) { return self->warp->number * warp_lanes + self->lane; }

}  // namespace

void Mbarriers::init(Self* self, void* address, int arrivals, Site site) {
    const auto refuse = [&](const std::string& why) {
        worker_.fail(status::launch_failed, worker_.where(self) + ": mbarrier_init at " + site.text() + ": " + why);
    };
    if (reinterpret_cast<std::uintptr_t>(address) % 8 != 0 || !worker_.shared().holds(address, 8))
        refuse("the barrier is not 8 aligned bytes of the block's shared memory");
    if (arrivals < 1 || arrivals >= 1 << 20) refuse(std::to_string(arrivals) + " arrivals, expected 1 to 1048575");
    if (const auto known = barriers_.find(address); known != barriers_.end()) refuse("it is " + known->second.text() + " already");
    Barrier& barrier = barriers_[address];
    barrier.number = static_cast<unsigned>(barriers_.size());
    barrier.made_at = site;
    barrier.expected = static_cast<unsigned>(arrivals);
    barrier.arrived = 0;
    barrier.completed = barrier.seen = 0;
    const std::uint64_t mark = barrier.mark();
    std::memcpy(address, &mark, sizeof mark);
}

Mbarriers::Barrier& Mbarriers::find(Self* self, void* address, Site site, const char* function) {
    const std::string where = worker_.where(self) + ": " + function + " at " + site.text() + ": ";
    const auto found = barriers_.find(address);
    if (found == barriers_.end())
        worker_.fail(status::launch_failed,
                     where + "the barrier was never initialised, or is not yet (a __syncthreads comes behind mbarrier_init)");
    const std::uint64_t mark = found->second.mark();
    if (std::memcmp(address, &mark, sizeof mark) != 0)
        worker_.fail(status::launch_failed, where + "the bytes of " + found->second.text() + " were overwritten");
    return found->second;
}

void Mbarriers::arrive(Self* self, void* address, Site site) {
    Barrier& barrier = find(self, address, site, "mbarrier_arrive");
    const unsigned thread = thread_number(self);
    if (barrier.who[thread])
        worker_.fail(status::launch_failed, worker_.where(self) + ": too many arrivals: the thread arrives at " + site.text() +
                                                " for the second time in phase " + std::to_string(barrier.completed) + " of " +
                                                barrier.text());
    barrier.who[thread] = true;
    if (++barrier.arrived < barrier.expected) return;
    complete(self, barrier, site);
    worker_.give_way(self);
}

void Mbarriers::complete(Self* self, Barrier& barrier, Site site) {
    if (barrier.seen < barrier.completed)
        worker_.fail(status::launch_failed, worker_.where(self) + ": too many arrivals: phase " + std::to_string(barrier.completed) +
                                                " of " + barrier.text() + ", which expects " + std::to_string(barrier.expected) +
                                                ", completes at " + site.text() + " before anybody has waited for phase " +
                                                std::to_string(barrier.completed - 1));
    ++barrier.completed;
    barrier.arrived = 0;
    barrier.who.reset();
    for (const Waiter& waiter : barrier.waiters) worker_.wake(waiter.self);
    barrier.waiters.clear();
}

void Mbarriers::wait(Self* self, void* address, int parity, Site site) {
    if (parity != 0 && parity != 1)
        worker_.fail(status::launch_failed, worker_.where(self) + ": mbarrier_wait at " + site.text() + ": parity " +
                                                std::to_string(parity) + ", expected 0 or 1");
    for (;;) {
        Barrier& barrier = find(self, address, site, "mbarrier_wait");
        if ((barrier.completed & 1) != static_cast<unsigned>(parity)) {
            barrier.seen = barrier.completed;
            return;
        }
        barrier.waiters.push_back({self, site, parity});
        worker_.park(self);
    }
}

std::string Mbarriers::waiting() const {
    constexpr int most = 4;
    std::string text;
    int told = 0;
    for (const auto& [address, barrier] : barriers_) {
        if (barrier.waiters.empty() || ++told > most) continue;
        const Waiter& first = barrier.waiters.front();
        text += "; " + std::to_string(barrier.waiters.size()) + " threads wait at " + first.site.text() + " for parity " +
                std::to_string(first.parity) + " of " + barrier.text() + ", whose phase " + std::to_string(barrier.completed) + " has " +
                std::to_string(barrier.arrived) + " of " + std::to_string(barrier.expected) + " arrivals";
    }
    return text;
}

}  // namespace emulator
