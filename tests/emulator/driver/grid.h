// grid.h: the blocks of a launch over OS threads
#pragma once

#include <functional>

#include "launch.h"

namespace emulator {

// Runs `work` on the emulator's first thread, which has fibers and a fault handler, and waits for it.
void on_device_thread(const std::function<void()>& work);

// Runs a launch to its end; only from within on_device_thread. Blocks, warps and lanes run in an order drawn from `order`.
Outcome run_grid(const Launch& launch, std::uint64_t order);

}  // namespace emulator
