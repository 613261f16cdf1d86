#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

/// Exact: v < 2^44 has an exact double, and the square root of v = m^2 - 1 stays below m by more than the
/// rounding error of 2^-31, as m < 2^22.
int64_t integer_square_root(int64_t v) {
    return static_cast<int64_t>(__builtin_sqrt(static_cast<double>(v)));
}

/// floor(127 dot / isqrt(aa bb)). It lies in -127..127: dot^2 <= aa bb, and |dot| is an integer.
int8_t cosine(int32_t dot, int32_t aa, int32_t bb) {
    if (aa == 0 || bb == 0) return aa == bb ? 127 : 0;
    const int64_t numerator = int64_t{127} * dot;
    const int64_t length = integer_square_root(int64_t{aa} * bb);
    const int64_t quotient = numerator / length;
    return static_cast<int8_t>(quotient - (quotient * length > numerator ? 1 : 0));
}

void slide(ColumnSums sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a, const uint8_t* old_b,
           size_t width) {
    for (size_t x = 0; x < width; ++x) {
        const int p = a[x] - 128, q = b[x] - 128, old_p = old_a[x] - 128, old_q = old_b[x] - 128;
        sums.dot[x] += p * q - old_p * old_q;
        sums.aa[x] += p * p - old_p * old_p;
        sums.bb[x] += q * q - old_q * old_q;
    }
}

int32_t window_sum(const int32_t* column, int window) {
    int32_t sum = 0;
    for (int i = -(window / 2); i <= window / 2; ++i) sum += column[i];
    return sum;
}

void cosines(int8_t* out, ColumnSums sums, int window, size_t width) {
    for (size_t x = 0; x < width; ++x) {
        out[x] = cosine(window_sum(sums.dot + x, window), window_sum(sums.aa + x, window),
                        window_sum(sums.bb + x, window));
    }
}

}  // namespace

extern const Kernels scalar_kernels = {slide, cosines};

}  // namespace sealframe::similarity
