#include "shared_memory.h"

#include <link.h>
#include <sys/mman.h>

#include <cstring>

#include "module.h"

namespace emulator {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t alignment = 128;
constexpr unsigned char slack_byte = 0xA5;

}  // namespace

SharedMemory::SharedMemory() {
    constexpr std::size_t room = (maximum_bytes + page - 1) / page * page;
    mapping_ = static_cast<unsigned char*>(mmap(nullptr, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    mprotect(mapping_ + page, room, PROT_READ | PROT_WRITE);
    end_ = mapping_ + page + room;
    dynamic_ = end_;
}

SharedMemory::~SharedMemory() { munmap(mapping_, static_cast<std::size_t>(end_ - mapping_) + page); }

void SharedMemory::prepare(const Launch& launch) {
    static_ = static_segment(*launch.module);
    if (static_.bytes > 0) std::memset(static_.start, 0xff, static_.bytes);
    dynamic_bytes_ = launch.dynamic_bytes;
    const std::size_t rounded = (dynamic_bytes_ + alignment - 1) / alignment * alignment;
    dynamic_ = end_ - rounded;
    std::memset(dynamic_, 0xff, dynamic_bytes_);
    std::memset(dynamic_ + dynamic_bytes_, slack_byte, rounded - dynamic_bytes_);
}

bool SharedMemory::holds(const void* address, std::size_t bytes) const {
    const auto* p = static_cast<const unsigned char*>(address);
    return (p >= dynamic_ && p + bytes <= dynamic_ + dynamic_bytes_) || (p >= static_.start && p + bytes <= static_.start + static_.bytes);
}

bool SharedMemory::is_behind(const void* address) const { return address >= end_ && address < end_ + page; }

bool SharedMemory::slack_is_whole() const {
    for (const unsigned char* p = dynamic_ + dynamic_bytes_; p < end_; ++p)
        if (*p != slack_byte) return false;
    return true;
}

SharedMemory::Segment SharedMemory::static_segment(const LoadedModule& module) {
    if (const auto known = segments_.find(module.id); known != segments_.end()) return known->second;
    struct Search {
        const void* anchor;
        Segment found;
    } search{module.table->touch_shared(), {}};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& search = *static_cast<Search*>(data);
            auto* start = static_cast<unsigned char*>(info->dlpi_tls_data);
            if (start == nullptr) return 0;
            for (int i = 0; i < info->dlpi_phnum; ++i) {
                const auto& header = info->dlpi_phdr[i];
                if (header.p_type != PT_TLS || search.anchor < start || search.anchor >= start + header.p_memsz) continue;
                search.found = {start, header.p_memsz};
                return 1;
            }
            return 0;
        },
        &search);
    return segments_[module.id] = search.found;
}

}  // namespace emulator
