// Method: matrix product with two rows interleaved, so that a multiply-add takes two terms of a sum.
// Instructions: AVX2: _mm256_unpacklo_epi16, _mm256_madd_epi16; _mm256_packs_epi32 saturates.

#include <immintrin.h>

#include "features/spectrum_kernels.hpp"

namespace sealframe::features {
namespace {

constexpr int pairs = dct_side / 2;

__m256i load(const int16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

void store(int16_t* p, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}

void multiply(int16_t* out, const int16_t* left, const int16_t* right, int shift) {
    // Rows n and n + 1 side by side, in the lane order of unpack, which the final packs undoes.
    __m256i rows[pairs][4];
    for (int n = 0; n < pairs; ++n) {
        for (int half = 0; half < 2; ++half) {
            const __m256i a = load(right + 2 * n * dct_side + 16 * half);
            const __m256i b = load(right + (2 * n + 1) * dct_side + 16 * half);
            rows[n][2 * half] = _mm256_unpacklo_epi16(a, b);
            rows[n][2 * half + 1] = _mm256_unpackhi_epi16(a, b);
        }
    }
    const __m256i rounding = _mm256_set1_epi32(1 << (shift - 1));
    const __m128i by = _mm_cvtsi32_si128(shift);
    for (int k = 0; k < dct_side; ++k) {
        __m256i sums[4] = {rounding, rounding, rounding, rounding};
        for (int n = 0; n < pairs; ++n) {
            int32_t weights;
            __builtin_memcpy(&weights, left + k * dct_side + 2 * n, sizeof weights);
            for (int v = 0; v < 4; ++v) {
                sums[v] =
                    _mm256_add_epi32(sums[v], _mm256_madd_epi16(rows[n][v], _mm256_set1_epi32(weights)));
            }
        }
        for (int half = 0; half < 2; ++half) {
            store(out + k * dct_side + 16 * half,
                  _mm256_packs_epi32(_mm256_sra_epi32(sums[2 * half], by),
                                     _mm256_sra_epi32(sums[2 * half + 1], by)));
        }
    }
}

}  // namespace

extern const SpectrumKernels avx2_spectrum = {multiply};

}  // namespace sealframe::features
