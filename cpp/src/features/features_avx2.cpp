// Method: adds rows two at a time in 16 bits that wrap; cells are dot products with repeated weights.
// Instructions: AVX2: _mm256_maddubs_epi16 adds, _mm256_madd_epi16 weighs, _mm256_hadd_epi32 adds lanes up.

#include <immintrin.h>

#include "features/edges.hpp"

namespace sealframe::features {
namespace {

__m256i load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

void store(void* p, __m256i v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}

/// Sums of 32 columns in 16 bits, in the order in which unpacking bytes leaves them.
struct Column {
    __m256i low, high;

    static Column of(__m256i bytes) {
        const __m256i zero = _mm256_setzero_si256();
        return {_mm256_unpacklo_epi8(bytes, zero), _mm256_unpackhi_epi8(bytes, zero)};
    }
    /// The sum of two rows: neighbours that are weighed with 1 and added.
    static Column of(__m256i bytes, __m256i below) {
        const __m256i ones = _mm256_set1_epi8(1);
        return {_mm256_maddubs_epi16(_mm256_unpacklo_epi8(bytes, below), ones),
                _mm256_maddubs_epi16(_mm256_unpackhi_epi8(bytes, below), ones)};
    }
    void add(Column other) {
        low = _mm256_add_epi16(low, other.low);
        high = _mm256_add_epi16(high, other.high);
    }
    Column times(int weight) const {
        const __m256i weights = _mm256_set1_epi16(static_cast<short>(weight));
        return {_mm256_mullo_epi16(low, weights), _mm256_mullo_epi16(high, weights)};
    }
    Column in_order() const {
        return {_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31)};
    }
};

/// Sums of unsigned bytes wrap at 16 bits; taking 128 for each byte from them at the end makes them fit
/// again.
template <int columns>
void add_columns(int16_t* sums, const Rows& rows, size_t at) {
    const bool first_apart = rows.first_weight != rows.full_weight;
    const bool last_apart = rows.count > 1 && rows.last_weight != rows.full_weight;
    const size_t end = rows.count - (last_apart ? 1 : 0);
    Column total[columns] = {};
    const uint8_t* row = rows.data + at + (first_apart ? rows.stride : 0);
    size_t k = first_apart ? 1 : 0;
    for (; k + 2 <= end; k += 2, row += 2 * rows.stride) {
        for (int c = 0; c < columns; ++c) {
            total[c].add(Column::of(load(row + 32 * c), load(row + rows.stride + 32 * c)));
        }
    }
    if (k < end) {
        for (int c = 0; c < columns; ++c) total[c].add(Column::of(load(row + 32 * c)));
    }
    if (rows.full_weight != 1) {
        for (int c = 0; c < columns; ++c) total[c] = total[c].times(rows.full_weight);
    }
    if (first_apart) {
        for (int c = 0; c < columns; ++c) {
            total[c].add(Column::of(load(rows.data + at + 32 * c)).times(rows.first_weight));
        }
    }
    if (last_apart) {
        const uint8_t* last = row_at(rows, rows.count - 1) + at;
        for (int c = 0; c < columns; ++c) {
            total[c].add(Column::of(load(last + 32 * c)).times(rows.last_weight));
        }
    }
    const __m256i centre = _mm256_set1_epi16(static_cast<short>(-128 * weight_of(rows)));
    for (int c = 0; c < columns; ++c) {
        Column column = total[c].in_order();
        column.add({centre, centre});
        if (!rows.fresh) column.add({load(sums + at + 32 * c), load(sums + at + 32 * c + 16)});
        store(sums + at + 32 * c, column.low);
        store(sums + at + 32 * c + 16, column.high);
    }
}

void add_rows(int16_t* sums, const Rows& rows, size_t bytes) {
    size_t at = 0;
    for (; at + 128 <= bytes; at += 128) add_columns<4>(sums, rows, at);
    for (; at + 32 <= bytes; at += 32) add_columns<1>(sums, rows, at);
    add_tail(sums, rows, at, bytes);
}

/// 16 bytes as signed values p - 128.
__m256i load_signed(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi8_epi16(_mm_xor_si128(bytes, _mm_set1_epi8(-128)));
}

__m256i widen_low(__m256i v) {
    return _mm256_cvtepi16_epi32(_mm256_castsi256_si128(v));
}

__m256i widen_high(__m256i v) {
    return _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1));
}

