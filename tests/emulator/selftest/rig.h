// rig.h: what the self-test drives the three libraries with: they are found beside the program and loaded by name, as a host does
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace selftest {

using Address = std::uint64_t;
using Headers = std::vector<std::pair<std::string, std::string>>;

// A function of one of the libraries by its name; ends the program if there is none.
void* symbol(const char* name);

template <typename R = int, typename... A>
R call(const char* name, A... arguments) {
    return reinterpret_cast<R (*)(A...)>(symbol(name))(arguments...);
}

// A failed expectation ends the case that is running.
struct Failed {
    std::string text;
};

void expect(bool is_true, const std::string& text);
// The driver's status, with the emulator's report in the text.
void expect_status(int got, int expected, const std::string& what);
std::string last_report();

// All kernels of kernels/device as they are in the project.
const Headers& device_headers();

struct Compiled {
    int status = 0;
    std::string log;
    std::vector<char> image;
};

Compiled compile(const std::string& name, const std::string& source, const std::string& architecture = "sm_90");

struct Buffer {
    Address address = 0;
    std::size_t bytes = 0;

    explicit Buffer(std::size_t bytes);
    template <typename T>
    explicit Buffer(const std::vector<T>& values) : Buffer(values.size() * sizeof(T)) {
        upload(values.data());
    }
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    void upload(const void* source);
    void download(void* destination) const;
    template <typename T>
    std::vector<T> values() const {
        std::vector<T> result(bytes / sizeof(T));
        download(result.data());
        return result;
    }
};

struct Module {
    void* handle = nullptr;

    // Compiles and loads; `name` becomes the file in messages.
    Module(const std::string& name, const std::string& source, const std::string& architecture = "sm_90");
    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    void* function(const char* name) const;
};

struct Geometry {
    unsigned blocks = 1, threads = 32, shared_bytes = 0;
};

// Launches on the default stream with parameters by pointer; the status of the launch itself.
template <typename... A>
int launch(void* function, Geometry geometry, A... arguments) {
    void* parameters[] = {&arguments..., nullptr};
    return call("cuLaunchKernel", function, geometry.blocks, 1u, 1u, geometry.threads, 1u, 1u, geometry.shared_bytes,
                static_cast<void*>(nullptr), static_cast<void**>(parameters), static_cast<void**>(nullptr));
}

int synchronize();

// Runs a case and prints one line; a case starts and ends without kept errors.
void run_case(const std::string& name, const std::function<void()>& body);
int failures();

// The status of synchronising after `body` for seeds 1..20: how many failed.
constexpr int seeds = 20;
void for_seeds(const std::function<void(std::uint64_t)>& body);

void correct_cases();
void broken_cases();
void driver_cases();
void product_cases();
void blas_cases();
void counting_cases();
void warpgroup_cases();
void speed_cases();

}  // namespace selftest
