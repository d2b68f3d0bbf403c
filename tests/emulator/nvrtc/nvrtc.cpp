// nvrtc.cpp: NVRTC's interface over g++
#include <cstring>
#include <string>
#include <vector>

#include "../abi/image.h"
#include "../abi/kernel_abi.h"
#include "compiler.h"

#define NVRTC_API extern "C" __attribute__((visibility("default")))

extern "C" int emulator_injected_failure(const char* function);
extern "C" int emulator_is_counting();

namespace {

using emulator::ImageHeader;
using emulator::Source;

constexpr int success = 0, invalid_input = 3, invalid_program = 4, invalid_option = 5, compilation = 6;
constexpr int architectures[] = {75, 80, 86, 89, 90};

struct Program {
    Source source;
    std::vector<Source> headers;
    std::string log;
    std::vector<unsigned char> cubin, ptx;
};

struct Options {
    int architecture = 75;
    bool is_virtual = false;
    bool is_specific = false;  // sm_90a and compute_90a: what only that device has
    bool contracts = true;
    std::vector<std::string> definitions;
};

bool starts_with(const std::string& text, const char* start) { return text.compare(0, std::strlen(start), start) == 0; }

// What NVRTC 11.8 takes and has no meaning for g++.
bool is_ignored(const std::string& option) {
    for (const char* known : {"-std",
                              "--std",
                              "-lineinfo",
                              "--generate-line-info",
                              "-G",
                              "--device-debug",
                              "--ptxas-options",
                              "-Xptxas",
                              "--maxrregcount",
                              "-maxrregcount",
                              "--use_fast_math",
                              "-use_fast_math",
                              "--ftz",
                              "-ftz",
                              "--prec-div",
                              "--prec-sqrt",
                              "-default-device",
                              "--device-as-default-execution-space",
                              "--restrict",
                              "-restrict",
                              "-dopt",
                              "--dopt",
                              "--extra-device-vectorization",
                              "--disable-warnings",
                              "-w",
                              "--display-error-number",
                              "--diag-suppress",
                              "--relocatable-device-code",
                              "-rdc"})
        if (starts_with(option, known)) return true;
    return false;
}

bool parse(const std::vector<std::string>& texts, Options& options, std::string& log) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::string option = texts[i];
        const std::size_t equals = option.find('=');
        const std::string key = option.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
        if (key == "--gpu-architecture" || key == "-arch") {
            if (equals == std::string::npos && i + 1 < texts.size()) value = texts[++i];
            options.is_virtual = starts_with(value, "compute_");
            options.is_specific = value.size() > 3 && value.compare(value.size() - 3, 3, "90a") == 0;
            if (options.is_specific) value.pop_back();
            options.architecture = std::atoi(value.c_str() + (options.is_virtual ? 8 : 3));
            bool known = false;
            for (const int architecture : architectures) known = known || architecture == options.architecture;
            if (known && (options.is_virtual || starts_with(value, "sm_"))) continue;
            log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
            return false;
        }
        if (key == "--fmad" || key == "-fmad") {
            options.contracts = value != "false";
        } else if (key == "--define-macro") {
            options.definitions.push_back("-D" + value);
        } else if (key == "--include-path") {
            options.definitions.push_back("-I" + value);
        } else if (starts_with(option, "-D") || starts_with(option, "-U") || starts_with(option, "-I")) {
            if (option.size() == 2 && i + 1 < texts.size()) option += texts[++i];
            options.definitions.push_back(option);
        } else if (!is_ignored(option)) {
            log = "nvrtc: error: unrecognized option " + option + " found\n";
            return false;
        }
    }
    return true;
}

std::vector<unsigned char> image(const char (&magic)[8], const Options& options, const std::vector<unsigned char>& library) {
    ImageHeader header{};
    std::memcpy(header.magic, magic, sizeof header.magic);
    header.abi = emulator::abi_version;
    header.architecture = static_cast<std::uint32_t>(options.architecture);
    header.is_specific = options.is_specific ? 1 : 0;
    header.bytes = library.size();
    header.checksum = emulator::checksum(library.data(), library.size());
    std::vector<unsigned char> bytes(sizeof header + library.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, library.data(), library.size());
    return bytes;
}

