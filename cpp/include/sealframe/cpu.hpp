#pragma once

#include <cstddef>
#include <string_view>

#include "sealframe/status.hpp"

/// Which instruction set the kernels use. Every choice gives the same bytes.
namespace sealframe::cpu {

/// The name of the instruction set in use: the best usable one, until select() or SEALFRAME_ISA says
/// otherwise.
const char* active();

/// The name of the i-th instruction set that this build and this CPU can run, from 0, best last; null past
/// the end.
const char* usable(std::size_t i);

/// Whether this CPU has what the wheels of NumPy and ONNX Runtime take for granted: x86-64-v2 (SSE4.2,
/// POPCNT), or any 64-bit ARM. The kernels here need less.
bool runs_numpy();

/// Use `wanted` from now on, in all threads. Status::isa when its name is unknown or it is not usable.
Status select(std::string_view wanted);

/// Apply the environment variable SEALFRAME_ISA when it is set and not empty.
Status select_from_environment();

}  // namespace sealframe::cpu
