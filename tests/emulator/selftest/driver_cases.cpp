// driver_cases.cpp: streams, graphs, memory, images and the failures that a test may ask for
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "rig.h"

namespace selftest {

namespace {

constexpr int invalid_value = 1, out_of_memory = 2, invalid_image = 200, no_binary = 209, illegal_address = 700, out_of_resources = 701;

constexpr char add_kernel[] = R"(
extern "C" __global__ void __launch_bounds__(64) add(float* x, float y) { x[threadIdx.x] += y; }
extern "C" __global__ void fill_shared(float* x) { x[0] = 1; }
)";

int add_on(void* function, Address x, float y, void* stream) {
    void* parameters[] = {&x, &y};
    return call("cuLaunchKernel", function, 1u, 1u, 1u, 32u, 1u, 1u, 0u, stream, static_cast<void**>(parameters),
                static_cast<void**>(nullptr));
}

struct Stream {
    void* handle = nullptr;
    Stream() { expect_status(call("cuStreamCreate", &handle, 1u), 0, "cuStreamCreate"); }
    ~Stream() { call("cuStreamDestroy_v2", handle); }
    int synchronize() const { return call("cuStreamSynchronize", handle); }
};

struct Pinned {
    float* values = nullptr;
    explicit Pinned(std::size_t count) { expect_status(call("cuMemHostAlloc", &values, count * 4, 0u), 0, "cuMemHostAlloc"); }
    ~Pinned() { call("cuMemFreeHost", static_cast<void*>(values)); }
};

void lazy_streams() {
    const Module module("add.cu", add_kernel);
    const Buffer x(std::vector<float>(32, 1.0f));
    const Stream stream;
    const Pinned result(32), staging(32);
    expect_status(add_on(module.function("add"), x.address, 2, stream.handle), 0, "launch");
    call("cuMemcpyDtoHAsync_v2", static_cast<void*>(result.values), x.address, std::size_t{128}, stream.handle);
    expect(result.values[0] != 3.0f, "the result is there before anybody waited");
    expect_status(stream.synchronize(), 0, "synchronise");
    expect(result.values[0] == 3.0f, "the result is not there");
    staging.values[0] = 5;
    call("cuMemcpyHtoDAsync_v2", x.address, static_cast<const void*>(staging.values), std::size_t{4}, stream.handle);
    staging.values[0] = 6;  // too early
    stream.synchronize();
    expect(x.values<float>()[0] == 6.0f, "a staging buffer that is reused too early goes unnoticed");
}

void eager_streams() {
    call<void>("emulator_set_lazy", 0);
    const Module module("add.cu", add_kernel);
    const Buffer x(std::vector<float>(32, 1.0f));
    const Stream stream;
    const Pinned result(32);
    add_on(module.function("add"), x.address, 2, stream.handle);
    call("cuMemcpyDtoHAsync_v2", static_cast<void*>(result.values), x.address, std::size_t{128}, stream.handle);
    call<void>("emulator_set_lazy", 1);
    expect(result.values[0] == 3.0f, "the result is not there");
}

void events() {
    const Module module("add.cu", add_kernel);
    void* function = module.function("add");
    const Buffer x(std::vector<float>(32, 1.0f)), y(std::vector<float>(32, 0.0f));
    const Stream first, second;
    void* event = nullptr;
    call("cuEventCreate", &event, 0u);
    add_on(function, x.address, 1, first.handle);
    call("cuEventRecord", event, first.handle);
    add_on(function, x.address, 10, first.handle);
    call("cuStreamWaitEvent", second.handle, event, 0u);
    call("cuMemcpyDtoDAsync_v2", y.address, x.address, std::size_t{128}, second.handle);
    expect(call("cuEventQuery", event) == 600, "the event has happened too early");
    expect_status(second.synchronize(), 0, "synchronise");
    expect(call("cuEventQuery", event) == 0, "the event has not happened");
    expect(y.values<float>()[0] == 2.0f, "the second stream did not wait for the first");
    first.synchronize();
    expect(x.values<float>()[0] == 12.0f, "the first stream is not done");
    call("cuEventDestroy_v2", event);
}

void graphs() {
    const Module module("add.cu", add_kernel);
    const Buffer x(std::vector<float>(32, 0.0f)), y(128);
    const Stream stream;
    void *graph = nullptr, *executable = nullptr;
    expect_status(call("cuStreamBeginCapture_v2", stream.handle, 2), 0, "begin");
    add_on(module.function("add"), x.address, 3, stream.handle);
    call("cuMemcpyDtoDAsync_v2", y.address, x.address, std::size_t{128}, stream.handle);
    call("cuMemsetD32Async", y.address, 0u, std::size_t{1}, stream.handle);
    expect(stream.synchronize() == 900, "synchronising while capturing must be refused");
    expect_status(call("cuStreamEndCapture", stream.handle, &graph), 0, "end");
    expect_status(call("cuGraphInstantiateWithFlags", &executable, graph, 0ull), 0, "instantiate");
    call("cuGraphDestroy", graph);
    expect(x.values<float>()[1] == 0.0f, "captured work has run");
    for (int i = 0; i < 2; ++i) expect_status(call("cuGraphLaunch", executable, stream.handle), 0, "launch");
    stream.synchronize();
    const auto values = y.values<float>();
    expect(values[0] == 0.0f && values[1] == 6.0f, "two launches give " + std::to_string(values[1]));
    call("cuGraphExecDestroy", executable);
}

// A deliberate race, whose number says in which order the threads ran: the same seed gives the same orders again, another seed others, and
// so does a repetition under one seed, be it a launch or a graph.
void orders() {
    const Module module("race.cu", "extern \"C\" __global__ void race(float* x) { x[0] = 0.5f * x[0] + threadIdx.x; }");
    const Buffer x(4);
    const Stream stream;
    const auto launch_race = [&] {
        call("cuMemsetD32Async", x.address, 0u, std::size_t{1}, stream.handle);
        void* parameters[] = {const_cast<Address*>(&x.address)};
        expect_status(call("cuLaunchKernel", module.function("race"), 1u, 1u, 1u, 128u, 1u, 1u, 0u, stream.handle,
                           static_cast<void**>(parameters), static_cast<void**>(nullptr)),
                      0, "launch");
    };
    const auto result = [&] {
        expect_status(stream.synchronize(), 0, "synchronise");
        return x.values<float>()[0];
    };
    const auto twice = [&](std::uint64_t seed) {
        call<void>("emulator_set_seed", seed);
        expect(call<std::uint64_t>("emulator_seed") == seed, "the seed is not kept");
        launch_race();
        const float first = result();
        launch_race();
        return std::pair(first, result());
    };
    const auto of_five = twice(5), again = twice(5), of_six = twice(6);
    expect(again == of_five, "the same seed gives other orders");
    expect(of_five.first != of_five.second, "a repetition has the same order");
    expect(of_six.first != of_five.first && of_six.second != of_five.second, "another seed gives the same order");

    void *graph = nullptr, *executable = nullptr;
    call("cuStreamBeginCapture_v2", stream.handle, 2);
    launch_race();
    call("cuStreamEndCapture", stream.handle, &graph);
    expect_status(call("cuGraphInstantiateWithFlags", &executable, graph, 0ull), 0, "instantiate");
    float replayed[2];
    for (float& value : replayed) {
        call("cuGraphLaunch", executable, stream.handle);
        value = result();
    }
    call("cuGraphDestroy", graph);
    call("cuGraphExecDestroy", executable);
    call<void>("emulator_set_seed", std::uint64_t{1});
    expect(replayed[0] != replayed[1], "a graph has the same order every time");
}

void memory() {
    Address address = 0;
    call<void>("emulator_set_memory", std::uint64_t{1} << 20);
    expect_status(call("cuMemAlloc_v2", &address, std::size_t{2} << 20), out_of_memory, "more than there is");
    call<void>("emulator_set_memory", std::uint64_t{8} << 30);
    const Buffer x(100), large(std::size_t{40} << 20);
    expect(x.address % 256 == 0 && large.address % 256 == 0, "alignment");
    std::vector<unsigned char> bytes(large.bytes);
    large.download(bytes.data());
    expect(std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0xff; }), "fresh memory is not NaN");
    expect_status(call("cuMemcpyHtoD_v2", x.address, static_cast<const void*>(bytes.data()), std::size_t{101}), invalid_value,
                  "copy beyond the end");
    expect_status(call("cuMemFree_v2", x.address + 1), invalid_value, "free of an inner pointer");
    std::uint64_t alive = 0;
    call<void>("emulator_outstanding", &alive, static_cast<int*>(nullptr));
    expect(alive == x.bytes + large.bytes, "the count of bytes");
}

