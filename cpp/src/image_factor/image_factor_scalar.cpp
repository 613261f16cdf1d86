#include "image_factor/image_factor_kernels.hpp"

namespace sealframe::image_factor {
namespace {

RowSums sum_row(const int8_t* row, size_t width) {
    RowSums sums{};
    for (size_t x = 0; x < width; ++x) {
        const int v = row[x];
        sums.plain += v;
        sums.absolute += v < 0 ? -v : v;
        sums.squared += v * v;
    }
    return sums;
}

}  // namespace

extern const Kernels scalar_kernels = {sum_row};

}  // namespace sealframe::image_factor
