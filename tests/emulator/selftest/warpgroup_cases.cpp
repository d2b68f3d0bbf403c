// warpgroup_cases.cpp: wgmma and mbarrier (sm_90a) against plain loops, and with one mistake each
#include <cmath>

#include "product_cases.h"
#include "rig.h"
#include "warpgroup_kernel.h"

namespace selftest {

namespace {

constexpr int illegal_address = 700, launch_failed = 719, no_binary = 209;

// The largest error of `kernel`, infinite if there was a NaN. The status goes to `status`.
double warpgroup_error(const Module& module, bool in_registers, int n, int k, int& status) {
    const std::string name = (in_registers ? "rs_" : "ss_") + std::to_string(n);
    const auto a = bf16_ramp(128u * static_cast<unsigned>(k), 13), b = bf16_ramp(static_cast<std::size_t>(n) * k, 29);
    const Buffer buffer_a(a), buffer_b(b), buffer_c(128u * static_cast<unsigned>(n) * 4);
    void* function = module.function(name.c_str());
    expect_status(call("cuFuncSetAttribute", function, 8, static_cast<int>(warpgroup_shared_bytes(n))), 0, "cuFuncSetAttribute");
    status = launch(function, {1, 384, warpgroup_shared_bytes(n)}, buffer_a.address, buffer_b.address, k, buffer_c.address);
    if (status == 0) status = synchronize();
    if (status != 0) return 0;
    const auto c = buffer_c.values<float>();
    double worst = 0;
    for (int i = 0; i < 128; ++i)
        for (int j = 0; j < n; ++j) {
            double sum = 0;
            for (int x = 0; x < k; ++x)
                sum += static_cast<double>(from_bf16(a[static_cast<std::size_t>(i * k + x)])) *
                       from_bf16(b[static_cast<std::size_t>(in_registers ? x * n + j : j * k + x)]);
            const double error = std::fabs(c[static_cast<std::size_t>(i * n + j)] - sum);
            worst = std::isnan(error) ? HUGE_VAL : std::fmax(worst, error);
        }
    return worst;
}

void products() {
    const Module module("warpgroup.cu", warpgroup_kernel, "sm_90a");
    for_seeds([&](std::uint64_t) {
        for (const bool in_registers : {false, true})
            for (const int n : {64, 128})
                for (const int k : {64, 320}) {
                    int status;
                    const double error = warpgroup_error(module, in_registers, n, k, status);
                    expect_status(status, 0, "product");
                    expect(error < 1e-4, (in_registers ? "rs, error " : "ss, error ") + std::to_string(error));
                }
    });
}

std::string with(const std::string& definition) { return "#define " + definition + "\n" + warpgroup_kernel; }

// The product must fail under every seed, with a report that contains `words`.
void fails(const std::string& definition, int expected, const std::string& words) {
    const Module module("warpgroup.cu", with(definition), "sm_90a");
    for_seeds([&](std::uint64_t) {
        for (const bool in_registers : {false, true}) {
            int status;
            warpgroup_error(module, in_registers, 64, 320, status);
            expect_status(status, expected, "product");
            expect(last_report().find(words) != std::string::npos, "the report does not say \"" + words + "\": " + last_report());
            call<void>("emulator_clear");
        }
    });
}

// The product must be wrong, or fail, under some seed.
void wrong(const std::string& definition) {
    const Module module("warpgroup.cu", with(definition), "sm_90a");
    int caught = 0;
    for_seeds([&](std::uint64_t) {
        int status;
        if (warpgroup_error(module, false, 64, 320, status) > 1e-3 || status != 0) ++caught;
        call<void>("emulator_clear");
    });
    expect(caught > 0, "no seed shows it");
}

std::string small_kernel(const std::string& body) {
    return "#include \"device/ptx_sm90a.cuh\"\nextern \"C\" __global__ void small(float* x) {"
           "DYNAMIC_SHARED(unsigned, s); __shared__ unsigned long long barrier; const int i = threadIdx.x; (void)s; (void)i; (void)barrier;"
           "const unsigned long long start = 1ull << 62 | 64ull << 32; (void)start; FragmentD d[8] = {}; FragmentA a = {}; (void)a; "
           "(void)d;" +
           body + "}";
}

// One kernel `small(float* x)` of two warpgroups, over 8 KB of zeros in shared memory, must fail under every seed.
void small_fails(const std::string& body, int expected, const std::string& words, unsigned threads = 256) {
    const Module module("small.cu", small_kernel("for (int j = i; j < 2048; j += blockDim.x) s[j] = 0; __syncthreads();" + body), "sm_90a");
    for_seeds([&](std::uint64_t) {
        const Buffer x(1024);
        expect_status(launch(module.function("small"), {1, threads, 8192}, x.address), 0, "launch");
        expect_status(synchronize(), expected, "synchronise");
        expect(last_report().find(words) != std::string::npos, "the report does not say \"" + words + "\": " + last_report());
        call<void>("emulator_clear");
    });
}

// A warp that runs ahead of its warpgroup reads shared memory that another has not written yet.
void missing_barrier() {
    constexpr char body[] =
        "for (int j = i; j < 2048; j += blockDim.x) s[j] = 0; SYNC fence_async_proxy(); wgmma_fence(); wgmma_ss(d, start, start, 0);"
        "wgmma_commit(); wgmma_wait<0>(); hold_registers(d); float sum = 0; for (auto& e : d) for (float r : e.r) sum += r; x[i] = sum;";
    for (const bool is_right : {true, false}) {
        const Module module("small.cu", (is_right ? "#define SYNC __syncthreads();\n" : "#define SYNC\n") + small_kernel(body), "sm_90a");
        int caught = 0;
        for_seeds([&](std::uint64_t) {
            const Buffer x(128 * 4);
            expect_status(launch(module.function("small"), {1, 128, 8192}, x.address), 0, "launch");
            expect_status(synchronize(), 0, "synchronise");
            for (const float value : x.values<float>())
                if (value != 0) ++caught;
        });
        expect(is_right ? caught == 0 : caught > 0, is_right ? "the right one gives wrong numbers" : "no seed shows it");
    }
}

void targets() {
    const std::string source = small_kernel("x[i] = shared_offset(s + 4);");
    const Compiled plain = compile("small.cu", source, "sm_90");
    expect(plain.status != 0 && plain.log.find("instructions of sm_90a") != std::string::npos, "sm_90 takes it: " + plain.log);
    for (const char* architecture : {"sm_80a", "sm_90b", "sm_900a"})
        expect(compile("small.cu", source, architecture).status != 0, architecture);
    for (const char* architecture : {"sm_90a", "compute_90a"}) {
        const Compiled compiled = compile("small.cu", source, architecture);
        expect(compiled.status == 0, compiled.log);
        for (const int major : {10, 9}) {  // neither runs on a later device
            call<void>("emulator_set_capability", major, 0);
            void* module = nullptr;
            expect_status(call("cuModuleLoadData", &module, static_cast<const void*>(compiled.image.data())), major == 9 ? 0 : no_binary,
                          architecture);
            if (module != nullptr) call("cuModuleUnload", module);
        }
    }
}

void broken_products() {
    run_case("caught: missing wgmma_wait", [] { fails("LAST_WAIT", launch_failed, "missing wgmma_wait"); });
    run_case("caught: wgmma_wait for one group too few", [] { fails("LAST_WAIT wgmma_wait<1>()", launch_failed, "missing wgmma_wait"); });
    run_case("caught: missing wgmma_fence", [] { fails("FENCE", launch_failed, "missing wgmma_fence"); });
    run_case("caught: missing fence_async_proxy", [] { fails("PROXY", illegal_address, "missing fence_async_proxy"); });
    run_case("caught: a descriptor's swizzle", [] { fails("SWIZZLE 2", launch_failed, "swizzle 2"); });
    run_case("caught: a stage given back too early", [] { wrong("FREED step"); });
    run_case("caught: missing barrier before wgmma", missing_barrier);
    run_case("caught: d added to before its wait", [] {
        small_fails("wgmma_fence(); wgmma_ss(d, start, start, 1); d[3].r[1] += 1; wgmma_commit(); wgmma_wait<0>();", launch_failed,
                    "registers of d were written");
    });
    run_case("caught: a changed before its wait", [] {
        small_fails("wgmma_fence(); wgmma_rs(d, a, start, 1); wgmma_commit(); a.r[2] = 1; wgmma_wait<0>();", launch_failed,
                    "registers of a were changed");
    });
    run_case("caught: an operand behind shared memory", [] {
        small_fails("wgmma_fence(); wgmma_ss(d, start, start + 64, 1); wgmma_commit(); wgmma_wait<0>();", illegal_address,
                    "of the 8192 bytes");
    });
}

void broken_warpgroups() {
    run_case("caught: wgmma at two places in a warpgroup", [] {
        small_fails(
            "wgmma_fence(); if (i % 128 < 96)\n wgmma_ss(d, start, start, 1);\n else\n wgmma_ss(d, start, start, 1);\n wgmma_commit(); "
            "wgmma_wait<0>();",
            launch_failed, "divergent warpgroup");
    });
    run_case("caught: warps with other operands", [] {
        small_fails("wgmma_fence(); wgmma_ss(d, start, start, i % 128 < 64); wgmma_commit(); wgmma_wait<0>();", launch_failed,
                    "divergent warpgroup");
    });
    run_case("caught: lanes with other operands",
             [] { small_fails("wgmma_fence(); wgmma_ss(d, start + i % 2 * 2, start, 1);", launch_failed, "divergent warp:"); });
    run_case("caught: a warp that leaves its warpgroup alone", [] {
        small_fails("wgmma_fence(); if (i / 32 != 6) wgmma_ss(d, start, start, 1); wgmma_commit(); wgmma_wait<0>();", launch_failed,
                    "divergent warpgroup");
    });
    run_case("caught: wgmma by half a warp",
             [] { small_fails("if (i % 32 < 16) return; wgmma_fence(); wgmma_ss(d, start, start, 1);", launch_failed, "all 32 lanes"); });
    run_case("caught: three warps are no warpgroup", [] {
        small_fails("wgmma_fence(); wgmma_ss(d, start, start, 1); wgmma_commit(); wgmma_wait<0>();", launch_failed, "does not exist", 96);
    });
}

void broken_mbarriers() {
    run_case("caught: nobody arrives at an mbarrier", [] { fails("PRODUCES (thread > 0)", launch_failed, "127 of 128 arrivals"); });
    run_case("caught: an mbarrier that expects too few", [] { fails("EMPTY_ARRIVALS 128", launch_failed, "mbarrier"); });
    run_case("caught: more arrivals than an mbarrier expects", [] {
        small_fails("if (i == 0) mbarrier_init(&barrier, 128); __syncthreads(); mbarrier_arrive(&barrier);", launch_failed,
                    "too many arrivals");
    });
    run_case("caught: a thread arrives twice", [] {
        small_fails(
            "if (i == 0) mbarrier_init(&barrier, 256); __syncthreads(); mbarrier_arrive(&barrier); if (i == 9) "
            "mbarrier_arrive(&barrier);  mbarrier_wait(&barrier, 0);",
            launch_failed, "too many arrivals");
    });
    run_case("caught: an mbarrier never initialised",
             [] { small_fails("mbarrier_wait(&barrier, 1);", launch_failed, "never initialised"); });
    run_case("caught: an mbarrier written over", [] {
        small_fails("if (i == 0) mbarrier_init(&barrier, 256), barrier = 1; __syncthreads(); mbarrier_arrive(&barrier);", launch_failed,
                    "overwritten");
    });
    run_case("caught: an mbarrier initialised twice",
             [] { small_fails("if (i < 2) mbarrier_init(&barrier, 256);", launch_failed, "already"); });
}

void counts() {
    call<void>("emulator_set_counting", 1);
    call<void>("emulator_reset_counts");
    int status = -1;
    std::string text;
    {
        const Module module("warpgroup.cu", warpgroup_kernel, "sm_90a");
        warpgroup_error(module, false, 128, 320, status);
        text = call<const char*>("emulator_counts");
    }
    call<void>("emulator_set_counting", 0);
    call<void>("emulator_reset_counts");
    expect_status(status, 0, "product");
    // Two warpgroups, five steps of four products of 64 columns' worth each: 128 / 2.
    expect(text.find(" mma=" + std::to_string(2 * 5 * 4 * 64) + " ") != std::string::npos, text);
    expect(text.find(" conflicts=0 ") != std::string::npos, text);
    expect(text.find(" copies=" + std::to_string(2 * (128 + 128) * 320) + " ") != std::string::npos, text);
}

}  // namespace

void warpgroup_cases() {
    run_case("wgmma by two warpgroups, a producer, mbarriers", products);
    run_case("sm_90a is a target of its own", targets);
    run_case("counts: wgmma as mma", counts);
    broken_products();
    broken_warpgroups();
    broken_mbarriers();
}

}  // namespace selftest
