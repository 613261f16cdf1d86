#pragma once

#include "features/features_kernels.hpp"

// Included by the files that are compiled for one instruction set: C headers only, internal linkage.
// What vectors leave over: the end of a row, and the pixels at the edges of cells.

namespace sealframe::features {
namespace {

inline const uint8_t* row_at(const Rows& rows, size_t k) {
    return rows.data + static_cast<ptrdiff_t>(k) * rows.stride;
}

/// The weights of all rows added up.
inline int weight_of(const Rows& rows) {
    if (rows.count == 1) return rows.first_weight;
    return rows.first_weight + static_cast<int>(rows.count - 2) * rows.full_weight + rows.last_weight;
}

/// The rest of a row that is shorter than a vector.
template <typename Sum>
void add_tail(Sum* sums, const Rows& rows, size_t from, size_t bytes) {
    for (size_t i = from; i < bytes; ++i) {
        int sum = rows.fresh ? 0 : sums[i];
        for (size_t k = 0; k < rows.count; ++k) {
            const bool last = k + 1 == rows.count;
            const int weight = k == 0 ? rows.first_weight : last ? rows.last_weight : rows.full_weight;
            sum += weight * (row_at(rows, k)[i] - 128);
        }
        sums[i] = static_cast<Sum>(sum);
    }
}

inline int64_t luma(const int16_t* pixel, const Pattern& pattern) {
    int64_t sum = 0;
    for (size_t c = 0; c < pattern.channels; ++c) sum += pattern.weight[c] * pixel[c];
    return sum;
}

/// From the unweighted sum over a cell to the weighted one: take back what the two edges have too much.
inline int64_t weigh(int64_t sum, const int16_t* sums, const Cell& cell, int full_weight,
                     const Pattern& pattern) {
    sum *= full_weight;
    const int16_t* first = sums + cell.first * pattern.channels;
    if (cell.first_weight != full_weight) sum -= (full_weight - cell.first_weight) * luma(first, pattern);
    if (cell.count > 1 && cell.last_weight != full_weight) {
        const int16_t* last = first + (cell.count - 1) * pattern.channels;
        sum -= (full_weight - cell.last_weight) * luma(last, pattern);
    }
    return sum;
}

}  // namespace
}  // namespace sealframe::features
