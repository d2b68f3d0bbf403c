// api_memory.cpp: allocations, copies, fills
#include <cstring>
#include <vector>

#include "api.h"
#include "memory.h"
#include "streams.h"

using namespace emulator;

namespace {

using Address = std::uint64_t;

void* pointer(Address address) { return reinterpret_cast<void*>(address); }

int check_range(const char* function, const char* side, const void* p, std::size_t bytes) {
    const Memory& memory = Memory::instance();
    if (memory.is_device_range(p, bytes)) return status::success;
    return report(status::invalid_value,
                  std::string(function) + ": " + std::to_string(bytes) + " bytes of " + side + " from " + memory.describe(p));
}

// Copies and fills know their memory again when they run: it may have been freed since.
int copy_now(void* destination, const void* source, std::size_t bytes, bool to_device, bool from_device) {
    int result = to_device ? check_range("copy, when it ran", "destination", destination, bytes) : status::success;
    if (result == status::success && from_device) result = check_range("copy, when it ran", "source", source, bytes);
    if (result == status::success) std::memmove(destination, source, bytes);
    return result == status::success ? result : status::illegal_address;
}

// The synchronous forms are ordered like the default stream, and wait for nothing else.
int finish_default() {
    Streams& streams = Streams::instance();
    const auto stream = streams.find(nullptr);
    const int result = streams.enqueue(stream, [] { return status::success; });
    streams.run(stream);
    return result != status::success ? result : sticky_status();
}

int copy(const char* function, void* destination, const void* source, std::size_t bytes, bool to_device, bool from_device) {
    const Call call(function, Needs::context);
    if (call.status != status::success) return call.status;
    if (to_device)
        if (const int result = check_range(function, "destination", destination, bytes); result != status::success) return result;
    if (from_device)
        if (const int result = check_range(function, "source", source, bytes); result != status::success) return result;
    if (const int result = finish_default(); result != status::success) return result;
    std::memmove(destination, source, bytes);
    return status::success;
}

int copy_async(const char* function, void* destination, const void* source, std::size_t bytes, void* handle, bool to_device,
               bool from_device) {
    const Call call(function, Needs::context);
    if (call.status != status::success) return call.status;
    Streams& streams = Streams::instance();
    const auto stream = streams.find(handle);
    if (stream == nullptr) return report(status::invalid_handle, std::string(function) + ": no such stream");
    if (to_device)
        if (const int result = check_range(function, "destination", destination, bytes); result != status::success) return result;
    if (from_device)
        if (const int result = check_range(function, "source", source, bytes); result != status::success) return result;
    const Memory& memory = Memory::instance();
    if (!from_device && stream->capture == nullptr && !memory.is_host_range(source, bytes)) {
        // Pageable memory is read before the call returns; pinned memory when the copy runs.
        const auto* bytes_of_source = static_cast<const unsigned char*>(source);
        std::vector<unsigned char> snapshot(bytes_of_source, bytes_of_source + bytes);
        return streams.enqueue(stream,
                               [=, snapshot = std::move(snapshot)] { return copy_now(destination, snapshot.data(), bytes, true, false); });
    }
    const int result = streams.enqueue(stream, [=] { return copy_now(destination, source, bytes, to_device, from_device); });
    if (to_device || stream->capture != nullptr || memory.is_host_range(destination, bytes)) return result;
    streams.run(stream);  // pageable memory is written before the call returns
    return sticky_status();
}

template <typename T>
void fill_elements(void* destination, T value, std::size_t count) {
    auto* p = static_cast<unsigned char*>(destination);
    for (std::size_t i = 0; i < count; ++i) std::memcpy(p + i * sizeof(T), &value, sizeof(T));
}

template <typename T>
int fill(const char* function, Address address, T value, std::size_t count, void* handle, bool is_async) {
    const Call call(function, Needs::context);
    if (call.status != status::success) return call.status;
    Streams& streams = Streams::instance();
    const auto stream = streams.find(handle);
    if (stream == nullptr) return report(status::invalid_handle, std::string(function) + ": no such stream");
    if (address % sizeof(T) != 0)
        return report(status::invalid_value, std::string(function) + ": the destination is not aligned to its elements");
    void* destination = pointer(address);
    if (const int result = check_range(function, "destination", destination, count * sizeof(T)); result != status::success) return result;
    const int result = streams.enqueue(stream, [=] {
        const int range = check_range("fill, when it ran", "destination", destination, count * sizeof(T));
        if (range != status::success) return status::illegal_address;
        fill_elements(destination, value, count);
        return status::success;
    });
    static_cast<void>(is_async);  // the synchronous forms do not wait for the device either
    return result;
}

int allocate(const char* function, Address* address, std::size_t bytes) {
    const Call call(function, Needs::context);
    if (call.status != status::success) return call.status;
    if (address == nullptr || bytes == 0) return report(status::invalid_value, std::string(function) + ": of no bytes");
    void* memory = Memory::instance().allocate(bytes, false);
    if (memory == nullptr) return report(status::out_of_memory, std::string(function) + ": " + std::to_string(bytes) + " bytes");
    *address = reinterpret_cast<Address>(memory);
    return status::success;
}

}  // namespace

