// Method: 16 columns at a time; windows share sums of pairs; float root and reciprocal, settled in integers.
// Instructions: AVX2: _mm256_mullo_epi16 for products, _mm256_sqrt_ps, _mm256_rcp_ps, _mm256_mullo_epi32.

#include <immintrin.h>

#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

constexpr size_t lanes = 8;

struct Lanes {
    __m256i v;
};

inline Lanes operator+(Lanes a, Lanes b) {
    return {_mm256_add_epi32(a.v, b.v)};
}

inline Lanes load(const int32_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}

inline void store(int32_t* p, Lanes lanes_of) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), lanes_of.v);
}

}  // namespace
}  // namespace sealframe::similarity

#include "similarity/windows.hpp"

namespace sealframe::similarity {
namespace {

__m256i load_signed(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi8_epi16(_mm_xor_si128(bytes, _mm_set1_epi8(-128)));
}

/// p q - old_p old_q, which fits 16 bits: one product is at most 2^14, the other at least -127 * 128.
__m256i change(__m256i p, __m256i q, __m256i old_p, __m256i old_q) {
    return _mm256_sub_epi16(_mm256_mullo_epi16(p, q), _mm256_mullo_epi16(old_p, old_q));
}

void add(const Planes& planes, size_t j, __m256i changes) {
    const __m256i even_changes = _mm256_srai_epi32(_mm256_slli_epi32(changes, 16), 16);
    const Lanes even = load(planes.even + j) + Lanes{even_changes};
    const Lanes odd = load(planes.odd + j) + Lanes{_mm256_srai_epi32(changes, 16)};
    store(planes.even + j, even);
    store(planes.odd + j, odd);
    store(planes.pair + j, even + odd);
}

void slide_vector(const ColumnPlanes& planes, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
                  const uint8_t* old_b, size_t x) {
    const __m256i p = load_signed(a + x), q = load_signed(b + x);
    const __m256i old_p = load_signed(old_a + x), old_q = load_signed(old_b + x);
    add(planes.dot, x / 2, change(p, q, old_p, old_q));
    add(planes.aa, x / 2, change(p, p, old_p, old_p));
    add(planes.bb, x / 2, change(q, q, old_q, old_q));
}

/// isqrt(aa bb) of eight products below 2^44. The float estimate is within 1, so that product - root^2 fits
/// 32 bits although the product does not, and settles the root exactly.
__m256i integer_square_roots(__m256i aa, __m256i bb) {
    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(aa), _mm256_cvtepi32_ps(bb));
    const __m256i root = _mm256_cvttps_epi32(_mm256_sqrt_ps(product));
    const __m256i rest = _mm256_sub_epi32(_mm256_mullo_epi32(aa, bb), _mm256_mullo_epi32(root, root));
    const __m256i too_large = _mm256_cmpgt_epi32(_mm256_setzero_si256(), rest);
    const __m256i too_small = _mm256_cmpgt_epi32(rest, _mm256_add_epi32(root, root));
    return _mm256_sub_epi32(_mm256_add_epi32(root, too_large), too_small);
}

/// floor(numerator / divisor) for |numerator| < 2^29 and a quotient within -128..128. The estimate by a
/// reciprocal of 12 bits is within 0.05, so that rounding it gives the quotient or one more, which a negative
/// rest tells.
__m256i floored_quotients(__m256i numerator, __m256i divisor) {
    const __m256 estimate =
        _mm256_mul_ps(_mm256_cvtepi32_ps(numerator), _mm256_rcp_ps(_mm256_cvtepi32_ps(divisor)));
    const __m256i quotient =
        _mm256_cvttps_epi32(_mm256_round_ps(estimate, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    const __m256i rest = _mm256_sub_epi32(numerator, _mm256_mullo_epi32(quotient, divisor));
    return _mm256_add_epi32(quotient, _mm256_srai_epi32(rest, 31));
}

/// A window of zeros has dot = 0, so any divisor gives 0; where both are zeros, dot counts as 1.
Lanes cosine(Lanes dot, Lanes aa, Lanes bb) {
    const __m256i both_zero = _mm256_cmpeq_epi32(_mm256_or_si256(aa.v, bb.v), _mm256_setzero_si256());
    const __m256i product = _mm256_sub_epi32(dot.v, both_zero);
    const __m256i divisor = _mm256_max_epi32(integer_square_roots(aa.v, bb.v), _mm256_set1_epi32(1));
    return {floored_quotients(_mm256_sub_epi32(_mm256_slli_epi32(product, 7), product), divisor)};
}

void store(int8_t* out, Lanes even, Lanes odd) {
    const __m256i words = _mm256_packs_epi32(even.v, odd.v);  // in each half four even, four odd
    const __m256i bytes = _mm256_packs_epi16(words, words);
    const __m256i in_turn =
        _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 0, 4, 1, 5, 2, 6, 3, 7, 0, 4, 1,
                                                    5, 2, 6, 3, 7, 0, 4, 1, 5, 2, 6, 3, 7));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm256_castsi256_si128(_mm256_permute4x64_epi64(in_turn, 0x08)));
}

}  // namespace

extern const Kernels avx2_similarity = {slide, cosines};

}  // namespace sealframe::similarity
