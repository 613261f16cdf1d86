// Method: BT.601 luma row by row, with the weights in the order in which a pixel has its channels.
// Instructions: those of the image kernels; pixels that are not packed take the scalar ones.

#include "sealframe/image.hpp"

#include "cpu/dispatch.hpp"
#include "image/image_kernels.hpp"

namespace sealframe::image {
namespace {

constexpr cpu::Dispatch<Kernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_image},
#include "generated/image/image.def"
};

/// The smallest stride has no magnitude.
bool is_far(std::ptrdiff_t stride) {
    constexpr std::ptrdiff_t max_stride = std::ptrdiff_t{1} << 40;
    return stride < -max_stride || stride > max_stride;
}

}  // namespace

Weights weights(Order order) {
    constexpr std::int16_t r = 9798, g = 19235, b = 3735;
    constexpr std::int32_t one = 32768;
    switch (order) {
        case Order::gray:
            break;
        case Order::rgb:
            return {3, {r, g, b, 0}, one};
        case Order::bgr:
            return {3, {b, g, r, 0}, one};
        case Order::rgbx:
            return {4, {r, g, b, 0}, one};
        case Order::bgrx:
            return {4, {b, g, r, 0}, one};
        case Order::xrgb:
            return {4, {0, r, g, b}, one};
        case Order::xbgr:
            return {4, {0, b, g, r}, one};
    }
    return {1, {1, 0, 0, 0}, 1};
}

Status check(const View& image) {
    if (image.data == nullptr) return Status::null_pointer;
    if (image.height < 1 || image.height > max_side || image.width < 1 || image.width > max_side) {
        return Status::image_size;
    }
    if (image.order < Order::gray || image.order > Order::xbgr) return Status::channel_order;
    const auto channels = static_cast<std::ptrdiff_t>(weights(image.order).channels);
    const bool overlapping =
        image.width > 1 && -channels < image.pixel_stride && image.pixel_stride < channels;
    const bool far = is_far(image.pixel_stride) || is_far(image.row_stride);
    return overlapping || far ? Status::image_stride : Status::ok;
}

Status gray(const View& image, std::uint8_t* out) {
    if (const Status status = check(image); status != Status::ok) return status;
    if (out == nullptr) return Status::null_pointer;
    const Weights by = weights(image.order);
    const bool packed = image.pixel_stride == static_cast<std::ptrdiff_t>(by.channels);
    const Kernels& use = packed ? kernels.active() : scalar_image;
    for (std::size_t y = 0; y < image.height; ++y) {
        const std::uint8_t* row = image.data + static_cast<std::ptrdiff_t>(y) * image.row_stride;
        use.gray_row(out + y * image.width, row, image.width, image.pixel_stride, by.weight, by.channels);
    }
    return Status::ok;
}

}  // namespace sealframe::image
