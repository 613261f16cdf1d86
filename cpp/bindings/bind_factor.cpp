#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/factor.hpp"
#include "sealframe/image.hpp"

namespace sealframe::bindings {
namespace {

constexpr Sides image_sides{image::max_side, Status::image_size};
constexpr Sides map_sides{factor::max_map_side, Status::map_size};

py::array block_means(const py::object& image, std::size_t size, const py::object& out) {
    const Plane plane(image, uint8, "image", image_sides);
    if (size == 0 || plane.height() % size != 0 || plane.width() % size != 0) raise(Status::block_size);
    py::array means = output(
        out, uint8,
        {static_cast<py::ssize_t>(plane.height() / size), static_cast<py::ssize_t>(plane.width() / size)});
    refuse_overlap(means, plane.data<std::uint8_t>(), plane.size());
    auto* to = static_cast<std::uint8_t*>(means.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = factor::block_means(plane.data<std::uint8_t>(), plane.height(), plane.width(), size, to);
    }
    raise(status);
    return means;
}

py::array row_sums(const py::object& values, const py::object& out) {
    const Plane plane(values, int8, "values", image_sides);
    py::array sums = output(out, int32, {static_cast<py::ssize_t>(plane.height())});
    refuse_overlap(sums, plane.data<std::int8_t>(), plane.size());
    auto* to = static_cast<std::int32_t*>(sums.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = factor::row_sums(plane.data<std::int8_t>(), plane.height(), plane.width(), to);
    }
    raise(status);
    return sums;
}

py::array norms(const py::object& values, const py::object& out) {
    const Plane plane(values, int8, "values", image_sides);
    py::array three = output(out, int64, {3});
    refuse_overlap(three, plane.data<std::int8_t>(), plane.size());
    auto* to = static_cast<std::int64_t*>(three.mutable_data());
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = factor::norms(plane.data<std::int8_t>(), plane.height(), plane.width(), to);
    }
    raise(status);
    return three;
}

std::int32_t rank(const py::object& values) {
    const Plane plane(values, int8, "values", map_sides);
    const std::size_t bytes = factor::rank_scratch(plane.height(), plane.width());
    const Scratch scratch(bytes);
    std::int32_t result = 0;
    Status status;
    {
        const ReleaseGil released(64 * plane.size());
        status = factor::rank(plane.data<std::int8_t>(), plane.height(), plane.width(), &result,
                              scratch.data(), scratch.size());
    }
    raise(status);
    return result;
}

py::tuple leading_pair(const py::object& values, const py::object& out) {
    const Plane plane(values, int8, "values", map_sides);
    const std::size_t bytes = factor::leading_pair_scratch(plane.height(), plane.width());
    py::array vector = output(out, int32, {static_cast<py::ssize_t>(plane.width())});
    refuse_overlap(vector, plane.data<std::int8_t>(), plane.size());
    const Scratch scratch(bytes);
    auto* to = static_cast<std::int32_t*>(vector.mutable_data());
    std::int64_t value = 0;
    Status status;
    {
        const ReleaseGil released(64 * plane.size());
        status = factor::leading_pair(plane.data<std::int8_t>(), plane.height(), plane.width(), &value, to,
                                      scratch.data(), scratch.size());
    }
    raise(status);
    return py::make_tuple(value, vector);
}

}  // namespace

void bind_factor(py::module_& m) {
    const py::arg_v out = py::arg("out") = py::none();
    m.def(
        "block_means", &block_means, py::arg(), py::arg() = 8, py::kw_only(), out,
        "block_means(image, size=8, /, *, out=None)\n\n"
        "Rounded mean of each size x size block: uint8 (H/size, W/size); size is a power of two up to 128.");
    m.def("row_sums", &row_sums, py::arg(), py::kw_only(), out,
          "row_sums(values, /, *, out=None)\n\nSum of each row of (H, W): int32 (H,).");
    m.def("norms", &norms, py::arg(), py::kw_only(), out,
          "norms(values, /, *, out=None)\n\nSum of |x|, sum of x^2, largest sum of |x| over one row: int64 "
          "(3,).");
    m.def("rank", &rank, py::arg(),
          "rank(values, /)\n\nRank of (H, W) modulo the prime 65521; sides up to 1024.");
    m.def("leading_pair", &leading_pair, py::arg(), py::kw_only(), out,
          "leading_pair(values, /, *, out=None)\n\nLeading eigenvalue (in 1/256) and eigenvector (int32 "
          "(W,), unit length 2^30) of M^T M after 32 "
          "fixed-point "
          "power steps; sides up to 1024.");
}

}  // namespace sealframe::bindings
