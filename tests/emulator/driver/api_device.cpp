// api_device.cpp: initialisation, the device, its primary context
#include <algorithm>
#include <cstring>

#include "api.h"
#include "faults.h"
#include "memory.h"
#include "shared_memory.h"
#include "streams.h"

using namespace emulator;

namespace {

constexpr char device_name[] = "NativeFl emulator";

struct Attribute {
    int number, value;
};

constexpr Attribute attributes[] = {
    {1, 1024},  // threads per block
    {2, 1024},
    {3, 1024},
    {4, 64},  // block dimensions
    {5, 0x7fffffff},
    {6, 65535},
    {7, 65535},      // grid dimensions
    {8, 48 * 1024},  // shared memory per block without asking
    {9, 64 * 1024},  // constant memory
    {10, 32},        // warp
    {12, 65536},     // registers per block
    {13, 1000000},   // clock, kHz
    {14, 512},       // texture alignment
    {15, 1},         // copies overlap kernels
    {16, 4},         // multiprocessors
    {17, 0},         // no time limit
    {18, 0},         // not integrated
    {19, 1},         // maps host memory
    {20, 0},         // compute mode: default
    {31, 1},         // concurrent kernels
    {36, 1000000},
    {37, 256},      // memory clock and bus width
    {38, 4 << 20},  // L2
    {39, 2048},     // threads per multiprocessor
    {40, 2},        // copy engines
    {41, 1},        // unified addressing
    {81, 233472},   // shared memory per multiprocessor
    {82, 65536},    // registers per multiprocessor
    {83, 0},        // no managed memory
    {95, 0},        // no cooperative launch
    {97, static_cast<int>(SharedMemory::maximum_bytes)},
    {106, 32},    // blocks per multiprocessor
    {111, 1024},  // shared memory that the system keeps
    {115, 1},     // memory pools
};

}  // namespace

CUDA_API int cuInit(unsigned flags) {
    const Call call(__func__, Needs::nothing);
    if (call.status != status::success) return call.status;
    if (flags != 0) return report(status::invalid_value, "cuInit: flags must be 0");
    if (device().count == 0) return status::no_device;
    install_fault_handlers();
    device().is_initialized = true;
    return status::success;
}

CUDA_API int cuDriverGetVersion(int* version) {
    const Call call(__func__, Needs::nothing);
    if (call.status != status::success) return call.status;
    if (version == nullptr) return status::invalid_value;
    *version = device().driver_version;
    return status::success;
}

CUDA_API int cuGetErrorName(int status, const char** text) {
    const std::lock_guard lock(driver_lock());
    if (text == nullptr) return status::invalid_value;
    *text = status_name(status);
    return *text == nullptr ? status::invalid_value : status::success;
}

CUDA_API int cuGetErrorString(int status, const char** text) {
    const std::lock_guard lock(driver_lock());
    if (text == nullptr) return status::invalid_value;
    *text = status_text(status);
    return *text == nullptr ? status::invalid_value : status::success;
}

CUDA_API int cuDeviceGetCount(int* count) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    *count = device().count;
    return status::success;
}

CUDA_API int cuDeviceGet(int* handle, int index) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (index < 0 || index >= device().count) return status::invalid_device;
    *handle = index;
    return status::success;
}

CUDA_API int cuDeviceGetName(char* name, int length, int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle < 0 || handle >= device().count) return status::invalid_device;
    if (name == nullptr || length <= 0) return status::invalid_value;
    std::strncpy(name, device_name, static_cast<std::size_t>(length));
    name[length - 1] = 0;
    return status::success;
}

CUDA_API int cuDeviceGetUuid(unsigned char* uuid, int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle < 0 || handle >= device().count) return status::invalid_device;
    std::memcpy(uuid, "NativeFlEmulator", 16);
    return status::success;
}

CUDA_API int cuDeviceGetAttribute(int* value, int attribute, int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle < 0 || handle >= device().count) return status::invalid_device;
    if (attribute == 75 || attribute == 76) {
        *value = attribute == 75 ? device().major : device().minor;
        return status::success;
    }
    for (const Attribute& known : attributes) {
        if (known.number != attribute) continue;
        *value = known.value;
        return status::success;
    }
    return report(status::invalid_value, "cuDeviceGetAttribute: the emulator has no attribute " + std::to_string(attribute));
}

CUDA_API int cuDeviceTotalMem_v2(std::size_t* bytes, int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle < 0 || handle >= device().count) return status::invalid_device;
    *bytes = Memory::instance().total();
    return status::success;
}

CUDA_API int cuDevicePrimaryCtxRetain(void** context, int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle < 0 || handle >= device().count) return status::invalid_device;
    ++device().context_references;
    *context = primary_context();
    return status::success;
}

// The last release ends the context: pending work is dropped into place, and the error that it kept is forgotten.
CUDA_API int cuDevicePrimaryCtxRelease_v2(int handle) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (handle != 0 || device().context_references == 0) return status::invalid_context;
    if (--device().context_references == 0) {
        Streams::instance().run_all();
        set_sticky_status(status::success);
    }
    return status::success;
}

CUDA_API int cuDevicePrimaryCtxSetFlags_v2(int, unsigned) {
    const Call call(__func__, Needs::initialization);
    return call.status;
}

CUDA_API int cuDevicePrimaryCtxReset_v2(int) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    Streams::instance().run_all();
    set_sticky_status(status::success);
    return status::success;
}

CUDA_API int cuCtxSetCurrent(void* context) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    if (context != nullptr && (context != primary_context() || device().context_references == 0)) return status::invalid_context;
    current_context() = context;
    return status::success;
}

CUDA_API int cuCtxGetCurrent(void** context) {
    const Call call(__func__, Needs::initialization);
    if (call.status != status::success) return call.status;
    *context = current_context();
    return status::success;
}

CUDA_API int cuCtxSynchronize() {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    Streams::instance().run_all();
    if (sticky_status() == status::success) set_sticky_status(Memory::instance().check_canaries());
    return sticky_status();
}
