#include "worker.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "async_copies.h"
#include "counter.h"
#include "fiber_switch.h"
#include "module.h"
#include "runtime.h"
#include "status.h"

namespace emulator {

namespace {

constexpr unsigned worker_limit = 16;
constexpr std::size_t page = 4096;
// Stacks lie at multiples of 64 KB, so the same depth of each would fall into the same cache sets; each starts a little lower.
constexpr unsigned colour_bytes = 832, colour_span = 16384;

thread_local Worker* current_worker = nullptr;

// All stacks of all workers in one reservation, and what their threads know of themselves beside it.
struct StackReserve {
    unsigned char* stacks;
    Self* selves;

    StackReserve() {
        constexpr std::size_t count = std::size_t{worker_limit} * maximum_threads;
        constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* reserve = mmap(nullptr, (count + 1) * stack_bytes, PROT_NONE, flags, -1, 0);
        void* array = mmap(nullptr, count * sizeof(Self), PROT_READ | PROT_WRITE, flags, -1, 0);
        if (reserve == MAP_FAILED || array == MAP_FAILED) std::abort();
        const auto aligned = (reinterpret_cast<std::uintptr_t>(reserve) + stack_bytes - 1) & ~(stack_bytes - 1);
        stacks = reinterpret_cast<unsigned char*>(aligned);
        selves = static_cast<Self*>(array);
    }
};

const StackReserve& reserve() {
    static const auto* const reserve = new StackReserve;  // never freed: fibers of a thread that still runs may use it at exit
    return *reserve;
}

unsigned next_random(unsigned& state) {
    state = state * 747796405u + 2891336453u;
    return state >> 27;
}

// A set bit, the first at or after a random position, cyclically.
unsigned random_bit(unsigned bits, unsigned position) {
    return (static_cast<unsigned>(__builtin_ctz(bits >> position | bits << (-position & 31u))) + position) & 31u;
}

std::string index_text(const Index3& i) {
    return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

std::string lanes_text(unsigned lanes) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", lanes);
    return text;
}

}  // namespace

Worker* Worker::current() { return current_worker; }

unsigned Worker::limit() { return worker_limit; }

unsigned char* Worker::selves_for_modules() {
    const auto first = reinterpret_cast<std::uintptr_t>(reserve().stacks) >> stack_shift;
    return reinterpret_cast<unsigned char*>(reinterpret_cast<std::uintptr_t>(reserve().selves) - first * sizeof(Self));
}

Worker::Worker(unsigned number)
    : number_(number),
      selves_(reserve().selves + std::size_t{number} * maximum_threads),
      stacks_(reserve().stacks + std::size_t{number} * maximum_threads * stack_bytes) {
    current_worker = this;
}

Self* Worker::self_of_stack(std::uintptr_t address) const {
    const auto start = reinterpret_cast<std::uintptr_t>(stacks_);
    if (address < start || address >= start + std::uintptr_t{made_} * stack_bytes) return nullptr;
    return selves_ + ((address - start) >> stack_shift);
}

std::string Worker::where(const Self* self) const {
    std::string text = std::string("kernel ") + launch_->kernel->name + ", block " + index_text(block_);
    if (self != nullptr) text += ", thread " + index_text(self->thread);
    return text;
}

// --- fibers

void Worker::lay_first_frame(Self* self) {
    unsigned char* top = stacks_ + (self->slot + 1) * stack_bytes - self->slot * colour_bytes % colour_span;
    self->stack_pointer = first_frame(top, fiber_entry);
}

Self* Worker::fresh_fiber() {
    if (!idle_.empty()) {
        Self* self = idle_.back();
        idle_.pop_back();
        return self;
    }
    unsigned char* stack = stacks_ + made_ * stack_bytes;
    mprotect(stack + page, stack_bytes - page, PROT_READ | PROT_WRITE);  // the lowest page stays a guard
    Self* self = selves_ + made_;
    self->slot = made_++;
    self->copies = new AsyncCopies;
    lay_first_frame(self);
    return self;
}

void Worker::fiber_entry() {
    Worker* worker = current_worker;
    worker->fiber_main(worker->self_of_stack(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))));
    __builtin_unreachable();
}

void Worker::begin(Self* self, Warp& warp, unsigned lane) {
    const unsigned thread = warp.number * warp_lanes + lane;
    const Index3 size = launch_->block;
    self->thread =
        size.y == 1 && size.z == 1 ? Index3{thread, 0, 0} : Index3{thread % size.x, thread / size.x % size.y, thread / (size.x * size.y)};
    self->block = block_;
    self->block_size = size;
    self->grid_size = launch_->grid;
    self->dynamic_shared = shared_.dynamic();
    self->warp = &warp;
    self->lane = lane;
    warp.fiber[lane] = self;
}

