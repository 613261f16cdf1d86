#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.

namespace sealframe::features {

/// The source pixels under one output pixel along one axis. A pixel fully inside weighs the axis' full
/// weight.
struct Cell {
    uint32_t first;
    uint32_t count;
    uint16_t first_weight;
    uint16_t last_weight;  ///< not read when count is 1
};

/// Some rows of bytes and their weights: first_weight, full_weight.., last_weight (first_weight alone when
/// 1).
struct Rows {
    const uint8_t* data;
    ptrdiff_t stride;
    size_t count;
    int first_weight;
    int full_weight;
    int last_weight;
    bool fresh;  ///< whether the sums start here instead of going on
};

/// The weights of a pixel's channels, repeated. 48 is a multiple of 1, 3 and 4 channels and of 16 lanes.
struct Pattern {
    int16_t weight[48];
    size_t channels;
};

struct Segments {
    const Cell* cells;
    size_t count;
    int full_weight;
    int max_sum;         ///< bound of |sums[i]|
    size_t max_touched;  ///< bound of Cell::count
};

/// Sums may be read this many elements past their end.
inline constexpr size_t sums_padding = 16;

struct Kernels {
    /// sums[i] = (rows.fresh ? 0 : sums[i]) + weighted sum of (byte - 128) over the rows; the caller knows
    /// that it fits.
    void (*add_rows)(int16_t* sums, const Rows& rows, size_t bytes);
    void (*add_rows_wide)(int32_t* sums, const Rows& rows, size_t bytes);
    /// out[i] = sum over the pixels x of cell i of weight(x) * sum over the channels c of pattern[c] *
    /// sums[x, c].
    void (*sum_segments)(int64_t* out, const int16_t* sums, const Segments& segments, const Pattern& pattern);
};

#define SEALFRAME_KERNELS(isa) extern const Kernels isa##_features;
#include "generated/features/features.def"

}  // namespace sealframe::features
