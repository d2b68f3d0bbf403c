// shared_memory.h: a block's shared memory, static and dynamic
//
// Static arrays are thread-local variables of the module (one block at a time runs on an OS thread), found through the module's TLS
// segment. Dynamic shared memory lies against a guard page. Both are full of 0xFF bytes, NaN in every type, when a block starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "launch.h"

namespace emulator {

class SharedMemory {
  public:
    static constexpr std::size_t maximum_bytes = 227 * 1024;

    SharedMemory();
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    // Makes both ready for a block; afterwards dynamic() is the start of the dynamic part.
    void prepare(const Launch& launch);
    unsigned char* dynamic() const { return dynamic_; }
    std::size_t dynamic_bytes() const { return dynamic_bytes_; }
    // Whether the bytes are shared memory of the block under way.
    bool holds(const void* address, std::size_t bytes) const;
    // Whether an address lies in the guard page behind the dynamic part.
    bool is_behind(const void* address) const;
    // Whether nothing was written between the requested size and the guard page.
    bool slack_is_whole() const;

  private:
    struct Segment {
        unsigned char* start;
        std::size_t bytes;
    };

    Segment static_segment(const LoadedModule& module);

    unsigned char* mapping_;
    unsigned char* end_;  // the guard page
    unsigned char* dynamic_ = nullptr;
    std::size_t dynamic_bytes_ = 0;
    Segment static_{};
    std::unordered_map<std::uint64_t, Segment> segments_;  // by module
};

}  // namespace emulator
