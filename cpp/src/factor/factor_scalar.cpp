// Method: one value at a time: itself, its magnitude and its square onto three sums.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "factor/rows.hpp"

namespace sealframe::factor {
namespace {

RowSums sum_row(const int8_t* row, size_t width) {
    RowSums sums{};
    add_values(sums, row, 0, width);
    return sums;
}

}  // namespace

extern const Kernels scalar_factor = {sum_row};

}  // namespace sealframe::factor
