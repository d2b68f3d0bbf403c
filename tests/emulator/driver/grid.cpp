#include "grid.h"

#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

#include "counter.h"
#include "faults.h"
#include "worker.h"

namespace emulator {

namespace {

// One launch shared by all threads: whoever is free takes the next block, in the order of this execution.
struct SharedGrid {
    const Launch* launch;
    std::uint64_t order, blocks, stride, offset;
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    Outcome outcome;

    SharedGrid(const Launch& launch, std::uint64_t order) : launch(&launch), order(order), blocks(launch.blocks()) {
        const std::uint64_t random = order * 0x9E3779B97F4A7C15ull;
        stride = 1 + (random >> 20) % blocks;
        while (std::gcd(stride, blocks) != 1) ++stride;
        offset = (random >> 8) % blocks;
    }

    void work(Worker& worker) {
        const Index3 grid = launch->grid;
        for (;;) {
            const std::uint64_t turn = next.fetch_add(1);
            if (turn >= blocks || failed) return;
            const auto block = static_cast<std::uint64_t>((static_cast<unsigned __int128>(turn) * stride + offset) % blocks);
            const Index3 index{static_cast<unsigned>(block % grid.x), static_cast<unsigned>(block / grid.x % grid.y),
                               static_cast<unsigned>(block / grid.x / grid.y)};
            if (worker.run_block(*launch, order, index)) continue;
            const std::lock_guard lock(mutex);
            if (!failed) outcome = worker.outcome();
            failed = true;
        }
    }
};

class Pool {
  public:
    static Pool& instance() {
        static auto* const pool = new Pool;  // its threads live as long as the process
        return *pool;
    }

    void on_first(const std::function<void()>& work) {
        std::unique_lock lock(mutex_);
        task_ = &work;
        first_.notify_one();
        done_.wait(lock, [&] { return task_ == nullptr; });
    }

    void run(SharedGrid& grid) {
        const bool alone = grid.blocks == 1 || helpers_ == 0 || Counter::instance().is_on();
        if (!alone) {
            const std::lock_guard lock(mutex_);
            grid_ = &grid;
            ++round_;
            helpers_wake_.notify_all();
        }
        grid.work(*Worker::current());
        if (!alone) {
            std::unique_lock lock(mutex_);
            grid_ = nullptr;  // a helper that has not woken yet need not
            helpers_idle_.wait(lock, [&] { return busy_ == 0; });
        }
    }

  private:
    Pool() {
        const unsigned threads = std::min(Worker::limit(), std::max(1u, std::thread::hardware_concurrency()));
        helpers_ = threads - 1;
        std::thread([this] { first_loop(); }).detach();
        for (unsigned i = 1; i < threads; ++i) std::thread([this, i] { helper_loop(i); }).detach();
    }

    void first_loop() {
        prepare_thread_for_faults();
        static thread_local auto* const worker = new Worker(0);
        static_cast<void>(worker);
        for (;;) {
            std::unique_lock lock(mutex_);
            first_.wait(lock, [&] { return task_ != nullptr; });
            const auto* task = task_;
            lock.unlock();
            (*task)();
            lock.lock();
            task_ = nullptr;
            done_.notify_all();
        }
    }

    void helper_loop(unsigned number) {
        prepare_thread_for_faults();
        Worker& worker = *new Worker(number);
        std::uint64_t seen = 0;
        for (;;) {
            std::unique_lock lock(mutex_);
            helpers_wake_.wait(lock, [&] { return grid_ != nullptr && round_ != seen; });
            seen = round_;
            SharedGrid& grid = *grid_;
            ++busy_;
            lock.unlock();
            grid.work(worker);
            lock.lock();
            if (--busy_ == 0) helpers_idle_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable first_, done_, helpers_wake_, helpers_idle_;
    const std::function<void()>* task_ = nullptr;
    SharedGrid* grid_ = nullptr;
    std::uint64_t round_ = 0;
    unsigned helpers_ = 0, busy_ = 0;
};

}  // namespace

void on_device_thread(const std::function<void()>& work) { Pool::instance().on_first(work); }

Outcome run_grid(const Launch& launch, std::uint64_t order) {
    SharedGrid grid(launch, order);
    Counter& counter = Counter::instance();
    if (counter.is_on()) counter.begin_launch(launch);
    Pool::instance().run(grid);
    if (counter.is_on()) counter.end_launch();
    return grid.outcome;
}

}  // namespace emulator
