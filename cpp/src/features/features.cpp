// Method: area mean: rows under an output row are added up, then one dot product gives an output pixel.
// Instructions: those of the features kernels; one 64-bit multiplication divides with rounding.

#include "sealframe/features.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cpu/dispatch.hpp"
#include "features/features_kernels.hpp"

namespace sealframe::features {
namespace {

constexpr cpu::Dispatch<Kernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_features},
#include "generated/features/features.def"
};

/// How the `source` pixels of one axis fall on the `cells` pixels of the output.
/// In units in which a source pixel is `full_weight` long, an output pixel is `total` long.
class Axis {
  public:
    Axis(std::size_t source, std::size_t cells) : source_(source), cells_(cells) {
        if (source < cells) return;
        const std::size_t common = std::gcd(source, cells);
        full_weight_ = cells / common;
        total_ = source / common;
    }

    std::size_t full_weight() const { return full_weight_; }
    std::size_t total() const { return total_; }

    /// Bound of the number of source pixels under one output pixel.
    std::size_t max_touched() const {
        return full_weight_ == 1 ? total_ : std::min(source_, (total_ - 2) / full_weight_ + 2);
    }

    Cell cell(std::size_t i) const {
        if (source_ < cells_) {
            const auto nearest = static_cast<std::uint32_t>((2 * i + 1) * source_ / (2 * cells_));
            return {nearest, 1, 1, 1};
        }
        const std::size_t begin = i * total_, end = begin + total_;
        const std::size_t first = begin / full_weight_, last = (end - 1) / full_weight_;
        const std::size_t first_weight = (first + 1) * full_weight_ - begin;
        const std::size_t last_weight = end - last * full_weight_;
        return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last - first + 1),
                static_cast<std::uint16_t>(first_weight), static_cast<std::uint16_t>(last_weight)};
    }

  private:
    std::size_t source_, cells_, full_weight_ = 1, total_ = 1;
};

/// Hands out pieces of the caller's scratch; with no memory it only counts what is needed.
class Arena {
  public:
    explicit Arena(void* memory) : memory_(static_cast<std::byte*>(memory)) {}

    template <typename T>
    T* take(std::size_t count) {
        std::byte* piece = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += (count * sizeof(T) + 7) / 8 * 8;
        return reinterpret_cast<T*>(piece);
    }

    std::size_t used() const { return used_; }

  private:
    std::byte* memory_;
    std::size_t used_ = 0;
};

/// Rows are added up at most this many at a time: a prefetcher does not follow more of them.
constexpr std::size_t rows_at_once = 16;

/// A weighted column sum must fit 16 bits with its sign to take the narrow way.
constexpr std::size_t max_narrow_total = 255;

/// The wide way cuts its sums into a low part of this many bits and the rest.
constexpr int low_bits = 12;

struct Plan {
    Plan(const image::View& image, const Request& request, void* memory)
        : rows(image.height, request.height),
          columns(image.width, request.width),
          weights(image::weights(image.order)),
          row_bytes(image.width * weights.channels),
          packed(image.pixel_stride == static_cast<std::ptrdiff_t>(weights.channels) || image.width == 1),
          narrow(rows.total() <= max_narrow_total) {
        Arena arena(memory);
        cells = arena.take<Cell>(request.width);
        numerators = arena.take<std::int64_t>(request.width);
        sums = arena.take<std::int16_t>(row_bytes + sums_padding);
        if (!narrow) {
            high_sums = arena.take<std::int16_t>(row_bytes + sums_padding);
            wide_sums = arena.take<std::int32_t>(row_bytes);
            high_numerators = arena.take<std::int64_t>(request.width);
        }
        if (!packed) pack = arena.take<std::uint8_t>(rows_at_once * row_bytes);
        bytes = arena.used();
    }

    Axis rows, columns;
    image::Weights weights;
    std::size_t row_bytes;
    bool packed, narrow;
    Cell* cells = nullptr;
    std::int64_t* numerators = nullptr;
    std::int16_t* sums = nullptr;
    std::int16_t* high_sums = nullptr;
    std::int32_t* wide_sums = nullptr;
    std::int64_t* high_numerators = nullptr;
    std::uint8_t* pack = nullptr;
    std::size_t bytes = 0;
};

Pattern repeat(const image::Weights& weights) {
    Pattern pattern{};
    pattern.channels = weights.channels;
    for (std::size_t i = 0; i < std::size(pattern.weight); ++i) {
        pattern.weight[i] = weights.weight[i % weights.channels];
    }
    return pattern;
}

void pack_row(const image::View& image, std::size_t channels, std::size_t row, std::uint8_t* out) {
    const std::uint8_t* pixel = image.data + static_cast<std::ptrdiff_t>(row) * image.row_stride;
    for (std::size_t x = 0; x < image.width; ++x, pixel += image.pixel_stride, out += channels) {
        for (std::size_t c = 0; c < channels; ++c) out[c] = pixel[c];
    }
}

