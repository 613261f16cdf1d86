#include "similarity/channels_kernels.hpp"

namespace sealframe::similarity {
namespace {

void bytes(IntegerSums* out, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels, int zero) {
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        IntegerSums sums{};
        for (size_t c = 0; c < channels; ++c) {
            const int p = a[c] - zero, q = b[c] - zero;
            sums.dot += p * q;
            sums.aa += p * p;
            sums.bb += q * q;
        }
        out[i] = sums;
    }
}

constexpr size_t lanes = 16;

float tree(float* lane) {
    for (size_t width = lanes / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; ++l) lane[l] += lane[l + width];
    }
    return lane[0];
}

void floats(FloatSums* out, const float* a, const float* b, size_t pixels, size_t channels) {
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        float dot[lanes] = {}, aa[lanes] = {}, bb[lanes] = {};
        for (size_t c = 0; c < channels; ++c) {
            dot[c % lanes] += a[c] * b[c];
            aa[c % lanes] += a[c] * a[c];
            bb[c % lanes] += b[c] * b[c];
        }
        out[i] = {tree(dot), tree(aa), tree(bb)};
    }
}

}  // namespace

extern const ChannelKernels scalar_channels = {bytes, floats};

}  // namespace sealframe::similarity
