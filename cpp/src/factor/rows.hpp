#pragma once

#include "factor/factor_kernels.hpp"

// Included by the files that are compiled for one instruction set: C headers only, internal linkage.

namespace sealframe::factor {
namespace {

/// Adds row[from] .. row[width - 1].
inline void add_values(RowSums& sums, const int8_t* row, size_t from, size_t width) {
    int64_t plain = sums.plain, absolute = sums.absolute, squared = sums.squared;
    for (size_t x = from; x < width; ++x) {
        const int v = row[x];
        plain += v;
        absolute += v < 0 ? -v : v;
        squared += v * v;
    }
    sums = {plain, absolute, squared};
}

}  // namespace
}  // namespace sealframe::factor