struct WideColumn {
    __m256i low, high;

    void add(__m256i values, int weight) {
        const __m256i weights = _mm256_set1_epi32(weight);
        low = _mm256_add_epi32(low, _mm256_mullo_epi32(widen_low(values), weights));
        high = _mm256_add_epi32(high, _mm256_mullo_epi32(widen_high(values), weights));
    }
};

void add_rows_wide(int32_t* sums, const Rows& rows, size_t bytes) {
    constexpr size_t rows_in_16_bits = 255;
    size_t at = 0;
    for (; at + 16 <= bytes; at += 16) {
        WideColumn column{};
        if (!rows.fresh) column = {load(sums + at), load(sums + at + 8)};
        column.add(load_signed(rows.data + at), rows.first_weight);
        for (size_t k = 1; k + 1 < rows.count;) {
            size_t end = k + rows_in_16_bits;
            if (end > rows.count - 1) end = rows.count - 1;
            __m256i inside = _mm256_setzero_si256();
            for (; k < end; ++k) inside = _mm256_add_epi16(inside, load_signed(row_at(rows, k) + at));
            column.add(inside, rows.full_weight);
        }
        if (rows.count > 1) column.add(load_signed(row_at(rows, rows.count - 1) + at), rows.last_weight);
        store(sums + at, column.low);
        store(sums + at + 8, column.high);
    }
    add_tail(sums, rows, at, bytes);
}

/// Sliding window over it: n lanes of ones followed by 16 - n of zeros.
alignas(32) const int16_t lane_mask[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

__m256i first_lanes(size_t n) {
    return load(lane_mask + 16 - n);
}

int64_t horizontal_sum(__m256i v) {
    const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si64(pair) + _mm_extract_epi64(pair, 1);
}

__m256i to_64_bits(__m256i v) {
    return _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(v)),
                            _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1)));
}

/// Dot product of `length` sums with the pattern; a lane of 32 bits holds `flush` products of pairs.
int64_t dot(const int16_t* sums, size_t length, const Pattern& pattern, size_t flush) {
    __m256i total = _mm256_setzero_si256(), lanes = total;
    size_t phase = 0, held = 0;
    for (; length > 16; length -= 16, sums += 16) {
        lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(load(sums), load(pattern.weight + phase)));
        phase = phase == 32 ? 0 : phase + 16;
        if (++held == flush) {
            total = _mm256_add_epi64(total, to_64_bits(lanes));
            lanes = _mm256_setzero_si256();
            held = 0;
        }
    }
    const __m256i weights = _mm256_and_si256(load(pattern.weight + phase), first_lanes(length));
    const __m256i rest = _mm256_madd_epi16(load(sums), weights);
    return horizontal_sum(_mm256_add_epi64(total, _mm256_add_epi64(to_64_bits(lanes), to_64_bits(rest))));
}

/// The same where the lanes hold all products: the lanes still are to be added up.
__m256i dot_lanes(const int16_t* sums, size_t length, const Pattern& pattern) {
    __m256i lanes = _mm256_setzero_si256();
    size_t phase = 0;
    for (; length > 16; length -= 16, sums += 16) {
        lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(load(sums), load(pattern.weight + phase)));
        phase = phase == 32 ? 0 : phase + 16;
    }
    const __m256i weights = _mm256_and_si256(load(pattern.weight + phase), first_lanes(length));
    return _mm256_add_epi32(lanes, _mm256_madd_epi16(load(sums), weights));
}

