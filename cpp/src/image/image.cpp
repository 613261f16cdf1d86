#include "sealframe/image.hpp"

#include <cstdlib>

namespace sealframe::image {

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
    const bool overlapping = image.width > 1 && std::abs(image.pixel_stride) < channels;
    constexpr std::ptrdiff_t max_stride = std::ptrdiff_t{1} << 40;
    const bool far = std::abs(image.pixel_stride) > max_stride || std::abs(image.row_stride) > max_stride;
    return overlapping || far ? Status::image_stride : Status::ok;
}

}  // namespace sealframe::image
