// Method: matrix product, a row of sums in 32 bits at a time, rounded, shifted and saturated.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "features/spectrum_kernels.hpp"

namespace sealframe::features {
namespace {

int16_t saturate(int32_t v) {
    return static_cast<int16_t>(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
}

void multiply(int16_t* out, const int16_t* left, const int16_t* right, int shift) {
    for (int k = 0; k < dct_side; ++k) {
        int32_t sums[dct_side] = {};
        for (int n = 0; n < dct_side; ++n) {
            const int32_t weight = left[k * dct_side + n];
            for (int x = 0; x < dct_side; ++x) sums[x] += weight * right[n * dct_side + x];
        }
        const int32_t half = 1 << (shift - 1);
        for (int x = 0; x < dct_side; ++x) out[k * dct_side + x] = saturate((sums[x] + half) >> shift);
    }
}

}  // namespace

extern const SpectrumKernels scalar_spectrum = {multiply};

}  // namespace sealframe::features
