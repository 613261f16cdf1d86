// Method: 8 channels at a time, or 4 pixels of three floats; floats in four vectors; roots of 2 pixels.
// Instructions: NEON: vmlal_s16 for bytes, vmulq_f32 for floats, vsqrtq_f64, vdivq_f64.

#include <arm_neon.h>

#include "similarity/channels.hpp"

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

void bytes(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
           int zero) {
    const uint8x8_t zeros = vdup_n_u8(static_cast<uint8_t>(zero));
    const size_t whole = channels / 8 * 8;
    for (size_t i = 0; i < pixels; ++i) {
        const uint8_t *a_pixel = a + i * channels, *b_pixel = b + i * channels;
        IntegerLanes lanes{};
        for (size_t c = 0; c < whole; c += 8) {
            const int16x8_t p = vreinterpretq_s16_u16(vsubl_u8(vld1_u8(a_pixel + c), zeros));
            const int16x8_t q = vreinterpretq_s16_u16(vsubl_u8(vld1_u8(b_pixel + c), zeros));
            lanes.add(vget_low_s16(p), vget_low_s16(q));
            lanes.add(vget_high_s16(p), vget_high_s16(q));
        }
        sums.dot[i] = vaddvq_s32(lanes.dot);
        sums.aa[i] = vaddvq_s32(lanes.aa);
        sums.bb[i] = vaddvq_s32(lanes.bb);
    }
    add_channels(sums, a, b, 0, pixels, whole, channels, zero);
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

/// What the tree makes of three lanes; like there, nothing but zeros is +0.
float32x4_t dot(const float32x4x3_t& p, const float32x4x3_t& q) {
    const float32x4_t xz = vaddq_f32(vmulq_f32(p.val[0], q.val[0]), vmulq_f32(p.val[2], q.val[2]));
    return vaddq_f32(vaddq_f32(xz, vmulq_f32(p.val[1], q.val[1])), vdupq_n_f32(0));
}

/// The number of pixels done.
size_t floats_of_three(Sums<float>& sums, const float* a, const float* b, size_t pixels) {
    size_t i = 0;
    for (; i + 4 <= pixels; i += 4) {
        const float32x4x3_t p = vld3q_f32(a + 3 * i), q = vld3q_f32(b + 3 * i);
        vst1q_f32(sums.dot + i, dot(p, q));
        vst1q_f32(sums.aa + i, dot(p, p));
        vst1q_f32(sums.bb + i, dot(q, q));
    }
    return i;
}

void floats(Sums<float>& sums, const float* a, const float* b, size_t pixels, size_t channels) {
    const size_t whole = channels / 16 * 16, rest = channels - whole;
    const size_t done = channels == 3 ? floats_of_three(sums, a, b, pixels) : 0;
    a += done * channels;
    b += done * channels;
    for (size_t i = done; i < pixels; ++i, a += channels, b += channels) {
        FloatLanes lanes[4] = {};
        for (size_t c = 0; c < whole; c += 16) {
            for (size_t l = 0; l < 4; ++l) lanes[l].add(vld1q_f32(a + c + 4 * l), vld1q_f32(b + c + 4 * l));
        }
        for (size_t l = 0; 4 * l < rest; ++l) {
            const size_t at = whole + 4 * l, left = rest - 4 * l;
            lanes[l].add(load_first(a + at, left), load_first(b + at, left));
        }
        sums.dot[i] = tree(lanes[0].dot, lanes[1].dot, lanes[2].dot, lanes[3].dot);
        sums.aa[i] = tree(lanes[0].aa, lanes[1].aa, lanes[2].aa, lanes[3].aa);
        sums.bb[i] = tree(lanes[0].bb, lanes[1].bb, lanes[2].bb, lanes[3].bb);
    }
}

float64x2_t to_doubles(int32x2_t v) {
    return vcvtq_f64_s64(vmovl_s32(v));
}

/// Doubles hold the product (2^52) and settle the quotient: it is an integer or at least 2^-26 away from one.
void byte_cosines(int8_t* out, const Sums<int32_t>& sums, size_t pixels) {
    size_t i = 0;
    for (; i + 2 <= pixels; i += 2) {
        const int32x2_t dot = vld1_s32(sums.dot + i), aa = vld1_s32(sums.aa + i), bb = vld1_s32(sums.bb + i);
        const int32x2_t both_zero = vreinterpret_s32_u32(vceqz_s32(vorr_s32(aa, bb)));
        const float64x2_t root = vrndq_f64(vsqrtq_f64(vmulq_f64(to_doubles(aa), to_doubles(bb))));
        const float64x2_t numerator = vmulq_n_f64(to_doubles(vsub_s32(dot, both_zero)), 127);
        const float64x2_t quotient = vdivq_f64(numerator, vmaxq_f64(root, vdupq_n_f64(1)));
        const int64x2_t floored = vcvtmq_s64_f64(quotient);
        out[i] = static_cast<int8_t>(vgetq_lane_s64(floored, 0));
        out[i + 1] = static_cast<int8_t>(vgetq_lane_s64(floored, 1));
    }
    cosines_from(out, sums, i, pixels);
}

void float_cosines(float* out, const Sums<float>& sums, size_t pixels) {
    size_t i = 0;
    for (; i + 2 <= pixels; i += 2) {
        const float32x2_t aa = vld1_f32(sums.aa + i), bb = vld1_f32(sums.bb + i);
        const float64x2_t length = vsqrtq_f64(vmulq_f64(vcvt_f64_f32(aa), vcvt_f64_f32(bb)));
        const float32x2_t quotient = vcvt_f32_f64(vdivq_f64(vcvt_f64_f32(vld1_f32(sums.dot + i)), length));
        const uint32x2_t with_zero = vorr_u32(vceqz_f32(aa), vceqz_f32(bb));
        const uint32x2_t of_zeros = vand_u32(vceq_f32(aa, bb), vreinterpret_u32_f32(vdup_n_f32(1)));
        vst1_f32(out + i, vbsl_f32(with_zero, vreinterpret_f32_u32(of_zeros), quotient));
    }
    cosines_from(out, sums, i, pixels);
}

}  // namespace

extern const ChannelKernels neon_channels = {bytes, floats, byte_cosines, float_cosines};

}  // namespace sealframe::similarity
