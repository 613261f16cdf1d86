// Method: eight pixels at a time: the load takes the channels apart, each is multiplied by its weight.
// Instructions: NEON: vld3_u8, vld4_u8, vmlal_n_u16; vrshrn_n_u32 rounds and shifts.

#include <arm_neon.h>

#include "image/image_kernels.hpp"

namespace sealframe::image {
namespace {

/// Rounded luma of eight pixels whose channels lie apart.
template <int channels>
uint8x8_t luma(const uint8x8_t* channel, const uint16_t* weight) {
    uint32x4_t low = vdupq_n_u32(0), high = low;
    for (int c = 0; c < channels; ++c) {
        const uint16x8_t values = vmovl_u8(channel[c]);
        low = vmlal_n_u16(low, vget_low_u16(values), weight[c]);
        high = vmlal_n_u16(high, vget_high_u16(values), weight[c]);
    }
    return vmovn_u16(vcombine_u16(vrshrn_n_u32(low, 15), vrshrn_n_u32(high, 15)));
}

void gray_row(uint8_t* out, const uint8_t* row, size_t width, ptrdiff_t pixel_stride, const int16_t* weight,
              size_t channels) {
    if (channels == 1) {
        __builtin_memcpy(out, row, width);
        return;
    }
    uint16_t weights[4] = {};
    for (size_t c = 0; c < channels; ++c) weights[c] = static_cast<uint16_t>(weight[c]);
    size_t x = 0;
    for (; x + 8 <= width; x += 8) {
        if (channels == 3) {
            vst1_u8(out + x, luma<3>(vld3_u8(row + 3 * x).val, weights));
        } else {
            vst1_u8(out + x, luma<4>(vld4_u8(row + 4 * x).val, weights));
        }
    }
    row += static_cast<ptrdiff_t>(x) * pixel_stride;
    for (; x < width; ++x, row += pixel_stride) {
        int sum = 1 << 14;
        for (size_t c = 0; c < channels; ++c) sum += weight[c] * row[c];
        out[x] = static_cast<uint8_t>(sum >> 15);
    }
}

}  // namespace

extern const Kernels neon_image = {gray_row};

}  // namespace sealframe::image
