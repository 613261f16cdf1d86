#include <arm_neon.h>

#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

int8x8_t load_signed(const uint8_t* p) {
    return vreinterpret_s8_u8(veor_u8(vld1_u8(p), vdup_n_u8(128)));
}

void add_to(int32_t* sums, int16x8_t v) {
    vst1q_s32(sums, vaddw_s16(vld1q_s32(sums), vget_low_s16(v)));
    vst1q_s32(sums + 4, vaddw_high_s16(vld1q_s32(sums + 4), v));
}

/// p q - old_p old_q, which fits 16 bits: one product is at most 2^14, the other at least -127 * 128.
int16x8_t change(int8x8_t p, int8x8_t q, int8x8_t old_p, int8x8_t old_q) {
    return vmlsl_s8(vmull_s8(p, q), old_p, old_q);
}

void slide(ColumnSums sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a, const uint8_t* old_b,
           size_t width) {
    size_t x = 0;
    for (; x + 8 <= width; x += 8) {
        const int8x8_t p = load_signed(a + x), q = load_signed(b + x);
        const int8x8_t old_p = load_signed(old_a + x), old_q = load_signed(old_b + x);
        add_to(sums.dot + x, change(p, q, old_p, old_q));
        add_to(sums.aa + x, change(p, p, old_p, old_p));
        add_to(sums.bb + x, change(q, q, old_q, old_q));
    }
    for (; x < width; ++x) {
        const int p = a[x] - 128, q = b[x] - 128, old_p = old_a[x] - 128, old_q = old_b[x] - 128;
        sums.dot[x] += p * q - old_p * old_q;
        sums.aa[x] += p * p - old_p * old_p;
        sums.bb[x] += q * q - old_q * old_q;
    }
}

template <int window>
int32x4_t window_sum(const int32_t* column) {
    int32x4_t sum = vld1q_s32(column - window / 2);
    for (int i = 1 - window / 2; i <= window / 2; ++i) sum = vaddq_s32(sum, vld1q_s32(column + i));
    return sum;
}

/// -1 where a < b, else 0.
int32x4_t less(int32x4_t a, int32x4_t b) {
    return vreinterpretq_s32_u32(vcltq_s32(a, b));
}

/// isqrt(aa bb) of four products below 2^44. The float estimate is within 1, so that product - root^2 fits
/// 32 bits although the product does not, and settles the root exactly.
int32x4_t integer_square_roots(int32x4_t aa, int32x4_t bb) {
    const float32x4_t product = vmulq_f32(vcvtq_f32_s32(aa), vcvtq_f32_s32(bb));
    const int32x4_t root = vcvtq_s32_f32(vsqrtq_f32(product));
    const int32x4_t rest = vmlsq_s32(vmulq_s32(aa, bb), root, root);
    const int32x4_t too_large = less(rest, vdupq_n_s32(0)), too_small = less(vaddq_s32(root, root), rest);
    return vsubq_s32(vaddq_s32(root, too_large), too_small);
}

/// floor(numerator / divisor) for |numerator| < 2^29 and a quotient within -128..128; again within 1 at
/// first.
int32x4_t floored_quotients(int32x4_t numerator, int32x4_t divisor) {
    const int32x4_t quotient = vcvtq_s32_f32(vdivq_f32(vcvtq_f32_s32(numerator), vcvtq_f32_s32(divisor)));
    const int32x4_t rest = vmlsq_s32(numerator, quotient, divisor);
    const int32x4_t too_large = less(rest, vdupq_n_s32(0));
    const int32x4_t fits_again = vreinterpretq_s32_u32(vcgeq_s32(rest, divisor));
    return vsubq_s32(vaddq_s32(quotient, too_large), fits_again);
}

/// floor(127 dot / isqrt(aa bb)). A window of zeros has dot = 0, so any divisor gives 0, unless both are
/// zero.
int32x4_t cosine(int32x4_t dot, int32x4_t aa, int32x4_t bb) {
    const int32x4_t divisor = vmaxq_s32(integer_square_roots(aa, bb), vdupq_n_s32(1));
    const int32x4_t numerator = vmulq_n_s32(dot, 127);
    const int32x4_t both_zero = vreinterpretq_s32_u32(vceqzq_s32(vorrq_s32(aa, bb)));
    return vorrq_s32(floored_quotients(numerator, divisor), vandq_s32(both_zero, vdupq_n_s32(127)));
}

template <int window>
int16x4_t four_cosines(ColumnSums sums, size_t x) {
    return vqmovn_s32(cosine(window_sum<window>(sums.dot + x), window_sum<window>(sums.aa + x),
                             window_sum<window>(sums.bb + x)));
}

template <int window>
void cosines_of(int8_t* out, ColumnSums sums, size_t width) {
    for (size_t x = 0; x < width; x += 8) {
        const int8x8_t eight =
            vqmovn_s16(vcombine_s16(four_cosines<window>(sums, x), four_cosines<window>(sums, x + 4)));
        if (x + 8 <= width) {
            vst1_s8(out + x, eight);
        } else {
            int8_t rest[8];
            vst1_s8(rest, eight);
            for (size_t i = 0; x + i < width; ++i) out[x + i] = rest[i];
        }
    }
}

void cosines(int8_t* out, ColumnSums sums, int window, size_t width) {
    switch (window) {
        case 3:
            return cosines_of<3>(out, sums, width);
        case 5:
            return cosines_of<5>(out, sums, width);
        case 7:
            return cosines_of<7>(out, sums, width);
        case 9:
            return cosines_of<9>(out, sums, width);
        case 11:
            return cosines_of<11>(out, sums, width);
        case 13:
            return cosines_of<13>(out, sums, width);
        default:
            return cosines_of<15>(out, sums, width);
    }
}

}  // namespace

extern const Kernels neon_kernels = {slide, cosines};

}  // namespace sealframe::similarity
