// warpgroup_matrices.h: one warp's part of a wgmma, 16 rows: operands from shared memory by their descriptors, and the sum
#pragma once

#include <string>

#include "../abi/kernel_abi.h"

namespace emulator {

class Worker;

constexpr unsigned maximum_columns = 128;

using WarpRows = float[16][maximum_columns];

// What is wrong with a descriptor by itself, or nothing.
std::string descriptor_mistake(unsigned long long descriptor);

// sum (16, 8 eights) = [sum] + a b. `a` are the 32 lanes' registers where the product has them; else the rows of `warp` (0 .. 3) are read.
void multiply_warp_rows(Worker& worker, const WarpgroupProduct& product, unsigned warp, const unsigned* const* a, WarpRows& sum);

}  // namespace emulator
