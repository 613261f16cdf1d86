#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Both tables that sampling needs, so that nothing of libm runs, whose last bits differ between systems.
namespace sealframe::derivation {

inline constexpr std::size_t half_words = 1 << 15;

/// The upper half of the noise as a walk: a 1 goes up by one, a 0 is the next entry. Bits from the lowest.
inline constexpr std::uint64_t noise_walk[] = {
#include "derivation/noise_walk.inc"
};

/// 64 times the deviation in steps of the latent, for each byte of the log-variance.
inline constexpr std::array<std::uint16_t, 256> deviations = {
#include "derivation/deviations.inc"
};

/// Noise of the words 32768 .. 65535; word 65535 - w has the negative of word w.
inline constexpr std::array<std::int16_t, half_words> upper_noise = [] {
    std::array<std::int16_t, half_words> noise{};
    std::size_t entry = 0;
    std::int16_t height = 0;
    for (std::size_t bit = 0; entry < half_words; ++bit) {
        if ((noise_walk[bit / 64] >> (bit % 64) & 1) != 0) {
            ++height;
        } else {
            noise[entry++] = height;
        }
    }
    return noise;
}();

}  // namespace sealframe::derivation
