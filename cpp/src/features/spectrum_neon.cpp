// Method: matrix product, a row of sums in eight vectors, each row of the right matrix times one value.
// Instructions: NEON: vmlal_n_s16; vshlq_s32 shifts, vqmovn_s32 saturates.

#include <arm_neon.h>

#include "features/spectrum_kernels.hpp"

namespace sealframe::features {
namespace {

void multiply(int16_t* out, const int16_t* left, const int16_t* right, int shift) {
    const int32x4_t rounding = vdupq_n_s32(1 << (shift - 1)), by = vdupq_n_s32(-shift);
    for (int k = 0; k < dct_side; ++k) {
        int32x4_t sums[8];
        for (int32x4_t& sum : sums) sum = rounding;
        for (int n = 0; n < dct_side; ++n) {
            const int16_t weight = left[k * dct_side + n];
            for (int v = 0; v < 8; ++v) {
                sums[v] = vmlal_n_s16(sums[v], vld1_s16(right + n * dct_side + 4 * v), weight);
            }
        }
        for (int v = 0; v < 8; ++v) {
            vst1_s16(out + k * dct_side + 4 * v, vqmovn_s32(vshlq_s32(sums[v], by)));
        }
    }
}

}  // namespace

extern const SpectrumKernels neon_spectrum = {multiply};

}  // namespace sealframe::features
