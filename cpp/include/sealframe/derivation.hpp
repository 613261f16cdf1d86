#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

/// What lies between the networks of the VAE path: a latent drawn from the posterior, in integers.
namespace sealframe::derivation {

/// Noise is 4096 times the standard normal quantile at (word + 1/2) / 65536, rounded; so within +-17715.
inline constexpr int noise_bits = 12;

/// Deviations are 64 times the deviation in steps of the latent, rounded.
inline constexpr int deviation_bits = 6;

/// Reparameterisation: out[i] = clamp((mean[i] << 18) + deviation * noise + 2^17 >> 18, 0, 255).
/// `mean` and `out` count steps of 1/32; `log_variance` steps of 1/20 from -10 at byte 0, so that the
/// deviation is 32 exp(-5 + log_variance / 40) steps; the noise is that of word first + i of the seed's
/// stream, see random_words(). `out` may be `mean`.
Status sample_posterior(const std::uint8_t* mean, const std::uint8_t* log_variance, std::size_t count,
                        const std::uint8_t seed[32], std::uint64_t first, std::uint8_t* out);

}  // namespace sealframe::derivation
