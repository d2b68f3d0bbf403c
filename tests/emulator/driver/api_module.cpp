// api_module.cpp: modules, functions, launches
#include <algorithm>
#include <cstring>
#include <vector>

#include "api.h"
#include "counter.h"
#include "grid.h"
#include "memory.h"
#include "module.h"
#include "shared_memory.h"
#include "streams.h"

using namespace emulator;

namespace {

constexpr int default_dynamic_shared = 48 * 1024;

std::vector<std::shared_ptr<LoadedModule>>& modules() {
    static auto* const modules = new std::vector<std::shared_ptr<LoadedModule>>;
    return *modules;
}

std::shared_ptr<LoadedModule> find_module(const void* handle) {
    for (const auto& module : modules())
        if (module.get() == handle) return module;
    return nullptr;
}

Function* find_function(void* handle, std::shared_ptr<LoadedModule>& owner) {
    for (const auto& module : modules()) {
        for (Function& function : module->functions) {
            if (&function != handle) continue;
            owner = module;
            return &function;
        }
    }
    return nullptr;
}

// The packed parameters of either calling convention, or a report.
int pack(const Kernel& kernel, void** parameters, void** extra, std::vector<unsigned char>& packed) {
    packed.assign(kernel.packed_bytes, 0);
    if (parameters != nullptr) {
        for (unsigned i = 0; i < kernel.parameter_count; ++i)
            std::memcpy(packed.data() + kernel.parameters[i].offset, parameters[i], kernel.parameters[i].size);
        return status::success;
    }
    const void* buffer = nullptr;
    std::size_t bytes = 0;
    for (; extra != nullptr && *extra != nullptr; extra += 2) {
        const auto key = reinterpret_cast<std::uintptr_t>(extra[0]);
        if (key == 1) buffer = extra[1];
        if (key == 2) bytes = *static_cast<const std::size_t*>(extra[1]);
    }
    const std::size_t padded = (kernel.packed_bytes + kernel.packed_alignment - 1) / kernel.packed_alignment * kernel.packed_alignment;
    if (bytes != kernel.packed_bytes && bytes != padded)
        return report(status::invalid_value, std::string("launch of ") + kernel.name + ": its " + std::to_string(kernel.parameter_count) +
                                                 " parameters take " + std::to_string(kernel.packed_bytes) +
                                                 " bytes, the argument block has " + std::to_string(bytes));
    if (buffer == nullptr && kernel.packed_bytes > 0)
        return report(status::invalid_value, std::string("launch of ") + kernel.name + ": no argument block");
    if (kernel.packed_bytes > 0) std::memcpy(packed.data(), buffer, kernel.packed_bytes);
    return status::success;
}

// A pointer parameter that points nowhere is an argument in the wrong place, or memory freed too early.
int check_pointers(const Kernel& kernel, const std::vector<unsigned char>& packed, int failure) {
    const Memory& memory = Memory::instance();
    for (unsigned i = 0; i < kernel.parameter_count; ++i) {
        if (!kernel.parameters[i].is_pointer) continue;
        const void* pointer;
        std::memcpy(&pointer, packed.data() + kernel.parameters[i].offset, sizeof pointer);
        if (memory.is_argument(pointer)) continue;
        return report(failure, std::string("launch of ") + kernel.name + ": parameter " + std::to_string(i) +
                                   " is a pointer, its argument is " + memory.describe(pointer));
    }
    return status::success;
}

int check_geometry(const Function& function, const Launch& launch) {
    const std::string name = std::string("launch of ") + function.kernel->name + ": ";
    const auto [gx, gy, gz] = launch.grid;
    const auto [bx, by, bz] = launch.block;
    if (gx == 0 || gy == 0 || gz == 0 || bx == 0 || by == 0 || bz == 0) return report(status::invalid_value, name + "a dimension is 0");
    if (gx > 0x7fffffffu || gy > 65535 || gz > 65535) return report(status::invalid_value, name + "the grid is too large");
    if (bx > 1024 || by > 1024 || bz > 64 || launch.threads() > 1024) return report(status::invalid_value, name + "the block is too large");
    if (launch.threads() > function.kernel->maximum_threads)
        return report(status::launch_out_of_resources, name + std::to_string(launch.threads()) +
                                                           " threads a block, its __launch_bounds__ allow " +
                                                           std::to_string(function.kernel->maximum_threads));
    if (launch.dynamic_bytes > static_cast<unsigned>(function.maximum_dynamic_shared))
        return report(status::invalid_value, name + std::to_string(launch.dynamic_bytes) + " bytes of dynamic shared memory, allowed are " +
                                                 std::to_string(function.maximum_dynamic_shared));
    return status::success;
}

// Every execution has an order of its own, also of the same launch in a graph, so that what depends on the order does not come out the same
// twice; and the n-th execution after a seed was set always has the same one.
std::uint64_t next_order() {
    std::uint64_t x = device().seed * 0x9E3779B97F4A7C15ull + (device().launches - device().launches_before_seed) * 0xD1342543DE82EF95ull;
    x = (x ^ x >> 32) * 0xBF58476D1CE4E5B9ull;
    return x ^ x >> 29;
}

int execute(const Launch& launch) {
    const std::uint64_t order = next_order();
    ++device().launches;
    if (const int failure = injected_failure("kernel"); failure != status::success) return failure;
    if (const int result = check_pointers(*launch.kernel, launch.parameters, status::illegal_address); result != status::success)
        return result;
    const Outcome outcome = run_grid(launch, order);
    return outcome.status == status::success ? status::success : report(outcome.status, outcome.text);
}

}  // namespace

