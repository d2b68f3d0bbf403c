// api.h: what every exported function of the driver begins with
//
// One lock for the whole driver, the failures that a test asked for, and the error that the context keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "report.h"
#include "status.h"

#define CUDA_API extern "C" __attribute__((visibility("default")))

namespace emulator {

enum class Needs { nothing, initialization, context, release };

// Holds the lock. `status` is what the function has to return at once if it is not success; a function that releases something
// (Needs::release) does its work under a kept error too, and returns that error.
class Call {
  public:
    Call(const char* function, Needs needs);
    int status = status::success;

  private:
    std::lock_guard<std::recursive_mutex> lock_;
};

struct Device {
    bool is_initialized = false;
    int count = 1;
    int major = 9, minor = 0;
    int driver_version = 12060;
    int context_references = 0;
    std::uint64_t seed = 1;
    std::uint64_t launches = 0, launches_before_seed = 0;
    int outside_handles = 0;  // of libraries that sit on the driver
    int graphs = 0, modules = 0;
};

Device& device();
std::recursive_mutex& driver_lock();

// Whether a test asked this call to fail; counts the call.
int injected_failure(const char* function);
void inject_failure(const char* function, int after_calls, int status);

// The primary context as a handle, and whether it is the calling thread's.
void* primary_context();
void*& current_context();

}  // namespace emulator
