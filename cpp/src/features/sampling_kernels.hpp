#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::features {

inline constexpr size_t block_words = 32;  ///< 16-bit words of a ChaCha block
inline constexpr size_t batch_blocks = 16;
inline constexpr size_t batch_words = batch_blocks * block_words;

struct SamplingKernels {
    /// Blocks counter .. counter + 15 of the keystream.
    void (*batch)(const uint32_t key[8], uint64_t counter, uint16_t out[batch_words]);
    void (*bernoulli)(uint8_t* out, const uint8_t* gray, const uint16_t* words, size_t count);
};

#define SEALFRAME_KERNELS(isa) extern const SamplingKernels isa##_sampling;
#include "generated/features/sampling.def"

}  // namespace sealframe::features
