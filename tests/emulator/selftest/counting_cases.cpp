// counting_cases.cpp: the counters against kernels whose numbers are plain
#include <sstream>

#include "kernels.h"
#include "product_cases.h"
#include "rig.h"

namespace selftest {

namespace {

using Counts = std::map<std::string, std::uint64_t>;

// While it lives kernels are compiled and run for counting.
struct Counting {
    Counting() { call<void>("emulator_set_counting", 1), call<void>("emulator_reset_counts"); }
    ~Counting() { call<void>("emulator_set_counting", 0), call<void>("emulator_reset_counts"); }
    Counting(const Counting&) = delete;
    Counting& operator=(const Counting&) = delete;
};

// The one kernel that was counted.
Counts counts(const std::string& kernel) {
    std::istringstream text(call<const char*>("emulator_counts"));
    std::string name, word;
    text >> name;
    expect(name == kernel, "counted is \"" + name + "\", expected " + kernel);
    Counts counts;
    while (text >> word) {
        const std::size_t equals = word.find('=');
        expect(equals != std::string::npos, "another line: " + word);
        counts[word.substr(0, equals)] = std::stoull(word.substr(equals + 1));
    }
    return counts;
}

void expect_counts(const Counts& got, const Counts& expected) {
    for (const auto& [name, count] : expected) {
        const auto found = got.find(name);
        expect(found != got.end(), "no count of " + name);
        expect(found->second == count, name + ": expected " + std::to_string(count) + ", got " + std::to_string(found->second));
    }
}

// One kernel `counted(float* x, float* y)` over 4,096 floats each: what it is counted as, whatever the order.
void counted(const std::string& body, Geometry geometry, const Counts& expected) {
    const Counting counting;
    const Module module("counted.cu",
                        "#include \"device/load.cuh\"\nextern \"C\" __global__ void counted(const float* x, float* y) {"
                        "__shared__ __align__(16) float s[1152]; const int i = threadIdx.x; (void)s;" +
                            body + "}");
    const Buffer x(std::vector<float>(4096, 1.0f)), y(std::vector<float>(4096, 0.0f));
    for (const std::uint64_t seed : {1, 2, 3}) {
        call<void>("emulator_set_seed", seed);
        call<void>("emulator_reset_counts");
        expect_status(launch(module.function("counted"), geometry, x.address, y.address), 0, "launch");
        expect_status(synchronize(), 0, "synchronise");
        expect_counts(counts("counted"), expected);
    }
    call<void>("emulator_set_seed", std::uint64_t{1});
}

void global_memory() {
    const Geometry blocks{4, 256}, warp{1, 32};
    counted("const int at = blockIdx.x * 256 + i; y[at] = x[at];", blocks,
            {{"launches", 1},
             {"reads", 4096},
             {"writes", 4096},
             {"loads", 4096},
             {"stores", 4096},
             {"load_sectors", 128},
             {"load_floor", 128},
             {"store_sectors", 128},
             {"store_floor", 128},
             {"conflicts", 0},
             {"copies", 0},
             {"mma", 0},
             {"fma", 0}});
    counted("y[i] = x[i * 32];", warp, {{"reads", 128}, {"loads", 128}, {"load_sectors", 32}, {"load_floor", 4}, {"store_sectors", 4}});
    counted("y[i * 2] = x[i + 1];", warp,
            {{"load_sectors", 5}, {"load_floor", 4}, {"stores", 128}, {"store_sectors", 8}, {"store_floor", 4}});
    counted("y[i] = x[blockIdx.x];", blocks,
            {{"reads", 16}, {"loads", 4 * 8 * 4}, {"load_sectors", 32}, {"load_floor", 32}, {"writes", 1024}, {"stores", 4096}});
    counted("if (i < 20) y[i] = x[i];", warp, {{"reads", 80}, {"loads", 80}, {"load_sectors", 3}, {"load_floor", 3}});
    counted("float v[4]; load_vector(x + 4 * i, v); store_vector(v, y + 4 * i);", warp,
            {{"loads", 512}, {"load_sectors", 16}, {"load_floor", 16}, {"stores", 512}, {"store_sectors", 16}});
    counted(
        "float sum = 0; for (int j = i; j < 4096; j += 32) sum += x[j]; __syncthreads(); for (int j = i; j < 4096; j += 32) y[j] = sum * "
        "x[j];",
        warp, {{"reads", 16384}, {"loads", 32768}, {"writes", 16384}, {"stores", 16384}, {"load_sectors", 1024}});
    // Half of the lanes go round twice: the second time they are a request of their own.
    counted("for (int turn = 0; turn <= i / 16; ++turn) y[i] = x[i + 32 * turn];", warp,
            {{"loads", 192}, {"load_sectors", 6}, {"stores", 192}, {"writes", 128}});
}

void shared_memory() {
    const Geometry warp{1, 32};
    counted("s[i * 32] = i; __syncthreads(); y[i] = s[i * 32];", warp, {{"conflicts", 62}, {"reads", 0}, {"loads", 0}, {"writes", 128}});
    counted("s[i * 33] = i; __syncthreads(); y[i] = s[i * 33];", warp, {{"conflicts", 0}});
    counted("s[i] = i; __syncthreads(); y[i] = s[0] + s[i / 2];", warp, {{"conflicts", 0}});
    counted("s[i * 2] = i;", warp, {{"conflicts", 1}});
    counted("float v[4] = {1, 2, 3, i + 4.0f}; store_vector(v, s + 4 * i);", warp, {{"conflicts", 0}});
    counted("float v[4] = {1, 2, 3, i + 4.0f}; store_vector(v, s + 32 * i);", warp, {{"conflicts", 28}});
    counted("reinterpret_cast<bf16*>(s)[i] = from_float<bf16>(i);", warp, {{"conflicts", 0}});
}

void arithmetic() {
    counted("float d = x[i]; for (int n = 0; n < 5; ++n) d = fmaf(d, d, 1.0f); y[i] = d;", {2, 64}, {{"fma", 2 * 64 * 5}, {"mma", 0}});
    counted(
        "copy_async_16(s + 4 * i, x + 4 * i, i % 2 == 0); copy_async_16(s + 4 * i, x + 4 * i, true); copy_async_commit(); "
        "copy_async_wait<0>(); y[i] = s[4 * i];",
        {1, 32}, {{"reads", 512}, {"loads", 768}, {"copies", 768}, {"load_sectors", 32}, {"load_floor", 24}, {"conflicts", 3}});
    const Counting counting;
    const Module module("product.cu", product_kernel);
    int status;
    const double error = product_error(module, 64, 96, 128, status);
    expect_status(status, 0, "product");
    expect(error < 1e-4, "error " + std::to_string(error));
    // 2 x 3 tiles of 32 x 32, four warps each with 2 mma for 16 of 128; a tile copies 32 rows of a and of b, eight lanes two rows of 64
    // bytes, r and r + 4, that lie 320 apart and meet nowhere.
    expect_counts(counts("product"), {{"mma", 6 * 4 * 8 * 2},
                                      {"copies", 6 * 64 * 128 * 2},
                                      {"loads", 6 * 64 * 128 * 2},
                                      {"reads", (64 + 96) * 128 * 2},
                                      {"writes", 64 * 96 * 4},
                                      {"stores", 64 * 96 * 4},
                                      {"conflicts", 0}});
}

void what_counts() {
    constexpr char source[] = "extern \"C\" __global__ void plain(float* x) { x[threadIdx.x] = 1; }";
    const Module module("plain.cu", source);
    const Buffer x(128);
    {
        const Counting counting;
        expect_status(launch(module.function("plain"), {1, 32}, x.address), 1, "launch of what was not compiled for it");
        expect(last_report().find("not compiled so") != std::string::npos, last_report());
    }
    call<void>("emulator_clear");
    expect_status(launch(module.function("plain"), {1, 32}, x.address), 0, "launch");
    expect_status(synchronize(), 0, "synchronise");
    expect(*call<const char*>("emulator_counts") == 0, "counted without being asked");
}

}  // namespace

void counting_cases() {
    run_case("counts: global memory, sectors", global_memory);
    run_case("counts: bank conflicts", shared_memory);
    run_case("counts: mma, multiply-adds, cp.async", arithmetic);
    run_case("counts: only what was compiled for it", what_counts);
}

}  // namespace selftest
