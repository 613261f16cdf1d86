#include <algorithm>

#include "arrays.hpp"
#include "bind.hpp"
#include "picture.hpp"
#include "sealframe/features.hpp"
#include "sealframe/sampling.hpp"
#include "sealframe/spectrum.hpp"

namespace sealframe::bindings {
namespace {

using features::Feature;
using features::Layout;
using features::Request;

constexpr Sides tiled_sides{features::max_output_side, Status::output_size};

Feature feature_of(std::string_view name) {
    if (name == "gray") return Feature::gray;
    if (name == "binary") return Feature::binary;
    if (name == "standardised") return Feature::standardised;
    throw py::value_error(describe(Status::feature));
}

Layout layout_of(std::string_view name) {
    if (name == "rows") return Layout::rows;
    if (name == "blocks") return Layout::blocks;
    throw py::value_error("The layout must be rows or blocks.");
}

std::vector<py::ssize_t> shape_of(const Request& request) {
    const auto height = static_cast<py::ssize_t>(request.height),
               width = static_cast<py::ssize_t>(request.width);
    if (request.layout == Layout::rows) return {height, width};
    return {height / 32 * (width / 32), 16, 16, 4};
}

py::array area_mean(const py::object& image, std::string_view order, std::size_t height, std::size_t width,
                    std::string_view feature, int threshold, std::string_view layout, const py::object& out) {
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
    const Plane plane(rows, uint8, "rows", tiled_sides);
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
        throw py::value_error("The tiles must have the shape (height / 32 * width / 32, 16, 16, 4).");
    }
    const auto packed = py::array_t<std::uint8_t, py::array::c_style>(given);
    const std::vector<py::ssize_t> sides = {static_cast<py::ssize_t>(height),
                                            static_cast<py::ssize_t>(width)};
    py::array rows = output(out, uint8, sides);
    refuse_overlap(rows, packed.data(), static_cast<std::size_t>(packed.nbytes()));
    raise(features::unblock(packed.data(), height, width, static_cast<std::uint8_t*>(rows.mutable_data())));
    return rows;
}

py::array random_words(const py::object& seed, std::uint64_t first, std::size_t count,
                       const py::object& out) {
    const std::uint8_t* key = seed_of(seed);
    if (first > features::max_words || count > features::max_words - first) raise(Status::stream_position);
    py::array words = output(out, uint16, {static_cast<py::ssize_t>(count)});
    auto* to = static_cast<std::uint16_t*>(words.mutable_data());
    Status status;
    {
        const ReleaseGil released(2 * count);
        status = features::random_words(key, first, count, to);
    }
    raise(status);
    return words;
}

/// A kernel from one gray plane to one plane of `type`.
template <typename Kernel>
py::array from_gray(const py::object& gray, const Type& type, const py::object& out, Kernel kernel) {
    const Plane plane(gray, uint8, "gray");
    py::array result = output(
        out, type, {static_cast<py::ssize_t>(plane.height()), static_cast<py::ssize_t>(plane.width())});
    refuse_overlap(result, plane.data<std::uint8_t>(), plane.size());
    void* to = result.mutable_data();
    Status status;
    {
        const ReleaseGil released(plane.size());
        status = kernel(plane.data<std::uint8_t>(), plane.size(), to);
    }
    raise(status);
    return result;
}

py::array bernoulli(const py::object& gray, const py::object& seed, std::uint64_t first,
                    const py::object& out) {
    const std::uint8_t* key = seed_of(seed);
    return from_gray(gray, uint8, out, [=](const std::uint8_t* from, std::size_t count, void* to) {
        return features::bernoulli(from, count, key, first, static_cast<std::uint8_t*>(to));
    });
}

py::array binarise(const py::object& gray, int threshold, const py::object& out) {
    return from_gray(gray, uint8, out, [=](const std::uint8_t* from, std::size_t count, void* to) {
        return features::binarise(from, count, threshold, static_cast<std::uint8_t*>(to));
    });
}

py::array standardise(const py::object& gray, const py::object& out) {
    return from_gray(gray, float32, out, [](const std::uint8_t* from, std::size_t count, void* to) {
        return features::standardise(from, count, static_cast<float*>(to));
    });
}

py::array spectrum(const py::object& rows, const py::object& out) {
    const Plane plane(rows, uint8, "rows", tiled_sides);
    const std::size_t height = plane.height(), width = plane.width();
    if (height % features::tile_side != 0 || width % features::tile_side != 0) raise(Status::block_layout);
    py::array tiles = output(out, int16, {static_cast<py::ssize_t>(height / 32 * (width / 32)), 32, 32});
    refuse_overlap(tiles, plane.data<std::uint8_t>(), plane.size());
    auto* to = static_cast<std::int16_t*>(tiles.mutable_data());
    Status status;
    {
        const ReleaseGil released(8 * plane.size());
        status = features::spectrum(plane.data<std::uint8_t>(), height, width, to);
    }
    raise(status);
    return tiles;
}

}  // namespace

