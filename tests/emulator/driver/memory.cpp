#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "report.h"
#include "status.h"

namespace emulator {

namespace {

constexpr std::size_t page = 4096, alignment = 256;
// Address space costs nothing: an index that is wrong by millions must not reach somebody else's memory.
constexpr std::size_t guard = std::size_t{64} << 20;
constexpr unsigned char canary = 0xC5;
constexpr std::size_t quarantine = 8192;

std::size_t round_up(std::size_t x, std::size_t to) { return (x + to - 1) / to * to; }

std::size_t front_canary(const unsigned char* base, const Allocation& allocation) {
    return std::min<std::size_t>(alignment, static_cast<std::size_t>(base - (allocation.mapping + guard)));
}

// The first byte that is not a canary any more, or null.
const unsigned char* broken_canary(const unsigned char* base, const Allocation& allocation) {
    for (std::size_t i = front_canary(base, allocation); i > 0; --i)
        if (base[-static_cast<std::ptrdiff_t>(i)] != canary) return base - i;
    for (std::size_t i = allocation.bytes; i < round_up(allocation.bytes, alignment); ++i)
        if (base[i] != canary) return base + i;
    return nullptr;
}

// Fills lazily where it pays: a large allocation maps copies of one file of 0xFF bytes, so that pages nobody writes cost nothing.
constexpr std::size_t pattern_bytes = std::size_t{4} << 20;

int pattern_file() {
    static const int file = [] {
        const int file = memfd_create("nativefl-nan", MFD_CLOEXEC);
        if (file < 0 || ftruncate(file, pattern_bytes) != 0) return -1;
        void* p = mmap(nullptr, pattern_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (p == MAP_FAILED) return -1;
        std::memset(p, 0xff, pattern_bytes);
        munmap(p, pattern_bytes);
        return file;
    }();
    return file;
}

void fill_with_nan(unsigned char* base, std::size_t bytes) {
    auto* p = reinterpret_cast<unsigned char*>(round_up(reinterpret_cast<std::uintptr_t>(base), page));
    unsigned char* const end = base + bytes;
    if (bytes < 2 * pattern_bytes || pattern_file() < 0) {
        std::memset(base, 0xff, bytes);
        return;
    }
    std::memset(base, 0xff, static_cast<std::size_t>(p - base));
    for (; p + pattern_bytes <= end; p += pattern_bytes)
        if (mmap(p, pattern_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, pattern_file(), 0) == MAP_FAILED)
            std::memset(p, 0xff, pattern_bytes);
    std::memset(p, 0xff, static_cast<std::size_t>(end - p));
}

}  // namespace

Memory& Memory::instance() {
    static auto* const memory = new Memory;
    return *memory;
}

void* Memory::allocate(std::size_t bytes, bool is_host) {
    if (!is_host && (bytes > total_ || used_ > total_ - bytes)) return nullptr;
    const std::size_t room = round_up(bytes, alignment), pages = round_up(room, page);
    auto* mapping =
        static_cast<unsigned char*>(mmap(nullptr, pages + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (mapping == MAP_FAILED) return nullptr;
    if (mprotect(mapping + guard, pages, PROT_READ | PROT_WRITE) != 0) {
        munmap(mapping, pages + 2 * guard);
        return nullptr;
    }
    unsigned char* base = mapping + guard + pages - room;
    const Allocation allocation{mapping, pages + 2 * guard, bytes, is_host, next_number_++};
    std::memset(base - front_canary(base, allocation), canary, front_canary(base, allocation));
    fill_with_nan(base, bytes);
    std::memset(base + bytes, canary, room - bytes);
    live_[reinterpret_cast<std::uintptr_t>(base)] = allocation;
    (is_host ? host_used_ : used_) += bytes;
    return base;
}

int Memory::free(void* pointer, bool is_host) {
    const auto found = live_.find(reinterpret_cast<std::uintptr_t>(pointer));
    if (found == live_.end() || found->second.is_host != is_host)
        return report(status::invalid_value, "free: the pointer is not the start of a live allocation: it is " + describe(pointer));
    const Allocation allocation = found->second;
    const auto* broken = broken_canary(static_cast<unsigned char*>(pointer), allocation);
    const std::string text = broken == nullptr ? "" : "free: somebody wrote " + describe(broken);
    live_.erase(found);
    (is_host ? host_used_ : used_) -= allocation.bytes;
    mmap(allocation.mapping, allocation.mapped_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    freed_[reinterpret_cast<std::uintptr_t>(pointer)] = allocation;
    if (freed_.size() > quarantine) {
        const auto oldest =
            std::min_element(freed_.begin(), freed_.end(), [](const auto& a, const auto& b) { return a.second.number < b.second.number; });
        munmap(oldest->second.mapping, oldest->second.mapped_bytes);
        freed_.erase(oldest);
    }
    return broken == nullptr ? status::success : report(status::illegal_address, text);
}

const std::pair<const std::uintptr_t, Allocation>* Memory::containing(const void* pointer) const {
    auto next = live_.upper_bound(reinterpret_cast<std::uintptr_t>(pointer));
    if (next == live_.begin()) return nullptr;
    const auto& found = *--next;
    return reinterpret_cast<std::uintptr_t>(pointer) <= found.first + found.second.bytes ? &found : nullptr;
}

bool Memory::is_range(const void* pointer, std::size_t bytes, bool is_host) const {
    if (bytes == 0) return true;
    const auto* found = containing(pointer);
    return found != nullptr && found->second.is_host == is_host &&
           reinterpret_cast<std::uintptr_t>(pointer) - found->first <= found->second.bytes &&
           bytes <= found->second.bytes - (reinterpret_cast<std::uintptr_t>(pointer) - found->first);
}

bool Memory::is_device_range(const void* pointer, std::size_t bytes) const { return is_range(pointer, bytes, false); }

bool Memory::is_host_range(const void* pointer, std::size_t bytes) const { return is_range(pointer, bytes, true); }

bool Memory::is_argument(const void* pointer) const { return pointer == nullptr || containing(pointer) != nullptr; }

int Memory::check_canaries() const {
    for (const auto& [base, allocation] : live_)
        if (const auto* broken = broken_canary(reinterpret_cast<unsigned char*>(base), allocation); broken != nullptr)
            return report(status::illegal_address, "memory: somebody wrote " + describe(broken));
    return status::success;
}

std::string Memory::describe(const void* address) const {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const auto near = [&](const std::map<std::uintptr_t, Allocation>& map, const char* what) -> std::string {
        for (const auto& [base, allocation] : map) {
            const auto start = reinterpret_cast<std::uintptr_t>(allocation.mapping);
            if (at < start || at >= start + allocation.mapped_bytes) continue;
            const std::string of = std::string(what) + " allocation " + std::to_string(allocation.number) + " of " +
                                   std::to_string(allocation.bytes) + " bytes";
            if (at < base) return std::to_string(base - at) + " bytes before " + of;
            if (at >= base + allocation.bytes) return std::to_string(at - base - allocation.bytes) + " bytes behind " + of;
            return "byte " + std::to_string(at - base) + " of " + of;
        }
        return {};
    };
    std::string text = near(live_, "live");
    if (text.empty()) text = near(freed_, "freed");
    if (!text.empty()) return text;
    char plain[64];
    std::snprintf(plain, sizeof plain, "address %p, which is no allocation", address);
    return plain;
}

}  // namespace emulator
