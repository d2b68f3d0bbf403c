#include "api.h"

#include <cstdlib>
#include <vector>

namespace emulator {

namespace {

struct Failure {
    std::string function;
    int after_calls;
    int status;
};

std::vector<Failure>& failures() {
    static auto* const failures = new std::vector<Failure>;
    return *failures;
}

std::string without_version(const char* function) {
    std::string name = function;
    if (name.size() > 3 && name.compare(name.size() - 3, 3, "_v2") == 0) name.resize(name.size() - 3);
    return name;
}

}  // namespace

Device& device() {
    static auto* const device = [] {
        auto* device = new Device;
        if (const char* seed = std::getenv("NATIVEFL_EMULATOR_SEED"); seed != nullptr) device->seed = std::strtoull(seed, nullptr, 10);
        return device;
    }();
    return *device;
}

std::recursive_mutex& driver_lock() {
    static auto* const mutex = new std::recursive_mutex;
    return *mutex;
}

Call::Call(const char* function, Needs needs) : lock_(driver_lock()) {
    if (const int failure = injected_failure(function); failure != status::success) {
        status = failure;
    } else if (needs != Needs::nothing && !device().is_initialized) {
        status = status::not_initialized;
    } else if (needs == Needs::context || needs == Needs::release) {
        if (current_context() == nullptr || device().context_references == 0)
            status = status::invalid_context;
        else if (needs == Needs::context)
            status = sticky_status();
    }
}

int injected_failure(const char* function) {
    if (failures().empty()) return status::success;
    const std::string name = without_version(function);
    for (auto failure = failures().begin(); failure != failures().end(); ++failure) {
        if (failure->function != name || failure->after_calls-- > 0) continue;
        const int status = failure->status;
        failures().erase(failure);
        return report(status, std::string(function) + ": the failure that a test asked for");
    }
    return status::success;
}

void inject_failure(const char* function, int after_calls, int status) {
    if (function == nullptr) {
        failures().clear();
        return;
    }
    const std::string name = without_version(function);
    if (status != 0) {
        failures().push_back({name, after_calls, status});
        return;
    }
    for (auto failure = failures().begin(); failure != failures().end();)
        failure = failure->function == name ? failures().erase(failure) : failure + 1;
}

void* primary_context() {
    static int context;
    return &context;
}

void*& current_context() {
    static thread_local void* current = nullptr;
    return current;
}

}  // namespace emulator
