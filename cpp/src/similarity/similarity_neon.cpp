// Method: 8 columns at a time; windows share sums of pairs; float root and quotient, settled in integers.
// Instructions: NEON: vmull_s8 and vmlsl_s8 for products, vsqrtq_f32, vdivq_f32, vmlsq_s32.

#include <arm_neon.h>

#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

constexpr size_t lanes = 4;

struct Lanes {
    int32x4_t v;
};

inline Lanes operator+(Lanes a, Lanes b) {
    return {vaddq_s32(a.v, b.v)};
}

inline Lanes load(const int32_t* p) {
    return {vld1q_s32(p)};
}

}  // namespace
}  // namespace sealframe::similarity

#include "similarity/windows.hpp"

namespace sealframe::similarity {
namespace {

int8x8_t load_signed(const uint8_t* p) {
    return vreinterpret_s8_u8(veor_u8(vld1_u8(p), vdup_n_u8(128)));
}

/// p q - old_p old_q, which fits 16 bits: one product is at most 2^14, the other at least -127 * 128.
int16x8_t change(int8x8_t p, int8x8_t q, int8x8_t old_p, int8x8_t old_q) {
    return vmlsl_s8(vmull_s8(p, q), old_p, old_q);
}

void add(const Planes& planes, size_t j, int16x8_t changes) {
    const int32x4_t both = vreinterpretq_s32_s16(changes);
    const int32x4_t even = vaddq_s32(vld1q_s32(planes.even + j), vshrq_n_s32(vshlq_n_s32(both, 16), 16));
    const int32x4_t odd = vsraq_n_s32(vld1q_s32(planes.odd + j), both, 16);
    vst1q_s32(planes.even + j, even);
    vst1q_s32(planes.odd + j, odd);
    vst1q_s32(planes.pair + j, vaddq_s32(even, odd));
}

void slide_vector(const ColumnPlanes& planes, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
                  const uint8_t* old_b, size_t x) {
    const int8x8_t p = load_signed(a + x), q = load_signed(b + x);
    const int8x8_t old_p = load_signed(old_a + x), old_q = load_signed(old_b + x);
    add(planes.dot, x / 2, change(p, q, old_p, old_q));
    add(planes.aa, x / 2, change(p, p, old_p, old_p));
    add(planes.bb, x / 2, change(q, q, old_q, old_q));
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

/// A window of zeros has dot = 0, so any divisor gives 0; where both are zeros, dot counts as 1.
Lanes cosine(Lanes dot, Lanes aa, Lanes bb) {
    const int32x4_t both_zero = vreinterpretq_s32_u32(vceqzq_s32(vorrq_s32(aa.v, bb.v)));
    const int32x4_t divisor = vmaxq_s32(integer_square_roots(aa.v, bb.v), vdupq_n_s32(1));
    return {floored_quotients(vmulq_n_s32(vsubq_s32(dot.v, both_zero), 127), divisor)};
}

void store(int8_t* out, Lanes even, Lanes odd) {
    const int16x4_t e = vqmovn_s32(even.v), o = vqmovn_s32(odd.v);
    vst1_s8(out, vqmovn_s16(vcombine_s16(vzip1_s16(e, o), vzip2_s16(e, o))));
}

}  // namespace

extern const Kernels neon_similarity = {slide, cosines};

}  // namespace sealframe::similarity
