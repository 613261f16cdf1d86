#include <immintrin.h>

#include "features/edges.hpp"

namespace sealframe::features {
namespace {

/// 16 bytes as signed values p - 128.
__m256i load_signed(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi8_epi16(_mm_xor_si128(bytes, _mm_set1_epi8(-128)));
}

__m256i load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

void store(void* p, __m256i v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}

template <int vectors>
void add_column(int16_t* sums, const Rows& rows, size_t at) {
    const __m256i first = _mm256_set1_epi16(static_cast<short>(rows.first_weight));
    __m256i total[vectors];
    for (int v = 0; v < vectors; ++v) {
        const __m256i p = load_signed(rows.data + at + 16 * v);
        total[v] = _mm256_mullo_epi16(first, p);
        if (!rows.fresh) total[v] = _mm256_add_epi16(total[v], load(sums + at + 16 * v));
    }
    if (rows.count > 2) {
        __m256i inside[vectors] = {};
        const uint8_t* p = row_at(rows, 1) + at;
        for (size_t k = 2; k < rows.count; ++k, p += rows.stride) {
            for (int v = 0; v < vectors; ++v)
                inside[v] = _mm256_add_epi16(inside[v], load_signed(p + 16 * v));
        }
        const __m256i full = _mm256_set1_epi16(static_cast<short>(rows.full_weight));
        for (int v = 0; v < vectors; ++v) {
            total[v] = _mm256_add_epi16(total[v], _mm256_mullo_epi16(full, inside[v]));
        }
    }
    if (rows.count > 1) {
        const __m256i last = _mm256_set1_epi16(static_cast<short>(rows.last_weight));
        const uint8_t* p = row_at(rows, rows.count - 1) + at;
        for (int v = 0; v < vectors; ++v) {
            total[v] = _mm256_add_epi16(total[v], _mm256_mullo_epi16(last, load_signed(p + 16 * v)));
        }
    }
    for (int v = 0; v < vectors; ++v) store(sums + at + 16 * v, total[v]);
}

void add_rows(int16_t* sums, const Rows& rows, size_t bytes) {
    size_t at = 0;
    for (; at + 128 <= bytes; at += 128) add_column<8>(sums, rows, at);
    for (; at + 16 <= bytes; at += 16) add_column<1>(sums, rows, at);
    add_tail(sums, rows, at, bytes);
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

extern const Kernels avx2_kernels = {add_rows, add_rows_wide, sum_segments};

}  // namespace sealframe::features
