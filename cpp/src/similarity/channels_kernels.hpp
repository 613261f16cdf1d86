#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::similarity {

struct IntegerSums {
    int32_t dot, aa, bb;
};

struct FloatSums {
    float dot, aa, bb;
};

/// Sums over the channels of one pixel. Floats: element i goes to lane i mod 16, then lane l += lane l + 8, +
/// 4, + 2, + 1.
struct ChannelKernels {
    void (*bytes)(IntegerSums* out, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
                  int zero);
    void (*floats)(FloatSums* out, const float* a, const float* b, size_t pixels, size_t channels);
};

extern const ChannelKernels scalar_channels;
extern const ChannelKernels avx2_channels;
extern const ChannelKernels neon_channels;

}  // namespace sealframe::similarity
