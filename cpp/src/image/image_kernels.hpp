#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::image {

struct Kernels {
    /// One row of rounded luma; `weight` holds one weight per channel, in 1/32768 or, for one channel, 1.
    void (*gray_row)(uint8_t* out, const uint8_t* row, size_t width, ptrdiff_t pixel_stride,
                     const int16_t* weight, size_t channels);
};

#define SEALFRAME_KERNELS(isa) extern const Kernels isa##_image;
#include "generated/image/image.def"

}  // namespace sealframe::image
