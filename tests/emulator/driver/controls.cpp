// controls.cpp: emulator.h
#include <string>

#include "../emulator.h"
#include "api.h"
#include "counter.h"
#include "memory.h"
#include "streams.h"

using namespace emulator;

CUDA_API void emulator_set_seed(uint64_t seed) {
    const std::lock_guard lock(driver_lock());
    device().seed = seed;
    device().launches_before_seed = device().launches;
}

CUDA_API uint64_t emulator_seed(void) {
    const std::lock_guard lock(driver_lock());
    return device().seed;
}

CUDA_API void emulator_set_lazy(int is_lazy) {
    const std::lock_guard lock(driver_lock());
    Streams::instance().set_lazy(is_lazy != 0);
}

CUDA_API void emulator_fail(const char* function, int after_calls, int status) {
    const std::lock_guard lock(driver_lock());
    inject_failure(function, after_calls, status);
}

CUDA_API void emulator_set_memory(uint64_t bytes) {
    const std::lock_guard lock(driver_lock());
    Memory::instance().set_total(bytes);
}

CUDA_API void emulator_set_capability(int major, int minor) {
    const std::lock_guard lock(driver_lock());
    device().major = major, device().minor = minor;
}

CUDA_API void emulator_set_driver_version(int version) {
    const std::lock_guard lock(driver_lock());
    device().driver_version = version;
}

CUDA_API void emulator_set_devices(int count) {
    const std::lock_guard lock(driver_lock());
    device().count = count;
    if (count == 0) device().is_initialized = false;
}

CUDA_API void emulator_outstanding(uint64_t* bytes, int* handles) {
    const std::lock_guard lock(driver_lock());
    const auto& memory = Memory::instance();
    const auto& streams = Streams::instance();
    const auto& state = device();
    if (bytes != nullptr) *bytes = memory.used() + memory.host_used();
    if (handles != nullptr)
        *handles = memory.count() + streams.count() + streams.event_count() + state.graphs + state.modules + state.context_references +
                   state.outside_handles;
}

CUDA_API uint64_t emulator_launches(void) {
    const std::lock_guard lock(driver_lock());
    return device().launches;
}

CUDA_API void emulator_set_counting(int is_on) {
    const std::lock_guard lock(driver_lock());
    Streams::instance().run_all();
    Counter::instance().set_on(is_on != 0);
}

CUDA_API void emulator_reset_counts(void) {
    const std::lock_guard lock(driver_lock());
    Streams::instance().run_all();
    Counter::instance().reset();
}

CUDA_API const char* emulator_counts(void) {
    const std::lock_guard lock(driver_lock());
    Streams::instance().run_all();
    static auto* const copy = new std::string;
    *copy = Counter::instance().text();
    return copy->c_str();
}

CUDA_API const char* emulator_last_report(void) {
    const std::lock_guard lock(driver_lock());
    static auto* const copy = new std::string;
    *copy = last_report();
    return copy->c_str();
}

CUDA_API void emulator_clear(void) {
    const std::lock_guard lock(driver_lock());
    set_sticky_status(status::success);
    report(status::success, "");
}

// For the other stand-in libraries, which sit on this one.

CUDA_API int emulator_injected_failure(const char* function) {
    const std::lock_guard lock(driver_lock());
    return injected_failure(function);
}

CUDA_API int emulator_is_counting() {
    const std::lock_guard lock(driver_lock());
    return Counter::instance().is_on() ? 1 : 0;
}

CUDA_API void emulator_count_handles(int difference) {
    const std::lock_guard lock(driver_lock());
    device().outside_handles += difference;
}

// Enqueues work that another library does; `release` is called when the driver forgets it (once, also for captured work).
CUDA_API int emulator_enqueue(void* stream, int (*run)(const void* state), void* state, void (*release)(void*)) {
    const std::shared_ptr<void> owner(state, release);
    const Call call("emulator_enqueue", Needs::context);
    if (call.status != status::success) return call.status;
    const auto target = Streams::instance().find(stream);
    if (target == nullptr) return report(status::invalid_handle, "enqueue: no such stream");
    return Streams::instance().enqueue(target, [owner, run] { return run(owner.get()); });
}

CUDA_API int emulator_is_device_range(const void* pointer, uint64_t bytes) {
    const std::lock_guard lock(driver_lock());
    return Memory::instance().is_device_range(pointer, bytes) ? 1 : 0;
}

// As above, from within work that runs while its caller holds the lock.
CUDA_API int emulator_is_device_range_now(const void* pointer, uint64_t bytes) {
    return Memory::instance().is_device_range(pointer, bytes) ? 1 : 0;
}

CUDA_API int emulator_report(int status, const char* text) { return report(status, text); }
