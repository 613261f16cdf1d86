// Method: adds rows of bytes less 128, sixteen columns at a time; cells are dot products in 64 bits.
// Instructions: NEON: vaddw_s8 adds, vmlaq_n_s16 weighs; vmull_s16, vmlal_high_s16, vpadalq_s32 multiply.

#include <arm_neon.h>

#include "features/edges.hpp"

namespace sealframe::features {
namespace {

/// Sixteen columns as signed values p - 128.
struct Bytes {
    int8x8_t low, high;
};

Bytes load_signed(const uint8_t* p) {
    const int8x16_t bytes = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(128)));
    return {vget_low_s8(bytes), vget_high_s8(bytes)};
}

/// Sums of sixteen columns in 16 bits.
struct Column {
    int16x8_t low, high;

    void add(Bytes v) {
        low = vaddw_s8(low, v.low);
        high = vaddw_s8(high, v.high);
    }
    void add(Bytes v, int16_t weight) {
        low = vmlaq_n_s16(low, vmovl_s8(v.low), weight);
        high = vmlaq_n_s16(high, vmovl_s8(v.high), weight);
    }
    void add(Column v, int16_t weight) {
        low = vmlaq_n_s16(low, v.low, weight);
        high = vmlaq_n_s16(high, v.high, weight);
    }
};

void add_column(int16_t* sums, const Rows& rows, size_t at) {
    Column total{};
    if (!rows.fresh) total = {vld1q_s16(sums + at), vld1q_s16(sums + at + 8)};
    total.add(load_signed(rows.data + at), static_cast<int16_t>(rows.first_weight));
    if (rows.count > 2) {
        Column inside{};
        const uint8_t* p = row_at(rows, 1) + at;
        for (size_t k = 2; k < rows.count; ++k, p += rows.stride) inside.add(load_signed(p));
        total.add(inside, static_cast<int16_t>(rows.full_weight));
    }
    if (rows.count > 1) {
        total.add(load_signed(row_at(rows, rows.count - 1) + at), static_cast<int16_t>(rows.last_weight));
    }
    vst1q_s16(sums + at, total.low);
    vst1q_s16(sums + at + 8, total.high);
}

void add_rows(int16_t* sums, const Rows& rows, size_t bytes) {
    size_t at = 0;
    for (; at + 16 <= bytes; at += 16) add_column(sums, rows, at);
    add_tail(sums, rows, at, bytes);
}

/// Sums of sixteen columns in 32 bits.
struct WideColumn {
    int32x4_t part[4];

    void add(Column v, int16_t weight) {
        part[0] = vmlal_n_s16(part[0], vget_low_s16(v.low), weight);
        part[1] = vmlal_n_s16(part[1], vget_high_s16(v.low), weight);
        part[2] = vmlal_n_s16(part[2], vget_low_s16(v.high), weight);
        part[3] = vmlal_n_s16(part[3], vget_high_s16(v.high), weight);
    }
    void add(Bytes v, int weight) {
        add(Column{vmovl_s8(v.low), vmovl_s8(v.high)}, static_cast<int16_t>(weight));
    }
};

void add_rows_wide(int32_t* sums, const Rows& rows, size_t bytes) {
    constexpr size_t rows_in_16_bits = 255;
    size_t at = 0;
    for (; at + 16 <= bytes; at += 16) {
        WideColumn column{};
        if (!rows.fresh) {
            for (size_t i = 0; i < 4; ++i) column.part[i] = vld1q_s32(sums + at + 4 * i);
        }
        column.add(load_signed(rows.data + at), rows.first_weight);
        for (size_t k = 1; k + 1 < rows.count;) {
            size_t end = k + rows_in_16_bits;
            if (end > rows.count - 1) end = rows.count - 1;
            Column inside{};
            for (; k < end; ++k) inside.add(load_signed(row_at(rows, k) + at));
            column.add(inside, static_cast<int16_t>(rows.full_weight));
        }
        if (rows.count > 1) column.add(load_signed(row_at(rows, rows.count - 1) + at), rows.last_weight);
        for (size_t i = 0; i < 4; ++i) vst1q_s32(sums + at + 4 * i, column.part[i]);
    }
    add_tail(sums, rows, at, bytes);
}

/// Sliding window over it: n lanes of ones followed by 8 - n of zeros.
const int16_t lane_mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

/// Two products of a sum below 2^15 with weights of at most 19235 fit a lane of 32 bits; lanes are widened
/// at once.
int64x2_t add_products(int64x2_t total, int16x8_t sums, int16x8_t weights) {
    const int32x4_t low = vmull_s16(vget_low_s16(sums), vget_low_s16(weights));
    return vpadalq_s32(total, vmlal_high_s16(low, sums, weights));
}

/// Dot product of `length` sums with the pattern.
int64_t dot(const int16_t* sums, size_t length, const Pattern& pattern) {
    int64x2_t total = vdupq_n_s64(0);
    size_t phase = 0;
    for (; length > 8; length -= 8, sums += 8) {
        total = add_products(total, vld1q_s16(sums), vld1q_s16(pattern.weight + phase));
        phase = phase == 40 ? 0 : phase + 8;
    }
    const int16x8_t weights = vandq_s16(vld1q_s16(pattern.weight + phase), vld1q_s16(lane_mask + 8 - length));
    return vaddvq_s64(add_products(total, vld1q_s16(sums), weights));
}

void sum_segments(int64_t* out, const int16_t* sums, const Segments& segments, const Pattern& pattern) {
    const size_t channels = pattern.channels;
    for (size_t i = 0; i < segments.count; ++i) {
        const Cell& cell = segments.cells[i];
        out[i] = dot(sums + cell.first * channels, cell.count * channels, pattern);
    }
    if (segments.full_weight == 1) return;
    for (size_t i = 0; i < segments.count; ++i) {
        out[i] = weigh(out[i], sums, segments.cells[i], segments.full_weight, pattern);
    }
}

}  // namespace

extern const Kernels neon_features = {add_rows, add_rows_wide, sum_segments};

}  // namespace sealframe::features
