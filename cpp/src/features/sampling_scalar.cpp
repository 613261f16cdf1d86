// Method: ChaCha12 one block after the other; a pixel is 1 where its word is below 257 times it.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "features/sampling_kernels.hpp"

namespace sealframe::features {
namespace {

template <int bits>
uint32_t rotate(uint32_t v) {
    return v << bits | v >> (32 - bits);
}

}  // namespace
}  // namespace sealframe::features

#include "features/chacha.hpp"

namespace sealframe::features {
namespace {

void block(const uint32_t key[8], uint64_t counter, uint16_t* out) {
    uint32_t start[16], x[16];
    for (int i = 0; i < 4; ++i) start[i] = chacha_constants[i];
    for (int i = 0; i < 8; ++i) start[4 + i] = key[i];
    start[12] = static_cast<uint32_t>(counter);
    start[13] = static_cast<uint32_t>(counter >> 32);
    start[14] = start[15] = 0;
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    twelve_rounds(x);
    for (int i = 0; i < 16; ++i) {
        const uint32_t word = x[i] + start[i];
        out[2 * i] = static_cast<uint16_t>(word);
        out[2 * i + 1] = static_cast<uint16_t>(word >> 16);
    }
}

void batch(const uint32_t key[8], uint64_t counter, uint16_t out[batch_words]) {
    for (size_t i = 0; i < batch_blocks; ++i) block(key, counter + i, out + i * block_words);
}

void bernoulli(uint8_t* out, const uint8_t* gray, const uint16_t* words, size_t count) {
    for (size_t i = 0; i < count; ++i) out[i] = words[i] < 257 * gray[i] || gray[i] == 255 ? 1 : 0;
}

}  // namespace

extern const SamplingKernels scalar_sampling = {batch, bernoulli};

}  // namespace sealframe::features
