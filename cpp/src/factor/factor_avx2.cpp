// Method: 16 values at a time in 32 bits; every 65536 values the sums move on to 64 bits.
// Instructions: AVX2: _mm256_cvtepi8_epi16, _mm256_abs_epi16, _mm256_madd_epi16.

#include <immintrin.h>

#include "factor/rows.hpp"

namespace sealframe::factor {
namespace {

int64_t horizontal_sum(__m256i v) {
    const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si64(pair) + _mm_extract_epi64(pair, 1);
}

__m256i to_64_bits(__m256i v) {
    return _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(v)),
                            _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1)));
}

RowSums sum_row(const int8_t* row, size_t width) {
    constexpr size_t chunk = 1 << 16;  // a lane gains at most 2 * 128 * 128 per 16 values: 2^27 in a chunk
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi16(1);
    __m256i plain = zero, absolute = zero, squared = zero;
    size_t x = 0;
    while (x + 16 <= width) {
        const size_t end = width - x < chunk ? width : x + chunk;
        __m256i chunk_plain = zero, chunk_absolute = zero, chunk_squared = zero;
        for (; x + 16 <= end; x += 16) {
            const __m256i v =
                _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + x)));
            chunk_plain = _mm256_add_epi32(chunk_plain, _mm256_madd_epi16(v, ones));
            chunk_absolute = _mm256_add_epi32(chunk_absolute, _mm256_madd_epi16(_mm256_abs_epi16(v), ones));
            chunk_squared = _mm256_add_epi32(chunk_squared, _mm256_madd_epi16(v, v));
        }
        plain = _mm256_add_epi64(plain, to_64_bits(chunk_plain));
        absolute = _mm256_add_epi64(absolute, to_64_bits(chunk_absolute));
        squared = _mm256_add_epi64(squared, to_64_bits(chunk_squared));
    }
    RowSums sums{horizontal_sum(plain), horizontal_sum(absolute), horizontal_sum(squared)};
    add_values(sums, row, x, width);
    return sums;
}

}  // namespace

extern const Kernels avx2_factor = {sum_row};

}  // namespace sealframe::factor
