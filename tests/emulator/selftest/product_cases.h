// product_cases.h: what the product cases lend to others
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "rig.h"

namespace selftest {

std::uint16_t to_bf16(float x);
float from_bf16(std::uint16_t x);
std::vector<std::uint16_t> bf16_ramp(std::size_t n, unsigned step);
double product_error(const Module& module, int m, int n, int k, int& status);

}  // namespace selftest
