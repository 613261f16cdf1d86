// Method: four ChaCha12 blocks, a word of each in one vector, transposed at the end; 8 pixels at a time.
// Instructions: NEON: vsriq_n_u32 and vrev32q_u16 rotate, vtrn1q_u32 transposes, vcltq_u16 compares.

#include <arm_neon.h>

#include "features/sampling_kernels.hpp"

namespace sealframe::features {
namespace {

struct Lanes {
    uint32x4_t v;
};

inline Lanes operator+(Lanes a, Lanes b) {
    return {vaddq_u32(a.v, b.v)};
}

inline Lanes operator^(Lanes a, Lanes b) {
    return {veorq_u32(a.v, b.v)};
}

template <int bits>
Lanes rotate(Lanes a) {
    return {vsriq_n_u32(vshlq_n_u32(a.v, bits), a.v, 32 - bits)};
}

template <>
inline Lanes rotate<16>(Lanes a) {
    return {vreinterpretq_u32_u16(vrev32q_u16(vreinterpretq_u16_u32(a.v)))};
}

}  // namespace
}  // namespace sealframe::features

#include "features/chacha.hpp"

namespace sealframe::features {
namespace {

/// Four vectors of word i .. i + 3 of four blocks become four words of each block.
void store_transposed(const Lanes* x, uint16_t* out) {
    const uint64x2_t even01 = vreinterpretq_u64_u32(vtrn1q_u32(x[0].v, x[1].v));
    const uint64x2_t odd01 = vreinterpretq_u64_u32(vtrn2q_u32(x[0].v, x[1].v));
    const uint64x2_t even23 = vreinterpretq_u64_u32(vtrn1q_u32(x[2].v, x[3].v));
    const uint64x2_t odd23 = vreinterpretq_u64_u32(vtrn2q_u32(x[2].v, x[3].v));
    const uint64x2_t blocks[4] = {vtrn1q_u64(even01, even23), vtrn1q_u64(odd01, odd23),
                                  vtrn2q_u64(even01, even23), vtrn2q_u64(odd01, odd23)};
    for (size_t i = 0; i < 4; ++i) vst1q_u16(out + block_words * i, vreinterpretq_u16_u64(blocks[i]));
}

void four_blocks(const uint32_t key[8], uint64_t counter, uint16_t* out) {
    uint32_t low[4], high[4];
    for (size_t i = 0; i < 4; ++i) {
        low[i] = static_cast<uint32_t>(counter + i);
        high[i] = static_cast<uint32_t>((counter + i) >> 32);
    }
    Lanes start[16], x[16];
    for (int i = 0; i < 4; ++i) start[i].v = vdupq_n_u32(chacha_constants[i]);
    for (int i = 0; i < 8; ++i) start[4 + i].v = vdupq_n_u32(key[i]);
    start[12].v = vld1q_u32(low);
    start[13].v = vld1q_u32(high);
    start[14].v = start[15].v = vdupq_n_u32(0);
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    twelve_rounds(x);
    for (int i = 0; i < 16; ++i) x[i] = x[i] + start[i];
    for (size_t q = 0; q < 4; ++q) store_transposed(x + 4 * q, out + 8 * q);
}

void batch(const uint32_t key[8], uint64_t counter, uint16_t out[batch_words]) {
    for (size_t i = 0; i < batch_blocks; i += 4) four_blocks(key, counter + i, out + i * block_words);
}

void bernoulli(uint8_t* out, const uint8_t* gray, const uint16_t* words, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const uint16x8_t g = vmovl_u8(vld1_u8(gray + i));
        const uint16x8_t below = vcltq_u16(vld1q_u16(words + i), vmulq_n_u16(g, 257));
        const uint16x8_t white = vceqq_u16(g, vdupq_n_u16(255));
        vst1_u8(out + i, vand_u8(vmovn_u16(vorrq_u16(below, white)), vdup_n_u8(1)));
    }
    for (; i < count; ++i) out[i] = words[i] < 257 * gray[i] || gray[i] == 255 ? 1 : 0;
}

}  // namespace

extern const SamplingKernels neon_sampling = {batch, bernoulli};

}  // namespace sealframe::features
