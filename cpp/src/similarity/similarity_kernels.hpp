#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::similarity {

/// Sums of a b, a a and b b (values p - 128) over the rows of the current windows, for each column: three
/// pieces of memory that start as zeros and hold what the kernels put there.
struct ColumnSums {
    int32_t* dot;
    int32_t* aa;
    int32_t* bb;
    size_t width;
};

/// Zeros on both sides of the sums, so that windows need no border case and vectors may end beyond the row.
inline constexpr size_t margin = 16;

/// Elements of each of the three: as many as the columns of three planes (even, odd, both) with their
/// margins.
constexpr size_t sums_length(size_t width) {
    return 3 * ((width + 1) / 2 + 2 * margin);
}

struct Kernels {
    /// Adds row (a, b) to the sums and takes row (old_a, old_b) from them.
    void (*slide)(const ColumnSums& sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
                  const uint8_t* old_b);
    /// One row of the map.
    void (*cosines)(int8_t* out, const ColumnSums& sums, int window);
};

#define SEALFRAME_KERNELS(isa) extern const Kernels isa##_similarity;
#include "generated/similarity/similarity.def"

}  // namespace sealframe::similarity