/// Parts of at most rows_at_once rows, equal and even but for the last: the kernels add rows in pairs.
std::size_t rows_of_a_part(std::size_t count) {
    const std::size_t parts = (count + rows_at_once - 1) / rows_at_once;
    const std::size_t rows = (count + parts - 1) / parts;
    return rows + rows % 2;
}

/// Calls add(rows) for the source rows of `cell`, part by part.
template <typename Add>
void for_rows(const image::View& image, const Plan& plan, const Cell& cell, Add add) {
    const int full = static_cast<int>(plan.rows.full_weight());
    const std::size_t part = rows_of_a_part(cell.count);
    for (std::size_t k = 0; k < cell.count; k += part) {
        const std::size_t count = std::min<std::size_t>(part, cell.count - k);
        const int last = k + count == cell.count ? cell.last_weight : full;
        const int first = k == 0 ? cell.first_weight : count == 1 ? last : full;
        const std::size_t row = cell.first + k;
        if (plan.packed) {
            const std::uint8_t* data = image.data + static_cast<std::ptrdiff_t>(row) * image.row_stride;
            add(Rows{data, image.row_stride, count, first, full, last, k == 0});
            continue;
        }
        for (std::size_t i = 0; i < count; ++i) {
            pack_row(image, plan.weights.channels, row + i, plan.pack + i * plan.row_bytes);
        }
        add(Rows{plan.pack, static_cast<std::ptrdiff_t>(plan.row_bytes), count, first, full, last, k == 0});
    }
}

/// Numerators of one output row, about 128: N - 128 D.
void centred_numerators(const image::View& image, const Plan& plan, const Cell& row, const Pattern& pattern,
                        std::size_t width) {
    const Kernels& use = kernels.active();
    Segments segments{plan.cells, width, static_cast<int>(plan.columns.full_weight()), 0,
                      plan.columns.max_touched()};
    if (plan.narrow) {
        segments.max_sum = 128 * static_cast<int>(plan.rows.total());
        for_rows(image, plan, row, [&](const Rows& rows) { use.add_rows(plan.sums, rows, plan.row_bytes); });
        use.sum_segments(plan.numerators, plan.sums, segments, pattern);
        return;
    }
    segments.max_sum = 1 << low_bits;
    for_rows(image, plan, row,
             [&](const Rows& rows) { use.add_rows_wide(plan.wide_sums, rows, plan.row_bytes); });
    for (std::size_t i = 0; i < plan.row_bytes; ++i) {
        plan.sums[i] = static_cast<std::int16_t>(plan.wide_sums[i] & ((1 << low_bits) - 1));
        plan.high_sums[i] = static_cast<std::int16_t>(plan.wide_sums[i] >> low_bits);
    }
    use.sum_segments(plan.numerators, plan.sums, segments, pattern);
    use.sum_segments(plan.high_numerators, plan.high_sums, segments, pattern);
    for (std::size_t i = 0; i < width; ++i) plan.numerators[i] += plan.high_numerators[i] * (1 << low_bits);
}

/// floor((2 N + D) / (2 D)) for 0 <= N <= 255 D, by a multiplication.
class Rounding {
  public:
    explicit Rounding(std::uint64_t denominator)
        : half_(denominator), whole_(2 * denominator), reciprocal_(~std::uint64_t{0} / whole_) {}

    std::uint8_t operator()(std::uint64_t numerator) const {
        __extension__ using Wide = unsigned __int128;
        const std::uint64_t doubled = 2 * numerator + half_;
        // The estimate is at most one too small: doubled < 2^57 and the reciprocal errs by less than 2^-64
        // * 2.
        const auto estimate = static_cast<std::uint64_t>((Wide{doubled} * reciprocal_) >> 64);
        return static_cast<std::uint8_t>(estimate + (doubled - estimate * whole_ >= whole_ ? 1 : 0));
    }

  private:
    std::uint64_t half_, whole_, reciprocal_;
};

float standardised(std::uint8_t gray) {
    return static_cast<float>(2 * gray - 255) * (1.0F / 255.0F);
}

/// Where a tile's row of pixels from (y, x) on begins in its blocks; two pixels of it stand every fourth
/// byte.
std::size_t blocks_of(std::size_t width, std::size_t y, std::size_t x) {
    const std::size_t tile = y / tile_side * (width / tile_side) + x / tile_side;
    return tile * tile_side * tile_side + y % tile_side / 2 * (2 * tile_side) + y % 2 * 2;
}

/// Turns the numerators of output row y into the feature asked for.
class Writer {
  public:
    Writer(const Request& request, std::uint64_t denominator, void* out)
        : request_(request), denominator_(denominator), rounding_(denominator), out_(out) {}

