#pragma once

#include "similarity/similarity_kernels.hpp"

// Included by the files that are compiled for one instruction set: C headers only, internal linkage.
// The including file supplies: Lanes, a vector of `lanes` int32 with operator+ and load(); slide_vector(),
// which adds 2 * lanes columns to the planes; cosine() of Lanes; store(), which writes the bytes of even and
// odd columns in turn.

namespace sealframe::similarity {
namespace {

/// The sums of one product in planes, so that the windows of two neighbours share most of their loads: pair j
/// is the sum of even j (column 2 j) and odd j (column 2 j + 1).
struct Planes {
    int32_t* even;
    int32_t* odd;
    int32_t* pair;

    Planes(int32_t* memory, size_t width) : even(memory + margin) {
        const size_t length = sums_length(width) / 3;
        odd = even + length;
        pair = odd + length;
    }

    void add(size_t column, int change) const {
        const size_t j = column / 2;
        (column % 2 == 0 ? even[j] : odd[j]) += change;
        pair[j] += change;
    }
};

struct ColumnPlanes {
    Planes dot, aa, bb;

    explicit ColumnPlanes(const ColumnSums& sums)
        : dot(sums.dot, sums.width), aa(sums.aa, sums.width), bb(sums.bb, sums.width) {}
};

/// Adds columns x .. x + 2 lanes - 1 of row (a, b) to the planes and takes those of (old_a, old_b) from them.
void slide_vector(const ColumnPlanes& planes, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
                  const uint8_t* old_b, size_t x);

/// floor(127 dot / isqrt(aa bb)); two windows of zeros give 127, one gives 0.
Lanes cosine(Lanes dot, Lanes aa, Lanes bb);

/// Writes 2 lanes bytes, even and odd columns in turn.
void store(int8_t* out, Lanes even, Lanes odd);

void slide(const ColumnSums& sums, const uint8_t* a, const uint8_t* b, const uint8_t* old_a,
           const uint8_t* old_b) {
    const ColumnPlanes planes(sums);
    size_t x = 0;
    for (; x + 2 * lanes <= sums.width; x += 2 * lanes) slide_vector(planes, a, b, old_a, old_b, x);
    for (; x < sums.width; ++x) {
        const int p = a[x] - 128, q = b[x] - 128, old_p = old_a[x] - 128, old_q = old_b[x] - 128;
        planes.dot.add(x, p * q - old_p * old_q);
        planes.aa.add(x, p * p - old_p * old_p);
        planes.bb.add(x, q * q - old_q * old_q);
    }
}

/// Sums over the windows around `lanes` even columns and the odd ones at their right.
struct WindowSums {
    Lanes even, odd;
};

template <int window>
WindowSums window_sums(const Planes& planes, size_t j) {
    constexpr int radius = window / 2, reach = radius / 2;
    const int32_t *even = planes.even + j, *odd = planes.odd + j, *pair = planes.pair + j;
    constexpr int shared_from = radius % 2 == 1 ? -reach : 1 - reach;
    constexpr int shared_to = radius % 2 == 1 ? reach : reach - 1;
    Lanes shared = load(pair + shared_from);
    for (int i = shared_from + 1; i <= shared_to; ++i) shared = shared + load(pair + i);
    if constexpr (radius % 2 == 1) {
        return {shared + load(odd - reach - 1), shared + load(even + reach + 1)};
    } else {
        return {shared + load(pair - reach) + load(even + reach),
                shared + load(odd - reach) + load(pair + reach)};
    }
}

template <int window>
void cosines_of(int8_t* out, const ColumnSums& sums) {
    const ColumnPlanes planes(sums);
    for (size_t x = 0; x < sums.width; x += 2 * lanes) {
        const WindowSums dot = window_sums<window>(planes.dot, x / 2);
        const WindowSums aa = window_sums<window>(planes.aa, x / 2),
                         bb = window_sums<window>(planes.bb, x / 2);
        const Lanes even = cosine(dot.even, aa.even, bb.even), odd = cosine(dot.odd, aa.odd, bb.odd);
        if (x + 2 * lanes <= sums.width) {
            store(out + x, even, odd);
        } else {
            int8_t rest[2 * lanes];
            store(rest, even, odd);
            for (size_t i = 0; x + i < sums.width; ++i) out[x + i] = rest[i];
        }
    }
}

void cosines(int8_t* out, const ColumnSums& sums, int window) {
    switch (window) {
        case 3:
            return cosines_of<3>(out, sums);
        case 5:
            return cosines_of<5>(out, sums);
        case 7:
            return cosines_of<7>(out, sums);
        case 9:
            return cosines_of<9>(out, sums);
        case 11:
            return cosines_of<11>(out, sums);
        case 13:
            return cosines_of<13>(out, sums);
        default:
            return cosines_of<15>(out, sums);
    }
}

}  // namespace
}  // namespace sealframe::similarity
