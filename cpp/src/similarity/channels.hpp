#pragma once

#include "similarity/channels_kernels.hpp"
#include "similarity/cosine.hpp"

// Included by the files that are compiled for one instruction set: C headers only, internal linkage.
// What vectors leave over: the last channels of a pixel, the last pixels of a batch.

namespace sealframe::similarity {
namespace {

/// Adds channels from .. channels - 1 of the pixels first .. pixels - 1 to their sums.
inline void add_channels(Sums<int32_t>& sums, const uint8_t* a, const uint8_t* b, size_t first, size_t pixels,
                         size_t from, size_t channels, int zero) {
    if (from == channels) return;
    a += first * channels;
    b += first * channels;
    for (size_t i = first; i < pixels; ++i, a += channels, b += channels) {
        int32_t dot = sums.dot[i], aa = sums.aa[i], bb = sums.bb[i];
        for (size_t c = from; c < channels; ++c) {
            const int p = a[c] - zero, q = b[c] - zero;
            dot += p * q;
            aa += p * p;
            bb += q * q;
        }
        sums.dot[i] = dot;
        sums.aa[i] = aa;
        sums.bb[i] = bb;
    }
}

template <typename Cosine, typename T>
void cosines_from(Cosine* out, const Sums<T>& sums, size_t from, size_t pixels) {
    for (size_t i = from; i < pixels; ++i) out[i] = cosine(sums.dot[i], sums.aa[i], sums.bb[i]);
}

}  // namespace
}  // namespace sealframe::similarity
