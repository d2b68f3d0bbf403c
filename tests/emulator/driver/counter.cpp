#include "counter.h"

#include <algorithm>

#include "memory.h"

namespace emulator {

namespace {

constexpr unsigned sector_bytes = 32, word_bytes = 4, banks = 32, page_shift = 12;

}  // namespace

Counter& Counter::instance() {
    static auto* const counter = new Counter;
    return *counter;
}

std::string Counter::text() const {
    std::string text;
    for (const auto& [name, counts] : by_name_) {
        text += name;
        const auto add = [&](const char* what, std::uint64_t count) { text += std::string(" ") + what + "=" + std::to_string(count); };
        add("launches", counts.launches);
        add("reads", counts.reads), add("writes", counts.writes);
        add("loads", counts.loads), add("stores", counts.stores);
        add("load_sectors", counts.load_sectors), add("load_floor", counts.load_floor);
        add("store_sectors", counts.store_sectors), add("store_floor", counts.store_floor);
        add("copies", counts.copies), add("conflicts", counts.conflicts);
        add("mma", counts.mma), add("fma", counts.fma);
        text += "\n";
    }
    return text;
}

void Counter::begin_launch(const Launch& launch) {
    now_ = &by_name_[launch.kernel->name];
    ++now_->launches;
    pages_.clear();
    sites_.clear();  // of a module that may be gone
}

void Counter::end_launch() {
    for (const auto& [number, page] : pages_) {
        for (const std::uint64_t word : page.read) now_->reads += static_cast<unsigned>(__builtin_popcountll(word));
        for (const std::uint64_t word : page.written) now_->writes += static_cast<unsigned>(__builtin_popcountll(word));
    }
}

void Counter::begin_block(unsigned threads, const SharedMemory& shared) {
    threads_ = threads;
    shared_ = &shared;
    open_.clear();
    if (turns_.size() < threads) turns_.resize(threads);
    for (unsigned thread = 0; thread < threads; ++thread) turns_[thread].assign(turns_[thread].size(), 0);
}

void Counter::end_block() {
    for (const auto& [key, request] : open_) finish(request);
    open_.clear();
}

void Counter::access(const Self& self, const void* address, unsigned bytes, bool is_write, const void* site) {
    const bool is_shared = shared_->holds(address, bytes);
    if (!is_shared && !Memory::instance().is_device_range(address, bytes)) return;
    const unsigned warp = self.warp->number, number = number_of(site);
    const std::uint64_t key = (std::uint64_t{turn(self, number)++} << 24 | number) << 5 | warp;
    Request& request = open_[key];
    request.address[self.lane] = static_cast<const unsigned char*>(address);
    request.lanes |= 1u << self.lane;
    request.bytes = std::max(request.bytes, bytes);
    request.is_shared = is_shared, request.is_write = is_write;
    const unsigned lanes = threads_ - warp * warp_lanes, all = lanes >= warp_lanes ? ~0u : (1u << lanes) - 1;
    if (request.lanes != all) return;
    finish(request);
    open_.erase(key);
}

std::uint32_t& Counter::turn(const Self& self, unsigned number) {
    auto& turns = turns_[self.warp->number * warp_lanes + self.lane];
    if (turns.size() <= number) turns.resize(number + 64);
    return turns[number];
}

void Counter::finish(const Request& request) {
    if (request.is_shared) return shared_request(request.address, request.lanes, request.bytes);
    const unsigned char* sorted[warp_lanes];
    unsigned count = 0;
    for (unsigned rest = request.lanes; rest != 0; rest &= rest - 1) sorted[count++] = request.address[__builtin_ctz(rest)];
    std::sort(sorted, sorted + count);
    std::uint64_t bytes = 0, sectors = 0;
    std::uintptr_t end = 0, next_sector = 0;
    for (unsigned i = 0; i < count; ++i) {
        const auto from = reinterpret_cast<std::uintptr_t>(sorted[i]), to = from + request.bytes;
        bytes += to - std::min(to, std::max(from, end));
        end = std::max(end, to);
        const std::uintptr_t first = std::max(from / sector_bytes, next_sector), last = (to - 1) / sector_bytes;
        if (last < first) continue;
        sectors += last - first + 1;
        next_sector = last + 1;
    }
    for (unsigned i = 0; i < count; ++i) mark(sorted[i], request.bytes, request.is_write);
    (request.is_write ? now_->stores : now_->loads) += bytes;
    (request.is_write ? now_->store_sectors : now_->load_sectors) += sectors;
    (request.is_write ? now_->store_floor : now_->load_floor) += (bytes + sector_bytes - 1) / sector_bytes;
}

void Counter::mark(const unsigned char* address, unsigned bytes, bool is_write) {
    const auto start = reinterpret_cast<std::uintptr_t>(address);
    for (std::uintptr_t at = start, next; at < start + bytes; at = next) {
        next = std::min(start + bytes, (at | 63) + 1);
        const std::uint64_t ones = next - at == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (next - at)) - 1;
        Page& page = pages_[at >> page_shift];
        (is_write ? page.written : page.read)[(at >> 6) & 63] |= ones << (at & 63);
    }
}

void Counter::shared_request(const unsigned char* const (&rows)[warp_lanes], unsigned lanes, unsigned bytes) {
    const unsigned together = bytes <= word_bytes ? warp_lanes : bytes <= 2 * word_bytes ? warp_lanes / 2 : warp_lanes / 4;
    for (unsigned first = 0; first < warp_lanes; first += together) {
        std::vector<std::uintptr_t> words;
        for (unsigned lane = first; lane < first + together; ++lane) {
            if ((lanes >> lane & 1u) == 0) continue;
            const auto start = reinterpret_cast<std::uintptr_t>(rows[lane]);
            for (std::uintptr_t word = start / word_bytes; word <= (start + bytes - 1) / word_bytes; ++word) words.push_back(word);
        }
        if (words.empty()) continue;
        std::sort(words.begin(), words.end());
        words.erase(std::unique(words.begin(), words.end()), words.end());
        unsigned of_bank[banks] = {};
        for (const std::uintptr_t word : words) ++of_bank[word % banks];
        now_->conflicts += *std::max_element(of_bank, of_bank + banks) - 1;
    }
}

}  // namespace emulator
