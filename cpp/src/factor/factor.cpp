// Method: block means by plain sums and a rounded shift; sums and norms of a map from the sums of its rows.
// Instructions: those of the factor kernels; the baseline's for block means.

#include "sealframe/factor.hpp"

#include <algorithm>
#include <bit>

#include "cpu/dispatch.hpp"
#include "factor/factor_kernels.hpp"

namespace sealframe::factor {
namespace {

constexpr cpu::Dispatch<Kernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_factor},
#include "generated/factor/factor.def"
};

constexpr std::size_t max_side = 65535;
constexpr std::size_t max_block = 128;

Status check(const void* in, std::size_t height, std::size_t width, const void* out) {
    if (in == nullptr || out == nullptr) return Status::null_pointer;
    const bool fits = height >= 1 && height <= max_side && width >= 1 && width <= max_side;
    return fits ? Status::ok : Status::image_size;
}

unsigned block_sum(const std::uint8_t* block, std::size_t stride, std::size_t size) {
    unsigned sum = 0;
    for (std::size_t y = 0; y < size; ++y) {
        for (std::size_t x = 0; x < size; ++x) sum += block[y * stride + x];
    }
    return sum;
}

}  // namespace

Status block_means(const std::uint8_t* image, std::size_t height, std::size_t width, std::size_t size,
                   std::uint8_t* out) {
    if (const Status status = check(image, height, width, out); status != Status::ok) return status;
    if (!std::has_single_bit(size) || size > max_block || height % size != 0 || width % size != 0) {
        return Status::block_size;
    }
    const unsigned area = static_cast<unsigned>(size * size);
    const int shift = std::countr_zero(area);
    for (std::size_t y = 0; y < height; y += size) {
        for (std::size_t x = 0; x < width; x += size) {
            *out++ = static_cast<std::uint8_t>((block_sum(image + y * width + x, width, size) + area / 2) >>
                                               shift);
        }
    }
    return Status::ok;
}

Status row_sums(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out) {
    if (const Status status = check(map, height, width, out); status != Status::ok) return status;
    const Kernels& use = kernels.active();
    for (std::size_t y = 0; y < height; ++y) {
        out[y] = static_cast<std::int32_t>(use.sum_row(map + y * width, width).plain);
    }
    return Status::ok;
}

Status norms(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t out[3]) {
    if (const Status status = check(map, height, width, out); status != Status::ok) return status;
    const Kernels& use = kernels.active();
    out[0] = out[1] = out[2] = 0;
    for (std::size_t y = 0; y < height; ++y) {
        const RowSums row = use.sum_row(map + y * width, width);
        out[0] += row.absolute;
        out[1] += row.squared;
        out[2] = std::max<std::int64_t>(out[2], row.absolute);
    }
    return Status::ok;
}

}  // namespace sealframe::factor
