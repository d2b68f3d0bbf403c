// counting.cuh: every access to memory and every multiply-add of a kernel, told to the driver
//
// Included when the stand-in NVRTC compiles for counting. Then g++ is given -fsanitize=thread, of which nothing is used but what it does to
// the code: it calls one of the functions below in front of each access that is left after optimisation, unless the memory is a variable of
// the thread's own that nobody else can see. Other memory of the thread's own, on its stack, is passed over here.
#pragma once

namespace emulator {

#define EMULATOR_UNCOUNTED extern "C" __attribute__((no_sanitize("thread"), visibility("hidden"), used))

// The caller is the site: lanes that come from one site are one instruction of their warp.
#define EMULATOR_TELL(address, bytes, is_write)                                                                                  \
    unsigned long stack = reinterpret_cast<unsigned long>(__builtin_frame_address(0)) >> stack_shift;                            \
    if (reinterpret_cast<unsigned long>(address) >> stack_shift != stack)                                                        \
        runtime->access(reinterpret_cast<Self*>(selves + stack * sizeof(Self)), address, static_cast<unsigned>(bytes), is_write, \
                        __builtin_return_address(0));

#define EMULATOR_HOOK(bytes)                                                                                        \
    EMULATOR_UNCOUNTED void __tsan_read##bytes(void* address){                                                      \
        EMULATOR_TELL(address, bytes, false)} EMULATOR_UNCOUNTED void __tsan_write##bytes(void* address){           \
        EMULATOR_TELL(address, bytes, true)} EMULATOR_UNCOUNTED void __tsan_unaligned_read##bytes(void* address){   \
        EMULATOR_TELL(address, bytes, false)} EMULATOR_UNCOUNTED void __tsan_unaligned_write##bytes(void* address){ \
        EMULATOR_TELL(address, bytes, true)} EMULATOR_UNCOUNTED void __tsan_volatile_read##bytes(void* address){    \
        EMULATOR_TELL(address, bytes, false)} EMULATOR_UNCOUNTED void __tsan_volatile_write##bytes(void* address) { \
        EMULATOR_TELL(address, bytes, true)                                                                         \
    }

EMULATOR_HOOK(1)
EMULATOR_HOOK(2)
EMULATOR_HOOK(4)
EMULATOR_HOOK(8)
EMULATOR_HOOK(16)

// What no plain access takes: a structure that is copied whole.
EMULATOR_UNCOUNTED void __tsan_read_range(void* address, unsigned long bytes){EMULATOR_TELL(address, bytes, false)} EMULATOR_UNCOUNTED
    void __tsan_write_range(void* address, unsigned long bytes){EMULATOR_TELL(address, bytes, true)}

EMULATOR_UNCOUNTED void __tsan_init() {}
EMULATOR_UNCOUNTED void __tsan_func_entry(void*) {}
EMULATOR_UNCOUNTED void __tsan_func_exit() {}

#undef EMULATOR_HOOK
#undef EMULATOR_TELL
#undef EMULATOR_UNCOUNTED

inline float counted_fmaf(float x, float y, float z) {
    runtime->multiply_add();
    return fmaf(x, y, z);
}

inline double counted_fma(double x, double y, double z) {
    runtime->multiply_add();
    return fma(x, y, z);
}

inline float counted_fma(float x, float y, float z) { return counted_fmaf(x, y, z); }

}  // namespace emulator

// Those that a kernel writes; what the compiler contracts on its own is not counted.
#define fmaf ::emulator::counted_fmaf
#define fma ::emulator::counted_fma
