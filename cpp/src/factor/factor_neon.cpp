// Method: 16 values at a time in 32 bits; every 65536 values the sums move on to 64 bits.
// Instructions: NEON: vpaddlq_s8, vpadalq_s16, vmull_s8, vaddlvq_s32.

#include <arm_neon.h>

#include "factor/rows.hpp"

namespace sealframe::factor {
namespace {

RowSums sum_row(const int8_t* row, size_t width) {
    constexpr size_t chunk = 1 << 16;  // a lane gains at most 4 * 128 * 128 per 16 values: 2^28 in a chunk
    RowSums sums{};
    size_t x = 0;
    while (x + 16 <= width) {
        const size_t end = width - x < chunk ? width : x + chunk;
        int32x4_t plain = vdupq_n_s32(0), squared = plain;
        uint32x4_t absolute = vdupq_n_u32(0);
        for (; x + 16 <= end; x += 16) {
            const int8x16_t v = vld1q_s8(row + x);
            plain = vpadalq_s16(plain, vpaddlq_s8(v));
            absolute = vpadalq_u16(absolute, vpaddlq_u8(vreinterpretq_u8_s8(vabsq_s8(v))));
            squared = vpadalq_s16(squared, vmull_s8(vget_low_s8(v), vget_low_s8(v)));
            squared = vpadalq_s16(squared, vmull_high_s8(v, v));
        }
        sums.plain += vaddlvq_s32(plain);
        sums.absolute += static_cast<int64_t>(vaddlvq_u32(absolute));
        sums.squared += vaddlvq_s32(squared);
    }
    add_values(sums, row, x, width);
    return sums;
}

}  // namespace

extern const Kernels neon_factor = {sum_row};

}  // namespace sealframe::factor
