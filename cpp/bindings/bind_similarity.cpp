#include <algorithm>
#include <new>

#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/image.hpp"
#include "sealframe/similarity.hpp"

namespace sealframe::bindings {
namespace {

py::array window_cosine(const py::object& a, const py::object& b, int k, const py::object& out) {
    const Sides sides{image::max_side, Status::image_size};
    const Plane first(a, uint8, "a", sides), second(b, uint8, "b", sides);
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

/// Two maps (height, width, channels) of one type, packed.
class ChannelPair {
  public:
    ChannelPair(const py::object& a, const py::object& b, const Type& type)
        : a_(array_of(a, type, "a")), b_(array_of(b, type, "b")) {
        if (a_.ndim() != 3 || b_.ndim() != 3 || !std::equal(a_.shape(), a_.shape() + 3, b_.shape())) {
            throw py::value_error("a and b must have the same shape: height, width, channels.");
        }
        if (a_.size() == 0) throw py::value_error("a and b must not be empty.");
        if (channels() > similarity::max_channels) raise(Status::channels);
        if (pixels() > similarity::max_pixels) raise(Status::image_size);
        pack(a_);
        pack(b_);
    }

    const py::array& a() const { return a_; }
    const py::array& b() const { return b_; }
    std::size_t pixels() const { return static_cast<std::size_t>(a_.shape(0) * a_.shape(1)); }
    std::size_t channels() const { return static_cast<std::size_t>(a_.shape(2)); }

    py::array output_of(const py::object& out, const Type& type) const {
        py::array result = output(out, type, {a_.shape(0), a_.shape(1)});
        refuse_overlap(result, a_.data(), static_cast<std::size_t>(a_.nbytes()));
        refuse_overlap(result, b_.data(), static_cast<std::size_t>(b_.nbytes()));
        return result;
    }

  private:
    static void pack(py::array& map) {
        if ((map.flags() & py::array::c_style) != 0) return;  // `ensure` says the same in 0.1 us
        map = py::array::ensure(map, py::array::c_style);
        if (!map) throw std::bad_alloc();
    }

    py::array a_, b_;
};

bool is_float(const py::object& object) {
    return py::isinstance<py::array>(object) &&
           py::reinterpret_borrow<py::array>(object).dtype().kind() == 'f';
}

py::array channel_cosine(const py::object& a, const py::object& b, int zero, const py::object& out) {
    const bool floats = is_float(a);
    const ChannelPair maps(a, b, floats ? float32 : uint8);
    py::array result = maps.output_of(out, floats ? float32 : int8);
    const void *from_a = maps.a().data(), *from_b = maps.b().data();
    void* to = result.mutable_data();
    Status status;
    {
        const ReleaseGil released(maps.pixels() * maps.channels());
        status = floats ? similarity::channel_cosine(static_cast<const float*>(from_a),
                                                     static_cast<const float*>(from_b), maps.pixels(),
                                                     maps.channels(), static_cast<float*>(to))
                        : similarity::channel_cosine(static_cast<const std::uint8_t*>(from_a),
                                                     static_cast<const std::uint8_t*>(from_b), maps.pixels(),
                                                     maps.channels(), zero, static_cast<std::int8_t*>(to));
    }
    raise(status);
    return result;
}

}  // namespace

void bind_similarity(py::module_& m) {
    m.def("window_cosine", &window_cosine, py::arg(), py::arg(), py::arg() = 7, py::kw_only(),
          py::arg("out") = py::none(),
          "window_cosine(a, b, k=7, /, *, out=None)\n\n"
          "Cosine of the k x k windows (odd, 3..15, cut at the border) of p - 128, in 1/127: int8 (H, W).");
    m.def("channel_cosine", &channel_cosine, py::arg(), py::arg(), py::kw_only(), py::arg("zero") = 128,
          py::arg("out") = py::none(),
          "channel_cosine(a, b, /, *, zero=128, out=None)\n\n"
          "Cosine of the channel vectors of (H, W, C), C up to 1024: of v - zero in 1/127 for uint8 as int8 "
          "(H, W), "
          "of finite float32 as float32 (H, W).");
}

}  // namespace sealframe::bindings
