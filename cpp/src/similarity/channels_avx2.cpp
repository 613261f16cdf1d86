// Method: 16 channels at a time, or 8 pixels of three; floats in two vectors of lanes; roots of 4 pixels.
// Instructions: AVX2: _mm256_madd_epi16 for bytes, _mm256_mul_ps for floats, _mm256_sqrt_pd, _mm256_div_pd.

#include <immintrin.h>

#include "similarity/channels.hpp"

namespace sealframe::similarity {
namespace {

__m256i load_centred(const uint8_t* p, __m256i zero) {
    return _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), zero);
}

/// The sum of each vector's lanes, in lanes 0, 1 and 2.
__m128i add_up(__m256i dot, __m256i aa, __m256i bb) {
    const __m256i three = _mm256_hadd_epi32(_mm256_hadd_epi32(dot, aa), _mm256_hadd_epi32(bb, bb));
    return _mm_add_epi32(_mm256_castsi256_si128(three), _mm256_extracti128_si256(three, 1));
}

/// Three channels of eight pixels less `zero`, each in 32 bits: the first and the third as a pair, the second
/// alone.
struct ThreeBytes {
    __m256i first_third, second;

    ThreeBytes(const uint8_t* p, int zero) {
        const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8));  // 24 bytes in all
        const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4, 5, 6,
                                                -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
        const __m256i pixels = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
        first_third = _mm256_sub_epi16(_mm256_and_si256(pixels, _mm256_set1_epi16(255)),
                                       _mm256_set1_epi16(static_cast<short>(zero)));
        second = _mm256_sub_epi16(_mm256_srli_epi16(pixels, 8), _mm256_set1_epi32(zero));
    }
};

__m256i dot(const ThreeBytes& p, const ThreeBytes& q) {
    return _mm256_add_epi32(_mm256_madd_epi16(p.first_third, q.first_third),
                            _mm256_madd_epi16(p.second, q.second));
}

void store(int32_t* p, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}

/// The number of pixels done.
size_t bytes_of_three(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t pixels, int zero) {
    size_t i = 0;
    for (; i + 8 <= pixels; i += 8) {
        const ThreeBytes p(a + 3 * i, zero), q(b + 3 * i, zero);
        store(sums.dot + i, dot(p, q));
        store(sums.aa + i, dot(p, p));
        store(sums.bb + i, dot(q, q));
    }
    return i;
}

