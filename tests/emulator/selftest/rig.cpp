#include "rig.h"

#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace selftest {

namespace {

int failed = 0;

std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<void*> open_libraries() {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib";
    std::vector<void*> libraries;
    for (const char* name : {"libcuda.so.1", "libnvrtc.so.12", "libcublasLt.so.12"}) {
        void* library = dlopen((folder / name).c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            std::fprintf(stderr, "%s\n", dlerror());
            std::exit(2);
        }
        libraries.push_back(library);
    }
    return libraries;
}

}  // namespace

void* symbol(const char* name) {
    static const auto libraries = open_libraries();
    static std::map<std::string, void*> known;
    void*& found = known[name];
    for (void* library : libraries)
        if (found == nullptr) found = dlsym(library, name);
    if (found != nullptr) return found;
    std::fprintf(stderr, "no library has %s\n", name);
    std::exit(2);
}

std::string last_report() { return call<const char*>("emulator_last_report"); }

void expect(bool is_true, const std::string& text) {
    if (!is_true) throw Failed{text};
}

void expect_status(int got, int expected, const std::string& what) {
    if (got != expected)
        throw Failed{what + ": expected status " + std::to_string(expected) + ", got " + std::to_string(got) + ": " + last_report()};
}

const Headers& device_headers() {
    static const Headers headers = [] {
        Headers headers;
        for (const auto& entry : std::filesystem::directory_iterator(NATIVEFL_KERNELS "/device"))
            headers.emplace_back("device/" + entry.path().filename().string(), read_text(entry.path()));
        return headers;
    }();
    return headers;
}

Compiled compile(const std::string& name, const std::string& source, const std::string& architecture) {
    std::vector<const char*> texts, names;
    for (const auto& [path, text] : device_headers()) names.push_back(path.c_str()), texts.push_back(text.c_str());
    void* program = nullptr;
    expect_status(
        call("nvrtcCreateProgram", &program, source.c_str(), name.c_str(), static_cast<int>(names.size()), texts.data(), names.data()), 0,
        "nvrtcCreateProgram");
    const std::string target = "--gpu-architecture=" + architecture;
    const char* options[] = {target.c_str(), "-std=c++17"};
    Compiled compiled;
    compiled.status = call("nvrtcCompileProgram", program, 2, static_cast<const char**>(options));
    std::size_t size = 0;
    call("nvrtcGetProgramLogSize", program, &size);
    std::vector<char> log(size);
    call("nvrtcGetProgramLog", program, log.data());
    compiled.log = log.data();
    if (compiled.status == 0) {
        const bool is_virtual = architecture[0] == 'c';
        call(is_virtual ? "nvrtcGetPTXSize" : "nvrtcGetCUBINSize", program, &size);
        compiled.image.resize(size);
        call(is_virtual ? "nvrtcGetPTX" : "nvrtcGetCUBIN", program, compiled.image.data());
    }
    call("nvrtcDestroyProgram", &program);
    return compiled;
}

Buffer::Buffer(std::size_t bytes) : bytes(bytes) { expect_status(call("cuMemAlloc_v2", &address, bytes), 0, "cuMemAlloc"); }

Buffer::~Buffer() { call("cuMemFree_v2", address); }

void Buffer::upload(const void* source) { expect_status(call("cuMemcpyHtoD_v2", address, source, bytes), 0, "cuMemcpyHtoD"); }

void Buffer::download(void* destination) const { expect_status(call("cuMemcpyDtoH_v2", destination, address, bytes), 0, "cuMemcpyDtoH"); }

Module::Module(const std::string& name, const std::string& source, const std::string& architecture) {
    const Compiled compiled = compile(name, source, architecture);
    expect(compiled.status == 0, compiled.log);
    expect_status(call("cuModuleLoadDataEx", &handle, static_cast<const void*>(compiled.image.data()), 0u, static_cast<int*>(nullptr),
                       static_cast<void**>(nullptr)),
                  0, "cuModuleLoadDataEx");
}

Module::~Module() { call("cuModuleUnload", handle); }

void* Module::function(const char* name) const {
    void* function = nullptr;
    expect_status(call("cuModuleGetFunction", &function, handle, name), 0, "cuModuleGetFunction");
    return function;
}

int synchronize() { return call("cuCtxSynchronize"); }

void run_case(const std::string& name, const std::function<void()>& body) {
    const auto start = std::chrono::steady_clock::now();
    std::string failure;
    try {
        body();
    } catch (const Failed& reason) {
        failure = reason.text.empty() ? "failed" : reason.text;
    }
    call<void>("emulator_clear");
    call<void>("emulator_fail", static_cast<const char*>(nullptr), 0, 0);
    const double milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    std::printf("%s  %-58s %8.1f ms%s%s\n", failure.empty() ? "pass" : "FAIL", name.c_str(), milliseconds,
                failure.empty() ? "" : "\n      ", failure.c_str());
    std::fflush(stdout);
    if (!failure.empty()) ++failed;
}

int failures() { return failed; }

void for_seeds(const std::function<void(std::uint64_t)>& body) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        call<void>("emulator_set_seed", seed);
        body(seed);
    }
    call<void>("emulator_set_seed", std::uint64_t{1});
}

}  // namespace selftest
