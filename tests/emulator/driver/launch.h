// launch.h: one kernel launch, checked and packed, as the grid runs it
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../abi/kernel_abi.h"

namespace emulator {

struct LoadedModule;

struct Launch {
    std::shared_ptr<LoadedModule> module;
    const Kernel* kernel = nullptr;
    Index3 grid{}, block{};
    unsigned dynamic_bytes = 0;
    std::vector<unsigned char> parameters;

    unsigned threads() const { return block.x * block.y * block.z; }
    std::uint64_t blocks() const { return std::uint64_t{grid.x} * grid.y * grid.z; }
};

// How a launch ends: a driver status (0 is success) and what to tell.
struct Outcome {
    int status = 0;
    std::string text;
};

}  // namespace emulator
