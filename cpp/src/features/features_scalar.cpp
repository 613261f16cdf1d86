// Method: adds weighted rows of bytes less 128; a cell is a double loop over its pixels and channels.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "features/features_kernels.hpp"

namespace sealframe::features {
namespace {

template <typename Sum>
void add_rows(Sum* sums, const Rows& rows, size_t bytes) {
    for (size_t k = 0; k < rows.count; ++k) {
        const uint8_t* row = rows.data + static_cast<ptrdiff_t>(k) * rows.stride;
        const int weight = k == 0                ? rows.first_weight
                           : k + 1 == rows.count ? rows.last_weight
                                                 : rows.full_weight;
        if (k == 0 && rows.fresh) {
            for (size_t i = 0; i < bytes; ++i) sums[i] = static_cast<Sum>(weight * (row[i] - 128));
        } else {
            for (size_t i = 0; i < bytes; ++i) sums[i] = static_cast<Sum>(sums[i] + weight * (row[i] - 128));
        }
    }
}

void sum_segments(int64_t* out, const int16_t* sums, const Segments& segments, const Pattern& pattern) {
    for (size_t i = 0; i < segments.count; ++i) {
        const Cell& cell = segments.cells[i];
        const int16_t* pixel = sums + cell.first * pattern.channels;
        int64_t total = 0;
        for (uint32_t k = 0; k < cell.count; ++k, pixel += pattern.channels) {
            const int weight = k == 0                ? cell.first_weight
                               : k + 1 == cell.count ? cell.last_weight
                                                     : segments.full_weight;
            int64_t luma = 0;
            for (size_t c = 0; c < pattern.channels; ++c) luma += pattern.weight[c] * pixel[c];
            total += weight * luma;
        }
        out[i] = total;
    }
}

}  // namespace

extern const Kernels scalar_features = {add_rows<int16_t>, add_rows<int32_t>, sum_segments};

}  // namespace sealframe::features
