// Method: M^T M row by row of the map; matrix times vector in 64 bits; elimination with a remainder each.
// Instructions: the compiler's for the baseline (SSE2 on x86-64, NEON on ARM).

#include "factor/spectral_kernels.hpp"

namespace sealframe::factor {
namespace {

void gram(int32_t* gram, const int8_t* map, size_t height, size_t width) {
    for (size_t i = 0; i < width * width; ++i) gram[i] = 0;
    for (size_t y = 0; y < height; ++y, map += width) {
        for (size_t i = 0; i < width; ++i) {
            int32_t* row = gram + i * width;
            for (size_t j = 0; j < width; ++j) row[j] += map[i] * map[j];
        }
    }
}

void multiply(int64_t* out, const int32_t* gram, const int32_t* v, size_t side) {
    for (size_t i = 0; i < side; ++i, gram += side) {
        int64_t sum = 0;
        for (size_t j = 0; j < side; ++j) sum += int64_t{gram[j]} * v[j];
        out[i] = sum;
    }
}

void eliminate(uint32_t* row, const uint32_t* pivot, uint32_t factor, size_t count) {
    for (size_t i = 0; i < count; ++i) row[i] = (row[i] + factor * pivot[i]) % prime;
}

}  // namespace

extern const SpectralKernels scalar_spectral = {gram, multiply, eliminate};

}  // namespace sealframe::factor
