// ptx.cuh: the functions of kernels/device/ptx.cuh in plain C++, for the emulator
//
// Same names, same meaning; each comment says only what the emulator adds.
#pragma once

// Lies against a guard page, is full of NaN at the start of a block, and is checked behind its requested size.
#define DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(::emulator::self().dynamic_shared)

namespace emulator {

// Round to nearest even; a NaN becomes the canonical one.
inline unsigned round_to_bf16(float x) {
    const unsigned word = __float_as_uint(x);
    if ((word & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
    return (word + 0x7fffu + (word >> 16 & 1u)) >> 16;
}

// Denormals count as zero, as with .ftz.
inline float flush(float x) { return (__float_as_uint(x) & 0x7f800000u) == 0 ? copysignf(0.0f, x) : x; }

}  // namespace emulator

inline unsigned pack_bf16x2(float low, float high) { return emulator::round_to_bf16(high) << 16 | emulator::round_to_bf16(low); }

inline float exp2_approx(float x) { return emulator::flush(exp2f(emulator::flush(x))); }

inline float reciprocal_approx(float x) { return emulator::flush(1.0f / emulator::flush(x)); }

// All 32 lanes must come.
inline void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, EMULATOR_SITE) {
    emulator::MatrixProduct operand{d, a, b0, b1};
    emulator::runtime->collective(&emulator::self(), 0xffffffffu, emulator::runtime->multiply, &operand, file, line);
}

inline void ldmatrix_x4(unsigned (&r)[4], const void* shared_row, EMULATOR_SITE) {
    emulator::MatrixLoad operand{r, shared_row};
    emulator::runtime->collective(&emulator::self(), 0xffffffffu, emulator::runtime->load_matrices, &operand, file, line);
}

inline void ldmatrix_x4_transposed(unsigned (&r)[4], const void* shared_row, EMULATOR_SITE) {
    emulator::MatrixLoad operand{r, shared_row};
    emulator::runtime->collective(&emulator::self(), 0xffffffffu, emulator::runtime->load_matrices_transposed, &operand, file, line);
}

// The destination is NaN from here until the wait that covers the copy.
inline void copy_async_16(void* shared, const void* global, bool valid) {
    emulator::runtime->copy_async(&emulator::self(), shared, global, 16, valid);
}

inline void copy_async_4(void* shared, const void* global, bool valid) {
    emulator::runtime->copy_async(&emulator::self(), shared, global, 4, valid);
}

inline void copy_async_commit() { emulator::runtime->commit(&emulator::self()); }

template <int Pending>
inline void copy_async_wait() {
    emulator::runtime->wait(&emulator::self(), Pending);
}
