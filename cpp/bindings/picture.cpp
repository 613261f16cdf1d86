#include "picture.hpp"

namespace sealframe::bindings {

using image::Order;

Order order_of(std::string_view name) {
    if (name == "gray") return Order::gray;
    if (name == "rgb") return Order::rgb;
    if (name == "bgr") return Order::bgr;
    if (name == "rgba") return Order::rgbx;
    if (name == "bgra") return Order::bgrx;
    throw py::value_error(describe(Status::channel_order));
}

namespace {

/// The order of the bytes when the channels are walked backwards.
Order reversed(Order order) {
    switch (order) {
        case Order::rgb:
            return Order::bgr;
        case Order::bgr:
            return Order::rgb;
        case Order::rgbx:
            return Order::xbgr;
        case Order::bgrx:
            return Order::xrgb;
        default:
            return order;
    }
}

}  // namespace

Picture::Picture(const py::object& object, Order order) : held_(array_of(object, uint8, "image")) {
    const std::size_t channels = image::weights(order).channels;
    const py::ssize_t dimensions = channels == 1 ? 2 : 3;
    if (held_.ndim() != dimensions ||
        (channels > 1 && held_.shape(2) != static_cast<py::ssize_t>(channels))) {
        throw py::value_error("The image must be height x width for gray and height x width x " +
                              std::string("channels otherwise, and fit its channel order."));
    }
    view_ = {static_cast<const std::uint8_t*>(held_.data()),
             static_cast<std::size_t>(held_.shape(0)),
             static_cast<std::size_t>(held_.shape(1)),
             held_.strides(0),
             held_.strides(1),
             order};
    if (held_.size() == 0) return;  // refused by its sides
    if (channels == 1 || held_.strides(2) == 1) {
        if (image::check(view_) == Status::image_stride) copy(channels, channels == 1 ? 0 : 1);
    } else if (held_.strides(2) == -1 && held_.strides(1) >= static_cast<py::ssize_t>(channels)) {
        view_.data -= channels - 1;
        view_.order = reversed(order);
    } else {
        copy(channels, held_.strides(2));
    }
}

void Picture::copy(std::size_t channels, py::ssize_t channel_stride) {
    if (view_.height > image::max_side || view_.width > image::max_side) return;
    copy_.resize(view_.height * view_.width * channels);
    std::uint8_t* to = copy_.data();
    for (py::ssize_t y = 0; y < held_.shape(0); ++y) {
        for (py::ssize_t x = 0; x < held_.shape(1); ++x) {
            const std::uint8_t* pixel = view_.data + y * held_.strides(0) + x * held_.strides(1);
            for (std::size_t c = 0; c < channels; ++c) {
                *to++ = pixel[static_cast<py::ssize_t>(c) * channel_stride];
            }
        }
    }
    view_.data = copy_.data();
    view_.pixel_stride = static_cast<std::ptrdiff_t>(channels);
    view_.row_stride = static_cast<std::ptrdiff_t>(view_.width * channels);
}

void Picture::refuse_overlap_with(const py::array& out) const {
    const std::uint8_t *low = static_cast<const std::uint8_t*>(held_.data()), *high = low;
    for (py::ssize_t i = 0; i < held_.ndim(); ++i) {
        const py::ssize_t reach = (held_.shape(i) - 1) * held_.strides(i);
        (reach < 0 ? low : high) += reach;
    }
    refuse_overlap(out, low, static_cast<std::size_t>(high - low) + 1);
}

}  // namespace sealframe::bindings
