// async_proxy.h: which bytes of dynamic shared memory the asynchronous proxy (wgmma) may not see yet
//
// What cp.async brings is written through the generic proxy; until the thread that asked for it calls fence_async_proxy(), a product may
// read the old bytes. Kept by granules of 16 bytes, and only for modules of sm_90a.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared_memory.h"

namespace emulator {

class AsyncProxy {
  public:
    static constexpr std::size_t granule = 16;

    void begin_block(bool is_on, unsigned threads, const SharedMemory& shared) {
        is_on_ = is_on;
        if (!is_on) return;
        shared_ = &shared;
        writers_.assign((shared.dynamic_bytes() + granule - 1) / granule, 0);
        unfenced_.resize(threads);
        for (auto& granules : unfenced_) granules.clear();
    }

    bool is_on() const { return is_on_; }

    void landed(unsigned thread, const void* address) {
        const auto offset = static_cast<std::size_t>(static_cast<const unsigned char*>(address) - shared_->dynamic());
        if (offset >= shared_->dynamic_bytes()) return;  // static shared memory: no descriptor reaches it
        const auto at = static_cast<std::uint32_t>(offset / granule);
        writers_[at] = static_cast<std::uint16_t>(thread + 1);
        unfenced_[thread].push_back(at);
    }

    void fence(unsigned thread) {
        if (!is_on_) return;
        for (const std::uint32_t at : unfenced_[thread])
            if (writers_[at] == thread + 1) writers_[at] = 0;
        unfenced_[thread].clear();
    }

    // The thread whose copy lies at an offset and is not fenced, plus 1; or 0.
    unsigned unfenced_writer(std::size_t offset) const { return is_on_ ? writers_[offset / granule] : 0; }

  private:
    bool is_on_ = false;
    const SharedMemory* shared_ = nullptr;
    std::vector<std::uint16_t> writers_;                // by granule: thread + 1, or 0
    std::vector<std::vector<std::uint32_t>> unfenced_;  // by thread: granules
};

}  // namespace emulator
