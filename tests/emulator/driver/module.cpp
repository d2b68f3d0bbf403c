#include "module.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>

#include "../abi/image.h"
#include "report.h"
#include "runtime.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

// A copy of memory that may not be there: the driver is given no length, and a truncated image must not end the process.
bool read_own_memory(const void* source, void* destination, std::size_t bytes) {
    iovec from{const_cast<void*>(source), bytes}, to{destination, bytes};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == static_cast<ssize_t>(bytes);
}

bool write_all(int file, const unsigned char* data, std::size_t bytes) {
    while (bytes > 0) {
        const ssize_t written = write(file, data, bytes);
        if (written <= 0) return false;
        data += written, bytes -= static_cast<std::size_t>(written);
    }
    return true;
}

}  // namespace

LoadedModule::~LoadedModule() {
    if (library != nullptr) dlclose(library);
    if (file >= 0) close(file);
}

int load_module(const void* image, int device_major, int device_minor, std::shared_ptr<LoadedModule>& module) {
    static std::uint64_t next_id = 1;
    ImageHeader header;
    if (image == nullptr) return status::invalid_value;
    if (!read_own_memory(image, &header, sizeof header)) return report(status::invalid_image, "module: the image ends within its header");
    const bool is_cubin = std::memcmp(header.magic, cubin_magic, sizeof header.magic) == 0;
    if (!is_cubin && std::memcmp(header.magic, ptx_magic, sizeof header.magic) != 0)
        return report(status::invalid_image, "module: the image is neither a cubin nor PTX of this emulator");
    const int major = static_cast<int>(header.architecture) / 10, minor = static_cast<int>(header.architecture) % 10;
    const bool is_specific = header.is_specific != 0, is_same = major == device_major && minor == device_minor;
    const bool fits = is_specific ? is_same
                      : is_cubin  ? major == device_major && minor <= device_minor
                                  : major * 10 + minor <= device_major * 10 + device_minor;
    if (!fits || header.abi != abi_version)
        return report(status::no_binary_for_gpu, "module: made for " + std::string(is_cubin ? "sm_" : "compute_") +
                                                     std::to_string(header.architecture) + (is_specific ? "a" : "") +
                                                     ", the device is sm_" + std::to_string(device_major * 10 + device_minor));
    std::vector<unsigned char> bytes;
    if (header.bytes < (1u << 30)) bytes.resize(header.bytes);
    if (bytes.empty() || !read_own_memory(static_cast<const unsigned char*>(image) + sizeof header, bytes.data(), bytes.size()) ||
        checksum(bytes.data(), bytes.size()) != header.checksum)
        return report(status::invalid_image, "module: the image is damaged or truncated");

    auto loaded = std::make_shared<LoadedModule>();
    loaded->id = next_id++;
    loaded->architecture = static_cast<int>(header.architecture);
    loaded->is_specific = is_specific;
    loaded->file = memfd_create("nativefl-kernels", MFD_CLOEXEC);
    if (loaded->file < 0 || !write_all(loaded->file, bytes.data(), bytes.size()))
        return report(status::out_of_memory, "module: no memory for the image");
    const std::string path = "/proc/self/fd/" + std::to_string(loaded->file);
    loaded->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (loaded->library == nullptr) return report(status::invalid_image, std::string("module: ") + dlerror());
    loaded->table = static_cast<const Module*>(dlsym(loaded->library, "emulator_module"));
    if (loaded->table == nullptr || loaded->table->version != abi_version)
        return report(status::invalid_image, "module: made by another emulator");
    *loaded->table->runtime = &device_runtime();
    *loaded->table->selves = Worker::selves_for_modules();
    loaded->functions.reserve(loaded->table->kernel_count);
    for (unsigned i = 0; i < loaded->table->kernel_count; ++i)
        loaded->functions.push_back({loaded.get(), loaded->table->kernels[i], 48 * 1024});
    module = std::move(loaded);
    return status::success;
}

}  // namespace emulator
