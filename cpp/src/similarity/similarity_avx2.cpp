#include <immintrin.h>

#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

__m256i load(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

void add_to(int32_t* p, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_add_epi32(load(p), v));
}

__m128i load_signed(const uint8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm_cvtepi8_epi16(_mm_xor_si128(bytes, _mm_set1_epi8(-128)));
}

/// (v[0], w[0]), (v[1], w[1]), .. in the order of the columns.
__m256i pair(__m128i v, __m128i w) {
    return _mm256_set_m128i(_mm_unpackhi_epi16(v, w), _mm_unpacklo_epi16(v, w));
}

__m128i negate(__m128i v) {
    return _mm_sub_epi16(_mm_setzero_si128(), v);
}

void slide(ColumnSums sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a, const uint8_t* old_b,
           size_t width) {
    size_t x = 0;
    for (; x + 8 <= width; x += 8) {
        const __m128i p = load_signed(a + x), q = load_signed(b + x);
        const __m128i old_p = load_signed(old_a + x), old_q = load_signed(old_b + x);
        const __m256i ps = pair(p, old_p), qs = pair(q, old_q);
        const __m256i signed_ps = pair(p, negate(old_p)), signed_qs = pair(q, negate(old_q));
        add_to(sums.dot + x, _mm256_madd_epi16(signed_ps, qs));
        add_to(sums.aa + x, _mm256_madd_epi16(signed_ps, ps));
        add_to(sums.bb + x, _mm256_madd_epi16(signed_qs, qs));
    }
    for (; x < width; ++x) {
        const int p = a[x] - 128, q = b[x] - 128, old_p = old_a[x] - 128, old_q = old_b[x] - 128;
        sums.dot[x] += p * q - old_p * old_q;
        sums.aa[x] += p * p - old_p * old_p;
        sums.bb[x] += q * q - old_q * old_q;
    }
}

template <int window>
__m256i window_sum(const int32_t* column) {
    __m256i sum = load(column - window / 2);
    for (int i = 1 - window / 2; i <= window / 2; ++i) sum = _mm256_add_epi32(sum, load(column + i));
    return sum;
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

/// floor(numerator / divisor) for |numerator| < 2^29 and a quotient within -128..128; again within 1 at
/// first.
__m256i floored_quotients(__m256i numerator, __m256i divisor) {
    const __m256 estimate = _mm256_div_ps(_mm256_cvtepi32_ps(numerator), _mm256_cvtepi32_ps(divisor));
    const __m256i quotient = _mm256_cvttps_epi32(estimate);
    const __m256i rest = _mm256_sub_epi32(numerator, _mm256_mullo_epi32(quotient, divisor));
    const __m256i too_large = _mm256_cmpgt_epi32(_mm256_setzero_si256(), rest);
    const __m256i fits_again = _mm256_cmpgt_epi32(rest, _mm256_sub_epi32(divisor, _mm256_set1_epi32(1)));
    return _mm256_sub_epi32(_mm256_add_epi32(quotient, too_large), fits_again);
}

/// floor(127 dot / isqrt(aa bb)). A window of zeros has dot = 0, so any divisor gives 0, unless both are
/// zero.
__m256i cosine(__m256i dot, __m256i aa, __m256i bb) {
    const __m256i divisor = _mm256_max_epi32(integer_square_roots(aa, bb), _mm256_set1_epi32(1));
    const __m256i numerator = _mm256_sub_epi32(_mm256_slli_epi32(dot, 7), dot);
    const __m256i both_zero = _mm256_cmpeq_epi32(_mm256_or_si256(aa, bb), _mm256_setzero_si256());
    return _mm256_or_si256(floored_quotients(numerator, divisor),
                           _mm256_and_si256(both_zero, _mm256_set1_epi32(127)));
}

template <int window>
void cosines_of(int8_t* out, ColumnSums sums, size_t width) {
    for (size_t x = 0; x < width; x += 8) {
        const __m256i dot = window_sum<window>(sums.dot + x);
        const __m256i aa = window_sum<window>(sums.aa + x), bb = window_sum<window>(sums.bb + x);
        const __m256i eight = cosine(dot, aa, bb);
        const __m128i words =
            _mm_packs_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
        const __m128i bytes = _mm_packs_epi16(words, words);
        if (x + 8 <= width) {
            _mm_storel_epi64(reinterpret_cast<__m128i*>(out + x), bytes);
        } else {
            alignas(8) int8_t rest[8];
            _mm_storel_epi64(reinterpret_cast<__m128i*>(rest), bytes);
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

extern const Kernels avx2_kernels = {slide, cosines};

}  // namespace sealframe::similarity
