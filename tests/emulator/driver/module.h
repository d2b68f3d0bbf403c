// module.h: a loaded image and its kernels
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../abi/kernel_abi.h"

namespace emulator {

struct LoadedModule;

// What a CUfunction points to.
struct Function {
    LoadedModule* module;
    const Kernel* kernel;
    int maximum_dynamic_shared;
};

struct LoadedModule {
    std::uint64_t id = 0;  // never used twice in a process
    int architecture = 0;
    bool is_specific = false;  // made for sm_90a, not for sm_90
    int file = -1;             // the memfd stays open: the loader knows libraries by their path, which must be unique while they live
    void* library = nullptr;
    const Module* table = nullptr;
    std::vector<Function> functions;

    LoadedModule() = default;
    LoadedModule(const LoadedModule&) = delete;
    LoadedModule& operator=(const LoadedModule&) = delete;
    ~LoadedModule();
};

// The status, and a module if it is success.
int load_module(const void* image, int device_major, int device_minor, std::shared_ptr<LoadedModule>& module);

}  // namespace emulator
