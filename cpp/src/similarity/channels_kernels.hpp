#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::similarity {

/// Pixels whose sums are kept at a time.
inline constexpr size_t batch = 256;

/// Sums over the channels of each pixel: of a b, a a and b b.
template <typename T>
struct Sums {
    alignas(32) T dot[batch];
    T aa[batch];
    T bb[batch];
};

struct ChannelKernels {
    /// Sums of v - zero; pixels <= batch.
    void (*bytes)(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
                  int zero);
    /// Element i goes to lane i mod 16 of sixteen zeros, then lane l += lane l + 8, + 4, + 2, + 1; pixels <=
    /// batch.
    void (*floats)(Sums<float>& sums, const float* a, const float* b, size_t pixels, size_t channels);
    /// cosine() of cosine.hpp of each pixel's sums.
    void (*byte_cosines)(int8_t* out, const Sums<int32_t>& sums, size_t pixels);
    void (*float_cosines)(float* out, const Sums<float>& sums, size_t pixels);
};

#define SEALFRAME_KERNELS(isa) extern const ChannelKernels isa##_channels;
#include "generated/similarity/channels.def"

}  // namespace sealframe::similarity
