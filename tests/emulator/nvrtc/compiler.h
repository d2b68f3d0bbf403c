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

// `definitions` are -D and -I options as g++ takes them.
CompileResult compile(const Source& source, const std::vector<Source>& headers, const std::vector<std::string>& definitions,
                      bool contracts);

}  // namespace emulator
