#include <algorithm>

#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/features.hpp"

namespace sealframe::bindings {
namespace {

using features::Feature;
using features::Layout;
using features::Request;
using image::Order;

Order order_of(const std::string& name) {
    if (name == "gray") return Order::gray;
    if (name == "rgb") return Order::rgb;
    if (name == "bgr") return Order::bgr;
    if (name == "rgba") return Order::rgbx;
    if (name == "bgra") return Order::bgrx;
    throw py::value_error(describe(Status::channel_order));
}

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

Feature feature_of(const std::string& name) {
    if (name == "gray") return Feature::gray;
    if (name == "binary") return Feature::binary;
    if (name == "standardised") return Feature::standardised;
    throw py::value_error(describe(Status::feature));
}

Layout layout_of(const std::string& name) {
    if (name == "rows") return Layout::rows;
    if (name == "blocks") return Layout::blocks;
    throw py::value_error("The layout must be rows or blocks.");
}

/// A picture in an array: seen in place when the channels of a pixel are neighbours, copied otherwise.
class Picture {
  public:
    Picture(const py::object& object, Order order) : held_(array_of(object, uint8, "image")) {
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

    const image::View& view() const { return view_; }
    std::size_t bytes() const { return static_cast<std::size_t>(held_.size()); }

    void refuse_overlap_with(const py::array& out) const {
        const std::uint8_t *low = static_cast<const std::uint8_t*>(held_.data()), *high = low;
        for (py::ssize_t i = 0; i < held_.ndim(); ++i) {
            const py::ssize_t reach = (held_.shape(i) - 1) * held_.strides(i);
            (reach < 0 ? low : high) += reach;
        }
        refuse_overlap(out, low, static_cast<std::size_t>(high - low) + 1);
    }

  private:
    void copy(std::size_t channels, py::ssize_t channel_stride) {
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

    py::array held_;
    std::vector<std::uint8_t> copy_;
    image::View view_{};
};

std::vector<py::ssize_t> shape_of(const Request& request) {
    const auto height = static_cast<py::ssize_t>(request.height),
               width = static_cast<py::ssize_t>(request.width);
    if (request.layout == Layout::rows) return {height, width};
    return {height / 32 * (width / 32), 8, 8, 16};
}

py::array area_mean(const py::object& image, const std::string& order, std::size_t height, std::size_t width,
                    const std::string& feature, int threshold, const std::string& layout,
                    const py::object& out) {
    const Picture picture(image, order_of(order));
    const Request request{height, width, feature_of(feature), layout_of(layout), threshold};
    const std::size_t bytes = features::area_mean_scratch(picture.view(), request);
    if (bytes == 0) raise(features::area_mean(picture.view(), request, nullptr, nullptr, 0));
    py::array result =
        output(out, request.feature == Feature::standardised ? float32 : uint8, shape_of(request));
    picture.refuse_overlap_with(result);
    const Scratch scratch(bytes);
    void* to = result.mutable_data();
    Status status;
    {
        const ReleaseGil released(picture.bytes());
        status = features::area_mean(picture.view(), request, to, scratch.data(), scratch.size());
    }
    raise(status);
    return result;
}

py::array block(const py::object& rows, const py::object& out) {
    const Plane plane(rows, uint8, "rows");
    const Request request{plane.height(), plane.width(), Feature::gray, Layout::blocks, 0};
    if (plane.height() % features::tile_side != 0 || plane.width() % features::tile_side != 0) {
        raise(Status::block_layout);
    }
    py::array tiles = output(out, uint8, shape_of(request));
    refuse_overlap(tiles, plane.data<std::uint8_t>(), plane.size());
    raise(features::block(plane.data<std::uint8_t>(), plane.height(), plane.width(),
                          static_cast<std::uint8_t*>(tiles.mutable_data())));
    return tiles;
}

py::array unblock(const py::object& tiles, std::size_t height, std::size_t width, const py::object& out) {
    const py::array given = array_of(tiles, uint8, "tiles");
    if (height < 1 || height > features::max_output_side || width < 1 || width > features::max_output_side) {
        raise(Status::output_size);
    }
    if (height % features::tile_side != 0 || width % features::tile_side != 0) raise(Status::block_layout);
    const std::vector<py::ssize_t> shape = shape_of({height, width, Feature::gray, Layout::blocks, 0});
    if (given.ndim() != 4 || !std::equal(shape.begin(), shape.end(), given.shape())) {
        throw py::value_error("The tiles must have the shape (height / 32 * width / 32, 8, 8, 16).");
    }
    const auto packed = py::array_t<std::uint8_t, py::array::c_style>(given);
    const std::vector<py::ssize_t> sides = {static_cast<py::ssize_t>(height),
                                            static_cast<py::ssize_t>(width)};
    py::array rows = output(out, uint8, sides);
    refuse_overlap(rows, packed.data(), static_cast<std::size_t>(packed.nbytes()));
    raise(features::unblock(packed.data(), height, width, static_cast<std::uint8_t*>(rows.mutable_data())));
    return rows;
}

}  // namespace

void bind_features(py::module_& m) {
    m.def("area_mean", &area_mean, py::arg("image"), py::arg("order"), py::arg("height"), py::arg("width"),
          py::kw_only(), py::arg("feature") = "gray", py::arg("threshold") = 128, py::arg("layout") = "rows",
          py::arg("out") = py::none());
    m.def("block", &block, py::arg("rows"), py::kw_only(), py::arg("out") = py::none());
    m.def("unblock", &unblock, py::arg("tiles"), py::arg("height"), py::arg("width"), py::kw_only(),
          py::arg("out") = py::none());
}

}  // namespace sealframe::bindings
