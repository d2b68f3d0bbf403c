// broken_cases.cpp: kernels and launches with one mistake each, all of which must be caught
//
// A mistake that is an error by itself must end the launch with a status; one that only gives wrong numbers under some order must give
// them (or a NaN) under at least one of twenty seeds.
#include <cmath>

#include "kernels.h"
#include "product_cases.h"
#include "rig.h"

namespace selftest {

namespace {

constexpr int illegal_address = 700, launch_failed = 719, invalid_value = 1;

std::string with(const char* definition) { return std::string("#define ") + definition + "\n" + product_kernel; }

// A product kernel whose result must be wrong, or whose launch must fail, for at least one seed.
void wrong_product(const std::string& source) {
    const Module module("broken_product.cu", source);
    int caught = 0;
    for_seeds([&](std::uint64_t) {
        int status;
        if (product_error(module, 64, 64, 96, status) > 1e-3 || status != 0) ++caught;
    });
    expect(caught > 0, "no seed shows it");
}

// One kernel `broken(float* x, int n)` over a buffer of n floats that must fail with a status and a report that contains `words`.
void fails(const std::string& body, int expected, const std::string& words, unsigned threads = 64, unsigned blocks = 1,
           unsigned shared_bytes = 0) {
    const Module module("broken.cu", "#include \"device/mma.cuh\"\nextern \"C\" __global__ void broken(float* x, int n) {" + body + "}");
    for (const int n : {64, 1000, 1024}) {
        const Buffer buffer(static_cast<std::size_t>(n) * 4);
        expect_status(launch(module.function("broken"), {blocks, threads, shared_bytes}, buffer.address, n), 0, "launch");
        expect_status(synchronize(), expected, "synchronise");
        const char* text = nullptr;
        call("cuGetErrorString", expected, &text);
        expect(std::string(text).find(words) != std::string::npos, std::string("the report does not say \"") + words + "\": " + text);
        expect(synchronize() == expected, "the context forgets the error");
        call<void>("emulator_clear");
    }
}

// A kernel whose numbers must be wrong for at least one seed: out[i] should be i.
void wrong_numbers(const std::string& body, unsigned threads = 128) {
    const Module module("broken.cu", "#include \"device/ptx.cuh\"\nextern \"C\" __global__ void broken(float* out) {" + body + "}");
    int caught = 0;
    for_seeds([&](std::uint64_t) {
        const Buffer out(threads * 4);
        expect_status(launch(module.function("broken"), {1, threads, 4096}, out.address), 0, "launch");
        expect_status(synchronize(), 0, "synchronise");
        const auto values = out.values<float>();
        bool is_right = true;
        for (unsigned i = 0; i < threads; ++i) is_right = is_right && values[i] == static_cast<float>(i);
        caught += is_right ? 0 : 1;
    });
    expect(caught > 0, "no seed shows it");
}

void wrong_arguments() {
    const Module module("arguments.cu",
                        "extern \"C\" __global__ void scale(const float* x, int n, float s, float* y) { if (threadIdx.x < n) "
                        "y[threadIdx.x] = s * x[threadIdx.x]; }");
    void* function = module.function("scale");
    const Buffer x(std::vector<float>(32, 1.0f)), y(std::vector<float>(32, 0.0f));
    struct {
        Address x;
        int n;
        float s;
        Address y;
    } right{x.address, 32, 2.0f, y.address};
    struct {
        int n;
        float s;
        Address x, y;
    } swapped{32, 2.0f, x.address, y.address};
    const auto with_block = [&](const void* block, std::size_t bytes) {
        void* extra[] = {reinterpret_cast<void*>(1), const_cast<void*>(block), reinterpret_cast<void*>(2), &bytes, nullptr};
        return call("cuLaunchKernel", function, 1u, 1u, 1u, 32u, 1u, 1u, 0u, static_cast<void*>(nullptr), static_cast<void**>(nullptr),
                    static_cast<void**>(extra));
    };
    expect_status(with_block(&right, sizeof right), 0, "the right block");
    expect_status(synchronize(), 0, "synchronise");
    expect(y.values<float>()[31] == 2.0f, "the right block gives the wrong number");
    expect_status(with_block(&swapped, sizeof swapped), invalid_value, "n and x swapped");
    expect_status(with_block(&right, sizeof right - 8), invalid_value, "a short block");
    right.y += 4096;
    expect_status(with_block(&right, sizeof right), invalid_value, "a pointer behind its buffer");
}

void use_after_free() {
    const Module module("late.cu", "extern \"C\" __global__ void late(float* x) { x[threadIdx.x] = 1; }");
    Address address = 0;
    expect_status(call("cuMemAlloc_v2", &address, std::size_t{128}), 0, "allocate");
    call("cuMemFree_v2", address);
    expect_status(launch(module.function("late"), {1, 32}, address), invalid_value, "launch on freed memory");
    expect(last_report().find("freed allocation") != std::string::npos, "the report does not know it: " + last_report());
}

void canary() {
    const Module module("canary.cu", "extern \"C\" __global__ void canary(float* x, int n) { x[n] = 1; }");
    const Buffer x(400);  // 112 bytes of gap to the guard page
    expect_status(launch(module.function("canary"), {1, 1}, x.address, 100), 0, "launch");
    expect_status(synchronize(), illegal_address, "synchronise");
    expect(last_report().find("0 bytes behind live allocation") != std::string::npos, last_report());
    float one = 0;  // put the canary back, so that the buffer can be freed in peace
    std::memset(&one, 0xC5, 4);
    std::memcpy(reinterpret_cast<void*>(x.address + 400), &one, 4);
}

}  // namespace

void broken_cases() {
    run_case("caught: missing copy_async_wait", [] { wrong_product(with("WAIT")); });
    run_case("caught: wait for one group too few", [] { wrong_product(with("WAIT copy_async_wait<2>()")); });
    run_case("caught: missing barrier after the wait", [] { wrong_product(with("BARRIER")); });
    run_case("caught: wrong fragment lane", [] { wrong_product(with("ROW(lane) ((lane) % 8)")); });
    run_case("caught: missing barrier, static shared memory", [] {
        wrong_numbers("__shared__ float s[128]; s[127 - threadIdx.x] = 127 - threadIdx.x; out[threadIdx.x] = s[threadIdx.x];");
    });
    run_case("caught: missing __syncwarp", [] {
        wrong_numbers("__shared__ float s[32]; s[31 - threadIdx.x] = 31 - threadIdx.x; out[threadIdx.x] = s[threadIdx.x];", 32);
    });
    run_case("caught: missing second barrier (write after read)", [] {
        wrong_numbers(
            "__shared__ float s[128]; float sum = 0; for (int i = 0; i < 2; ++i) { s[threadIdx.x] = i * threadIdx.x; __syncthreads(); sum "
            "+= s[threadIdx.x ^ 64]; }"
            "out[threadIdx.x ^ 64] = sum;");
    });
    run_case("caught: uninitialised static shared memory",
             [] { wrong_numbers("__shared__ float s[128]; out[threadIdx.x] = s[threadIdx.x] * 0 + threadIdx.x;"); });
    run_case("caught: uninitialised dynamic shared memory",
             [] { wrong_numbers("DYNAMIC_SHARED(float, s); out[threadIdx.x] = s[threadIdx.x] * 0 + threadIdx.x;"); });
    run_case("caught: uninitialised device memory", [] { wrong_numbers("out[threadIdx.x] = out[threadIdx.x] * 0 + threadIdx.x;"); });
    run_case("caught: write behind the end", [] { fails("if (threadIdx.x == 5) x[n + 63] = 1;", illegal_address, "thread (5, 0, 0)"); });
    run_case("caught: write far behind the end",
             [] { fails("x[n + (1 << 22)] = 1;", illegal_address, "out of bounds: writes 16777216 bytes behind"); });
    run_case("caught: read behind the end", [] { fails("x[0] = x[n + 63];", illegal_address, "out of bounds: reads"); });
    run_case("caught: read before the start", [] { fails("x[0] = x[-1100];", illegal_address, "out of bounds: reads"); });
    run_case("caught: null pointer", [] { fails("*(volatile int*)nullptr = 1;", illegal_address, "no allocation", 32, 3); });
    run_case("caught: one float into the gap before the guard page", canary);
    run_case("caught: use after free", use_after_free);
    run_case("caught: write behind dynamic shared memory", [] {
        fails("DYNAMIC_SHARED(float, s); s[threadIdx.x + 1] = 1;", illegal_address, "behind the 256 bytes of dynamic shared memory", 64, 1,
              256);
    });
    run_case("caught: write just behind dynamic shared memory", [] {
        fails("DYNAMIC_SHARED(float, s); s[threadIdx.x] = 1;", illegal_address, "behind the 252 bytes of dynamic shared memory", 64, 1,
              252);
    });
    run_case("caught: barrier not reached by all",
             [] { fails("if (threadIdx.x < 40) __syncthreads(); x[0] = 1;", launch_failed, "40 threads wait at broken.cu:2"); });
    run_case("caught: barrier in both branches",
             [] { fails("if (threadIdx.x < 32)\n __syncthreads();\n else\n __syncthreads();", launch_failed, "divergent barrier"); });
    run_case("caught: barrier against shuffle", [] {
        fails("if (threadIdx.x < 4) __syncthreads(); else x[1] = __shfl_sync(0xffffffffu, x[0], 0);", launch_failed, "divergent");
    });
    run_case("caught: lane mask without the caller",
             [] { fails("x[1] = __shfl_sync(0xffu, 1.0f, 0);", launch_failed, "does not name the calling lane"); });
    run_case("caught: lane masks that differ", [] {
        fails("x[1] = __shfl_sync(threadIdx.x % 2 ? 0xffffffffu : 0x7fffffffu, 1.0f, 0);", launch_failed, "lane masks differ");
    });
    run_case("caught: mma by half a warp", [] {
        fails("if (threadIdx.x % 32 < 16) return; FragmentA a{}; FragmentB b{}; FragmentD d{}; mma(d, a, b); x[0] = d.r[0];", launch_failed,
              "all 32 lanes");
    });
    run_case("caught: misaligned cp.async", [] {
        fails("__shared__ __align__(16) float s[64]; copy_async_16(s + 1, x, true); copy_async_commit(); copy_async_wait<0>();",
              illegal_address, "not aligned");
    });
    run_case("caught: misaligned vector",
             [] { fails("const float4 v = *reinterpret_cast<const float4*>(x + 1); x[0] = v.y;", illegal_address, "misaligned"); });
    run_case("caught: index out of a static shared array", [] {
        fails("__shared__ float s[60]; s[threadIdx.x] = x[0]; __syncthreads(); x[0] = s[0];", illegal_address, "array's bounds");
    });
    run_case("caught: stack overflow", [] {
        fails("volatile float a[20000]; for (int i = 0; i < 20000; ++i) a[i] = x[0]; x[0] = a[n];", illegal_address, "stack overflow");
    });
    run_case("caught: integer division by zero", [] { fails("x[0] = n / (int)(threadIdx.y);", illegal_address, "division"); });
    run_case("caught: wrong argument block on the host", wrong_arguments);
}

}  // namespace selftest
