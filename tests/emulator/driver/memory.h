// memory.h: device memory and pinned host memory, each allocation between guards
//
//   64 MB guard | unused | front canary | the allocation, base a multiple of 256 | back canary (< 256 bytes) | 64 MB guard
//
// The allocation is pushed against the guard behind it as far as the promised alignment of 256 allows; what is left is canary bytes,
// checked when the memory is freed and at every synchronisation. Fresh memory is 0xFF: NaN in every type. Freed memory stays unmapped, so
// that a late access faults instead of meeting somebody else's data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace emulator {

struct Allocation {
    unsigned char* mapping;
    std::size_t mapped_bytes;
    std::size_t bytes;
    bool is_host;
    std::uint64_t number;
};

class Memory {
  public:
    static Memory& instance();

    void* allocate(std::size_t bytes, bool is_host);
    // The status: success, invalid value, or illegal address if a canary is gone (the memory is freed all the same).
    int free(void* pointer, bool is_host);

    // Whether [pointer, pointer + bytes) lies in one live device allocation. A null range of no bytes does.
    bool is_device_range(const void* pointer, std::size_t bytes) const;
    bool is_host_range(const void* pointer, std::size_t bytes) const;
    // Whether a kernel may be given this pointer: null, or in a live allocation or just behind it.
    bool is_argument(const void* pointer) const;

    // Success, or illegal address with a report.
    int check_canaries() const;

    // What an address is, in words, for a fault.
    std::string describe(const void* address) const;

    std::uint64_t total() const { return total_; }
    void set_total(std::uint64_t bytes) { total_ = bytes; }
    std::uint64_t used() const { return used_; }
    std::uint64_t host_used() const { return host_used_; }
    int count() const { return static_cast<int>(live_.size()); }

  private:
    const std::pair<const std::uintptr_t, Allocation>* containing(const void* pointer) const;
    bool is_range(const void* pointer, std::size_t bytes, bool is_host) const;

    std::map<std::uintptr_t, Allocation> live_;  // by base
    std::map<std::uintptr_t, Allocation> freed_;
    std::uint64_t total_ = std::uint64_t{8} << 30, used_ = 0, host_used_ = 0, next_number_ = 1;
};

}  // namespace emulator