// Runs one CUDA thread after another on this fiber's stack, as long as the next one has not started elsewhere.
void Worker::fiber_main(Self* self) {
    for (;;) {
        launch_->kernel->invoke(launch_->parameters.data());
        leave(self);
        Warp* warp;
        unsigned lane;
        if (!pick(warp, lane)) {
            idle_.push_back(self);
            switch_fiber(&self->stack_pointer, home_);
        } else if (Self* other = warp->fiber[lane]; other == nullptr) {
            begin(self, *warp, lane);
        } else {
            idle_.push_back(self);
            switch_fiber(&self->stack_pointer, other->stack_pointer);
        }
    }
}

void Worker::leave(Self* self) {
    Warp& warp = *self->warp;
    static_cast<AsyncCopies*>(self->copies)->clear();
    warp.alive &= ~(1u << self->lane);
    --alive_;
    warpgroups_.leave(self);
    if (warp.at_collective != 0) recheck_collectives(warp);
}

// --- who runs next

// Stays in the warp while a lane of it can run: warps run from wait to wait, and the order is drawn.
bool Worker::pick(Warp*& warp, unsigned& lane) {
    Warp* chosen = current_warp_;
    if (chosen->ready == 0) {
        ready_warps_ &= ~(1u << chosen->number);
        if (ready_warps_ == 0) return false;
        chosen = current_warp_ = &warps_[random_bit(ready_warps_, next_random(random_))];
    }
    lane = random_bit(chosen->ready, next_random(chosen->random));
    chosen->ready &= ~(1u << lane);
    warp = chosen;
    return true;
}

Self* Worker::start_or_resume(Warp& warp, unsigned lane) {
    Self* self = warp.fiber[lane];
    if (self != nullptr) return self;
    self = fresh_fiber();
    begin(self, warp, lane);
    return self;
}

__attribute__((always_inline)) inline void Worker::wait_for_others(Self* self) {
    Warp* warp;
    unsigned lane;
    void* next = pick(warp, lane) ? start_or_resume(*warp, lane)->stack_pointer : home_;
    switch_fiber(&self->stack_pointer, next);
}

void Worker::park(Self* self) { wait_for_others(self); }

// Whoever could only just begin runs before this fiber does: what it does too early then shows.
void Worker::give_way(Self* self) {
    const unsigned others = ready_warps_ & ~(1u << self->warp->number);
    if (others == 0) return;
    wake(self);
    current_warp_ = &warps_[random_bit(others, next_random(random_))];
    wait_for_others(self);
}

void Worker::wake(unsigned warp, unsigned lanes) {
    if (lanes == 0) return;
    warps_[warp].ready |= lanes;
    ready_warps_ |= 1u << warp;
}

// --- barriers and collectives

void Worker::barrier(Self* self, const char* file, int line) {
    if (arrived_ == 0) {
        barrier_site_ = {file, line};
    } else if (barrier_site_ != Site{file, line}) {
        fail(status::launch_failed, where(self) + ": divergent barrier: waits at " + Site{file, line}.text() +
                                        " while others of its block wait at " + barrier_site_.text());
    }
    if (++arrived_ == threads_) {
        arrived_ = 0;
        for (unsigned w = 0; w < warp_count_; ++w) warps_[w].ready = warps_[w].alive;
        self->warp->ready &= ~(1u << self->lane);
        for (unsigned w = 0; w < warp_count_; ++w) warps_[w].at_barrier = 0;
        ready_warps_ = warp_count_ == 32 ? ~0u : (1u << warp_count_) - 1;
        return;
    }
    self->warp->at_barrier |= 1u << self->lane;
    wait_for_others(self);
}

void Worker::collective(Self* self, unsigned mask, Combine combine, void* operand, const char* file, int line) {
    Warp& warp = *self->warp;
    const unsigned lane = self->lane, bit = 1u << lane;
    if ((mask & bit) == 0)
        fail(status::launch_failed, where(self) + ": lane mask: " + Site{file, line}.text() + " is called with mask " + lanes_text(mask) +
                                        ", which does not name the calling lane " + std::to_string(lane));
    warp.operand[lane] = operand;
    warp.rendezvous[lane] = {combine, file, line, mask};
    warp.at_collective |= bit;
    const unsigned members = mask & warp.alive;
    if ((warp.at_collective & members) == members) {
        complete(warp, members, self);
        return;
    }
    wait_for_others(self);
}

void Worker::complete(Warp& warp, unsigned members, Self* last) {
    const Rendezvous& first = warp.rendezvous[__builtin_ctz(members)];
    for (unsigned rest = members & (members - 1); rest != 0; rest &= rest - 1) {
        const Rendezvous& other = warp.rendezvous[__builtin_ctz(rest)];
        if (other.line == first.line && other.mask == first.mask && other.combine == first.combine && other.file == first.file) continue;
        if (other.mask != first.mask)
            fail(status::launch_failed, where(last) + ": lane masks differ: " + lanes_text(first.mask) + " at " +
                                            Site{first.file, first.line}.text() + ", " + lanes_text(other.mask) + " at " +
                                            Site{other.file, other.line}.text());
        if (other.combine != first.combine || Site{other.file, other.line} != Site{first.file, first.line})
            fail(status::launch_failed, where(last) + ": divergent warp: lanes meet at " + Site{first.file, first.line}.text() +
                                            " and at " + Site{other.file, other.line}.text());
    }
    first.combine(warp.operand, members);
    warp.at_collective &= ~members;
    warp.ready |= last == nullptr ? members : members & ~(1u << last->lane);
    ready_warps_ |= 1u << warp.number;
}