void images() {
    const auto load = [](const std::vector<char>& image) {
        void* module = nullptr;
        const int status = call("cuModuleLoadDataEx", &module, static_cast<const void*>(image.data()), 0u, static_cast<int*>(nullptr),
                                static_cast<void**>(nullptr));
        if (module != nullptr) call("cuModuleUnload", module);
        return status;
    };
    const Compiled compiled = compile("add.cu", add_kernel);
    expect_status(load(compiled.image), 0, "the image");
    auto damaged = compiled.image;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] + 1);
    expect_status(load(damaged), invalid_image, "a damaged image");
    expect_status(load({compiled.image.begin(), compiled.image.begin() + 1000}), invalid_image, "a truncated image");
    expect_status(load(std::vector<char>(4096, 'x')), invalid_image, "no image");
    expect_status(load(compile("add.cu", add_kernel, "sm_80").image), no_binary, "machine code of another generation");
    expect_status(load(compile("add.cu", add_kernel, "compute_80").image), 0, "older PTX");
    call<void>("emulator_set_capability", 7, 5);
    expect_status(load(compile("add.cu", add_kernel, "compute_80").image), no_binary, "newer PTX");
    call<void>("emulator_set_capability", 9, 0);
    expect(compile("add.cu", add_kernel, "sm_123").status == 5, "an unknown architecture");
}

