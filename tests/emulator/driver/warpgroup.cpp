#include "warpgroup.h"

#include <algorithm>
#include <cstring>

#include "counter.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

constexpr unsigned columns_of_mma = 8;
// What registers of d hold meanwhile: a signalling NaN, which any arithmetic would make another one of.
constexpr std::uint32_t poison = 0xffbfffffu;

// What a lane brings to fence, commit and wait.
struct Call {
    Self* self;
    int pending;
};

bool is_untouched(const float* d, unsigned eights) {
    std::uint32_t differences = 0;
    for (unsigned i = 0; i < 4 * eights; ++i) {
        std::uint32_t word;
        std::memcpy(&word, d + i, sizeof word);
        differences |= word ^ poison;
    }
    return differences == 0;
}

// Between a warp's rows and its lanes' registers, as mma.cuh says where elements lie.
template <typename Move>
void each_pair(unsigned lane, unsigned eights, const Move& move) {
    const unsigned g = lane / 4, t = lane % 4 * 2;
    for (unsigned n = 0; n < eights; ++n)
        for (unsigned half = 0; half < 2; ++half) move(4 * n + 2 * half, g + 8 * half, columns_of_mma * n + t);
}

std::string operands_text(const WarpgroupProduct& product) {
    char text[120];
    std::snprintf(text, sizeof text, "(a 0x%llx, b 0x%llx, accumulate %d, %u columns)", product.a_descriptor, product.b_descriptor,
                  product.accumulate, columns_of_mma * product.eights);
    return text;
}

Site site_of(const WarpgroupProduct& product) { return {product.file, product.line}; }

bool same_operands(const WarpgroupProduct& x, const WarpgroupProduct& y) {
    return x.a_descriptor == y.a_descriptor && x.b_descriptor == y.b_descriptor && x.eights == y.eights && x.accumulate == y.accumulate &&
           (x.a == nullptr) == (y.a == nullptr);
}

}  // namespace

void Warpgroups::fail(const Self* self, const std::string& text) { worker_.fail(status::launch_failed, worker_.where(self) + ": " + text); }

void Warpgroups::begin_block(bool meets) {
    meets_ = meets;
    if (!is_used_) return;
    for (WarpState& state : warps_) state = WarpState();
    for (Group& group : groups_) group = Group();
    is_used_ = false;
}

// --- a product is asked for

void Warpgroups::multiply(Self* self, WarpgroupProduct& product) {
    worker_.collective(self, ~0u, ask_combined, &product, product.file, product.line);
    if (!meets_) return;
    Group& group = groups_[self->warp->number / group_warps];
    while (!all_have_asked(self->warp->number / group_warps, product.turn)) {
        group.at_meeting[self->warp->number % group_warps] |= 1u << self->lane;
        group.met_at = site_of(product);
        worker_.park(self);
    }
}

void Warpgroups::ask_combined(void* const* operands, unsigned members) {
    Warpgroups& all = Worker::current()->warpgroups();
    const auto& product = *static_cast<const WarpgroupProduct*>(operands[__builtin_ctz(members)]);
    if (members != ~0u) all.fail(product.self, "wgmma at " + site_of(product).text() + " needs all 128 threads of the warpgroup");
    all.ask(operands);
}

void Warpgroups::ask(void* const* operands) {
    is_used_ = true;
    const auto& product = *static_cast<const WarpgroupProduct*>(operands[0]);
    const Warp& warp = *product.self->warp;
    WarpState& state = warps_[warp.number];
    const std::string place = "wgmma at " + site_of(product).text() + ": ";
    if (!state.is_fenced) fail(product.self, place + "missing wgmma_fence since the warp's last wgmma_wait (or at all)");
    for (const unsigned long long descriptor : {product.b_descriptor, product.a != nullptr ? product.b_descriptor : product.a_descriptor})
        if (const std::string mistake = descriptor_mistake(descriptor); !mistake.empty())
            fail(product.self, place + "descriptor: " + mistake);
    for (unsigned lane = 1; lane < warp_lanes; ++lane) {
        const auto& other = *static_cast<const WarpgroupProduct*>(operands[lane]);
        if (!same_operands(product, other))
            fail(other.self, place + "divergent warp: lane 0 has " + operands_text(product) + ", lane " + std::to_string(lane) + " has " +
                                 operands_text(other));
    }
    for (unsigned lane = 0; lane < warp_lanes; ++lane) static_cast<WarpgroupProduct*>(operands[lane])->turn = state.asked;
    compare(warp, product);

    Product& added = state.under_way.emplace_back();
    added.asked = product;
    added.sum = &sum_of(state, operands);
    ++state.open;
    for (unsigned lane = 0; lane < warp_lanes && product.a != nullptr; ++lane) {
        added.a[lane] = static_cast<const WarpgroupProduct*>(operands[lane])->a;
        std::memcpy(added.a_then[lane].data(), added.a[lane], sizeof added.a_then[lane]);
    }
    if (Counter& counter = Counter::instance(); counter.is_on()) counter.add_products(product.eights);
}

