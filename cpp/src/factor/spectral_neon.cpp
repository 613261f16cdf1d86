// Method: M^T M in 8x8 blocks, a row at once; products of 64 bits; remainders by 2^16 = 15 mod 65521.
// Instructions: NEON: vmlal_n_s16, vmlal_s32, vmlaq_n_u32, vminq_u32.

#include <arm_neon.h>

#include "factor/spectral_kernels.hpp"

namespace sealframe::factor {
namespace {

/// gram[i .. i + 7][j .. j + 7], kept in registers over all rows of the map.
void gram_block(int32_t* gram, const int8_t* map, size_t height, size_t width, size_t i, size_t j) {
    int32x4_t low[8] = {}, high[8] = {};
    for (size_t y = 0; y < height; ++y) {
        const int8_t* row = map + y * width;
        const int16x8_t right = vmovl_s8(vld1_s8(row + j));
        for (size_t r = 0; r < 8; ++r) {
            low[r] = vmlal_n_s16(low[r], vget_low_s16(right), row[i + r]);
            high[r] = vmlal_n_s16(high[r], vget_high_s16(right), row[i + r]);
        }
    }
    for (size_t r = 0; r < 8; ++r) {
        vst1q_s32(gram + (i + r) * width + j, low[r]);
        vst1q_s32(gram + (i + r) * width + j + 4, high[r]);
    }
}

}  // namespace
}  // namespace sealframe::factor

#include "factor/gram.hpp"

namespace sealframe::factor {
namespace {

void multiply(int64_t* out, const int32_t* gram, const int32_t* v, size_t side) {
    for (size_t i = 0; i < side; ++i, gram += side) {
        int64x2_t sums = vdupq_n_s64(0);
        size_t j = 0;
        for (; j + 4 <= side; j += 4) {
            const int32x4_t g = vld1q_s32(gram + j), x = vld1q_s32(v + j);
            sums = vmlal_high_s32(vmlal_s32(sums, vget_low_s32(g), vget_low_s32(x)), g, x);
        }
        int64_t sum = vaddvq_s64(sums);
        for (; j < side; ++j) sum += int64_t{gram[j]} * v[j];
        out[i] = sum;
    }
}

/// x mod 65521 for x < 2^32: 2^16 = 15 modulo the prime, twice, leaves less than twice the prime.
uint32x4_t reduce(uint32x4_t x) {
    for (int i = 0; i < 2; ++i) {
        x = vmlaq_n_u32(vandq_u32(x, vdupq_n_u32(0xffff)), vshrq_n_u32(x, 16), 15);
    }
    return vminq_u32(x, vsubq_u32(x, vdupq_n_u32(prime)));
}

void eliminate(uint32_t* row, const uint32_t* pivot, uint32_t factor, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        vst1q_u32(row + i, reduce(vmlaq_n_u32(vld1q_u32(row + i), vld1q_u32(pivot + i), factor)));
    }
    for (; i < count; ++i) row[i] = (row[i] + factor * pivot[i]) % prime;
}

}  // namespace

extern const SpectralKernels neon_spectral = {gram, multiply, eliminate};

}  // namespace sealframe::factor
