#pragma once

#include "factor/spectral_kernels.hpp"

// Included by the files that are compiled for one instruction set: C headers only, internal linkage.
// The including file supplies gram_block().

namespace sealframe::factor {
namespace {

inline int32_t column_dot(const int8_t* a, const int8_t* b, size_t height, size_t width) {
    int32_t sum = 0;
    for (size_t y = 0; y < height; ++y) sum += a[y * width] * b[y * width];
    return sum;
}

/// M^T M in blocks of 8 x 8 above the diagonal, single elements at the right edge, and their mirror image.
inline void gram(int32_t* gram, const int8_t* map, size_t height, size_t width) {
    const size_t whole = width / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        for (size_t j = i; j < whole; j += 8) gram_block(gram, map, height, width, i, j);
    }
    for (size_t j = whole; j < width; ++j) {
        for (size_t i = 0; i <= j; ++i) gram[i * width + j] = column_dot(map + i, map + j, height, width);
    }
    for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < i; ++j) gram[i * width + j] = gram[j * width + i];
    }
}

}  // namespace
}  // namespace sealframe::factor
