#include "report.h"

#include "status.h"

namespace emulator {

namespace {

std::string& text_of_last() {
    static auto* const text = new std::string;
    return *text;
}

int status_of_last = 0;
int sticky = 0;

struct StatusText {
    int status;
    const char* name;
    const char* text;
};

constexpr StatusText texts[] = {
    {status::success, "CUDA_SUCCESS", "no error"},
    {status::invalid_value, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {status::out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {status::not_initialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {status::no_device, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {status::invalid_device, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {status::invalid_image, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {status::invalid_context, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {status::no_binary_for_gpu, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "PTX JIT compiler library not found"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {status::invalid_handle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {status::not_found, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {status::not_ready, "CUDA_ERROR_NOT_READY", "device not ready"},
    {status::illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {status::launch_out_of_resources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {status::launch_failed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {status::not_supported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {status::capture_unsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {status::capture_invalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {status::unknown, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const StatusText* find(int status) {
    for (const StatusText& entry : texts)
        if (entry.status == status) return &entry;
    return nullptr;
}

}  // namespace

int report(int status, const std::string& text) {
    text_of_last() = text;
    status_of_last = status;
    return status;
}

const std::string& last_report() { return text_of_last(); }

int last_reported_status() { return status_of_last; }

int sticky_status() { return sticky; }

void set_sticky_status(int status) { sticky = status; }

const char* status_name(int status) {
    const StatusText* entry = find(status);
    return entry == nullptr ? nullptr : entry->name;
}

const char* status_text(int status) {
    static auto* const text = new std::string;
    const StatusText* entry = find(status);
    if (entry == nullptr) return nullptr;
    if (status == 0 || status != status_of_last || text_of_last().empty()) return entry->text;
    *text = std::string(entry->text) + " (" + text_of_last() + ")";
    return text->c_str();
}

}  // namespace emulator
