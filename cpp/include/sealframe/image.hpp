#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

namespace sealframe::image {

/// The channels of a pixel in memory order; x is a byte that is ignored (alpha).
enum class Order : int { gray = 0, rgb, bgr, rgbx, bgrx, xrgb, xbgr };

/// A picture in the caller's memory: uint8, interleaved channels that follow each other byte by byte.
struct View {
    const std::uint8_t* data;     ///< first channel of the pixel in row 0, column 0
    std::size_t height;           ///< 1..65535
    std::size_t width;            ///< 1..65535
    std::ptrdiff_t row_stride;    ///< bytes from a pixel to the one below; may be negative
    std::ptrdiff_t pixel_stride;  ///< bytes from a pixel to the one at its right; may be negative
    Order order;
};

/// BT.601 luma in 1/32768: one weight per byte of a pixel. For gray the only weight is 1.
struct Weights {
    std::size_t channels;
    std::int16_t weight[4];
    std::int32_t total;
};

Weights weights(Order order);

inline constexpr std::size_t max_side = 65535;

Status check(const View& image);

/// BT.601 luma at the picture's own size, rounded once: (9798 R + 19235 G + 3735 B + 16384) >> 15.
/// `out` is (height, width) row-major.
Status gray(const View& image, std::uint8_t* out);

}  // namespace sealframe::image
