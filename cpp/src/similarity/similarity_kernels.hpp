#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::similarity {

/// For each column, sums of a b, a a and b b (values p - 128) over the rows of the current windows.
struct ColumnSums {
    int32_t* dot;
    int32_t* aa;
    int32_t* bb;
};

/// Columns on both sides of the picture that stay zero, so that windows need no border case.
inline constexpr size_t margin = 16;

struct Kernels {
    /// Adds row (a, b) to the sums and takes row (old_a, old_b) from them.
    void (*slide)(ColumnSums sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
                  const uint8_t* old_b, size_t width);
    /// One row of the map from column sums that may be read `margin` columns to either side of the row.
    void (*cosines)(int8_t* out, ColumnSums sums, int window, size_t width);
};

extern const Kernels scalar_kernels;
extern const Kernels avx2_kernels;
extern const Kernels neon_kernels;

}  // namespace sealframe::similarity
