// collectives.cuh: barriers, shuffles and votes, each a rendezvous of fibers
//
// Every function takes its call site as default arguments, evaluated where the kernel calls it: a site by source line stays one site
// however often the compiler copies the call.
#pragma once

namespace emulator {

#define EMULATOR_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

template <typename T>
struct Shuffle {
    T value, result;
    int source;
};

// Undefined on the device: a lane that takes no part, or has returned, gives a NaN pattern.
template <typename T>
void combine_shuffle(void* const* operands, unsigned members) {
    for (unsigned rest = members; rest != 0; rest &= rest - 1) {
        auto& shuffle = *static_cast<Shuffle<T>*>(operands[__builtin_ctz(rest)]);
        if (members >> shuffle.source & 1u)
            shuffle.result = static_cast<const Shuffle<T>*>(operands[shuffle.source])->value;
        else
            __builtin_memset(&shuffle.result, 0xff, sizeof(T));
    }
}

template <typename T>
inline T shuffle(unsigned mask, T value, int source, const char* file, int line) {
    Self& me = self();
    Shuffle<T> operand{value, value, source};
    runtime->collective(&me, mask, combine_shuffle<T>, &operand, file, line);
    return operand.result;
}

inline void combine_nothing(void* const*, unsigned) {}

struct Vote {
    bool predicate;
    unsigned ballot, members;
};

inline void combine_votes(void* const* operands, unsigned members) {
    unsigned ballot = 0;
    for (unsigned rest = members; rest != 0; rest &= rest - 1) {
        const int lane = __builtin_ctz(rest);
        if (static_cast<const Vote*>(operands[lane])->predicate) ballot |= 1u << lane;
    }
    for (unsigned rest = members; rest != 0; rest &= rest - 1) {
        auto& vote = *static_cast<Vote*>(operands[__builtin_ctz(rest)]);
        vote.ballot = ballot, vote.members = members;
    }
}

inline Vote vote(unsigned mask, bool predicate, const char* file, int line) {
    Vote operand{predicate, 0, 0};
    runtime->collective(&self(), mask, combine_votes, &operand, file, line);
    return operand;
}

}  // namespace emulator

inline void __syncthreads(EMULATOR_SITE) { emulator::runtime->barrier(&emulator::self(), file, line); }

inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_SITE) {
    emulator::runtime->collective(&emulator::self(), mask, emulator::combine_nothing, nullptr, file, line);
}

// Lanes are taken in segments of `width`; a source beyond the segment gives the lane its own value.
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATOR_SITE) {
    const int lane = emulator::self().lane;
    return emulator::shuffle(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), file, line);
}

template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, EMULATOR_SITE) {
    const int lane = emulator::self().lane, source = lane ^ lanes, last = lane | (width - 1);
    return emulator::shuffle(mask, value, source <= last ? source & 31 : lane, file, line);
}

template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, EMULATOR_SITE) {
    const int lane = emulator::self().lane, source = lane + static_cast<int>(distance), last = lane | (width - 1);
    return emulator::shuffle(mask, value, source <= last ? source : lane, file, line);
}

template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, EMULATOR_SITE) {
    const int lane = emulator::self().lane, source = lane - static_cast<int>(distance), first = lane & ~(width - 1);
    return emulator::shuffle(mask, value, source >= first ? source : lane, file, line);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_SITE) {
    return emulator::vote(mask, predicate != 0, file, line).ballot;
}

inline int __any_sync(unsigned mask, int predicate, EMULATOR_SITE) { return emulator::vote(mask, predicate != 0, file, line).ballot != 0; }

inline int __all_sync(unsigned mask, int predicate, EMULATOR_SITE) {
    const emulator::Vote vote = emulator::vote(mask, predicate != 0, file, line);
    return vote.ballot == vote.members;
}

inline int __syncthreads_or(int predicate, EMULATOR_SITE) = delete;  // not among the built-ins that kernels of this project use
