// site.h: a place in a kernel's text, where a lane waits or asks for something
#pragma once

#include <cstring>
#include <string>

namespace emulator {

struct Site {
    const char* file;
    int line;

    bool operator==(const Site& other) const { return line == other.line && (file == other.file || std::strcmp(file, other.file) == 0); }
    bool operator!=(const Site& other) const { return !(*this == other); }
    std::string text() const { return std::string(file) + ":" + std::to_string(line); }
};

}  // namespace emulator
