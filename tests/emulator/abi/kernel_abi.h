// kernel_abi.h: what a compiled kernel module and the stand-in driver know of each other
//
// A module is a shared library that g++ made of one .cu file. It exports one symbol, emulator_module, and calls the driver only through
// the table that the driver puts into it when it is loaded: no link between the two, so any folder and any loader order works.
//
// The device side of this file has no standard headers (as under NVRTC), so it uses none.
#pragma once

namespace emulator {

constexpr unsigned abi_version = 5;

// Every fiber stack is this large and aligned to its size, so that the stack pointer says which fiber runs.
constexpr unsigned stack_shift = 16;
constexpr unsigned long stack_bytes = 1ul << stack_shift;

struct Index3 {
    unsigned x, y, z;
};

struct Warp;

// What a CUDA thread knows of itself. One a fiber stack, in an array beside the stacks: stacks lie at powers of two, and their tops would
// fight for the same cache sets.
struct alignas(64) Self {
    Index3 thread, block, block_size, grid_size;
    unsigned char* dynamic_shared;
    Warp* warp;
    unsigned lane;
    unsigned slot;        // this fiber's number in its worker
    void* stack_pointer;  // where the fiber stands while it does not run
    void* copies;         // its cp.async queue, see async_copies.h
};

static_assert(sizeof(Self) == 128, "self() multiplies by it");

// A collective gathers one operand a lane; the lane that comes last combines them for all members. The function is its identity.
using Combine = void (*)(void* const* operands, unsigned members);

// What mma_m16n8k16_bf16 gathers: pointers into the lanes' own registers (which are memory here).
struct MatrixProduct {
    float* d;
    const unsigned* a;
    unsigned b0, b1;
};

struct MatrixLoad {
    unsigned* r;
    const void* row;
};

// What wgmma_ss and wgmma_rs gather. The registers stay the kernel's until the product lands.
struct WarpgroupProduct {
    Self* self;
    float* d;           // (eights, 4)
    const unsigned* a;  // 4 registers, or null where a descriptor names it
    unsigned long long a_descriptor, b_descriptor;
    unsigned eights;
    int accumulate;
    const char* file;
    int line;
    unsigned long long turn;  // which product of its warpgroup it is: the driver writes it
};

struct Runtime {
    void (*barrier)(Self* self, const char* file, int line);
    void (*collective)(Self* self, unsigned mask, Combine combine, void* operand, const char* file, int line);
    void (*copy_async)(Self* self, void* shared, const void* global, int bytes, bool valid);
    void (*commit)(Self* self);
    void (*wait)(Self* self, int pending);
    void (*fail)(const char* text);
    // These two are called by modules that count, see device/counting.cuh.
    void (*access)(Self* self, const void* address, unsigned bytes, bool is_write, const void* site);
    void (*multiply_add)();
    Combine multiply;
    Combine load_matrices;
    Combine load_matrices_transposed;
    // What device/ptx_sm90a.cuh adds.
    void (*warpgroup_multiply)(Self* self, WarpgroupProduct* product);
    void (*warpgroup_fence)(Self* self, const char* file, int line);
    void (*warpgroup_commit)(Self* self, const char* file, int line);
    void (*warpgroup_wait)(Self* self, int pending, const char* file, int line);
    void (*fence_async_proxy)(Self* self);
    void (*mbarrier_init)(Self* self, void* barrier, int arrivals, const char* file, int line);
    void (*mbarrier_arrive)(Self* self, void* barrier, const char* file, int line);
    void (*mbarrier_wait)(Self* self, void* barrier, int parity, const char* file, int line);
};

struct Parameter {
    unsigned offset, size;
    bool is_pointer;
};

struct Kernel {
    const char* name;
    void (*invoke)(const unsigned char* packed);
    const Parameter* parameters;
    unsigned parameter_count;
    unsigned packed_bytes;  // without padding behind the last parameter
    unsigned packed_alignment;
    unsigned maximum_threads;  // __launch_bounds__, or 1024
};

struct Module {
    unsigned version;
    const Runtime** runtime;  // the driver writes here
    unsigned char** selves;   // and here: the address that self() would give for a stack at 0
    const Kernel* const* kernels;
    unsigned kernel_count;
    void* (*touch_shared)();  // makes the calling thread's __shared__ arrays exist
    bool counts;              // whether it tells the driver of its accesses to memory
};

}  // namespace emulator