void bind_features(py::module_& m) {
    const py::arg_v out = py::arg("out") = py::none();
    m.def("area_mean", &area_mean, py::arg(), py::arg(), py::arg(), py::arg(), py::kw_only(),
          py::arg("feature") = "gray", py::arg("threshold") = 128, py::arg("layout") = "rows", out,
          "area_mean(image, order, height, width, /, *, feature='gray', threshold=128, layout='rows', "
          "out=None)\n\n"
          "Exact area mean of the luma of (H, W) gray or (H, W, C) rgb, bgr, rgba, bgra; sides 1..65535. The "
          "output's sides are 1..4096. `feature` is gray (uint8), binary (uint8, 1 where mean >= threshold) "
          "or standardised (float32 in [-1, 1]); `layout` is rows (height, width) or blocks "
          "(height/32 * width/32, 16, 16, 4).");
    m.def("block", &block, py::arg(), py::kw_only(), out,
          "block(rows, /, *, out=None)\n\n(H, W) to 32x32 tiles (H/32 * W/32, 16, 16, 4) in 2x2 block order; "
          "sides are multiples of 32 up to "
          "4096.");
    m.def("unblock", &unblock, py::arg(), py::arg(), py::arg(), py::kw_only(), out,
          "unblock(tiles, height, width, /, *, out=None)\n\nThe inverse of block().");
    m.def("random_words", &random_words, py::arg(), py::arg(), py::arg(), py::kw_only(), out,
          "random_words(seed, first, count, /, *, out=None)\n\nWords first .. first + count - 1 of the "
          "ChaCha12 keystream of a 32-byte seed: uint16 (count,).");
    m.def("bernoulli", &bernoulli, py::arg(), py::arg(), py::arg() = 0, py::kw_only(), out,
          "bernoulli(gray, seed, first=0, /, *, out=None)\n\nPixel i of (H, W) is 1 with probability "
          "gray/255, by word first + i of the seed's stream: uint8 "
          "(H, W).");
    m.def("binarise", &binarise, py::arg(), py::arg() = 128, py::kw_only(), out,
          "binarise(gray, threshold=128, /, *, out=None)\n\n1 where gray >= threshold (0..255), else 0: "
          "uint8 (H, W).");
    m.def(
        "standardise", &standardise, py::arg(), py::kw_only(), out,
        "standardise(gray, /, *, out=None)\n\nfloat(2 gray - 255) * (1 / 255f): float32 (H, W) in [-1, 1].");
    m.def("spectrum", &spectrum, py::arg(), py::kw_only(), out,
          "spectrum(rows, /, *, out=None)\n\nOrthonormal DCT-II of p - 128 of each 32x32 tile, in 1/8: int16 "
          "(H/32 * W/32, 32, 32); H, W up to "
          "4096.");
}

}  // namespace sealframe::bindings
