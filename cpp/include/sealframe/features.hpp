#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/image.hpp"
#include "sealframe/status.hpp"

/// From pixels to what a network takes, in one pass that writes no gray image in between.
namespace sealframe::features {

enum class Feature : int {
    gray = 0,         ///< uint8: the area mean, rounded once, halves upwards
    binary = 1,       ///< uint8 0 or 1: whether the unrounded area mean reaches the threshold
    standardised = 2  ///< float32 in [-1, 1]: float(2 g - 255) * (1 / 255f) of the rounded mean g
};

enum class Layout : int {
    rows = 0,  ///< (height, width)
    blocks =
        1  ///< 32x32 tiles in row order, (tiles, 16, 16, 4): [n, i, j, 2 r + c] = pixel (2 i + r, 2 j + c)
};

struct Request {
    std::size_t height;  ///< of the output, 1..4096
    std::size_t width;   ///< of the output, 1..4096
    Feature feature;
    Layout layout;  ///< blocks only with Feature::gray and sides that are multiples of 32
    int threshold;  ///< 0..255, read for Feature::binary
};

inline constexpr std::size_t max_output_side = 4096;
inline constexpr std::size_t tile_side = 32;

/// Bytes of scratch that area_mean() needs; 0 when the arguments are refused.
std::size_t area_mean_scratch(const image::View& image, const Request& request);

/// The exact mean of the unrounded luma over the part of the picture under each output pixel. A side of the
/// picture that is shorter than the output's is first stretched to it by the nearest pixel.
/// `out` holds height*width elements of the feature's type; `scratch` is 8-byte aligned.
Status area_mean(const image::View& image, const Request& request, void* out, void* scratch,
                 std::size_t scratch_size);

/// Row-major (height, width) to 32x32 tiles in 2x2 block order, and back. Sides are multiples of 32.
Status block(const std::uint8_t* rows, std::size_t height, std::size_t width, std::uint8_t* tiles);
Status unblock(const std::uint8_t* tiles, std::size_t height, std::size_t width, std::uint8_t* rows);

}  // namespace sealframe::features
