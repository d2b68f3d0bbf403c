// ptx_sm90a.cuh: the instructions of sm_90a alone, one function each: products of a whole warpgroup, and barriers with phases
//
// For files whose header has a Target line. The emulator (tests/emulator/device/ptx_sm90a.cuh) replaces this file as it does ptx.cuh.
//
//   d (64, 8 Eights) = [d] + a (64, 16) b (16, 8 Eights)      a, b bf16;  d f32;  Eights = 8 or 16
//
// A warpgroup is four warps, 128 threads, the first warp's number a multiple of 4; all 128 make the same call. Warp w of it holds rows
// 16 w .. 16 w + 15 of d and of a, laid out as in mma.cuh: columns 8 n .. 8 n + 7 of d are d[n], a is one FragmentA.
//
// Operands in shared memory are named by descriptors, and this kernel's all have the 128-byte swizzle: rows of 128 bytes lie in atoms of
// eight (1,024 bytes, aligned to them), and the 16-byte chunk c of row r lies at 128 r + 16 (c xor r): bits 4-6 of an address are xored
// with its bits 7-9.
//
//   bits 0-13 start >> 4      bits 16-29 leading >> 4      bits 32-45 stride >> 4      bits 62-63 swizzle, 1
//
//   K-major   (a; b of wgmma_ss, by its columns)   element k of row i:   start + i / 8 stride + i % 8 128 + 2 k
//   MN-major  (b of wgmma_rs)                      element n of row k:   start + k / 8 stride + k % 8 128 + n / 64 leading + 2 (n % 64)
//
// A row of 128 bytes is K-major four products long: the start of the next is 32 bytes on.
//
// A product runs beside the code that asked for it. From wgmma_ss or wgmma_rs to the wgmma_wait that covers it nobody reads d, and nobody
// writes d, the registers of a or the operands in shared memory; several products may add to the same d.
//
//   wgmma_fence(); wgmma_ss(d, a, b, 0); wgmma_ss(d, a + 2, b + 2, 1); wgmma_commit(); wgmma_wait<0>(); hold_registers(d);
//
// Source     PTX ISA 8.0: 9.7.15 asynchronous warpgroup matrix instructions, 9.7.13.15 mbarrier, 9.7.13.4 membar/fence, 9.7.17.5 setmaxnreg
#pragma once

#include "device/mma.cuh"

// DYNAMIC_SHARED from a multiple of 1,024 bytes on, as swizzled tiles need.
#define SWIZZLED_SHARED(T, name)                                       \
    extern __shared__ __align__(1024) unsigned char swizzled_shared[]; \
    T* name = reinterpret_cast<T*>(swizzled_shared)

// Bytes from the start of the window of shared memory: what descriptors hold.
__device__ inline unsigned shared_offset(const void* shared) { return static_cast<unsigned>(__cvta_generic_to_shared(shared)); }

#define D4(n) "+f"(d[n].r[0]), "+f"(d[n].r[1]), "+f"(d[n].r[2]), "+f"(d[n].r[3])
#define D32(n) D4(n), D4(n + 1), D4(n + 2), D4(n + 3), D4(n + 4), D4(n + 5), D4(n + 6), D4(n + 7)
#define NAMES_32 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define NAMES_64 \
    NAMES_32     \
    ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"

// What follows the registers of d: the operands, the predicate, the signs (1, 1), and a 1 for each operand that is MN-major.
#define WGMMA(shape, names, accumulate, operands)                                                                                      \
    "{\n.reg .pred p;\nsetp.ne.b32 p, " accumulate ", 0;\nwgmma.mma_async.sync.aligned." shape ".f32.bf16.bf16 {" names "}, " operands \
    ";\n}"

// a and b in shared memory, both K-major; accumulate 0: without the old d.
template <int Eights>
__device__ inline void wgmma_ss(FragmentD (&d)[Eights], unsigned long long a, unsigned long long b, int accumulate) {
    static_assert(Eights == 8 || Eights == 16);
    if constexpr (Eights == 8)
        asm volatile(WGMMA("m64n64k16", NAMES_32, "%34", "%32, %33, p, 1, 1, 0, 0") : D32(0) : "l"(a), "l"(b), "r"(accumulate) : "memory");
    else
        asm volatile(WGMMA("m64n128k16", NAMES_64, "%66", "%64, %65, p, 1, 1, 0, 0")
                     : D32(0), D32(8)
                     : "l"(a), "l"(b), "r"(accumulate)
                     : "memory");
}

// a in registers, b in shared memory, MN-major.
template <int Eights>
__device__ inline void wgmma_rs(FragmentD (&d)[Eights], const FragmentA& a, unsigned long long b, int accumulate) {
    static_assert(Eights == 8 || Eights == 16);
    if constexpr (Eights == 8)
        asm volatile(WGMMA("m64n64k16", NAMES_32, "%37", "{%32,%33,%34,%35}, %36, p, 1, 1, 1")
                     : D32(0)
                     : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "l"(b), "r"(accumulate)
                     : "memory");
    else
        asm volatile(WGMMA("m64n128k16", NAMES_64, "%69", "{%64,%65,%66,%67}, %68, p, 1, 1, 1")
                     : D32(0), D32(8)
                     : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "l"(b), "r"(accumulate)
                     : "memory");
}

#undef WGMMA
#undef NAMES_64
#undef NAMES_32
#undef D32
#undef D4

// Before the first product, and whenever the registers of a d or of an a were touched since.
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// Closes the group of products asked for since the last commit.
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most `Pending` of the newest groups are still under way.
template <int Pending>
__device__ inline void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

// No instruction: what comes behind it and uses d stays behind it. The compiler does not know that wgmma_wait changes d.
template <int Eights>
__device__ inline void hold_registers(FragmentD (&d)[Eights]) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) asm volatile("" : "+f"(d[n].r[0]), "+f"(d[n].r[1]), "+f"(d[n].r[2]), "+f"(d[n].r[3])::"memory");
}

// The same for a left side in registers: what makes it stays before this.
template <int J>
__device__ inline void hold_registers(FragmentA (&a)[J]) {
#pragma unroll
    for (int j = 0; j < J; ++j) asm volatile("" : "+r"(a[j].r[0]), "+r"(a[j].r[1]), "+r"(a[j].r[2]), "+r"(a[j].r[3])::"memory");
}

// What this thread has written to shared memory (by stores, or by copies it has waited for) becomes visible to products, of other threads
// too once they have met it at a barrier.
__device__ inline void fence_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// A barrier with phases in 8 bytes of shared memory: a phase completes with the last of `arrivals`, and the next begins. By one thread, and
// a __syncthreads before anybody else uses it.
__device__ inline void mbarrier_init(unsigned long long* barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_offset(barrier)), "r"(arrivals) : "memory");
}

// This thread's arrival; what it wrote before is visible to those that have waited.
__device__ inline void mbarrier_arrive(unsigned long long* barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_offset(barrier)) : "memory");
}

// Until the phase of that parity is complete: 0 the first, 1 the second, 0 the third. Parity 1 of a fresh barrier is complete at once.
__device__ inline void mbarrier_wait(unsigned long long* barrier, int parity) {
    const unsigned address = shared_offset(barrier);
    unsigned is_complete;
    do {
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
                     : "=r"(is_complete)
                     : "r"(address), "r"(parity)
                     : "memory");
    } while (is_complete == 0);
}

// From here on a thread of this warpgroup has so many registers, 24 to 256 and a multiple of 8: more than at the launch, or fewer. The
// whole warpgroup calls it.
template <int Registers>
__device__ inline void more_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

template <int Registers>
__device__ inline void fewer_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}
