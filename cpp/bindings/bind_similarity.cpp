#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/similarity.hpp"

namespace sealframe::bindings {
namespace {

py::array window_cosine(const py::object& a, const py::object& b, int k, const py::object& out) {
    const Plane first(a, uint8, "a"), second(b, uint8, "b");
    const std::size_t height = first.height(), width = first.width();
    if (second.height() != height || second.width() != width) {
        throw py::value_error("a and b must have the same shape.");
    }
    const std::size_t bytes = similarity::window_cosine_scratch(height, width, k);
    if (bytes == 0) raise(similarity::window_cosine(nullptr, nullptr, height, width, k, nullptr, nullptr, 0));
    py::array map = output(out, int8, {static_cast<py::ssize_t>(height), static_cast<py::ssize_t>(width)});
    refuse_overlap(map, first.data<std::uint8_t>(), first.size());
    refuse_overlap(map, second.data<std::uint8_t>(), second.size());
    const Scratch scratch(bytes);
    auto* to = static_cast<std::int8_t*>(map.mutable_data());
    Status status;
    {
        const ReleaseGil released(first.size() * 8);
        status = similarity::window_cosine(first.data<std::uint8_t>(), second.data<std::uint8_t>(), height,
                                           width, k, to, scratch.data(), scratch.size());
    }
    raise(status);
    return map;
}

}  // namespace

void bind_similarity(py::module_& m) {
    m.def("window_cosine", &window_cosine, py::arg("a"), py::arg("b"), py::arg("k") = 7, py::kw_only(),
          py::arg("out") = py::none());
}

}  // namespace sealframe::bindings
