// Method: sixteen ChaCha12 blocks, a word of each in one vector, transposed at the end; 32 pixels at a time.
// Instructions: AVX-512 F, BW, VL: _mm512_rol_epi32, _mm512_shuffle_i32x4, _mm512_cmplt_epu16_mask.

#include <immintrin.h>

#include "features/sampling_kernels.hpp"

namespace sealframe::features {
namespace {

struct Lanes {
    __m512i v;
};

inline Lanes operator+(Lanes a, Lanes b) {
    return {_mm512_add_epi32(a.v, b.v)};
}

inline Lanes operator^(Lanes a, Lanes b) {
    return {_mm512_xor_si512(a.v, b.v)};
}

template <int bits>
Lanes rotate(Lanes a) {
    return {_mm512_rol_epi32(a.v, bits)};
}

}  // namespace
}  // namespace sealframe::features

#include "features/chacha.hpp"

namespace sealframe::features {
namespace {

/// Four vectors of word i .. i + 3 of sixteen blocks: quad[k] lane l holds the four words of block 4 l + k.
void transpose_words(const Lanes* x, __m512i* quad) {
    const __m512i low01 = _mm512_unpacklo_epi32(x[0].v, x[1].v),
                  high01 = _mm512_unpackhi_epi32(x[0].v, x[1].v);
    const __m512i low23 = _mm512_unpacklo_epi32(x[2].v, x[3].v),
                  high23 = _mm512_unpackhi_epi32(x[2].v, x[3].v);
    quad[0] = _mm512_unpacklo_epi64(low01, low23);
    quad[1] = _mm512_unpackhi_epi64(low01, low23);
    quad[2] = _mm512_unpacklo_epi64(high01, high23);
    quad[3] = _mm512_unpackhi_epi64(high01, high23);
}

void store_blocks(const Lanes* x, uint16_t* out) {
    __m512i quads[4][4];
    for (int q = 0; q < 4; ++q) transpose_words(x + 4 * q, quads[q]);
    for (size_t k = 0; k < 4; ++k) {
        const __m512i a = _mm512_shuffle_i32x4(quads[0][k], quads[1][k], 0x88);
        const __m512i b = _mm512_shuffle_i32x4(quads[0][k], quads[1][k], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(quads[2][k], quads[3][k], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(quads[2][k], quads[3][k], 0xdd);
        const __m512i blocks[4] = {_mm512_shuffle_i32x4(a, c, 0x88), _mm512_shuffle_i32x4(b, d, 0x88),
                                   _mm512_shuffle_i32x4(a, c, 0xdd), _mm512_shuffle_i32x4(b, d, 0xdd)};
        for (size_t l = 0; l < 4; ++l) _mm512_storeu_si512(out + (4 * l + k) * block_words, blocks[l]);
    }
}

void batch(const uint32_t key[8], uint64_t counter, uint16_t out[batch_words]) {
    alignas(64) uint32_t low[16], high[16];
    for (size_t i = 0; i < 16; ++i) {
        low[i] = static_cast<uint32_t>(counter + i);
        high[i] = static_cast<uint32_t>((counter + i) >> 32);
    }
    Lanes start[16], x[16];
    for (int i = 0; i < 4; ++i) start[i].v = _mm512_set1_epi32(static_cast<int>(chacha_constants[i]));
    for (int i = 0; i < 8; ++i) start[4 + i].v = _mm512_set1_epi32(static_cast<int>(key[i]));
    start[12].v = _mm512_load_si512(low);
    start[13].v = _mm512_load_si512(high);
    start[14].v = start[15].v = _mm512_setzero_si512();
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    twelve_rounds(x);
    for (int i = 0; i < 16; ++i) x[i] = x[i] + start[i];
    store_blocks(x, out);
}

void bernoulli(uint8_t* out, const uint8_t* gray, const uint16_t* words, size_t count) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const __m512i g =
            _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(gray + i)));
        const __m512i limit = _mm512_or_si512(g, _mm512_slli_epi16(g, 8));
        const __mmask32 below = _mm512_cmplt_epu16_mask(_mm512_loadu_si512(words + i), limit);
        const __mmask32 white = _mm512_cmpeq_epi16_mask(g, _mm512_set1_epi16(255));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                            _mm256_maskz_set1_epi8(_kor_mask32(below, white), 1));
    }
    for (; i < count; ++i) out[i] = words[i] < 257 * gray[i] || gray[i] == 255 ? 1 : 0;
}

}  // namespace

extern const SamplingKernels avx512_sampling = {batch, bernoulli};

}  // namespace sealframe::features
