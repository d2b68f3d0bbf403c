// entry_points.h: the kernels of a preprocessed file
//
// g++ does not know __global__ and __launch_bounds__(...). Both are left in the text while it is preprocessed (so that kernels made by
// macros are found as well), read here, and taken out; what the driver needs to call the kernels is appended as C++.
#pragma once

#include <string>
#include <vector>

namespace emulator {

struct EntryPoint {
    std::string name;
    std::string bounds;  // what __launch_bounds__ was given, or empty
};

// Removes the qualifiers from `text` and lists the extern "C" kernels.
std::vector<EntryPoint> take_entry_points(std::string& text);

// The C++ that describes them to the driver.
std::string describe(const std::vector<EntryPoint>& entries);

}  // namespace emulator
