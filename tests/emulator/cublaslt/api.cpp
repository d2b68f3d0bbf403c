// api.cpp: cuBLASLt's interface; the work goes to the driver's streams, so it is captured and waits like a kernel
#include <algorithm>
#include <cstring>
#include <memory>

#include "types.h"

#define CUBLASLT_API extern "C" __attribute__((visibility("default")))

extern "C" {
int emulator_injected_failure(const char* function);
void emulator_count_handles(int difference);
int emulator_enqueue(void* stream, int (*run)(const void* state), void* state, void (*release)(void*));
int emulator_is_device_range(const void* pointer, std::uint64_t bytes);
int emulator_is_device_range_now(const void* pointer, std::uint64_t bytes);
int emulator_report(int status, const char* text);
}

using namespace emulator;

namespace {

constexpr int illegal_address = 700;

// Sizes of the library's caller-made structs: 64-bit words of an algorithm, and the result of the heuristic.
struct Algorithm {
    std::uint64_t data[8];
};

struct HeuristicResult {
    Algorithm algorithm;
    std::size_t workspace_bytes;
    int state;
    float waves;
    int reserved[4];
};

struct Handle {};

template <typename T>
int take(T& field, const void* value, std::size_t bytes) {
    if (value == nullptr || bytes != sizeof field) return lt::invalid_value;
    std::memcpy(&field, value, sizeof field);
    return lt::success;
}

template <typename T, typename... A>
int create(const char* function, T** place, A... arguments) {
    if (const int failure = emulator_injected_failure(function); failure != 0) return failure;
    if (place == nullptr) return lt::invalid_value;
    *place = new T{arguments...};
    emulator_count_handles(1);
    return lt::success;
}

template <typename T>
int destroy(T* object) {
    if (object == nullptr) return lt::invalid_value;
    delete object;
    emulator_count_handles(-1);
    return lt::success;
}

int run_product(const void* state) {
    const auto& product = *static_cast<const Product*>(state);
    if (!operands_are_live(product, emulator_is_device_range_now))
        return emulator_report(illegal_address, "cublasLtMatmul, when it ran: an operand is not in live device memory");
    multiply(product);
    return 0;
}

}  // namespace

CUBLASLT_API std::size_t cublasLtGetVersion() { return 120699; }

CUBLASLT_API std::size_t cublasLtGetCudartVersion() { return 12060; }

CUBLASLT_API const char* cublasLtGetStatusName(int status) {
    switch (status) {
        case lt::success:
            return "CUBLAS_STATUS_SUCCESS";
        case lt::not_initialized:
            return "CUBLAS_STATUS_NOT_INITIALIZED";
        case lt::alloc_failed:
            return "CUBLAS_STATUS_ALLOC_FAILED";
        case lt::invalid_value:
            return "CUBLAS_STATUS_INVALID_VALUE";
        case lt::execution_failed:
            return "CUBLAS_STATUS_EXECUTION_FAILED";
        case lt::not_supported:
            return "CUBLAS_STATUS_NOT_SUPPORTED";
        default:
            return "CUBLAS_STATUS of another kind";
    }
}

CUBLASLT_API const char* cublasLtGetStatusString(int status) { return cublasLtGetStatusName(status); }

CUBLASLT_API int cublasLtCreate(Handle** handle) { return create(__func__, handle); }

CUBLASLT_API int cublasLtDestroy(Handle* handle) { return destroy(handle); }

CUBLASLT_API int cublasLtMatmulDescCreate(MatmulDescription** place, int compute_type, int scale_type) {
    return create(__func__, place, compute_type, scale_type);
}

CUBLASLT_API int cublasLtMatmulDescDestroy(MatmulDescription* description) { return destroy(description); }

CUBLASLT_API int cublasLtMatmulDescSetAttribute(MatmulDescription* description, int attribute, const void* value, std::size_t bytes) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    switch (attribute) {
        case 0:
            return take(description->compute_type, value, bytes);
        case 1:
            return take(description->scale_type, value, bytes);
        case 2:
            return take(description->pointer_mode, value, bytes);
        case 3:
            return take(description->transpose_a, value, bytes);
        case 4:
            return take(description->transpose_b, value, bytes);
        case 5:
            return take(description->transpose_c, value, bytes);
        case 7:
            return take(description->epilogue, value, bytes);
        case 8:
            return take(description->bias, value, bytes);
        case 26:
            return take(description->bias_type, value, bytes);
        default:
            return lt::not_supported;
    }
}