void messages() {
    const Compiled compiled = compile(
        "kernels/wrong.cu", "#include \"device/reduce.cuh\"\n\nextern \"C\" __global__ void f(float* x) {\n    x[0] = nonsense(1);\n}\n");
    expect(compiled.status == 6, "it must not compile");
    expect(compiled.log.find("kernels/wrong.cu:4:") != std::string::npos && compiled.log.find("nonsense") != std::string::npos,
           "the log: " + compiled.log);
}

void limits() {
    const Module module("add.cu", add_kernel);
    const Buffer x(256);
    void* add = module.function("add");
    void* fill = module.function("fill_shared");
    float y = 1;
    expect_status(launch(add, {1, 65}, x.address, y), out_of_resources, "more threads than __launch_bounds__");
    expect_status(launch(add, {1, 0}, x.address, y), invalid_value, "no threads");
    expect_status(launch(fill, {1, 1, 49153}, x.address), invalid_value, "more than 48 KB without asking");
    expect_status(call("cuFuncSetAttribute", fill, 8, 232448), 0, "asking for all");
    expect_status(launch(fill, {1, 1, 232448}, x.address), 0, "all of it");
    expect_status(synchronize(), 0, "synchronise");
    expect_status(call("cuFuncSetAttribute", fill, 8, 232449), invalid_value, "asking for more");
}

void failures_on_request() {
    Address address = 0;
    call<void>("emulator_fail", "cuMemAlloc", 1, out_of_memory);
    expect_status(call("cuMemAlloc_v2", &address, std::size_t{16}), 0, "the first call");
    call("cuMemFree_v2", address);
    expect_status(call("cuMemAlloc_v2", &address, std::size_t{16}), out_of_memory, "the second call");
    expect_status(call("cuMemAlloc_v2", &address, std::size_t{16}), 0, "the third call");
    call("cuMemFree_v2", address);
    call<void>("emulator_fail", "nvrtcCompileProgram", 0, 6);
    expect(compile("add.cu", add_kernel).status == 6, "the compiler");
    const Module module("add.cu", add_kernel);
    const Buffer x(128);
    void* add = module.function("add");
    call<void>("emulator_fail", "kernel", 0, 719);
    expect_status(launch(add, {1, 32}, x.address, 1.0f), 0, "launch");
    expect_status(synchronize(), 719, "the lost device");
    expect_status(launch(add, {1, 32}, x.address, 1.0f), 719, "after it");
}

// Four processes compile the same new text at once; all succeed, and the entry is whole.
void shared_cache() {
    const std::string source = "extern \"C\" __global__ void unique(float* x) { x[0] = " + std::to_string(getpid()) + "; }";
    pid_t children[4];
    for (pid_t& child : children) {
        child = fork();
        if (child == 0) {
            try {
                _exit(compile("unique.cu", source).status);
            } catch (const Failed&) {
                _exit(3);
            }
        }
    }
    for (const pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process failed");
    }
    expect(compile("unique.cu", source).status == 0, "afterwards");
}

}  // namespace

void driver_cases() {
    run_case("streams are lazy, staging buffers are read late", lazy_streams);
    run_case("streams are eager where that is asked for", eager_streams);
    run_case("events order streams", events);
    run_case("graphs: capture, instantiate, launch twice", graphs);
    run_case("a race shows: orders by seed, by launch, by replay", orders);
    run_case("memory: limit, alignment, NaN, bounds, count", memory);
    run_case("images: damaged, truncated, of another architecture", images);
    run_case("a compile error names file and line", messages);
    run_case("launch limits", limits);
    run_case("failures on request", failures_on_request);
    run_case("four processes fill the cache at once", shared_cache);
}

}  // namespace selftest
