#include <immintrin.h>

#include "similarity/channels_kernels.hpp"

namespace sealframe::similarity {
namespace {

int32_t horizontal_sum(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

__m256i load_centred(const uint8_t* p, __m256i zero) {
    return _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), zero);
}

void bytes(IntegerSums* out, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels, int zero) {
    const __m256i zeros = _mm256_set1_epi16(static_cast<short>(zero));
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        __m256i dot = _mm256_setzero_si256(), aa = dot, bb = dot;
        size_t c = 0;
        for (; c + 16 <= channels; c += 16) {
            const __m256i p = load_centred(a + c, zeros), q = load_centred(b + c, zeros);
            dot = _mm256_add_epi32(dot, _mm256_madd_epi16(p, q));
            aa = _mm256_add_epi32(aa, _mm256_madd_epi16(p, p));
            bb = _mm256_add_epi32(bb, _mm256_madd_epi16(q, q));
        }
        IntegerSums sums{};
        if (c > 0) sums = {horizontal_sum(dot), horizontal_sum(aa), horizontal_sum(bb)};
        for (; c < channels; ++c) {
            const int p = a[c] - zero, q = b[c] - zero;
            sums.dot += p * q;
            sums.aa += p * p;
            sums.bb += q * q;
        }
        out[i] = sums;
    }
}

/// The sixteen lanes are two vectors; adding them is the first halving of the tree.
float tree(__m256 low, __m256 high) {
    const __m256 eight = _mm256_add_ps(low, high);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/// Sliding window over it: n lanes of ones followed by zeros.
alignas(32) const int32_t lane_mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

__m256i first_lanes(size_t n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lane_mask + 8 - n));
}

struct FloatLanes {
    __m256 dot, aa, bb;

    void add(__m256 p, __m256 q) {
        dot = _mm256_add_ps(dot, _mm256_mul_ps(p, q));
        aa = _mm256_add_ps(aa, _mm256_mul_ps(p, p));
        bb = _mm256_add_ps(bb, _mm256_mul_ps(q, q));
    }
};

void floats(FloatSums* out, const float* a, const float* b, size_t pixels, size_t channels) {
    const size_t whole = channels / 16 * 16, rest = channels - whole;
    const __m256i low_rest = first_lanes(rest < 8 ? rest : 8),
                  high_rest = first_lanes(rest < 8 ? 0 : rest - 8);
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        FloatLanes low{}, high{};
        for (size_t c = 0; c < whole; c += 16) {
            low.add(_mm256_loadu_ps(a + c), _mm256_loadu_ps(b + c));
            high.add(_mm256_loadu_ps(a + c + 8), _mm256_loadu_ps(b + c + 8));
        }
        if (rest > 0)
            low.add(_mm256_maskload_ps(a + whole, low_rest), _mm256_maskload_ps(b + whole, low_rest));
        if (rest > 8) {
            const float *p = a + whole + 8, *q = b + whole + 8;
            high.add(_mm256_maskload_ps(p, high_rest), _mm256_maskload_ps(q, high_rest));
        }
        out[i] = {tree(low.dot, high.dot), tree(low.aa, high.aa), tree(low.bb, high.bb)};
    }
}

}  // namespace

extern const ChannelKernels avx2_channels = {bytes, floats};

}  // namespace sealframe::similarity
