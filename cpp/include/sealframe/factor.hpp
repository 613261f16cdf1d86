#pragma once

#include <cstddef>
#include <cstdint>

#include "sealframe/status.hpp"

namespace sealframe::factor {

/// Mean of each size x size block, halves upwards: (sum + size*size/2) >> log2(size*size).
/// `image` is (height, width) row-major; `out` is (height/size, width/size); size is 1, 2, 4, .. 128.
Status block_means(const std::uint8_t* image, std::size_t height, std::size_t width, std::size_t size,
                   std::uint8_t* out);

/// Sum of each row of an int8 map (height, width).
Status row_sums(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out);

/// Three norms of an int8 map: sum of |x| over all entries, sum of x^2 over all entries (the Frobenius norm
/// squared), and the largest sum of |x| over one row (the norm that the maximum norm induces).
Status norms(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t out[3]);

inline constexpr std::size_t max_map_side = 1024;

/// Bytes of scratch that rank() and leading_pair() need; 0 when a side is not 1..1024.
std::size_t rank_scratch(std::size_t height, std::size_t width);
std::size_t leading_pair_scratch(std::size_t height, std::size_t width);

/// Rank of the map over the integers modulo the prime 65521.
Status rank(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out, void* scratch,
            std::size_t scratch_size);

/// Leading eigenvalue and eigenvector of G = M^T M after 32 power steps, in fixed point. A defined function:
/// start   v = column j of G, j the first index of the largest diagonal entry; all zero: value 0, vector 0
/// step    v = G v, scaled so that the largest magnitude is 2^20: w = v >> s with the smallest s that brings
/// every
///         |w| below 2^40, then w * 2^20 / max|w| toward zero
/// value   floor(2^8 (v . G v) / (v . v))
/// vector  v * 2^36 / isqrt(2^12 v . v) toward zero: unit length is 2^30; its first largest magnitude is
/// positive `vector` holds `width` elements.
Status leading_pair(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t* value,
                    std::int32_t* vector, void* scratch, std::size_t scratch_size);

}  // namespace sealframe::factor
