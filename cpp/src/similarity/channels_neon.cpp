#include <arm_neon.h>

#include "similarity/channels_kernels.hpp"

namespace sealframe::similarity {
namespace {

struct IntegerLanes {
    int32x4_t dot, aa, bb;

    void add(int16x4_t p, int16x4_t q) {
        dot = vmlal_s16(dot, p, q);
        aa = vmlal_s16(aa, p, p);
        bb = vmlal_s16(bb, q, q);
    }
};

void bytes(IntegerSums* out, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels, int zero) {
    const uint8x8_t zeros = vdup_n_u8(static_cast<uint8_t>(zero));
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        IntegerLanes lanes{};
        size_t c = 0;
        for (; c + 8 <= channels; c += 8) {
            const int16x8_t p = vreinterpretq_s16_u16(vsubl_u8(vld1_u8(a + c), zeros));
            const int16x8_t q = vreinterpretq_s16_u16(vsubl_u8(vld1_u8(b + c), zeros));
            lanes.add(vget_low_s16(p), vget_low_s16(q));
            lanes.add(vget_high_s16(p), vget_high_s16(q));
        }
        IntegerSums sums{vaddvq_s32(lanes.dot), vaddvq_s32(lanes.aa), vaddvq_s32(lanes.bb)};
        for (; c < channels; ++c) {
            const int p = a[c] - zero, q = b[c] - zero;
            sums.dot += p * q;
            sums.aa += p * p;
            sums.bb += q * q;
        }
        out[i] = sums;
    }
}

/// Four of the sixteen lanes.
struct FloatLanes {
    float32x4_t dot, aa, bb;

    void add(float32x4_t p, float32x4_t q) {
        dot = vaddq_f32(dot, vmulq_f32(p, q));
        aa = vaddq_f32(aa, vmulq_f32(p, p));
        bb = vaddq_f32(bb, vmulq_f32(q, q));
    }
};

/// Lane l of each four += lane l + 8, + 4, + 2, + 1.
float tree(float32x4_t first, float32x4_t second, float32x4_t third, float32x4_t fourth) {
    const float32x4_t four = vaddq_f32(vaddq_f32(first, third), vaddq_f32(second, fourth));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/// The first n of four floats, followed by zeros; nothing is read past them.
float32x4_t load_first(const float* p, size_t n) {
    if (n >= 4) return vld1q_f32(p);
    float32x4_t v = vdupq_n_f32(0);
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}

void floats(FloatSums* out, const float* a, const float* b, size_t pixels, size_t channels) {
    const size_t whole = channels / 16 * 16, rest = channels - whole;
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        FloatLanes lanes[4] = {};
        for (size_t c = 0; c < whole; c += 16) {
            for (size_t l = 0; l < 4; ++l) lanes[l].add(vld1q_f32(a + c + 4 * l), vld1q_f32(b + c + 4 * l));
        }
        for (size_t l = 0; 4 * l < rest; ++l) {
            const size_t at = whole + 4 * l, left = rest - 4 * l;
            lanes[l].add(load_first(a + at, left), load_first(b + at, left));
        }
        out[i] = {tree(lanes[0].dot, lanes[1].dot, lanes[2].dot, lanes[3].dot),
                  tree(lanes[0].aa, lanes[1].aa, lanes[2].aa, lanes[3].aa),
                  tree(lanes[0].bb, lanes[1].bb, lanes[2].bb, lanes[3].bb)};
    }
}

}  // namespace

extern const ChannelKernels neon_channels = {bytes, floats};

}  // namespace sealframe::similarity