int size_of(const char* function, const std::vector<unsigned char>& bytes, std::size_t* size) {
    if (const int failure = emulator_injected_failure(function); failure != 0) return failure;
    if (size == nullptr) return invalid_input;
    *size = bytes.size();
    return success;
}

int copy_of(const char* function, const std::vector<unsigned char>& bytes, char* destination) {
    if (const int failure = emulator_injected_failure(function); failure != 0) return failure;
    if (destination == nullptr) return invalid_input;
    std::memcpy(destination, bytes.data(), bytes.size());
    return success;
}

}  // namespace

// 12.99 does not exist, so that whoever keeps compiled kernels by the compiler's version never mixes these with real ones.
NVRTC_API int nvrtcVersion(int* major, int* minor) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    *major = 12, *minor = 99;
    return success;
}

NVRTC_API int nvrtcGetNumSupportedArchs(int* count) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    *count = static_cast<int>(sizeof architectures / sizeof *architectures);
    return success;
}

NVRTC_API int nvrtcGetSupportedArchs(int* supported) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    std::memcpy(supported, architectures, sizeof architectures);
    return success;
}

NVRTC_API const char* nvrtcGetErrorString(int status) {
    static constexpr const char* names[] = {"NVRTC_SUCCESS",
                                            "NVRTC_ERROR_OUT_OF_MEMORY",
                                            "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
                                            "NVRTC_ERROR_INVALID_INPUT",
                                            "NVRTC_ERROR_INVALID_PROGRAM",
                                            "NVRTC_ERROR_INVALID_OPTION",
                                            "NVRTC_ERROR_COMPILATION",
                                            "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"};
    return status >= 0 && status < static_cast<int>(sizeof names / sizeof *names) ? names[status] : "NVRTC_ERROR unknown";
}

NVRTC_API int nvrtcCreateProgram(Program** program, const char* source, const char* name, int header_count, const char* const* headers,
                                 const char* const* names) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    if (program == nullptr || source == nullptr || header_count < 0) return invalid_input;
    auto* created = new Program;
    created->source = {name != nullptr && *name != 0 ? name : "default_program", source};
    for (int i = 0; i < header_count; ++i) created->headers.push_back({names[i], headers[i]});
    *program = created;
    return success;
}

NVRTC_API int nvrtcDestroyProgram(Program** program) {
    if (program == nullptr || *program == nullptr) return invalid_program;
    delete *program;
    *program = nullptr;
    return success;
}

NVRTC_API int nvrtcCompileProgram(Program* program, int count, const char* const* texts) {
    if (const int failure = emulator_injected_failure(__func__); failure != 0) return failure;
    if (program == nullptr) return invalid_program;
    Options options;
    if (!parse({texts, texts + count}, options, program->log)) return invalid_option;
    if (options.is_specific) options.definitions.push_back("-D__CUDA_ARCH_FEAT_SM90_ALL");
    const emulator::CompileResult result =
        emulator::compile(program->source, program->headers, options.definitions, options.contracts, emulator_is_counting() != 0);
    program->log = result.log;
    if (!result.is_compiled) return compilation;
    program->ptx = image(emulator::ptx_magic, options, result.image);
    if (!options.is_virtual) program->cubin = image(emulator::cubin_magic, options, result.image);
    return success;
}

NVRTC_API int nvrtcGetCUBINSize(Program* program, std::size_t* size) { return size_of(__func__, program->cubin, size); }

NVRTC_API int nvrtcGetCUBIN(Program* program, char* destination) { return copy_of(__func__, program->cubin, destination); }

NVRTC_API int nvrtcGetPTXSize(Program* program, std::size_t* size) { return size_of(__func__, program->ptx, size); }

NVRTC_API int nvrtcGetPTX(Program* program, char* destination) { return copy_of(__func__, program->ptx, destination); }

NVRTC_API int nvrtcGetProgramLogSize(Program* program, std::size_t* size) {
    if (program == nullptr || size == nullptr) return invalid_program;
    *size = program->log.size() + 1;
    return success;
}

NVRTC_API int nvrtcGetProgramLog(Program* program, char* destination) {
    if (program == nullptr || destination == nullptr) return invalid_program;
    std::memcpy(destination, program->log.c_str(), program->log.size() + 1);
    return success;
}
