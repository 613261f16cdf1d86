#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::features {

inline constexpr int dct_side = 32;

struct SpectrumKernels {
    /// 32x32 matrices: out[k][x] = (sum over n of left[k][n] * right[n][x] + half) >> shift, kept within
    /// int16.
    void (*multiply)(int16_t* out, const int16_t* left, const int16_t* right, int shift);
};

#define SEALFRAME_KERNELS(isa) extern const SpectrumKernels isa##_spectrum;
#include "generated/features/spectrum.def"

}  // namespace sealframe::features
