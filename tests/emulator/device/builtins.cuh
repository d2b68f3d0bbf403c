// builtins.cuh: the names that a CUDA compiler knows without any header, for g++
//
// Included in front of every kernel by the stand-in NVRTC. Only what kernels may use is here (the list is in README.md), and no standard
// header is included, so that a kernel which needs one fails here as it would under NVRTC.
#pragma once

#include "../abi/kernel_abi.h"

#define __CUDACC_RTC__ 1
#define __NATIVEFL_EMULATOR__ 1

#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
// "used": the driver fills them with NaN, which g++ cannot know of an array that nobody writes.
#define __shared__ static thread_local __attribute__((used))

// __global__ and __launch_bounds__ stay as they are: nvrtc/entry_points.cpp reads them from the preprocessed text and takes them out.

namespace emulator {

static const Runtime* runtime;
static unsigned char* selves;

// The fiber that runs, by its stack. Not volatile: one answer for the whole life of a thread, so the compiler may keep it.
__forceinline__ Self& self() {
    unsigned long stack;
#if defined(__x86_64__)
    asm("mov %%rsp, %0" : "=r"(stack));
#else
    asm("mov %0, sp" : "=r"(stack));
#endif
    return *reinterpret_cast<Self*>(selves + (stack >> stack_shift) * sizeof(Self));
}

}  // namespace emulator

#define threadIdx (::emulator::self().thread)
#define blockIdx (::emulator::self().block)
#define blockDim (::emulator::self().block_size)
#define gridDim (::emulator::self().grid_size)
constexpr int warpSize = 32;

using size_t = decltype(sizeof(0));

#include "collectives.cuh"
#include "entry.cuh"
#include "mathematics.cuh"
#include "vectors.cuh"
#ifdef EMULATOR_COUNTS
#include "counting.cuh"
#endif
