#include "sealframe/cpu.hpp"

#include <array>
#include <atomic>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sealframe::cpu {
namespace {

constexpr std::array<std::string_view, isa_count> names = {"scalar", "avx2", "avx512", "neon"};
constexpr int undecided = -1;
std::atomic<int> chosen{undecided};

#if defined(__x86_64__)

struct Registers {
    unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf) {
    Registers r{};
    if (static_cast<unsigned>(__get_cpuid_max(0, nullptr)) >= leaf)
        __cpuid_count(leaf, 0, r.a, r.b, r.c, r.d);
    return r;
}

bool bit(unsigned word, int index) {
    return ((word >> index) & 1u) != 0;
}

/// Which register files the operating system saves (XCR0); 0 when it saves none.
unsigned saved_registers() {
    if (!bit(cpuid(1).c, 27)) return 0;
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

bool has_avx2() {
    constexpr unsigned ymm = 0x06;
    return (saved_registers() & ymm) == ymm && bit(cpuid(7).b, 5);
}

bool has_avx512() {
    constexpr unsigned zmm = 0xe6;
    const unsigned b = cpuid(7).b;
    const bool f = bit(b, 16), dq = bit(b, 17), bw = bit(b, 30), vl = bit(b, 31);
    return has_avx2() && (saved_registers() & zmm) == zmm && f && dq && bw && vl;
}

bool has_x86_64_v2() {
    const unsigned c = cpuid(1).c;
    const bool sse3 = bit(c, 0), ssse3 = bit(c, 9), sse41 = bit(c, 19), sse42 = bit(c, 20),
               popcnt = bit(c, 23);
    return sse3 && ssse3 && sse41 && sse42 && popcnt;
}

#else

constexpr bool has_x86_64_v2() {
    return true;
}
constexpr bool has_avx2() {
    return false;
}
constexpr bool has_avx512() {
    return false;
}

#endif

/// Every 64-bit ARM CPU has it.
constexpr bool has_neon() {
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

Isa best() {
    for (const Isa isa : {Isa::avx512, Isa::avx2, Isa::neon}) {
        if (usable(isa)) return isa;
    }
    return Isa::scalar;
}

}  // namespace

std::string_view name(Isa isa) {
    return names[static_cast<std::size_t>(isa)];
}

bool usable(Isa isa) {
    switch (isa) {
        case Isa::scalar:
            return true;
        case Isa::avx2:
            return has_avx2();
        case Isa::avx512:
            return has_avx512();
        case Isa::neon:
            return has_neon();
    }
    return false;
}

bool runs_numpy() {
    return has_x86_64_v2();
}

Isa active() {
    int isa = chosen.load(std::memory_order_relaxed);
    if (isa == undecided) {
        int expected = undecided;
        isa = static_cast<int>(best());
        if (!chosen.compare_exchange_strong(expected, isa)) isa = expected;
    }
    return static_cast<Isa>(isa);
}

bool runs_avx2() {
    return active() == Isa::avx2 || active() == Isa::avx512;
}

bool runs_avx512() {
    return active() == Isa::avx512;
}

bool runs_neon() {
    return active() == Isa::neon;
}

Status select(std::string_view wanted) {
    for (std::size_t i = 0; i < isa_count; ++i) {
        if (names[i] == wanted && usable(static_cast<Isa>(i))) {
            chosen.store(static_cast<int>(i), std::memory_order_relaxed);
            return Status::ok;
        }
    }
    return Status::isa;
}

Status select_from_environment() {
    const char* wanted = std::getenv("SEALFRAME_ISA");
    return wanted == nullptr || *wanted == '\0' ? Status::ok : select(wanted);
}

}  // namespace sealframe::cpu
