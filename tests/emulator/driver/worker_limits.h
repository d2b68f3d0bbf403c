// worker_limits.h: how large a block and its warps are
#pragma once

namespace emulator {

constexpr unsigned warp_lanes = 32;
constexpr unsigned maximum_threads = 1024;

}  // namespace emulator
