// Method: 32 pixels at a time: a shuffle gives each 32 bits, multiply-adds weigh two channels at once.
// Instructions: AVX2: _mm256_shuffle_epi8, _mm256_madd_epi16; _mm256_packus_epi16 narrows to bytes.

#include <immintrin.h>

#include "image/image_kernels.hpp"

namespace sealframe::image {
namespace {

/// Bytes of eight pixels, one pixel per 32 bits, from two loads of 16 bytes.
struct Spread {
    __m256i shuffle;
    size_t high_offset;  ///< bytes from the first pixel to where the load of the last four starts
};

Spread spread_of(size_t channels) {
    if (channels == 4) {
        return {_mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7,
                                 8, 9, 10, 11, 12, 13, 14, 15),
                16};
    }
    // Three channels: the second load starts 4 bytes early, so that eight pixels are read from their own 24
    // bytes.
    return {_mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4, 5, 6, -1, 7, 8, 9, -1,
                             10, 11, 12, -1, 13, 14, 15, -1),
            8};
}

__m128i load(const uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

/// Rounded luma of eight pixels as 32-bit values.
__m256i luma(const uint8_t* pixel, const Spread& spread, __m256i even_weights, __m256i odd_weights) {
    const __m256i loaded = _mm256_set_m128i(load(pixel + spread.high_offset), load(pixel));
    const __m256i bytes = _mm256_shuffle_epi8(loaded, spread.shuffle);
    const __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(bytes, 8);
    const __m256i sum =
        _mm256_add_epi32(_mm256_madd_epi16(even, even_weights), _mm256_madd_epi16(odd, odd_weights));
    return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << 14)), 15);
}

__m256i pairs(int16_t low, int16_t high) {
    return _mm256_set1_epi32(static_cast<int>(static_cast<uint32_t>(static_cast<uint16_t>(high)) << 16 |
                                              static_cast<uint16_t>(low)));
}

void gray_row(uint8_t* out, const uint8_t* row, size_t width, ptrdiff_t pixel_stride, const int16_t* weight,
              size_t channels) {
    if (channels == 1) {
        __builtin_memcpy(out, row, width);
        return;
    }
    const Spread spread = spread_of(channels);
    const __m256i even = pairs(weight[0], weight[2]), odd = pairs(weight[1], weight[3]);
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t x = 0;
    for (; x + 32 <= width; x += 32) {
        __m256i eight[4];
        for (size_t v = 0; v < 4; ++v) eight[v] = luma(row + (x + 8 * v) * channels, spread, even, odd);
        const __m256i words = _mm256_packus_epi16(_mm256_packs_epi32(eight[0], eight[1]),
                                                  _mm256_packs_epi32(eight[2], eight[3]));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x),
                            _mm256_permutevar8x32_epi32(words, in_order));
    }
    row += static_cast<ptrdiff_t>(x) * pixel_stride;
    for (; x < width; ++x, row += pixel_stride) {
        int sum = 1 << 14;
        for (size_t c = 0; c < channels; ++c) sum += weight[c] * row[c];
        out[x] = static_cast<uint8_t>(sum >> 15);
    }
}

}  // namespace

extern const Kernels avx2_image = {gray_row};

}  // namespace sealframe::image
