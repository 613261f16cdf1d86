#include "similarity/cosine.hpp"
#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

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
