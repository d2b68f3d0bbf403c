// selftest.cpp: does the emulator run correct kernels, and does it bite?
//
//   DIR/bin/selftest [speed]      one line a case; the exit status is not 0 if one failed
#include <cstdio>
#include <cstring>

#include "rig.h"

using namespace selftest;

int main(int count, char** arguments) {
    void* context = nullptr;
    if (call("cuInit", 0u) != 0 || call("cuDevicePrimaryCtxRetain", &context, 0) != 0 || call("cuCtxSetCurrent", context) != 0) return 2;
    if (count > 1 && std::strcmp(arguments[1], "speed") == 0) {
        speed_cases();
        return 0;
    }
    correct_cases();
    broken_cases();
    driver_cases();
    product_cases();
    blas_cases();
    counting_cases();
    warpgroup_cases();
    run_case("nothing is left", [] {
        std::uint64_t bytes = 0;
        int handles = 0;
        call<void>("emulator_outstanding", &bytes, &handles);
        expect(bytes == 0 && handles == 1,
               std::to_string(bytes) + " bytes and " + std::to_string(handles) + " handles are alive, expected the context");
    });
    std::printf(failures() == 0 ? "all passed\n" : "%d failed\n", failures());
    return failures() == 0 ? 0 : 1;
}
