#pragma once

/// What this processor and its operating system offer: the words of the list of instruction sets.
namespace sealframe::cpu {

#if defined(__aarch64__)
inline constexpr bool is_aarch64 = true;  // and so it has NEON
#else
inline constexpr bool is_aarch64 = false;
#endif

/// Register files that the operating system saves: bits of XCR0.
inline constexpr unsigned ymm = 0x06, zmm = 0xe6;

/// Instructions of an x86-64 processor: bits of EBX in leaf 7 of cpuid.
inline constexpr unsigned avx2 = 1U << 5, avx512f = 1U << 16, avx512dq = 1U << 17, avx512bw = 1U << 30,
                          avx512vl = 1U << 31;

/// Whether this is an x86-64 processor with all these instructions whose registers are saved.
bool has(unsigned registers, unsigned instructions);

/// See runs_numpy().
bool has_x86_64_v2();

}  // namespace sealframe::cpu
