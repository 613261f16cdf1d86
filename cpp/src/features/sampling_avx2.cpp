// Method: eight ChaCha12 blocks, a word of each in one vector, transposed at the end; 16 pixels at a time.
// Instructions: AVX2: _mm256_shuffle_epi8 and shifts rotate, _mm256_subs_epu16 compares unsigned words.

#include <immintrin.h>

#include "features/sampling_kernels.hpp"

namespace sealframe::features {
namespace {

struct Lanes {
    __m256i v;
};

inline Lanes operator+(Lanes a, Lanes b) {
    return {_mm256_add_epi32(a.v, b.v)};
}

inline Lanes operator^(Lanes a, Lanes b) {
    return {_mm256_xor_si256(a.v, b.v)};
}

template <int bits>
Lanes rotate(Lanes a) {
    return {_mm256_or_si256(_mm256_slli_epi32(a.v, bits), _mm256_srli_epi32(a.v, 32 - bits))};
}

template <>
inline Lanes rotate<16>(Lanes a) {
    return {_mm256_shuffle_epi8(a.v, _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2,
                                                      3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13))};
}

template <>
inline Lanes rotate<8>(Lanes a) {
    return {_mm256_shuffle_epi8(a.v, _mm256_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14, 3,
                                                      0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14))};
}

}  // namespace
}  // namespace sealframe::features

#include "features/chacha.hpp"

namespace sealframe::features {
namespace {

/// Eight vectors of word i .. i + 7 of eight blocks become eight words of each block.
void store_transposed(const Lanes* x, uint8_t* out) {
    __m256i pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(x[i].v, x[i + 1].v);
        pairs[i + 1] = _mm256_unpackhi_epi32(x[i].v, x[i + 1].v);
    }
    for (int i = 0; i < 8; i += 4) {
        fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        const __m256i low = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
        const __m256i high = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 64 * i), low);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 64 * (i + 4)), high);
    }
}

void eight_blocks(const uint32_t key[8], uint64_t counter, uint16_t* out) {
    alignas(32) uint32_t low[8], high[8];
    for (size_t i = 0; i < 8; ++i) {
        low[i] = static_cast<uint32_t>(counter + i);
        high[i] = static_cast<uint32_t>((counter + i) >> 32);
    }
    Lanes start[16], x[16];
    for (int i = 0; i < 4; ++i) start[i].v = _mm256_set1_epi32(static_cast<int>(chacha_constants[i]));
    for (int i = 0; i < 8; ++i) start[4 + i].v = _mm256_set1_epi32(static_cast<int>(key[i]));
    start[12].v = _mm256_load_si256(reinterpret_cast<const __m256i*>(low));
    start[13].v = _mm256_load_si256(reinterpret_cast<const __m256i*>(high));
    start[14].v = start[15].v = _mm256_setzero_si256();
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    twelve_rounds(x);
    for (int i = 0; i < 16; ++i) x[i] = x[i] + start[i];
    auto* bytes = reinterpret_cast<uint8_t*>(out);
    store_transposed(x, bytes);
    store_transposed(x + 8, bytes + 32);
}

void batch(const uint32_t key[8], uint64_t counter, uint16_t out[batch_words]) {
    eight_blocks(key, counter, out);
    eight_blocks(key, counter + 8, out + 8 * block_words);
}

/// All ones where word < 257 gray or gray = 255. Unsigned words compare through a subtraction that saturates.
__m256i drawn(__m256i gray, __m256i words) {
    const __m256i limit = _mm256_or_si256(gray, _mm256_slli_epi16(gray, 8));
    const __m256i not_below = _mm256_cmpeq_epi16(_mm256_subs_epu16(limit, words), _mm256_setzero_si256());
    const __m256i white = _mm256_cmpeq_epi16(gray, _mm256_set1_epi16(255));
    return _mm256_or_si256(white, _mm256_xor_si256(not_below, _mm256_set1_epi16(-1)));
}

void bernoulli(uint8_t* out, const uint8_t* gray, const uint16_t* words, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m256i g = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(gray + i)));
        const __m256i mask = drawn(g, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + i)));
        const __m128i ones = _mm_packs_epi16(_mm256_castsi256_si128(mask), _mm256_extracti128_si256(mask, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_and_si128(ones, _mm_set1_epi8(1)));
    }
    for (; i < count; ++i) out[i] = words[i] < 257 * gray[i] || gray[i] == 255 ? 1 : 0;
}

}  // namespace

extern const SamplingKernels avx2_sampling = {batch, bernoulli};

}  // namespace sealframe::features
