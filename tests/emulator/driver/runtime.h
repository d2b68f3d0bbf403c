// runtime.h: the table of functions that device code calls
#pragma once

#include "../abi/kernel_abi.h"

namespace emulator {

const Runtime& device_runtime();

// The tensor-core instructions, see matrices.cpp.
Combine multiply_matrices();
Combine load_matrices();
Combine load_matrices_transposed();

}  // namespace emulator