/// Sums of the lanes of four vectors, when each sum fits 32 bits.
__m128i add_up(const __m256i lanes[4]) {
    const __m256i four =
        _mm256_hadd_epi32(_mm256_hadd_epi32(lanes[0], lanes[1]), _mm256_hadd_epi32(lanes[2], lanes[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
}

/// The same in 64 bits: the halves of the lanes are added up apart.
__m256i add_up_wide(const __m256i lanes[4]) {
    __m256i low[4], high[4];
    for (int k = 0; k < 4; ++k) {
        low[k] = _mm256_and_si256(lanes[k], _mm256_set1_epi32(0xffff));
        high[k] = _mm256_srai_epi32(lanes[k], 16);
    }
    return _mm256_add_epi64(_mm256_cvtepi32_epi64(add_up(low)),
                            _mm256_slli_epi64(_mm256_cvtepi32_epi64(add_up(high)), 16));
}

/// Cells of one length of at most 16 sums: integer ratios up to 5 colour or 16 gray pixels. The number of
/// cells done.
size_t sum_short_segments(int64_t* out, const int16_t* sums, const Segments& segments,
                          const Pattern& pattern) {
    const size_t channels = pattern.channels;
    const __m256i weights =
        _mm256_and_si256(load(pattern.weight), first_lanes(segments.max_touched * channels));
    size_t i = 0;
    for (; i + 4 <= segments.count; i += 4) {
        __m256i lanes[4];
        for (size_t k = 0; k < 4; ++k) {
            lanes[k] = _mm256_madd_epi16(load(sums + segments.cells[i + k].first * channels), weights);
        }
        store(out + i, _mm256_cvtepi32_epi64(add_up(lanes)));
    }
    return i;
}

/// Cells four at a time, before the weights of their edges. The number of cells done.
size_t sum_four_segments(int64_t* out, const int16_t* sums, const Segments& segments, const Pattern& pattern,
                         bool narrow) {
    const size_t channels = pattern.channels;
    size_t i = 0;
    for (; i + 4 <= segments.count; i += 4) {
        __m256i lanes[4];
        for (size_t k = 0; k < 4; ++k) {
            const Cell& cell = segments.cells[i + k];
            lanes[k] = dot_lanes(sums + cell.first * channels, cell.count * channels, pattern);
        }
        store(out + i, narrow ? _mm256_cvtepi32_epi64(add_up(lanes)) : add_up_wide(lanes));
    }
    return i;
}

void sum_segments(int64_t* out, const int16_t* sums, const Segments& segments, const Pattern& pattern) {
    const size_t channels = pattern.channels, length = segments.max_touched * channels;
    const int64_t total_weight = channels == 1 ? 1 : 32768;
    const int64_t pair_weight = channels == 1 ? 2 : 9798 + 19235;
    const auto flush = static_cast<size_t>(INT32_MAX / (segments.max_sum * pair_weight));
    const bool narrow =
        segments.max_sum * total_weight * static_cast<int64_t>(segments.max_touched) <= INT32_MAX;
    size_t done = 0;
    if (narrow && segments.full_weight == 1 && length <= 16) {
        done = sum_short_segments(out, sums, segments, pattern);
    } else if ((length + 15) / 16 <= flush) {
        done = sum_four_segments(out, sums, segments, pattern, narrow);
    }
    for (size_t i = done; i < segments.count; ++i) {
        const Cell& cell = segments.cells[i];
        out[i] = dot(sums + cell.first * channels, cell.count * channels, pattern, flush);
    }
    if (segments.full_weight == 1) return;
    for (size_t i = 0; i < segments.count; ++i) {
        out[i] = weigh(out[i], sums, segments.cells[i], segments.full_weight, pattern);
    }
}

}  // namespace

extern const Kernels avx2_features = {add_rows, add_rows_wide, sum_segments};

}  // namespace sealframe::features
