// Method: one pixel at a time; floats in 16 lanes that a tree of halvings adds up; roots in double.
// Instructions: the compiler's for the baseline, with the root of a double (sqrtsd, fsqrt).

#include "similarity/channels.hpp"

namespace sealframe::similarity {
namespace {

void bytes(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
           int zero) {
    for (size_t i = 0; i < pixels; ++i) sums.dot[i] = sums.aa[i] = sums.bb[i] = 0;
    add_channels(sums, a, b, 0, pixels, 0, channels, zero);
}

constexpr size_t lanes = 16;

float tree(float* lane) {
    for (size_t width = lanes / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; ++l) lane[l] += lane[l + width];
    }
    return lane[0];
}

void floats(Sums<float>& sums, const float* a, const float* b, size_t pixels, size_t channels) {
    for (size_t i = 0; i < pixels; ++i, a += channels, b += channels) {
        float dot[lanes] = {}, aa[lanes] = {}, bb[lanes] = {};
        for (size_t c = 0; c < channels; ++c) {
            dot[c % lanes] += a[c] * b[c];
            aa[c % lanes] += a[c] * a[c];
            bb[c % lanes] += b[c] * b[c];
        }
        sums.dot[i] = tree(dot);
        sums.aa[i] = tree(aa);
        sums.bb[i] = tree(bb);
    }
}

void byte_cosines(int8_t* out, const Sums<int32_t>& sums, size_t pixels) {
    cosines_from(out, sums, 0, pixels);
}

void float_cosines(float* out, const Sums<float>& sums, size_t pixels) {
    cosines_from(out, sums, 0, pixels);
}

}  // namespace

extern const ChannelKernels scalar_channels = {bytes, floats, byte_cosines, float_cosines};

}  // namespace sealframe::similarity
