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

#define SEALFRAME_KERNELS(isa) extern const Kernels isa##_factor;
#include "generated/factor/factor.def"

}  // namespace sealframe::factor
