// Method: one pixel at a time: channels times weights, half a unit for rounding, a shift by 15.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "image/image_kernels.hpp"

namespace sealframe::image {
namespace {

void gray_row(uint8_t* out, const uint8_t* row, size_t width, ptrdiff_t pixel_stride, const int16_t* weight,
              size_t channels) {
    for (size_t x = 0; x < width; ++x, row += pixel_stride) {
        if (channels == 1) {
            out[x] = row[0];
            continue;
        }
        int luma = 1 << 14;
        for (size_t c = 0; c < channels; ++c) luma += weight[c] * row[c];
        out[x] = static_cast<uint8_t>(luma >> 15);
    }
}

}  // namespace

extern const Kernels scalar_image = {gray_row};

}  // namespace sealframe::image
