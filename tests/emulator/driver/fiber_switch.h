// fiber_switch.h: leave one stack, continue on another
//
// The switch is inlined into the few functions that block, so that call and return stay paired for the processor's return predictor: the
// fiber that continues returns from the same call site as the one that left. Only the frame and base registers are saved by hand; the
// compiler keeps everything else of the surrounding function out of registers, because the asm clobbers them all. 10 ns a switch, of which
// most is the cache.
//
// The files that use it are compiled with -mno-red-zone: the pushes go below the stack pointer.
#pragma once

#include <cstdint>

namespace emulator {

#if defined(__x86_64__)

__attribute__((always_inline)) inline void switch_fiber(void** save, void* load) {
    asm volatile(
        "pushq %%rbp\n\t"
        "pushq %%rbx\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%0)\n\t"
        "movq %1, %%rsp\n\t"
        "popq %%rax\n\t"
        "jmpq *%%rax\n"
        "1:\n\t"
        "popq %%rbx\n\t"
        "popq %%rbp"
        : "+D"(save), "+S"(load)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
          "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

// The first stack pointer of a fiber that begins in `entry`, which never returns.
inline void* first_frame(unsigned char* top, void (*entry)()) {
    auto* words = reinterpret_cast<std::uintptr_t*>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
    words[-1] = 0;  // the return address of entry, at a multiple of 16 plus 8 as the ABI wants it
    words[-2] = reinterpret_cast<std::uintptr_t>(entry);
    return words - 2;
}

#elif defined(__aarch64__)

__attribute__((always_inline)) inline void switch_fiber(void** save, void* load) {
    register void** from asm("x0") = save;
    register void* to asm("x1") = load;
    asm volatile(
        "stp x29, x19, [sp, #-32]!\n\t"
        "adr x9, 1f\n\t"
        "str x9, [sp, #16]\n\t"
        "mov x10, sp\n\t"
        "str x10, [%0]\n\t"
        "mov sp, %1\n\t"
        "ldr x9, [sp, #16]\n\t"
        "br x9\n"
        "1:\n\t"
        "ldp x29, x19, [sp], #32"
        : "+r"(from), "+r"(to)
        :
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x20", "x21", "x22",
          "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
          "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
          "v28", "v29", "v30", "v31");
}

inline void* first_frame(unsigned char* top, void (*entry)()) {
    auto* words = reinterpret_cast<std::uintptr_t*>((reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15}) - 32);
    words[2] = reinterpret_cast<std::uintptr_t>(entry);
    return words;
}

#else
#error "the emulator switches fibers on x86-64 and aarch64 only"
#endif

}  // namespace emulator
