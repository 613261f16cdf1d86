#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

namespace sealframe::similarity {

inline constexpr int min_window = 3;
inline constexpr int max_window = 15;

/// Bytes of scratch that window_cosine() needs; 0 when the arguments are refused.
std::size_t window_cosine_scratch(std::size_t height, std::size_t width, int window);

/// The cosine between the windows around each pixel of two gray pictures, in 1/127.
/// `a`, `b`, `out` are (height, width), row-major; values are taken as p - 128, the window x window square is
/// cut at the border, and q = floor(127 dot / isqrt(|a|^2 |b|^2)). Two windows of zeros give 127, one gives
/// 0.
Status window_cosine(const std::uint8_t* a, const std::uint8_t* b, std::size_t height, std::size_t width,
                     int window, std::int8_t* out, void* scratch, std::size_t scratch_size);

inline constexpr std::size_t max_channels = 1024;
inline constexpr std::size_t max_pixels = std::size_t{1} << 32;

/// The cosine between the channel vectors of each pixel of two maps, in 1/127; see window_cosine().
/// `a`, `b` are (pixels, channels), row-major; values are taken as v - zero, zero in 0..255; `out` is
/// (pixels).
Status channel_cosine(const std::uint8_t* a, const std::uint8_t* b, std::size_t pixels, std::size_t channels,
                      int zero, std::int8_t* out);

/// The same for float32, as float32: products and sums in float32 in 16 lanes (element i in lane i mod 16)
/// that one tree of halvings adds up, dot / sqrt(|a|^2 |b|^2) in double. Two zero vectors give 1, one gives
/// 0. Status::not_finite when a sum is not finite; `out` is then partly written.
Status channel_cosine(const float* a, const float* b, std::size_t pixels, std::size_t channels, float* out);

}  // namespace sealframe::similarity
