// mathematics.cuh: CUDA's arithmetic built-ins, by the C library and GCC's own built-ins
#pragma once

extern "C" {
float expf(float);
float exp2f(float);
float expm1f(float);
float logf(float);
float log2f(float);
float log1pf(float);
float log10f(float);
float powf(float, float);
float sinf(float);
float cosf(float);
float tanhf(float);
float erff(float);
float sqrtf(float);
float fmaf(float, float, float);
float fabsf(float);
float floorf(float);
float ceilf(float);
float rintf(float);
float roundf(float);
float truncf(float);
float fmodf(float, float);
float copysignf(float, float);
float ldexpf(float, int);
float cbrtf(float);
float hypotf(float, float);
double exp(double);
double exp2(double);
double expm1(double);
double log(double);
double log2(double);
double log1p(double);
double pow(double, double);
double sin(double);
double cos(double);
double tanh(double);
double sqrt(double);
double fma(double, double, double);
double fabs(double);
double floor(double);
double ceil(double);
double rint(double);
double copysign(double, double);
double hypot(double, double);
int abs(int);
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);
}

#define EMULATOR_OVERLOAD(name) \
    inline float name(float x) { return name##f(x); }
EMULATOR_OVERLOAD(exp)
EMULATOR_OVERLOAD(exp2)
EMULATOR_OVERLOAD(expm1)
EMULATOR_OVERLOAD(log)
EMULATOR_OVERLOAD(log2)
EMULATOR_OVERLOAD(log1p)
EMULATOR_OVERLOAD(sin)
EMULATOR_OVERLOAD(cos)
EMULATOR_OVERLOAD(tanh)
EMULATOR_OVERLOAD(sqrt)
EMULATOR_OVERLOAD(fabs)
EMULATOR_OVERLOAD(floor)
EMULATOR_OVERLOAD(ceil)
EMULATOR_OVERLOAD(rint)
#undef EMULATOR_OVERLOAD

inline float pow(float x, float y) { return powf(x, y); }
inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
inline float copysign(float x, float y) { return copysignf(x, y); }
inline float abs(float x) { return fabsf(x); }
inline double abs(double x) { return fabs(x); }
inline long long abs(long long x) { return x < 0 ? -x : x; }

// A maximum with a NaN is the other operand, as on the device.
inline float fmaxf(float x, float y) { return __builtin_isnan(x) ? y : x < y ? y : x; }
inline float fminf(float x, float y) { return __builtin_isnan(x) ? y : y < x ? y : x; }
inline double fmax(double x, double y) { return __builtin_isnan(x) ? y : x < y ? y : x; }
inline double fmin(double x, double y) { return __builtin_isnan(x) ? y : y < x ? y : x; }

#define EMULATOR_ORDER(type)                                     \
    constexpr type min(type x, type y) { return y < x ? y : x; } \
    constexpr type max(type x, type y) { return x < y ? y : x; }
EMULATOR_ORDER(int)
EMULATOR_ORDER(unsigned)
EMULATOR_ORDER(long)
EMULATOR_ORDER(unsigned long)
EMULATOR_ORDER(long long)
EMULATOR_ORDER(unsigned long long)
#undef EMULATOR_ORDER
inline float min(float x, float y) { return fminf(x, y); }
inline float max(float x, float y) { return fmaxf(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }

constexpr bool isnan(float x) { return __builtin_isnan(x); }
constexpr bool isnan(double x) { return __builtin_isnan(x); }
constexpr bool isinf(float x) { return __builtin_isinf(x); }
constexpr bool isinf(double x) { return __builtin_isinf(x); }
constexpr bool isfinite(float x) { return __builtin_isfinite(x); }
constexpr bool isfinite(double x) { return __builtin_isfinite(x); }
constexpr bool signbit(float x) { return __builtin_signbit(x); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }

// The result of these is rounded once whatever the compiler contracts.
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
__noinline__ inline float __fmul_rn(float x, float y) { return x * y; }
__noinline__ inline float __fadd_rn(float x, float y) { return x + y; }
__noinline__ inline float __fsub_rn(float x, float y) { return x - y; }
__noinline__ inline float __fdiv_rn(float x, float y) { return x / y; }
__noinline__ inline double __dmul_rn(double x, double y) { return x * y; }
__noinline__ inline double __dadd_rn(double x, double y) { return x + y; }
inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }

namespace emulator {
template <typename To, typename From>
__forceinline__ To bits(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To y;
    __builtin_memcpy(&y, &x, sizeof y);
    return y;
}
}  // namespace emulator

inline unsigned __float_as_uint(float x) { return emulator::bits<unsigned>(x); }
inline int __float_as_int(float x) { return emulator::bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emulator::bits<float>(x); }
inline float __int_as_float(int x) { return emulator::bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulator::bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulator::bits<double>(x); }

inline unsigned __umulhi(unsigned x, unsigned y) { return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32); }
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<long long>(x) * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) {
    unsigned y = 0;
    for (int i = 0; i < 32; ++i) y |= (x >> i & 1u) << (31 - i);
    return y;
}

template <typename T>
__forceinline__ T __ldg(const T* p) {
    return *p;
}

template <typename T>
__forceinline__ T __ldcs(const T* p) {
    return *p;
}

template <typename T>
__forceinline__ void __stcs(T* p, T value) {
    *p = value;
}
