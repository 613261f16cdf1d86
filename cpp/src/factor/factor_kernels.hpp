#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::factor {

/// Sums over one row of a map.
struct RowSums {
    int64_t plain;
    int64_t absolute;
    int64_t squared;
};

struct Kernels {
    RowSums (*sum_row)(const int8_t* row, size_t width);
};

extern const Kernels scalar_kernels;
extern const Kernels avx2_kernels;
extern const Kernels neon_kernels;

}  // namespace sealframe::factor