// The n-th product of each of the four warps is the same one.
void Warpgroups::compare(const Warp& warp, const WarpgroupProduct& product) {
    const unsigned number = warp.number / group_warps, first_warp = number * group_warps;
    Group& group = groups_[number];
    WarpState& state = warps_[warp.number];
    const std::string place = "wgmma at " + site_of(product).text() + ": divergent warpgroup: ";
    for (unsigned w = first_warp; w < first_warp + group_warps; ++w)
        if (worker_.lanes_alive(w) == 0 && warps_[w].asked <= state.asked)
            fail(product.self, place + "warp " + std::to_string(w) + " does not exist or has returned after " +
                                   std::to_string(warps_[w].asked) + " products");
    const std::uint64_t turn = state.asked++ - group.first;
    if (turn == group.list.size()) {
        group.list.push_back(product);
    } else if (const WarpgroupProduct& other = group.list[turn]; site_of(other) != site_of(product)) {
        fail(product.self, place + "as the same product another warp has come to " + site_of(other).text());
    } else if (!same_operands(other, product)) {
        fail(product.self, place + "it has " + operands_text(product) + ", another warp " + operands_text(other));
    }
    if (!all_have_asked(number, group.first)) return;
    group.list.pop_front();
    ++group.first;
    if (!meets_) return;
    for (unsigned w = 0; w < group_warps; ++w) {
        worker_.wake(first_warp + w, group.at_meeting[w]);
        group.at_meeting[w] = 0;
    }
}

bool Warpgroups::all_have_asked(unsigned group, std::uint64_t turn) const {
    for (unsigned w = group * group_warps; w < (group + 1) * group_warps; ++w)
        if (warps_[w].asked <= turn) return false;
    return true;
}

// The sum that is under way in these registers, or a new one, for which they become NaN.
Warpgroups::Sum& Warpgroups::sum_of(WarpState& state, void* const* operands) {
    const auto& first = *static_cast<const WarpgroupProduct*>(operands[0]);
    std::array<float*, warp_lanes> d;
    for (unsigned lane = 0; lane < warp_lanes; ++lane) d[lane] = static_cast<const WarpgroupProduct*>(operands[lane])->d;
    for (Sum& sum : state.sums) {
        if (sum.d == d && sum.eights == first.eights) {
            ++sum.under_way;
            return sum;
        }
        for (unsigned lane = 0; lane < warp_lanes; ++lane)
            if (d[lane] < sum.d[lane] + 4 * sum.eights && sum.d[lane] < d[lane] + 4 * first.eights)
                fail(first.self, "wgmma at " + site_of(first).text() + ": its d overlaps another d under way, and is not the same");
    }
    Sum& sum = state.sums.emplace_back();
    sum.d = d, sum.eights = first.eights, sum.under_way = 1;
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        each_pair(lane, sum.eights,
                  [&](unsigned i, unsigned row, unsigned column) { std::memcpy(&sum.rows[row][column], d[lane] + i, 8); });
        for (unsigned i = 0; i < 4 * sum.eights; ++i) std::memcpy(d[lane] + i, &poison, sizeof poison);
    }
    return sum;
}

// --- fence, commit, wait: by warps

void Warpgroups::fence(Self* self, Site site) {
    Call call{self, 0};
    worker_.collective(self, ~0u, fence_combined, &call, site.file, site.line);
}

