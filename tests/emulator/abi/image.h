// image.h: the "cubin" and the "PTX" that the stand-in NVRTC makes: a header and the bytes of a shared library
//
// The checksum lets the driver refuse a truncated or damaged image, as the real one refuses a broken ELF file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace emulator {

struct ImageHeader {
    char magic[8];
    std::uint32_t abi;
    std::uint32_t architecture;  // 90 for sm_90 and compute_90
    std::uint32_t is_specific;   // 1 for sm_90a and compute_90a: for devices of exactly that capability
    std::uint32_t unused;
    std::uint64_t bytes;  // of the library behind this header
    std::uint64_t checksum;
};

constexpr char cubin_magic[8] = {'N', 'F', 'E', 'M', 'U', 'B', 'I', 'N'};
constexpr char ptx_magic[8] = {'N', 'F', 'E', 'M', 'U', 'P', 'T', 'X'};

// FNV-1a, eight bytes at a time.
inline std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t hash = 0xcbf29ce484222325ull) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (; bytes >= 8; p += 8, bytes -= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        hash = (hash ^ word) * 0x100000001b3ull;
        hash ^= hash >> 29;
    }
    for (; bytes > 0; ++p, --bytes) hash = (hash ^ *p) * 0x100000001b3ull;
    return hash ^ hash >> 32;
}

}  // namespace emulator
