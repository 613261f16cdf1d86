#include "arrays.hpp"
#include "bind.hpp"
#include "picture.hpp"
#include "sealframe/image.hpp"

namespace sealframe::bindings {
namespace {

py::array gray(const py::object& image, std::string_view order, const py::object& out) {
    const Picture picture(image, order_of(order));
    raise(image::check(picture.view()));
    py::array rows = output(
        out, uint8,
        {static_cast<py::ssize_t>(picture.view().height), static_cast<py::ssize_t>(picture.view().width)});
    picture.refuse_overlap_with(rows);
    auto* to = static_cast<std::uint8_t*>(rows.mutable_data());
    Status status;
    {
        const ReleaseGil released(picture.bytes());
        status = image::gray(picture.view(), to);
    }
    raise(status);
    return rows;
}

}  // namespace

void bind_image(py::module_& m) {
    m.def("gray", &gray, py::arg(), py::arg(), py::kw_only(), py::arg("out") = py::none(),
          "gray(image, order, /, *, out=None)\n\nBT.601 luma of (H, W) gray or (H, W, C) rgb, bgr, rgba, "
          "bgra: uint8 (H, W), rounded once.");
}

}  // namespace sealframe::bindings
