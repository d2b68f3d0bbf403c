// compiler.h: one kernel file through g++
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace emulator {

struct Source {
    std::string name;
    std::string text;
};

struct CompileResult {
    bool is_compiled = false;
    std::string log;                     // g++'s, with file and line
    std::vector<unsigned char> image;    // the bytes of the shared library
};

// `definitions` are -D and -I options as g++ takes them. With `counts` the module tells the driver of its accesses to memory.
CompileResult compile(const Source& source, const std::vector<Source>& headers, std::vector<std::string> definitions, bool contracts,
                      bool counts);

}  // namespace emulator
