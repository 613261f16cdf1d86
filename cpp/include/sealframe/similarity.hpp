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

}  // namespace sealframe::similarity
