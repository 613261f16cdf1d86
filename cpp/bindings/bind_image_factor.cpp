#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/image_factor.hpp"

namespace sealframe::bindings {
namespace {

py::array block_means(const py::object& image, std::size_t size, const py::object& out) {
    const Plane plane(image, uint8, "image");
    if (size == 0 || plane.height() % size != 0 || plane.width() % size != 0) raise(Status::block_size);
    py::array means = output(
        out, uint8,
        {static_cast<py::ssize_t>(plane.height() / size), static_cast<py::ssize_t>(plane.width() / size)});
    refuse_overlap(means, plane.data<std::uint8_t>(), plane.size());
    auto* to = static_cast<std::uint8_t*>(means.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status =
            image_factor::block_means(plane.data<std::uint8_t>(), plane.height(), plane.width(), size, to);
    }
    raise(status);
    return means;
}

py::array row_sums(const py::object& map, const py::object& out) {
    const Plane plane(map, int8, "map");
    py::array sums = output(out, int32, {static_cast<py::ssize_t>(plane.height())});
    refuse_overlap(sums, plane.data<std::int8_t>(), plane.size());
    auto* to = static_cast<std::int32_t*>(sums.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = image_factor::row_sums(plane.data<std::int8_t>(), plane.height(), plane.width(), to);
    }
    raise(status);
    return sums;
}

py::array norms(const py::object& map, const py::object& out) {
    const Plane plane(map, int8, "map");
    py::array three = output(out, int64, {3});
    refuse_overlap(three, plane.data<std::int8_t>(), plane.size());
    auto* to = static_cast<std::int64_t*>(three.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = image_factor::norms(plane.data<std::int8_t>(), plane.height(), plane.width(), to);
    }
    raise(status);
    return three;
}

}  // namespace

void bind_image_factor(py::module_& m) {
    m.def("block_means", &block_means, py::arg("image"), py::arg("size") = 8, py::kw_only(),
          py::arg("out") = py::none());
    m.def("row_sums", &row_sums, py::arg("map"), py::kw_only(), py::arg("out") = py::none());
    m.def("norms", &norms, py::arg("map"), py::kw_only(), py::arg("out") = py::none());
}

}  // namespace sealframe::bindings
