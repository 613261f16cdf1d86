#pragma once

#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "sealframe/image.hpp"

namespace sealframe::bindings {

/// "gray", "rgb", "bgr", "rgba" or "bgra"; ValueError otherwise.
image::Order order_of(std::string_view name);

/// A picture in an array: seen in place when the channels of a pixel are neighbours, copied otherwise.
class Picture {
  public:
    Picture(const py::object& object, image::Order order);

    const image::View& view() const { return view_; }
    std::size_t bytes() const { return static_cast<std::size_t>(held_.size()); }
    void refuse_overlap_with(const py::array& out) const;

  private:
    void copy(std::size_t channels, py::ssize_t channel_stride);

    py::array held_;
    std::vector<std::uint8_t> copy_;
    image::View view_{};
};

}  // namespace sealframe::bindings
