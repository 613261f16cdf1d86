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