void bytes(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
           int zero) {
    const __m256i zeros = _mm256_set1_epi16(static_cast<short>(zero));
    const size_t done = channels == 3 ? bytes_of_three(sums, a, b, pixels, zero) : 0;
    const size_t whole = channels / 16 * 16;
    for (size_t i = done; i < pixels; ++i) {
        const uint8_t *a_pixel = a + i * channels, *b_pixel = b + i * channels;
        __m256i dot = _mm256_setzero_si256(), aa = dot, bb = dot;
        for (size_t c = 0; c < whole; c += 16) {
            const __m256i p = load_centred(a_pixel + c, zeros), q = load_centred(b_pixel + c, zeros);
            dot = _mm256_add_epi32(dot, _mm256_madd_epi16(p, q));
            aa = _mm256_add_epi32(aa, _mm256_madd_epi16(p, p));
            bb = _mm256_add_epi32(bb, _mm256_madd_epi16(q, q));
        }
        const __m128i three = add_up(dot, aa, bb);
        sums.dot[i] = _mm_cvtsi128_si32(three);
        sums.aa[i] = _mm_extract_epi32(three, 1);
        sums.bb[i] = _mm_extract_epi32(three, 2);
    }
    add_channels(sums, a, b, done, pixels, whole, channels, zero);
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

/// The sixteen lanes are two vectors; adding them is the first halving of the tree, the second leaves four
/// lanes.
__m128 halve_twice(__m256 low, __m256 high) {
    const __m256 eight = _mm256_add_ps(low, high);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

struct FourLanes {
    __m128 dot, aa, bb;
};

/// The sums of one pixel before the last two halvings.
struct PixelLanes {
    explicit PixelLanes(size_t channels)
        : whole(channels / 16 * 16),
          rest(channels - whole),
          low_rest(first_lanes(rest < 8 ? rest : 8)),
          high_rest(first_lanes(rest < 8 ? 0 : rest - 8)) {}

    FourLanes operator()(const float* a, const float* b) const {
        FloatLanes low{}, high{};
        for (size_t c = 0; c < whole; c += 16) {
            low.add(_mm256_loadu_ps(a + c), _mm256_loadu_ps(b + c));
            high.add(_mm256_loadu_ps(a + c + 8), _mm256_loadu_ps(b + c + 8));
        }
        a += whole;
        b += whole;
        if (rest > 0) low.add(_mm256_maskload_ps(a, low_rest), _mm256_maskload_ps(b, low_rest));
        if (rest > 8) high.add(_mm256_maskload_ps(a + 8, high_rest), _mm256_maskload_ps(b + 8, high_rest));
        return {halve_twice(low.dot, high.dot), halve_twice(low.aa, high.aa), halve_twice(low.bb, high.bb)};
    }

    size_t whole, rest;
    __m256i low_rest, high_rest;
};

/// The last two halvings of four pixels side by side.
__m128 add_up(__m128 a, __m128 b, __m128 c, __m128 d) {
    const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    return _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
}

float add_up(__m128 a) {
    return _mm_cvtss_f32(add_up(a, a, a, a));
}

/// Three channels of eight pixels, one vector per channel.
struct ThreeChannels {
    __m256 x, y, z;

    explicit ThreeChannels(const float* p) {
        const __m256 first = halves(p, p + 12), second = halves(p + 4, p + 16), third = halves(p + 8, p + 20);
        const __m256 late_xy = _mm256_shuffle_ps(second, third, _MM_SHUFFLE(2, 1, 3, 2));
        const __m256 early_yz = _mm256_shuffle_ps(first, second, _MM_SHUFFLE(1, 0, 2, 1));
        x = _mm256_shuffle_ps(first, late_xy, _MM_SHUFFLE(2, 0, 3, 0));
        y = _mm256_shuffle_ps(early_yz, late_xy, _MM_SHUFFLE(3, 1, 2, 0));
        z = _mm256_shuffle_ps(early_yz, third, _MM_SHUFFLE(3, 0, 3, 1));
    }

    static __m256 halves(const float* low, const float* high) {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    }
};

/// What the tree makes of three lanes; like there, nothing but zeros is +0.
__m256 dot(const ThreeChannels& p, const ThreeChannels& q) {
    const __m256 xz = _mm256_add_ps(_mm256_mul_ps(p.x, q.x), _mm256_mul_ps(p.z, q.z));
    return _mm256_add_ps(_mm256_add_ps(xz, _mm256_mul_ps(p.y, q.y)), _mm256_setzero_ps());
}

/// The number of pixels done.
size_t floats_of_three(Sums<float>& sums, const float* a, const float* b, size_t pixels) {
    size_t i = 0;
    for (; i + 8 <= pixels; i += 8) {
        const ThreeChannels p(a + 3 * i), q(b + 3 * i);
        _mm256_storeu_ps(sums.dot + i, dot(p, q));
        _mm256_storeu_ps(sums.aa + i, dot(p, p));
        _mm256_storeu_ps(sums.bb + i, dot(q, q));
    }
    return i;
}

void floats(Sums<float>& sums, const float* a, const float* b, size_t pixels, size_t channels) {
    const PixelLanes lanes_of(channels);
    size_t i = channels == 3 ? floats_of_three(sums, a, b, pixels) : 0;
    for (; i + 4 <= pixels; i += 4) {
        FourLanes lanes[4];
        for (size_t k = 0; k < 4; ++k) lanes[k] = lanes_of(a + (i + k) * channels, b + (i + k) * channels);
        _mm_storeu_ps(sums.dot + i, add_up(lanes[0].dot, lanes[1].dot, lanes[2].dot, lanes[3].dot));
        _mm_storeu_ps(sums.aa + i, add_up(lanes[0].aa, lanes[1].aa, lanes[2].aa, lanes[3].aa));
        _mm_storeu_ps(sums.bb + i, add_up(lanes[0].bb, lanes[1].bb, lanes[2].bb, lanes[3].bb));
    }
    for (; i < pixels; ++i) {
        const FourLanes lanes = lanes_of(a + i * channels, b + i * channels);
        sums.dot[i] = add_up(lanes.dot);
        sums.aa[i] = add_up(lanes.aa);
        sums.bb[i] = add_up(lanes.bb);
    }
}

__m128i load(const int32_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

/// Doubles hold the product (2^52) and settle the quotient: it is an integer or at least 2^-26 away from one.
void byte_cosines(int8_t* out, const Sums<int32_t>& sums, size_t pixels) {
    size_t i = 0;
    for (; i + 4 <= pixels; i += 4) {
        const __m128i dot = load(sums.dot + i), aa = load(sums.aa + i), bb = load(sums.bb + i);
        const __m128i both_zero = _mm_cmpeq_epi32(_mm_or_si128(aa, bb), _mm_setzero_si128());
        const __m256d product = _mm256_mul_pd(_mm256_cvtepi32_pd(aa), _mm256_cvtepi32_pd(bb));
        const __m256d root = _mm256_round_pd(_mm256_sqrt_pd(product), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
        const __m256d numerator =
            _mm256_mul_pd(_mm256_cvtepi32_pd(_mm_sub_epi32(dot, both_zero)), _mm256_set1_pd(127));
        const __m256d quotient = _mm256_div_pd(numerator, _mm256_max_pd(root, _mm256_set1_pd(1)));
        const __m128i floored = _mm256_cvttpd_epi32(_mm256_floor_pd(quotient));
        const __m128i words = _mm_packs_epi32(floored, floored);
        const int four = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
        __builtin_memcpy(out + i, &four, sizeof four);
    }
    cosines_from(out, sums, i, pixels);
}

void float_cosines(float* out, const Sums<float>& sums, size_t pixels) {
    size_t i = 0;
    for (; i + 4 <= pixels; i += 4) {
        const __m128 aa = _mm_loadu_ps(sums.aa + i), bb = _mm_loadu_ps(sums.bb + i), zero = _mm_setzero_ps();
        const __m256d length = _mm256_sqrt_pd(_mm256_mul_pd(_mm256_cvtps_pd(aa), _mm256_cvtps_pd(bb)));
        const __m128 quotient =
            _mm256_cvtpd_ps(_mm256_div_pd(_mm256_cvtps_pd(_mm_loadu_ps(sums.dot + i)), length));
        const __m128 with_zero = _mm_or_ps(_mm_cmpeq_ps(aa, zero), _mm_cmpeq_ps(bb, zero));
        const __m128 of_zeros = _mm_and_ps(_mm_cmpeq_ps(aa, bb), _mm_set1_ps(1));
        _mm_storeu_ps(out + i, _mm_blendv_ps(quotient, of_zeros, with_zero));
    }
    cosines_from(out, sums, i, pixels);
}

}  // namespace

extern const ChannelKernels avx2_channels = {bytes, floats, byte_cosines, float_cosines};

}  // namespace sealframe::similarity
