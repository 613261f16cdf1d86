// Method: M^T M in 8x8 blocks, two rows at once; products of 64 bits; remainders by 2^16 = 15 mod 65521.
// Instructions: AVX2: _mm256_madd_epi16, _mm256_mul_epi32, _mm256_mullo_epi32, _mm256_min_epu32.

#include <immintrin.h>

#include "factor/spectral_kernels.hpp"

namespace sealframe::factor {
namespace {

__m256i load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

void store(void* p, __m256i v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}

/// Columns of row y and y + 1 side by side as 16-bit pairs; a row past the end counts as zeros.
__m256i row_pairs(const int8_t* row, size_t width, bool both) {
    const __m128i a = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row)));
    const __m128i b = both ? _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + width)))
                           : _mm_setzero_si128();
    return _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b));
}

int column_pair(const int8_t* row, size_t width, bool both) {
    const auto low = static_cast<uint16_t>(row[0]), high = static_cast<uint16_t>(both ? row[width] : 0);
    return static_cast<int>(static_cast<uint32_t>(high) << 16 | low);
}

/// gram[i .. i + 7][j .. j + 7], kept in registers over all rows of the map.
void gram_block(int32_t* gram, const int8_t* map, size_t height, size_t width, size_t i, size_t j) {
    __m256i sums[8] = {};
    for (size_t y = 0; y < height; y += 2) {
        const int8_t* row = map + y * width;
        const bool both = y + 1 < height;
        const __m256i right = row_pairs(row + j, width, both);
        for (int r = 0; r < 8; ++r) {
            const __m256i left =
                _mm256_set1_epi32(column_pair(row + i + static_cast<size_t>(r), width, both));
            sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(left, right));
        }
    }
    for (int r = 0; r < 8; ++r) store(gram + (i + static_cast<size_t>(r)) * width + j, sums[r]);
}

}  // namespace
}  // namespace sealframe::factor

#include "factor/gram.hpp"

namespace sealframe::factor {
namespace {

int64_t horizontal_sum(__m256i v) {
    const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si64(pair) + _mm_extract_epi64(pair, 1);
}

void multiply(int64_t* out, const int32_t* gram, const int32_t* v, size_t side) {
    for (size_t i = 0; i < side; ++i, gram += side) {
        __m256i even = _mm256_setzero_si256(), odd = even;
        size_t j = 0;
        for (; j + 8 <= side; j += 8) {
            const __m256i g = load(gram + j), x = load(v + j);
            even = _mm256_add_epi64(even, _mm256_mul_epi32(g, x));
            odd = _mm256_add_epi64(odd, _mm256_mul_epi32(_mm256_srli_epi64(g, 32), _mm256_srli_epi64(x, 32)));
        }
        int64_t sum = horizontal_sum(_mm256_add_epi64(even, odd));
        for (; j < side; ++j) sum += int64_t{gram[j]} * v[j];
        out[i] = sum;
    }
}

/// x mod 65521 for x < 2^32: 2^16 = 15 modulo the prime, twice, leaves less than twice the prime.
__m256i reduce(__m256i x) {
    const __m256i low = _mm256_set1_epi32(0xffff), fifteen = _mm256_set1_epi32(15);
    for (int i = 0; i < 2; ++i) {
        const __m256i high = _mm256_mullo_epi16(_mm256_srli_epi32(x, 16), fifteen);
        const __m256i carry = _mm256_slli_epi32(_mm256_mulhi_epu16(_mm256_srli_epi32(x, 16), fifteen), 16);
        x = _mm256_add_epi32(_mm256_and_si256(x, low), _mm256_add_epi32(high, carry));
    }
    const __m256i less = _mm256_sub_epi32(x, _mm256_set1_epi32(static_cast<int>(prime)));
    return _mm256_min_epu32(x, less);
}

void eliminate(uint32_t* row, const uint32_t* pivot, uint32_t factor, size_t count) {
    const __m256i factors = _mm256_set1_epi32(static_cast<int>(factor));
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        store(row + i, reduce(_mm256_add_epi32(load(row + i), _mm256_mullo_epi32(factors, load(pivot + i)))));
    }
    for (; i < count; ++i) row[i] = (row[i] + factor * pivot[i]) % prime;
}

}  // namespace

extern const SpectralKernels avx2_spectral = {gram, multiply, eliminate};

}  // namespace sealframe::factor
