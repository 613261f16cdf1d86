#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

/// Seeded sampling: the ChaCha12 keystream as 16-bit words, and Bernoulli pixels drawn with it.
namespace sealframe::features {

inline constexpr std::size_t seed_bytes = 32;

/// No call reaches past this word of a stream.
inline constexpr std::uint64_t max_words = std::uint64_t{1} << 62;

/// Words first .. first + count - 1 of the keystream (little endian) of ChaCha12 with the seed as its key, a
/// zero nonce of 64 bits and a block counter of 64 bits that starts at 0.
Status random_words(const std::uint8_t seed[seed_bytes], std::uint64_t first, std::size_t count,
                    std::uint16_t* out);

/// Pixel i is 1 with probability gray[i] / 255 (up to 2^-16), by word first + i of the stream:
/// out[i] = word < 257 gray[i] or gray[i] = 255.
Status bernoulli(const std::uint8_t* gray, std::size_t count, const std::uint8_t seed[seed_bytes],
                 std::uint64_t first, std::uint8_t* out);

/// out[i] = 1 where gray[i] >= threshold (0..255), else 0.
Status binarise(const std::uint8_t* gray, std::size_t count, int threshold, std::uint8_t* out);

/// out[i] = float(2 gray[i] - 255) * (1 / 255f), in [-1, 1].
Status standardise(const std::uint8_t* gray, std::size_t count, float* out);

}  // namespace sealframe::features