CUDA_API int cuModuleLoadDataEx(void** handle, const void* image, unsigned, int*, void**) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    std::shared_ptr<LoadedModule> module;
    const int result = load_module(image, device().major, device().minor, module);
    if (result != status::success) return result;
    modules().push_back(module);
    ++device().modules;
    *handle = module.get();
    return status::success;
}

CUDA_API int cuModuleLoadData(void** handle, const void* image) { return cuModuleLoadDataEx(handle, image, 0, nullptr, nullptr); }

CUDA_API int cuModuleUnload(void* handle) {
    const Call call(__func__, Needs::release);
    if (call.status != status::success) return call.status;
    const auto module = find_module(handle);
    if (module == nullptr) return status::invalid_handle;
    Streams::instance().run_all();
    modules().erase(std::find(modules().begin(), modules().end(), module));
    --device().modules;
    return sticky_status();
}

CUDA_API int cuModuleGetFunction(void** function, void* handle, const char* name) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto module = find_module(handle);
    if (module == nullptr) return status::invalid_handle;
    for (Function& candidate : module->functions) {
        if (std::strcmp(candidate.kernel->name, name) != 0) continue;
        *function = &candidate;
        return status::success;
    }
    return report(status::not_found, std::string("cuModuleGetFunction: no kernel ") + name);
}

CUDA_API int cuFuncGetAttribute(int* value, int attribute, void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    std::shared_ptr<LoadedModule> owner;
    const Function* function = find_function(handle, owner);
    if (function == nullptr) return status::invalid_handle;
    switch (attribute) {
        case 0:
            *value = static_cast<int>(function->kernel->maximum_threads);
            return status::success;
        case 1:  // static shared bytes, constant bytes, local bytes: g++ does not say
        case 2:
        case 3:
            *value = 0;
            return status::success;
        case 4:
            *value = 32;
            return status::success;  // registers
        case 5:
        case 6:
            *value = owner->architecture;
            return status::success;
        case 7:
        case 9:
            *value = 0;
            return status::success;
        case 8:
            *value = function->maximum_dynamic_shared;
            return status::success;
        default:
            return report(status::invalid_value, "cuFuncGetAttribute: no attribute " + std::to_string(attribute));
    }
}

CUDA_API int cuFuncSetAttribute(void* handle, int attribute, int value) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    std::shared_ptr<LoadedModule> owner;
    Function* function = find_function(handle, owner);
    if (function == nullptr) return status::invalid_handle;
    if (attribute == 9) return status::success;  // the preferred carve-out
    if (attribute != 8) return report(status::invalid_value, "cuFuncSetAttribute: attribute " + std::to_string(attribute));
    if (value < 0 || value > static_cast<int>(SharedMemory::maximum_bytes))
        return report(status::invalid_value, std::string(function->kernel->name) + ": " + std::to_string(value) +
                                                 " bytes of dynamic shared memory, a block has " +
                                                 std::to_string(SharedMemory::maximum_bytes));
    function->maximum_dynamic_shared = std::max(value, default_dynamic_shared);
    return status::success;
}

CUDA_API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int threads, std::size_t shared_bytes) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const int by_threads = threads > 0 ? 2048 / threads : 0;
    *blocks = shared_bytes > 0 ? std::min(by_threads, static_cast<int>(233472 / shared_bytes)) : by_threads;
    return status::success;
}

CUDA_API int cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                            unsigned block_z, unsigned dynamic_bytes, void* stream_handle, void** parameters, void** extra) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    Launch launch;
    const Function* function = find_function(handle, launch.module);
    if (function == nullptr) return report(status::invalid_handle, "cuLaunchKernel: no such function");
    launch.kernel = function->kernel;
    launch.grid = {grid_x, grid_y, grid_z};
    launch.block = {block_x, block_y, block_z};
    launch.dynamic_bytes = dynamic_bytes;
    const auto stream = Streams::instance().find(stream_handle);
    if (stream == nullptr) return report(status::invalid_handle, "cuLaunchKernel: no such stream");
    if (Counter::instance().is_on() && !launch.module->table->counts)
        return report(status::invalid_value, std::string("launch of ") + launch.kernel->name + ": it is to be counted and was not compiled so");
    int result = check_geometry(*function, launch);
    if (result == status::success) result = pack(*function->kernel, parameters, extra, launch.parameters);
    if (result == status::success) result = check_pointers(*function->kernel, launch.parameters, status::invalid_value);
    if (result != status::success) return result;
    return Streams::instance().enqueue(stream, [launch = std::move(launch)] { return execute(launch); });
}
