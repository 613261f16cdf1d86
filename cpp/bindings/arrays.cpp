#include "arrays.hpp"

#include <cstring>

namespace sealframe::bindings {

void raise(Status status) {
    if (status != Status::ok) throw py::value_error(describe(status));
}

void raise_type(const std::string& argument, const std::string& expected) {
    throw py::type_error(argument + " must be " + expected + ".");
}

namespace {

bool is_of(const py::array& array, const Type& type) {
    const py::dtype found = array.dtype();
    const bool native = found.byteorder() == '=' || found.byteorder() == '|';
    return found.kind() == type.kind && found.itemsize() == type.size && native;
}

bool contiguous(const py::array& array) {
    return (array.flags() & py::array::c_style) != 0;
}

std::string shape_text(const std::vector<py::ssize_t>& shape) {
    std::string text = "(";
    for (const py::ssize_t side : shape) text += std::to_string(side) + ", ";
    text.resize(text.size() - (shape.size() > 1 ? 2 : 1));
    return text + ")";
}

}  // namespace

py::array array_of(const py::object& object, const Type& type, const std::string& argument) {
    if (!py::isinstance<py::array>(object))
        raise_type(argument, std::string("a NumPy array of ") + type.name);
    auto array = py::reinterpret_borrow<py::array>(object);
    if (!is_of(array, type))
        raise_type(argument, std::string("of type ") + type.name + " in native byte order");
    return array;
}

Plane::Plane(const py::object& object, const Type& type, const std::string& argument, const Sides& sides)
    : held_(array_of(object, type, argument)) {
    if (held_.ndim() != 2) throw py::value_error(argument + " must have two dimensions: height and width.");
    if (height() == 0 || width() == 0) throw py::value_error(argument + " must not be empty.");
    if (height() > sides.most || width() > sides.most) raise(sides.refusal);
    if (contiguous(held_)) return;
    copy_.resize(size());
    const auto* data = static_cast<const std::uint8_t*>(held_.data());
    std::uint8_t* to = copy_.data();
    for (py::ssize_t y = 0; y < held_.shape(0); ++y) {
        for (py::ssize_t x = 0; x < held_.shape(1); ++x)
            *to++ = data[y * held_.strides(0) + x * held_.strides(1)];
    }
}

py::array output(const py::object& out, const Type& type, const std::vector<py::ssize_t>& shape) {
    if (out.is_none()) return py::array(type.dtype(), shape);
    py::array array = array_of(out, type, "out");
    bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (py::ssize_t i = 0; fits && i < array.ndim(); ++i) {
        fits = array.shape(i) == shape[static_cast<std::size_t>(i)];
    }
    if (!fits) throw py::value_error("out must have the shape " + shape_text(shape) + ".");
    if (!contiguous(array) || !array.writeable()) {
        throw py::value_error("out must be writable and C-contiguous.");
    }
    return array;
}

const std::uint8_t* seed_of(const py::object& held) {
    if (!py::isinstance<py::bytes>(held)) raise_type("seed", "bytes");
    char* data = nullptr;
    py::ssize_t length = 0;
    PyBytes_AsStringAndSize(held.ptr(), &data, &length);
    if (length != 32) throw py::value_error("The seed must be 32 bytes long.");
    return reinterpret_cast<const std::uint8_t*>(data);
}

void refuse_overlap(const py::array& out, const void* data, std::size_t bytes) {
    const auto begin = reinterpret_cast<std::uintptr_t>(out.data());
    const auto other = reinterpret_cast<std::uintptr_t>(data);
    if (begin < other + bytes && other < begin + static_cast<std::size_t>(out.nbytes())) {
        throw py::value_error("out must not share memory with an input.");
    }
}

}  // namespace sealframe::bindings