    void write(std::size_t y, const std::int64_t* centred) const {
        const std::size_t width = request_.width, start = y * width;
        const std::uint64_t centre = 128 * denominator_;
        const auto numerator = [=](std::size_t x) { return static_cast<std::uint64_t>(centred[x]) + centre; };
        if (request_.feature == Feature::binary) {
            auto* out = static_cast<std::uint8_t*>(out_) + start;
            const std::uint64_t least = static_cast<std::uint64_t>(request_.threshold) * denominator_;
            for (std::size_t x = 0; x < width; ++x) out[x] = numerator(x) >= least ? 1 : 0;
        } else if (request_.feature == Feature::standardised) {
            auto* out = static_cast<float*>(out_) + start;
            for (std::size_t x = 0; x < width; ++x) out[x] = standardised(rounding_(numerator(x)));
        } else if (request_.layout == Layout::rows) {
            auto* out = static_cast<std::uint8_t*>(out_) + start;
            for (std::size_t x = 0; x < width; ++x) out[x] = rounding_(numerator(x));
        } else {
            for (std::size_t x = 0; x < width; x += tile_side) {
                auto* out = static_cast<std::uint8_t*>(out_) + blocks_of(width, y, x);
                for (std::size_t c = 0; c < tile_side; c += 2) {
                    out[2 * c] = rounding_(numerator(x + c));
                    out[2 * c + 1] = rounding_(numerator(x + c + 1));
                }
            }
        }
    }

  private:
    const Request& request_;
    std::uint64_t denominator_;
    Rounding rounding_;
    void* out_;
};

bool whole_tiles(std::size_t height, std::size_t width) {
    return height % tile_side == 0 && width % tile_side == 0;
}

Status check(const image::View& image, const Request& request) {
    if (const Status status = image::check(image); status != Status::ok) return status;
    if (request.height < 1 || request.height > max_output_side || request.width < 1 ||
        request.width > max_output_side) {
        return Status::output_size;
    }
    if (request.feature < Feature::gray || request.feature > Feature::standardised) return Status::feature;
    if (request.threshold < 0 || request.threshold > 255) return Status::threshold;
    const bool blocks = request.layout == Layout::blocks;
    if (!blocks && request.layout != Layout::rows) return Status::block_layout;
    const bool can_block = request.feature == Feature::gray && whole_tiles(request.height, request.width);
    return blocks && !can_block ? Status::block_layout : Status::ok;
}

Status check_tiles(const void* in, std::size_t height, std::size_t width, const void* out) {
    if (in == nullptr || out == nullptr) return Status::null_pointer;
    if (height < 1 || height > max_output_side || width < 1 || width > max_output_side) {
        return Status::output_size;
    }
    return whole_tiles(height, width) ? Status::ok : Status::block_layout;
}

}  // namespace

std::size_t area_mean_scratch(const image::View& image, const Request& request) {
    return check(image, request) == Status::ok ? Plan(image, request, nullptr).bytes : 0;
}

Status area_mean(const image::View& image, const Request& request, void* out, void* scratch,
                 std::size_t scratch_size) {
    if (const Status status = check(image, request); status != Status::ok) return status;
    if (out == nullptr || scratch == nullptr) return Status::null_pointer;
    const Plan plan(image, request, scratch);
    if (scratch_size < plan.bytes) return Status::scratch_size;

    std::memset(plan.sums, 0, (plan.row_bytes + sums_padding) * sizeof *plan.sums);
    if (!plan.narrow)
        std::memset(plan.high_sums, 0, (plan.row_bytes + sums_padding) * sizeof *plan.high_sums);
    for (std::size_t x = 0; x < request.width; ++x) plan.cells[x] = plan.columns.cell(x);

    const Pattern pattern = repeat(plan.weights);
    const std::uint64_t area = std::uint64_t{plan.rows.total()} * plan.columns.total();
    const Writer writer(request, area * static_cast<std::uint64_t>(plan.weights.total), out);
    for (std::size_t y = 0; y < request.height; ++y) {
        centred_numerators(image, plan, plan.rows.cell(y), pattern, request.width);
        writer.write(y, plan.numerators);
    }
    return Status::ok;
}

Status block(const std::uint8_t* rows, std::size_t height, std::size_t width, std::uint8_t* tiles) {
    if (const Status status = check_tiles(rows, height, width, tiles); status != Status::ok) return status;
    for (std::size_t y = 0; y < height; y += 2) {
        for (std::size_t x = 0; x < width; x += tile_side) {
            const std::uint8_t *upper = rows + y * width + x, *lower = upper + width;
            std::uint8_t* blocks = tiles + blocks_of(width, y, x);
            for (std::size_t c = 0; c < tile_side; c += 2) {
                std::memcpy(blocks + 2 * c, upper + c, 2);
                std::memcpy(blocks + 2 * c + 2, lower + c, 2);
            }
        }
    }
    return Status::ok;
}

Status unblock(const std::uint8_t* tiles, std::size_t height, std::size_t width, std::uint8_t* rows) {
    if (const Status status = check_tiles(tiles, height, width, rows); status != Status::ok) return status;
    for (std::size_t y = 0; y < height; y += 2) {
        for (std::size_t x = 0; x < width; x += tile_side) {
            const std::uint8_t* blocks = tiles + blocks_of(width, y, x);
            std::uint8_t *upper = rows + y * width + x, *lower = upper + width;
            for (std::size_t c = 0; c < tile_side; c += 2) {
                std::memcpy(upper + c, blocks + 2 * c, 2);
                std::memcpy(lower + c, blocks + 2 * c + 2, 2);
            }
        }
    }
    return Status::ok;
}

}  // namespace sealframe::features
