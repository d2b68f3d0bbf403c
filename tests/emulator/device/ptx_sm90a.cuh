// ptx_sm90a.cuh: the functions of kernels/device/ptx_sm90a.cuh in plain C++, for the emulator
//
// Same names, same meaning; each comment says only what the emulator adds.
#pragma once

#ifndef __CUDA_ARCH_FEAT_SM90_ALL
#error "wgmma and setmaxnreg are instructions of sm_90a: compile for it"
#endif

#include "device/mma.cuh"

#define SWIZZLED_SHARED(T, name) DYNAMIC_SHARED(T, name)

// Counted from the block's dynamic shared memory, which is the only memory that descriptors reach.
inline unsigned shared_offset(const void* shared) {
    return static_cast<unsigned>(static_cast<const unsigned char*>(shared) - ::emulator::self().dynamic_shared);
}

namespace emulator {

template <int Eights>
inline void warpgroup_multiply(FragmentD (&d)[Eights], const unsigned* a, unsigned long long a_descriptor, unsigned long long b_descriptor,
                               int accumulate, const char* file, int line) {
    static_assert(Eights == 8 || Eights == 16);
    Self& me = self();
    WarpgroupProduct product{&me, d[0].r, a, a_descriptor, b_descriptor, Eights, accumulate != 0, file, line, 0};
    runtime->warpgroup_multiply(&me, &product);
}

inline void require_whole_warp(void* const*, unsigned members) {
    if (members != 0xffffffffu) runtime->fail("setmaxnreg needs all 32 lanes of the warp");
}

template <int Registers>
inline void set_registers(const char* file, int line) {
    static_assert(Registers >= 24 && Registers <= 256 && Registers % 8 == 0);
    runtime->collective(&self(), 0xffffffffu, require_whole_warp, nullptr, file, line);
}

}  // namespace emulator

// d is NaN until the wait that covers the product; operands are read then, by each warp at its own wait.
template <int Eights>
inline void wgmma_ss(FragmentD (&d)[Eights], unsigned long long a, unsigned long long b, int accumulate, EMULATOR_SITE) {
    emulator::warpgroup_multiply(d, nullptr, a, b, accumulate, file, line);
}

// The very variable `a` must be there and unchanged until that wait.
template <int Eights>
inline void wgmma_rs(FragmentD (&d)[Eights], const FragmentA& a, unsigned long long b, int accumulate, EMULATOR_SITE) {
    emulator::warpgroup_multiply(d, a.r, 0, b, accumulate, file, line);
}

// One must come between a wait and the next product, and before the first.
inline void wgmma_fence(EMULATOR_SITE) { emulator::runtime->warpgroup_fence(&emulator::self(), file, line); }

inline void wgmma_commit(EMULATOR_SITE) { emulator::runtime->warpgroup_commit(&emulator::self(), file, line); }

template <int Pending>
inline void wgmma_wait(EMULATOR_SITE) {
    emulator::runtime->warpgroup_wait(&emulator::self(), Pending, file, line);
}

template <int Eights>
inline void hold_registers(FragmentD (&)[Eights]) {}

template <int J>
inline void hold_registers(FragmentA (&)[J]) {}

// Products refuse what a copy has brought and its thread has not fenced.
inline void fence_async_proxy() { emulator::runtime->fence_async_proxy(&emulator::self()); }

inline void mbarrier_init(unsigned long long* barrier, int arrivals, EMULATOR_SITE) {
    emulator::runtime->mbarrier_init(&emulator::self(), barrier, arrivals, file, line);
}

// A thread may arrive once a phase, and no phase completes before somebody has waited for the one before.
inline void mbarrier_arrive(unsigned long long* barrier, EMULATOR_SITE) {
    emulator::runtime->mbarrier_arrive(&emulator::self(), barrier, file, line);
}

inline void mbarrier_wait(unsigned long long* barrier, int parity, EMULATOR_SITE) {
    emulator::runtime->mbarrier_wait(&emulator::self(), barrier, parity, file, line);
}

template <int Registers>
inline void more_registers(EMULATOR_SITE) {
    emulator::set_registers<Registers>(file, line);
}

template <int Registers>
inline void fewer_registers(EMULATOR_SITE) {
    emulator::set_registers<Registers>(file, line);
}
