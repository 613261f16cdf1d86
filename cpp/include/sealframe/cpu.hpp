#pragma once

#include <cstddef>
#include <string_view>

#include "sealframe/status.hpp"

/// Which instruction set the kernels use. Every choice gives the same bytes.
namespace sealframe::cpu {

enum class Isa : int { scalar = 0, avx2, avx512, neon };

inline constexpr std::size_t isa_count = 4;

std::string_view name(Isa isa);

/// Whether this build and this CPU can run `isa`.
bool usable(Isa isa);

/// Whether this CPU has what the wheels of NumPy and ONNX Runtime take for granted: x86-64-v2 (SSE4.2,
/// POPCNT), or any 64-bit ARM. The kernels here need less.
bool runs_numpy();

/// The instruction set in use: the best usable one, until select() or SEALFRAME_ISA says otherwise.
Isa active();

/// Whether the instruction set in use contains AVX2, AVX-512, or NEON.
bool runs_avx2();
bool runs_avx512();
bool runs_neon();

/// Use `wanted` from now on, in all threads. Status::isa when its name is unknown or it is not usable.
Status select(std::string_view wanted);

/// Apply the environment variable SEALFRAME_ISA when it is set and not empty.
Status select_from_environment();

}  // namespace sealframe::cpu
