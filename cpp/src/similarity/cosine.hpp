#pragma once

#include <stdint.h>

// Included by files that are compiled for one instruction set: C headers only, internal linkage.

namespace sealframe::similarity {
namespace {

/// Exact for v <= 2^52: v is a double, and the largest root that must not round up to m, that of m^2 - 1 with
/// m <= 2^26, lies 2^-27 below m, no nearer than the next double.
inline int64_t integer_square_root(int64_t v) {
    return static_cast<int64_t>(__builtin_sqrt(static_cast<double>(v)));
}

/// floor(127 dot / isqrt(aa bb)) for aa, bb <= 2^26; two vectors of zeros give 127, one gives 0. It lies in
/// -127..127: dot^2 <= aa bb, and |dot| is an integer.
inline int8_t cosine(int32_t dot, int32_t aa, int32_t bb) {
    if (aa == 0 || bb == 0) return aa == bb ? 127 : 0;
    const int64_t numerator = int64_t{127} * dot;
    const int64_t length = integer_square_root(int64_t{aa} * bb);
    const int64_t quotient = numerator / length;
    return static_cast<int8_t>(quotient - (quotient * length > numerator ? 1 : 0));
}

/// In double, since a product of floats may leave the range of floats.
inline float cosine(float dot, float aa, float bb) {
    if (aa == 0.0F || bb == 0.0F) return aa == bb ? 1.0F : 0.0F;
    const double length = __builtin_sqrt(static_cast<double>(aa) * static_cast<double>(bb));
    return static_cast<float>(static_cast<double>(dot) / length);
}

}  // namespace
}  // namespace sealframe::similarity
