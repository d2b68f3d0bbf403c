// ptx.cuh: the instructions that CUDA C++ cannot name without NVIDIA's headers, one function each
//
// Everything above this file is C++17 and CUDA's built-in names. The emulator (tests/emulator/device/ptx.cuh) has a file of the same
// name with the same functions in plain C++, so that the same kernels run on a CPU; besides ptx_sm90a.cuh nothing else is replaced.
//
// Source     PTX ISA 7.8 (CUDA 11.8): 9.7.9 conversions, 9.7.14 warp-level matrix instructions, 9.7.8.24 asynchronous copies
#pragma once

// The block's dynamic shared memory as elements of T; every use in a kernel names the same bytes.
#define DYNAMIC_SHARED(T, name)                                      \
    extern __shared__ __align__(128) unsigned char dynamic_shared[]; \
    T* name = reinterpret_cast<T*>(dynamic_shared)

// Two floats to bf16, round to nearest even, `low` in the lower half.
__device__ inline unsigned pack_bf16x2(float low, float high) {
    unsigned packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

// 2^x, relative error 2^-22; denormal results are zero.
__device__ inline float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// 1 / x, relative error 2^-23.
__device__ inline float reciprocal_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// d += a b on the tensor cores: a (16, 16) row-major, b (16, 8) column-major, both bf16, d (16, 8) f32. Where the elements lie: mma.cuh.
__device__ inline void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four 8 × 8 matrices of 16-bit elements from shared memory: lane l passes the address of row l % 8 of matrix l / 8 (16 bytes, aligned to
// 16) and receives in r[i] elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of matrix i.
__device__ inline void ldmatrix_x4(unsigned (&r)[4], const void* shared_row) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared_row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// The same, each matrix transposed on the way: lane l receives in r[i] rows 2 (l % 4) and 2 (l % 4) + 1 of column l / 4 of matrix i.
__device__ inline void ldmatrix_x4_transposed(unsigned (&r)[4], const void* shared_row) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared_row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// Starts copying 16 bytes (both addresses aligned to 16) from global to shared memory; where `valid` is false nothing is read and the 16
// bytes become zero. They land at the copy_async_wait that covers them, and not before.
__device__ inline void copy_async_16(void* shared, const void* global, bool valid) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    const int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
}

// The same with 4 bytes.
__device__ inline void copy_async_4(void* shared, const void* global, bool valid) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    const int bytes = valid ? 4 : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
}

// Closes this thread's group of copies started since the last commit.
__device__ inline void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most `Pending` of this thread's newest groups are still under way. Other threads' copies need a barrier besides.
template <int Pending>
__device__ inline void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}