void Warpgroups::commit(Self* self, Site site) {
    Call call{self, 0};
    worker_.collective(self, ~0u, commit_combined, &call, site.file, site.line);
}

void Warpgroups::wait(Self* self, int pending, Site site) {
    Call call{self, pending};
    worker_.collective(self, ~0u, wait_combined, &call, site.file, site.line);
}

void Warpgroups::fence_combined(void* const* operands, unsigned members) {
    Warpgroups& all = Worker::current()->warpgroups();
    const auto& call = *static_cast<const Call*>(operands[__builtin_ctz(members)]);
    if (members != ~0u) all.fail(call.self, "wgmma_fence needs all 32 lanes of the warp");
    all.is_used_ = true;
    all.warps_[call.self->warp->number].is_fenced = true;
}

void Warpgroups::commit_combined(void* const* operands, unsigned members) {
    Warpgroups& all = Worker::current()->warpgroups();
    const auto& call = *static_cast<const Call*>(operands[__builtin_ctz(members)]);
    if (members != ~0u) all.fail(call.self, "wgmma_commit needs all 32 lanes of the warp");
    all.is_used_ = true;
    WarpState& state = all.warps_[call.self->warp->number];
    state.groups.push_back(state.open);
    state.open = 0;
}

void Warpgroups::wait_combined(void* const* operands, unsigned members) {
    Warpgroups& all = Worker::current()->warpgroups();
    const auto& call = *static_cast<const Call*>(operands[__builtin_ctz(members)]);
    if (members != ~0u) all.fail(call.self, "wgmma_wait needs all 32 lanes of the warp");
    WarpState& state = all.warps_[call.self->warp->number];
    state.is_fenced = false;
    while (state.groups.size() > static_cast<std::size_t>(call.pending)) {
        for (std::size_t i = state.groups.front(); i > 0; --i) {
            all.land(state, *call.self->warp, state.under_way.front());
            state.under_way.pop_front();
        }
        state.groups.pop_front();
    }
}

void Warpgroups::land(WarpState& state, const Warp& warp, Product& product) {
    Sum& sum = *product.sum;
    const std::string place = "wgmma at " + product.site().text() + ": ";
    for (unsigned lane = 0; lane < warp_lanes; ++lane) {
        if (!is_untouched(sum.d[lane], sum.eights))
            fail(warp.fiber[lane], place + "the registers of d were written while it was under way");
        if (product.asked.a != nullptr && std::memcmp(product.a[lane], product.a_then[lane].data(), sizeof product.a_then[lane]) != 0)
            fail(warp.fiber[lane], place + "the registers of a were changed while it was under way");
    }
    multiply_warp_rows(worker_, product.asked, warp.number % group_warps, product.a.data(), sum.rows);
    if (--sum.under_way > 0) return;
    for (unsigned lane = 0; lane < warp_lanes; ++lane)
        each_pair(lane, sum.eights,
                  [&](unsigned i, unsigned row, unsigned column) { std::memcpy(sum.d[lane] + i, &sum.rows[row][column], 8); });
    state.sums.remove_if([&](const Sum& other) { return &other == &sum; });
}

// --- the end

void Warpgroups::leave(Self* self) {
    if (!is_used_) return;
    const unsigned number = self->warp->number;
    const WarpState& state = warps_[number];
    if (!state.under_way.empty())
        fail(self, "missing wgmma_wait: the thread returns, and the wgmma of " + state.under_way.front().site().text() + " is under way");
    if (self->warp->alive != 0) return;
    const Group& group = groups_[number / group_warps];
    if (state.asked >= group.first + group.list.size()) return;
    fail(self, "divergent warpgroup: the warp returns after " + std::to_string(state.asked) +
                   " products, others of its warpgroup come to " + site_of(group.list[state.asked - group.first]).text());
}

std::string Warpgroups::waiting() const {
    for (unsigned g = 0; g < groups_.size(); ++g)
        for (unsigned w = 0; w < group_warps; ++w)
            if (groups_[g].at_meeting[w] != 0)
                return "; warp " + std::to_string(g * group_warps + w) + " waits for others of its warpgroup at the wgmma of " +
                       groups_[g].met_at.text();
    return {};
}

}  // namespace emulator