CUBLASLT_API int cublasLtMatrixLayoutCreate(MatrixLayout** place, int type, std::uint64_t rows, std::uint64_t columns,
                                            std::int64_t leading) {
    const int status = create(__func__, place);
    if (status != lt::success) return status;
    (*place)->type = static_cast<std::uint32_t>(type);
    (*place)->rows = rows, (*place)->columns = columns, (*place)->leading = leading;
    return status;
}

CUBLASLT_API int cublasLtMatrixLayoutDestroy(MatrixLayout* layout) { return destroy(layout); }

CUBLASLT_API int cublasLtMatrixLayoutSetAttribute(MatrixLayout* layout, int attribute, const void* value, std::size_t bytes) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    switch (attribute) {
        case 0:
            return take(layout->type, value, bytes);
        case 1:
            return take(layout->order, value, bytes);
        case 2:
            return take(layout->rows, value, bytes);
        case 3:
            return take(layout->columns, value, bytes);
        case 4:
            return take(layout->leading, value, bytes);
        case 5:
            return take(layout->batch, value, bytes);
        case 6:
            return take(layout->batch_stride, value, bytes);
        default:
            return lt::not_supported;
    }
}

CUBLASLT_API int cublasLtMatmulPreferenceCreate(Preference** place) { return create(__func__, place); }

CUBLASLT_API int cublasLtMatmulPreferenceDestroy(Preference* preference) { return destroy(preference); }

CUBLASLT_API int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, std::size_t bytes) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    if (attribute == 0) return take(preference->search_mode, value, bytes);
    if (attribute == 1) return take(preference->workspace_bytes, value, bytes);
    return lt::success;  // alignments and the like: wishes that change nothing here
}

CUBLASLT_API int cublasLtMatmulAlgoGetHeuristic(Handle* handle, MatmulDescription* description, MatrixLayout* a, MatrixLayout* b,
                                                MatrixLayout* c, MatrixLayout* d, Preference* preference, int requested,
                                                HeuristicResult* results, int* count) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    if (handle == nullptr || description == nullptr || preference == nullptr || results == nullptr || count == nullptr || requested < 1)
        return lt::invalid_value;
    const Product product{*description, *a, *b, *c, *d, nullptr, nullptr, nullptr, nullptr, 1, 0};
    *count = 0;
    if (const int status = check_product(product); status != lt::success) return status;
    std::memset(results, 0, sizeof *results);
    results->algorithm.data[0] = 0x4e46454d55;
    results->waves = 1;
    *count = 1;
    return lt::success;
}

CUBLASLT_API int cublasLtMatmul(Handle* handle, MatmulDescription* description, const void* alpha, const void* a, MatrixLayout* layout_a,
                                const void* b, MatrixLayout* layout_b, const void* beta, const void* c, MatrixLayout* layout_c, void* d,
                                MatrixLayout* layout_d, const Algorithm*, void* workspace, std::size_t workspace_bytes, void* stream) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    if (handle == nullptr || description == nullptr || alpha == nullptr || beta == nullptr) return lt::invalid_value;
    auto product = std::make_unique<Product>(Product{*description, *layout_a, *layout_b, *layout_c, *layout_d, a, b, c, d, 0, 0});
    std::memcpy(&product->alpha, alpha, sizeof product->alpha);
    std::memcpy(&product->beta, beta, sizeof product->beta);
    if (const int status = check_product(*product); status != lt::success) return status;
    if (!operands_are_live(*product, emulator_is_device_range) ||
        (workspace_bytes > 0 && emulator_is_device_range(workspace, workspace_bytes) == 0)) {
        emulator_report(lt::invalid_value, "cublasLtMatmul: an operand is not in live device memory");
        return lt::invalid_value;
    }
    const int status = emulator_enqueue(stream, run_product, product.release(), [](void* state) { delete static_cast<Product*>(state); });
    return status == 0 ? lt::success : lt::execution_failed;
}
