#pragma once

#include <stddef.h>
#include <stdint.h>

// Included by the files that are compiled for one instruction set: C headers only.
// Vector supplies: operator+, operator^, rotate<bits>. Everything here has internal linkage.

namespace sealframe::features {
namespace {

template <typename Vector>
void quarter_round(Vector& a, Vector& b, Vector& c, Vector& d) {
    a = a + b;
    d = rotate<16>(d ^ a);
    c = c + d;
    b = rotate<12>(b ^ c);
    a = a + b;
    d = rotate<8>(d ^ a);
    c = c + d;
    b = rotate<7>(b ^ c);
}

/// The twelve rounds of ChaCha12 on as many blocks side by side as Vector has lanes.
template <typename Vector>
void twelve_rounds(Vector* x) {
    for (int i = 0; i < 6; ++i) {
        quarter_round(x[0], x[4], x[8], x[12]);
        quarter_round(x[1], x[5], x[9], x[13]);
        quarter_round(x[2], x[6], x[10], x[14]);
        quarter_round(x[3], x[7], x[11], x[15]);
        quarter_round(x[0], x[5], x[10], x[15]);
        quarter_round(x[1], x[6], x[11], x[12]);
        quarter_round(x[2], x[7], x[8], x[13]);
        quarter_round(x[3], x[4], x[9], x[14]);
    }
}

const uint32_t chacha_constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

}  // namespace
}  // namespace sealframe::features
