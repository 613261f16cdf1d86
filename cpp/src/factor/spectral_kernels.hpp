#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::factor {

inline constexpr uint32_t prime = 65521;

struct SpectralKernels {
    /// gram (width, width) = M^T M.
    void (*gram)(int32_t* gram, const int8_t* map, size_t height, size_t width);
    /// out = gram v for |v[i]| <= 2^31 - 1; the caller knows that it fits.
    void (*multiply)(int64_t* out, const int32_t* gram, const int32_t* v, size_t side);
    /// row[i] = (row[i] + factor * pivot[i]) mod prime, all below the prime.
    void (*eliminate)(uint32_t* row, const uint32_t* pivot, uint32_t factor, size_t count);
};

#define SEALFRAME_KERNELS(isa) extern const SpectralKernels isa##_spectral;
#include "generated/factor/spectral.def"

}  // namespace sealframe::factor
