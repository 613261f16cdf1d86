#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

namespace sealframe::features {

/// Two-dimensional DCT-II of each 32x32 tile of a gray picture, orthonormal, of p - 128, in 1/8.
/// `rows` is (height, width) row-major with sides that are multiples of 32 up to 4096; `out` is (tiles, 32,
/// 32), tiles in row order, out[n, v, u] the coefficient of vertical frequency v and horizontal frequency u.
/// Integers throughout: coefficients round(8192 cos(pi j / 64)) (5793 for frequency 0), columns first, then
/// (s + 2048) >> 12, then rows, then (s + 16384) >> 15, kept within int16.
Status spectrum(const std::uint8_t* rows, std::size_t height, std::size_t width, std::int16_t* out);

}  // namespace sealframe::features