CUDA_API int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const Memory& memory = Memory::instance();
    if (free != nullptr) *free = memory.total() > memory.used() ? memory.total() - memory.used() : 0;
    if (total != nullptr) *total = memory.total();
    return status::success;
}

CUDA_API int cuMemAlloc_v2(Address* address, std::size_t bytes) { return allocate(__func__, address, bytes); }

CUDA_API int cuMemAllocAsync(Address* address, std::size_t bytes, void*) { return allocate(__func__, address, bytes); }

// Freeing waits for the device, as the real function does.
CUDA_API int cuMemFree_v2(Address address) {
    const Call call(__func__, Needs::release);
    if (call.status != status::success) return call.status;
    if (address == 0) return status::success;
    Streams::instance().run_all();
    const int result = Memory::instance().free(pointer(address), false);
    if (result == status::illegal_address && sticky_status() == status::success) set_sticky_status(result);
    return result != status::success ? result : sticky_status();
}

CUDA_API int cuMemFreeAsync(Address address, void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return status::invalid_handle;
    return Streams::instance().enqueue(stream, [=] { return Memory::instance().free(pointer(address), false); });
}

CUDA_API int cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    if (memory == nullptr || bytes == 0) return status::invalid_value;
    *memory = Memory::instance().allocate(bytes, true);
    return *memory == nullptr ? status::out_of_memory : status::success;
}

CUDA_API int cuMemFreeHost(void* memory) {
    const Call call(__func__, Needs::release);
    if (call.status != status::success) return call.status;
    if (memory == nullptr) return status::success;
    Streams::instance().run_all();
    const int result = Memory::instance().free(memory, true);
    return result != status::success ? result : sticky_status();
}

CUDA_API int cuMemcpyHtoD_v2(Address to, const void* from, std::size_t bytes) {
    return copy(__func__, pointer(to), from, bytes, true, false);
}

CUDA_API int cuMemcpyDtoH_v2(void* to, Address from, std::size_t bytes) { return copy(__func__, to, pointer(from), bytes, false, true); }

CUDA_API int cuMemcpyDtoD_v2(Address to, Address from, std::size_t bytes) {
    return copy(__func__, pointer(to), pointer(from), bytes, true, true);
}

CUDA_API int cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, void* stream) {
    return copy_async(__func__, pointer(to), from, bytes, stream, true, false);
}

CUDA_API int cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, void* stream) {
    return copy_async(__func__, to, pointer(from), bytes, stream, false, true);
}

CUDA_API int cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t bytes, void* stream) {
    return copy_async(__func__, pointer(to), pointer(from), bytes, stream, true, true);
}

CUDA_API int cuMemsetD8_v2(Address to, unsigned char value, std::size_t count) { return fill(__func__, to, value, count, nullptr, false); }

CUDA_API int cuMemsetD16_v2(Address to, unsigned short value, std::size_t count) {
    return fill(__func__, to, value, count, nullptr, false);
}

CUDA_API int cuMemsetD32_v2(Address to, unsigned value, std::size_t count) { return fill(__func__, to, value, count, nullptr, false); }

CUDA_API int cuMemsetD8Async(Address to, unsigned char value, std::size_t count, void* stream) {
    return fill(__func__, to, value, count, stream, true);
}

CUDA_API int cuMemsetD16Async(Address to, unsigned short value, std::size_t count, void* stream) {
    return fill(__func__, to, value, count, stream, true);
}

CUDA_API int cuMemsetD32Async(Address to, unsigned value, std::size_t count, void* stream) {
    return fill(__func__, to, value, count, stream, true);
}
