// warpgroup.h: products of warpgroups (wgmma) that were asked for and have not landed
//
// A warpgroup is four warps, of which each asks for its 16 rows and waits for them by itself; that all four ask for the same is held
// against a list. Whether they meet at each product, or run ahead of each other, is drawn for every block: the device promises neither.
//
// From the request to the wait that covers it the registers of d are NaN; the wait reads the operands, adds, and writes d when no later
// product adds to it. So who reads d early reads NaN, and who writes shared memory early spoils the product.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <vector>

#include "../abi/kernel_abi.h"
#include "site.h"
#include "warpgroup_matrices.h"
#include "worker_limits.h"

namespace emulator {

class Worker;

class Warpgroups {
  public:
    explicit Warpgroups(Worker& worker) : worker_(worker) {}

    void begin_block(bool meets);

    void multiply(Self* self, WarpgroupProduct& product);
    void fence(Self* self, Site site);
    void commit(Self* self, Site site);
    void wait(Self* self, int pending, Site site);
    // A thread has returned.
    void leave(Self* self);

    // Who waits for others of its warpgroup, for the report of a deadlock.
    std::string waiting() const;

  private:
    static constexpr unsigned group_warps = 4;

    // d of one warp, while products add to it.
    struct Sum {
        std::array<float*, warp_lanes> d;
        unsigned eights;
        unsigned under_way;
        alignas(32) float rows[16][maximum_columns];
    };

    struct Product {
        WarpgroupProduct asked;  // by lane 0
        Sum* sum;
        std::array<const unsigned*, warp_lanes> a;  // the lanes' registers, and what was in them
        std::array<std::array<unsigned, 4>, warp_lanes> a_then;

        Site site() const { return {asked.file, asked.line}; }
    };

    struct WarpState {
        bool is_fenced = false;
        std::uint64_t asked = 0;         // products since the block began
        std::deque<Product> under_way;   // oldest first; the last ones are in no group yet
        std::deque<std::size_t> groups;  // how many products each closed group has
        std::size_t open = 0;            // how many are in no group
        std::list<Sum> sums;
    };

    struct Group {
        std::deque<WarpgroupProduct> list;  // what the first warp to come asked for, from product `first` on
        std::uint64_t first = 0;
        unsigned at_meeting[group_warps] = {};  // lanes that wait for the other warps
        Site met_at{};
    };

    static void ask_combined(void* const* operands, unsigned members);
    static void fence_combined(void* const* operands, unsigned members);
    static void commit_combined(void* const* operands, unsigned members);
    static void wait_combined(void* const* operands, unsigned members);

    void ask(void* const* operands);
    void compare(const Warp& warp, const WarpgroupProduct& product);
    Sum& sum_of(WarpState& state, void* const* operands);
    void land(WarpState& state, const Warp& warp, Product& product);
    bool all_have_asked(unsigned group, std::uint64_t turn) const;
    [[noreturn]] void fail(const Self* self, const std::string& text);

    Worker& worker_;
    bool is_used_ = false, meets_ = false;
    std::array<WarpState, maximum_threads / warp_lanes> warps_;
    std::array<Group, maximum_threads / warp_lanes / group_warps> groups_;
};

}  // namespace emulator
