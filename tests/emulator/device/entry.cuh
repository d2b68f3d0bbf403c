// entry.cuh: from a kernel's function type to a function that takes its packed parameters
//
// The stand-in NVRTC appends EMULATOR_ENTRY(name, bounds) for every extern "C" __global__ function, and EMULATOR_MODULE(...) at the end.
#pragma once

namespace emulator {

template <typename T>
struct IsPointer {
    static constexpr bool value = false;
};

template <typename T>
struct IsPointer<T*> {
    static constexpr bool value = true;
};

template <unsigned... I>
struct Sequence {};

template <typename... P>
struct Parameters {
    static constexpr unsigned count = sizeof...(P);
    struct Table {
        Parameter of[count == 0 ? 1 : count];
        unsigned bytes, alignment;
    };

    // Natural alignment, in order: the layout of a C struct with the same fields.
    static constexpr Table layout() {
        Table table{};
        constexpr unsigned sizes[] = {sizeof(P)..., 0}, alignments[] = {alignof(P)..., 1};
        constexpr bool pointers[] = {IsPointer<P>::value..., false};
        unsigned offset = 0;
        table.alignment = 1;
        for (unsigned i = 0; i < count; ++i) {
            offset = (offset + alignments[i] - 1) / alignments[i] * alignments[i];
            table.of[i] = {offset, sizes[i], pointers[i]};
            offset += sizes[i];
            if (alignments[i] > table.alignment) table.alignment = alignments[i];
        }
        table.bytes = offset;
        return table;
    }

    static constexpr Table table = layout();

    template <void (*F)(P...), unsigned... I>
    static void call(const unsigned char* packed, Sequence<I...>) {
        F(*reinterpret_cast<const P*>(packed + table.of[I].offset)...);
    }
};

template <auto F>
struct Entry;

template <typename... P, void (*F)(P...)>
struct Entry<F> {
    using Layout = Parameters<P...>;

    static void invoke(const unsigned char* packed) { Layout::template call<F>(packed, Sequence<__integer_pack(sizeof...(P))...>()); }

    static constexpr Kernel describe(const char* name, unsigned maximum_threads) {
        return {name, invoke, Layout::table.of, Layout::count, Layout::table.bytes, Layout::table.alignment, maximum_threads};
    }
};

static thread_local unsigned char shared_anchor;

inline void* touch_shared() { return &shared_anchor; }

#ifdef EMULATOR_COUNTS
constexpr bool counts = true;
#else
constexpr bool counts = false;
#endif

constexpr unsigned first(unsigned x, ...) { return x; }

}  // namespace emulator

#define EMULATOR_ENTRY(name, ...) \
    static constexpr ::emulator::Kernel emulator_kernel_##name = ::emulator::Entry<&name>::describe(#name, ::emulator::first(__VA_ARGS__));

#define EMULATOR_MODULE(...)                                                                            \
    static const ::emulator::Kernel* const emulator_kernels[] = {__VA_ARGS__ nullptr};                  \
    extern "C" __attribute__((visibility("default")))                                                   \
    const ::emulator::Module emulator_module = {::emulator::abi_version,                                \
                                                &::emulator::runtime,                                   \
                                                &::emulator::selves,                                    \
                                                emulator_kernels,                                       \
                                                sizeof emulator_kernels / sizeof *emulator_kernels - 1, \
                                                ::emulator::touch_shared,                               \
                                                ::emulator::counts};