// A lane has returned: those that waited for it need it no longer.
void Worker::recheck_collectives(Warp& warp) {
    for (unsigned rest = warp.at_collective; rest != 0; rest &= rest - 1) {
        const unsigned members = warp.rendezvous[__builtin_ctz(rest)].mask & warp.alive;
        if ((warp.at_collective & members) == members) {
            complete(warp, members, nullptr);
            return recheck_collectives(warp);
        }
    }
}

// --- a block from start to end

bool Worker::run_block(const Launch& launch, std::uint64_t order, Index3 block) {
    launch_ = &launch;
    block_ = block;
    shared_.prepare(launch);
    threads_ = alive_ = launch.threads();
    arrived_ = 0;
    warp_count_ = (threads_ + warp_lanes - 1) / warp_lanes;
    ready_warps_ = warp_count_ == 32 ? ~0u : (1u << warp_count_) - 1;
    random_ = static_cast<unsigned>(order ^ order >> 32) + block.x * 0x9E3779B9u + block.y * 0x85EBCA6Bu + block.z * 0xC2B2AE35u;
    for (unsigned w = 0; w < warp_count_; ++w) {
        Warp& warp = warps_[w];
        const unsigned lanes = threads_ - w * warp_lanes;
        warp.worker = this;
        warp.number = w;
        warp.alive = warp.ready = lanes >= warp_lanes ? ~0u : (1u << lanes) - 1;
        warp.at_barrier = warp.at_collective = 0;
        next_random(random_);
        warp.random = random_ * 0x2C1B3C6Du;
        std::memset(warp.fiber, 0, sizeof warp.fiber);
    }
    next_random(random_);
    current_warp_ = &warps_[random_bit(ready_warps_, next_random(random_))];
    async_proxy_.begin_block(launch.module->is_specific, threads_, shared_);
    mbarriers_.begin_block();
    warpgroups_.begin_block((random_ >> 31) != 0);
    outcome_.status = 0;
    Counter& counter = Counter::instance();
    if (counter.is_on()) counter.begin_block(threads_, shared_);
    Warp* warp;
    unsigned lane;
    pick(warp, lane);
    void* first = start_or_resume(*warp, lane)->stack_pointer;
    running_ = true;
    switch_fiber(&home_, first);
    running_ = false;
    if (counter.is_on()) counter.end_block();
    if (outcome_.status == 0 && alive_ > 0) report_deadlock();
    if (outcome_.status == 0 && !shared_.slack_is_whole()) {
        outcome_ = {status::illegal_address, where(nullptr) + ": out of bounds: writes behind the " + std::to_string(launch.dynamic_bytes) +
                                                 " bytes of dynamic shared memory that the launch asked for"};
    }
    if (outcome_.status == 0) return true;
    // What the fibers were doing is lost with their stacks.
    idle_.clear();
    for (unsigned i = made_; i-- > 0;) {
        static_cast<AsyncCopies*>(selves_[i].copies)->clear();
        lay_first_frame(&selves_[i]);
        idle_.push_back(&selves_[i]);
    }
    return false;
}

void Worker::report_deadlock() {
    std::string text = where(nullptr) + ": divergent barrier: nobody can run";
    if (arrived_ > 0) text += "; " + std::to_string(arrived_) + " threads wait at " + barrier_site_.text();
    for (unsigned w = 0; w < warp_count_; ++w) {
        const Warp& warp = warps_[w];
        if (warp.at_collective == 0) continue;
        const Rendezvous& meeting = warp.rendezvous[__builtin_ctz(warp.at_collective)];
        text += "; lanes " + lanes_text(warp.at_collective) + " of warp " + std::to_string(w) + " wait at " +
                Site{meeting.file, meeting.line}.text() + " for mask " + lanes_text(meeting.mask);
        break;
    }
    text += warpgroups_.waiting() + mbarriers_.waiting();
    if (alive_ < threads_) text += "; " + std::to_string(threads_ - alive_) + " threads have returned";
    outcome_ = {status::launch_failed, text};
}

void Worker::fail(int status, const std::string& text) {
    outcome_ = {status, text};
    void* abandoned;
    switch_fiber(&abandoned, home_);
    __builtin_unreachable();
}

void Worker::note_fault(int status, const char* text) {
    outcome_.status = status;
    outcome_.text = text;
}

}  // namespace emulator
