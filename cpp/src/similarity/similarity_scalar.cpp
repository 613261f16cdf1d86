// Method: one column at a time; a window adds its columns up; integer root, floored integer quotient.
// Instructions: the compiler's for the baseline, with the root of a double (sqrtsd, fsqrt).

#include "similarity/cosine.hpp"
#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

void slide(const ColumnSums& sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
           const uint8_t* old_b) {
    int32_t *dot = sums.dot + margin, *aa = sums.aa + margin, *bb = sums.bb + margin;
    for (size_t x = 0; x < sums.width; ++x) {
        const int p = a[x] - 128, q = b[x] - 128, old_p = old_a[x] - 128, old_q = old_b[x] - 128;
        dot[x] += p * q - old_p * old_q;
        aa[x] += p * p - old_p * old_p;
        bb[x] += q * q - old_q * old_q;
    }
}

int32_t window_sum(const int32_t* column, int window) {
    int32_t sum = 0;
    for (int i = -(window / 2); i <= window / 2; ++i) sum += column[i];
    return sum;
}

void cosines(int8_t* out, const ColumnSums& sums, int window) {
    const int32_t *dot = sums.dot + margin, *aa = sums.aa + margin, *bb = sums.bb + margin;
    for (size_t x = 0; x < sums.width; ++x) {
        out[x] = cosine(window_sum(dot + x, window), window_sum(aa + x, window), window_sum(bb + x, window));
    }
}

}  // namespace

extern const Kernels scalar_similarity = {slide, cosines};

}  // namespace sealframe::similarity
