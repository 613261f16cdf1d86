#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::features {

inline constexpr int dct_side = 32;

struct SpectrumKernels {
    /// out[k][x] = (sum over n of matrix[k][n] * in[n][x] + half) >> shift, kept within int16.
    void (*transform)(int16_t* out, const int16_t* matrix, const int16_t* in, int shift);
};

extern const SpectrumKernels scalar_spectrum;
extern const SpectrumKernels avx2_spectrum;

}  // namespace sealframe::features
