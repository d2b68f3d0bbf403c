// async_copies.h: one thread's cp.async copies that have not landed yet
//
// The copy is queued and its destination poisoned; the bytes move when a wait covers the group. Code that reads before its wait reads NaN.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace emulator {

class AsyncCopies {
  public:
    void add(void* shared, const void* global, int bytes, bool valid) {
        std::memset(shared, 0xff, static_cast<std::size_t>(bytes));
        open_.push_back({shared, global, bytes, valid});
    }

    void commit() {
        groups_.push_back(open_.size() - closed_);
        closed_ = open_.size();
    }

    // Lands the oldest groups until at most `pending` are left, and tells `landed_at` the destination of each copy.
    template <typename Landed>
    void wait(std::size_t pending, const Landed& landed_at) {
        std::size_t landed = 0, groups = 0;
        for (; groups_.size() - groups > pending; ++groups)
            for (std::size_t i = 0; i < groups_[groups]; ++i) {
                land(open_[landed]);
                landed_at(open_[landed++].shared);
            }
        if (groups == 0) return;
        groups_.erase(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(groups));
        open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(landed));
        closed_ -= landed;
    }

    void clear() {
        open_.clear();
        groups_.clear();
        closed_ = 0;
    }

  private:
    struct Copy {
        void* shared;
        const void* global;
        int bytes;
        bool valid;
    };

    static void land(const Copy& copy) {
        if (copy.valid)
            std::memcpy(copy.shared, copy.global, static_cast<std::size_t>(copy.bytes));
        else
            std::memset(copy.shared, 0, static_cast<std::size_t>(copy.bytes));
    }

    std::vector<Copy> open_;           // oldest first; the last ones are in no group yet
    std::vector<std::size_t> groups_;  // how many copies each closed group has
    std::size_t closed_ = 0;           // how many copies are in groups
};

}  // namespace emulator
