#include "compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "../abi/image.h"
#include "../abi/kernel_abi.h"
#include "entry_points.h"

extern char** environ;

namespace emulator {

namespace {

namespace files = std::filesystem;

constexpr char compiler_path[] = NATIVEFL_EMULATOR_CXX;
constexpr char built_in_include[] = NATIVEFL_EMULATOR_SOURCE;

files::path include_folder() {
    const char* moved = std::getenv("NATIVEFL_EMULATOR_INCLUDE");
    return moved != nullptr && *moved != 0 ? moved : built_in_include;
}

// lib/libnvrtc.so.12 -> cache
files::path cache_folder() {
    Dl_info information{};
    if (dladdr(reinterpret_cast<const void*>(&include_folder), &information) == 0) return {};
    return files::path(information.dli_fname).parent_path().parent_path() / "cache";
}

std::string read_text(const files::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool write_text(const files::path& path, const std::string& text) {
    std::error_code error;
    files::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    file << text;
    return static_cast<bool>(file.flush());
}

struct Folder {
    files::path path;

    Folder() {
        std::string name = (files::temp_directory_path() / "nativefl-emulator-XXXXXX").string();
        if (mkdtemp(name.data()) != nullptr) path = name;
    }
    ~Folder() {
        std::error_code error;
        if (!path.empty()) files::remove_all(path, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

// Runs a program in a folder, its stderr into a file there. Its exit status, or -1.
int run(const files::path& folder, std::vector<std::string> arguments) {
    const std::string log = (folder / "log").string();
    arguments.insert(arguments.begin(), {"/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder.string()});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    pid_t child = -1;
    const int failure = posix_spawn(&child, "/bin/sh", &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return -1;
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The text of a header: these two are the emulator's own.
std::string text_of(const Source& header) {
    const files::path name = files::path(header.name).filename();
    if (name != "ptx.cuh" && name != "ptx_sm90a.cuh") return header.text;
    return read_text(include_folder() / "device" / name);
}

std::vector<std::string> flags(bool contracts) {
    std::vector<std::string> flags{"-O2",
                                   "-fPIC",
                                   "-w",
                                   "-std=c++17",
                                   "-fvisibility=hidden",
                                   "-fno-exceptions",
                                   "-fno-rtti",
                                   "-fno-gnu-unique",
                                   "-fno-strict-aliasing",
                                   "-fno-ipa-reference",
                                   "-fno-math-errno",
                                   "-fno-trapping-math",
                                   "-fstack-clash-protection",
                                   contracts ? "-ffp-contract=fast" : "-ffp-contract=off",
                                   "-fsanitize=alignment,bounds",
                                   "-fsanitize-undefined-trap-on-error"};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        flags.push_back("-march=x86-64-v3");
#endif
    return flags;
}

// What is counted are the accesses that the kernel's text asks for: each once, as wide as written, and one call a place in the text. So
// nothing may take vectors apart, copy a call into several places, make one of several, or put library calls in the place of loops.
void add_counting_flags(std::vector<std::string>& flags) {
    flags[0] = "-O1";
    flags.insert(flags.end(),
                 {"-fsanitize=thread", "-fno-tree-sra", "-fno-tree-loop-distribute-patterns", "-fno-tree-pre", "-fno-code-hoisting",
                  "-fno-thread-jumps", "-fno-split-paths", "-fno-unswitch-loops", "-fno-tree-tail-merge", "-fno-crossjumping"});
}

std::uint64_t mix(std::uint64_t hash, const std::string& text) {
    const std::uint64_t length = text.size();
    return checksum(text.data(), text.size(), checksum(&length, sizeof length, hash));
}

// Everything that the library depends on, besides the version of g++, which CMake's path stands for.
std::string key(const Source& source, const std::vector<Source>& headers, const std::vector<std::string>& options) {
    std::uint64_t first = 1, second = 2;
    const auto add = [&](const std::string& text) { first = mix(first, text), second = mix(second, text); };
    add(source.name), add(source.text);
    for (const Source& header : headers) add(header.name), add(header.text);
    for (const std::string& option : options) add(option);
    add(compiler_path), add(NATIVEFL_EMULATOR_CXX_VERSION), add(std::to_string(abi_version));
    std::vector<files::path> own;
    std::error_code error;
    for (const char* folder : {"device", "abi"})
        for (const auto& entry : files::directory_iterator(include_folder() / folder, error)) own.push_back(entry.path());
    std::sort(own.begin(), own.end());
    for (const files::path& path : own) add(path.filename().string()), add(read_text(path));
    char text[40];
    std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(first), static_cast<unsigned long long>(second));
    return text;
}

// Written beside its place and renamed into it, so that processes that do the same at once do not disturb each other.
void keep(const files::path& entry, const std::string& bytes) {
    std::error_code error;
    files::create_directories(entry.parent_path(), error);
    const files::path temporary = entry.string() + "." + std::to_string(getpid()) + ".tmp";
    if (!write_text(temporary, bytes)) {
        files::remove(temporary, error);
        return;
    }
    files::rename(temporary, entry, error);
    if (error) files::remove(temporary, error);
}

}  // namespace

CompileResult compile(const Source& source, const std::vector<Source>& headers, std::vector<std::string> definitions, bool contracts,
                      bool counts) {
    CompileResult result;
    std::vector<std::string> options = flags(contracts);
    if (counts) add_counting_flags(options);
    if (counts) definitions.push_back("-DEMULATOR_COUNTS");
    options.insert(options.end(), definitions.begin(), definitions.end());
    const files::path cache = cache_folder(),
                      entry = cache / (files::path(source.name).stem().string() + "." + key(source, headers, options) + ".so");
    if (const std::string kept = read_text(entry); !kept.empty()) {
        result.image.assign(kept.begin(), kept.end());
        result.is_compiled = true;
        return result;
    }

    const Folder folder;
    const std::string name =
        files::path(source.name).lexically_normal().is_absolute() ? files::path(source.name).filename().string() : source.name;
    bool is_written = !folder.path.empty() && write_text(folder.path / name, source.text);
    for (const Source& header : headers) {
        const files::path place = files::path(header.name).lexically_normal().relative_path();
        if (!place.empty() && *place.begin() != "..") is_written = is_written && write_text(folder.path / place, text_of(header));
    }
    if (!is_written || !files::exists(include_folder() / "device" / "ptx.cuh")) {
        result.log = "emulator: cannot write the sources, or " + include_folder().string() + " is not the emulator's folder\n";
        return result;
    }
    std::vector<std::string> preprocess{compiler_path, "-E", "-x", "c++", "-std=c++17"};
    preprocess.insert(preprocess.end(), definitions.begin(), definitions.end());
    preprocess.insert(preprocess.end(),
                      {"-I", ".", "-include", (include_folder() / "device" / "builtins.cuh").string(), name, "-o", "kernel.ii"});
    bool done = run(folder.path, preprocess) == 0;
    if (done) {
        std::string text = read_text(folder.path / "kernel.ii");
        const auto entries = take_entry_points(text);
        // The macros of entry.cuh are gone from preprocessed text; they are read once more in front of their use.
        std::string macros = read_text(include_folder() / "device" / "entry.cuh");
        macros.erase(0, macros.find("#define EMULATOR_ENTRY"));
        done = write_text(folder.path / "kernel.cc", text + "\n" + macros + describe(entries));
        std::vector<std::string> build{compiler_path};
        build.insert(build.end(), options.begin(), options.end());
        build.insert(build.end(), {"-c", "-x", "c++", "kernel.cc", "-o", "kernel.o"});
        // Linked by itself: told of -fsanitize=thread, g++ would add that library.
        done =
            done && run(folder.path, build) == 0 && run(folder.path, {compiler_path, "-shared", "kernel.o", "-o", "kernel.so", "-lm"}) == 0;
    }
    result.log = read_text(folder.path / "log");
    if (!done) {
        if (result.log.empty()) result.log = std::string("emulator: cannot run ") + compiler_path + "\n";
        return result;
    }
    const std::string bytes = read_text(folder.path / "kernel.so");
    keep(entry, bytes);
    result.image.assign(bytes.begin(), bytes.end());
    result.is_compiled = !bytes.empty();
    return result;
}

}  // namespace emulator
