// vectors.cuh: CUDA's vector types and how they are made
//
// may_alias: a kernel reads 16 bytes of floats or bf16 as one uint4, which CUDA's compiler allows.
#pragma once

#define EMULATOR_VECTOR(type, element, alignment2, alignment4)                              \
    struct __attribute__((aligned(alignment2), may_alias)) type##2 {                        \
        element x, y;                                                                       \
    };                                                                                      \
    struct __attribute__((may_alias)) type##3 {                                             \
        element x, y, z;                                                                    \
    };                                                                                      \
    struct __attribute__((aligned(alignment4), may_alias)) type##4 {                        \
        element x, y, z, w;                                                                 \
    };                                                                                      \
    constexpr type##2 make_##type##2(element x, element y) { return {x, y}; }               \
    constexpr type##3 make_##type##3(element x, element y, element z) { return {x, y, z}; } \
    constexpr type##4 make_##type##4(element x, element y, element z, element w) { return {x, y, z, w}; }

EMULATOR_VECTOR(float, float, 8, 16)
EMULATOR_VECTOR(double, double, 16, 16)
EMULATOR_VECTOR(int, int, 8, 16)
EMULATOR_VECTOR(uint, unsigned, 8, 16)
EMULATOR_VECTOR(longlong, long long, 16, 16)
EMULATOR_VECTOR(ulonglong, unsigned long long, 16, 16)
EMULATOR_VECTOR(short, short, 4, 8)
EMULATOR_VECTOR(ushort, unsigned short, 4, 8)
EMULATOR_VECTOR(char, signed char, 2, 4)
EMULATOR_VECTOR(uchar, unsigned char, 2, 4)

#undef EMULATOR_VECTOR

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
