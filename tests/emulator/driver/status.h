// status.h: the driver API's status codes that the emulator gives
#pragma once

namespace emulator::status {

constexpr int success = 0;
constexpr int invalid_value = 1;
constexpr int out_of_memory = 2;
constexpr int not_initialized = 3;
constexpr int no_device = 100;
constexpr int invalid_device = 101;
constexpr int invalid_image = 200;
constexpr int invalid_context = 201;
constexpr int no_binary_for_gpu = 209;
constexpr int invalid_handle = 400;
constexpr int not_found = 500;
constexpr int not_ready = 600;
constexpr int illegal_address = 700;
constexpr int launch_out_of_resources = 701;
constexpr int launch_failed = 719;
constexpr int not_supported = 801;
constexpr int capture_unsupported = 900;
constexpr int capture_invalidated = 901;
constexpr int unknown = 999;

}  // namespace emulator::status
