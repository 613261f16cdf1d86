#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

namespace sealframe::image_factor {

/// Mean of each size x size block, halves upwards: (sum + size*size/2) >> log2(size*size).
/// `image` is (height, width) row-major; `out` is (height/size, width/size); size is 1, 2, 4, .. 128.
Status block_means(const std::uint8_t* image, std::size_t height, std::size_t width, std::size_t size,
                   std::uint8_t* out);

/// Sum of each row of an int8 map (height, width).
Status row_sums(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out);

/// Three norms of an int8 map: sum of |x| over all entries, sum of x^2 over all entries (the Frobenius norm
/// squared), and the largest sum of |x| over one row (the norm that the maximum norm induces).
Status norms(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t out[3]);

}  // namespace sealframe::image_factor
