// Method: leaves 1 and 7 of cpuid and register XCR0, read at each call; nothing is kept.
// Instructions: cpuid and xgetbv on x86-64, none on other processors.

#include "cpu/processor.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sealframe::cpu {

#if defined(__x86_64__)

namespace {

struct Registers {
    unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf) {
    Registers r{};
    if (static_cast<unsigned>(__get_cpuid_max(0, nullptr)) >= leaf)
        __cpuid_count(leaf, 0, r.a, r.b, r.c, r.d);
    return r;
}

/// XCR0; 0 when the operating system saves no registers by it.
unsigned saved_registers() {
    constexpr unsigned osxsave = 1U << 27;
    if ((cpuid(1).c & osxsave) == 0) return 0;
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

}  // namespace

bool has(unsigned registers, unsigned instructions) {
    return (saved_registers() & registers) == registers && (cpuid(7).b & instructions) == instructions;
}

bool has_x86_64_v2() {
    constexpr unsigned sse3 = 1U << 0, ssse3 = 1U << 9, sse41 = 1U << 19, sse42 = 1U << 20, popcnt = 1U << 23;
    constexpr unsigned all = sse3 | ssse3 | sse41 | sse42 | popcnt;
    return (cpuid(1).c & all) == all;
}

#else

bool has(unsigned, unsigned) {
    return false;
}

bool has_x86_64_v2() {
    return true;
}

#endif

}  // namespace sealframe::cpu
