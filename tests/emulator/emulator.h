// emulator.h: the controls of the stand-in driver, exported by its libcuda.so.1 beside the driver API
//
// For tests only. All are safe to call from any thread, before or after cuInit; those that change the device are for the time before the
// backend under test is opened.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What the order is drawn from in which blocks, warps and lanes run, from the next execution on. Every execution of a kernel has an order of
// its own, so that a repetition runs in another one; the executions after this call run in the same orders whenever it is given the same
// seed. Default 1, or what the environment variable NATIVEFL_EMULATOR_SEED says.
void emulator_set_seed(uint64_t seed);

// The seed as it was last set.
uint64_t emulator_seed(void);

// 1 (the default): work runs when the host waits for it. 0: work runs when it is enqueued.
void emulator_set_lazy(int is_lazy);

// After `after_calls` more successful calls, one call of the driver or NVRTC function gives `status` and does nothing. The name is the
// exported one, with or without _v2. status 0 takes the order back; a null name takes back all. "kernel" as the name is the next kernel
// execution: a device that is lost in mid-run.
void emulator_fail(const char* function, int after_calls, int status);

// Device memory in all, 8 GiB by default. What is allocated stays.
void emulator_set_memory(uint64_t bytes);

// 9, 0 by default.
void emulator_set_capability(int major, int minor);

// As cuDriverGetVersion gives it, 12060 by default. NVRTC and cuBLASLt keep their own.
void emulator_set_driver_version(int version);

// 1 by default; 0 makes cuInit say that there is no device.
void emulator_set_devices(int count);

// What is alive: bytes of device and pinned memory, and the number of allocations, modules, streams, events, graphs, executable graphs,
// references to the primary context and cuBLASLt handles. Either pointer may be null.
void emulator_outstanding(uint64_t* bytes, int* handles);

// Kernels executed since the library was loaded.
uint64_t emulator_launches(void);

// 1: kernels are compiled so that they can be counted, from now on, and no other may be launched; one thread runs them. 0 by default.
void emulator_set_counting(int is_on);

// Forgets what was counted.
void emulator_reset_counts(void);

// What was counted, one line a kernel: "NAME launches=1 reads=... ". The numbers are explained in README.md; NAME is that of the entry point.
// Runs what is waiting. Never null; good until the next call.
const char* emulator_counts(void);

// The last thing that went wrong, with kernel, block and thread where there is one. Never null; good until the next call.
const char* emulator_last_report(void);

// Forgets the last report and the error that the context keeps, without freeing anything.
void emulator_clear(void);

#ifdef __cplusplus
}
#endif
