#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sealframe/status.hpp"

/// What every binding needs: arrays with hand-read types and strides, errors as exceptions, the GIL.
namespace sealframe::bindings {

namespace py = pybind11;

/// ValueError with the status' sentence, unless it is ok.
void raise(Status status);

/// TypeError in a sentence that names the argument.
[[noreturn]] void raise_type(const std::string& argument, const std::string& expected);

struct Type {
    char kind;  ///< NumPy's: 'u', 'i', 'f'
    py::ssize_t size;
    const char* name;
    py::dtype (*dtype)();
};

inline constexpr Type uint8{'u', 1, "uint8", &py::dtype::of<std::uint8_t>};
inline constexpr Type int8{'i', 1, "int8", &py::dtype::of<std::int8_t>};
inline constexpr Type int16{'i', 2, "int16", &py::dtype::of<std::int16_t>};
inline constexpr Type uint16{'u', 2, "uint16", &py::dtype::of<std::uint16_t>};
inline constexpr Type int32{'i', 4, "int32", &py::dtype::of<std::int32_t>};
inline constexpr Type int64{'i', 8, "int64", &py::dtype::of<std::int64_t>};
inline constexpr Type float32{'f', 4, "float32", &py::dtype::of<float>};

/// The array that `object` is; TypeError when it is none, or of another type or byte order.
py::array array_of(const py::object& object, const Type& type, const std::string& argument);

/// The longest side that a function takes, and what it says to a longer one.
struct Sides {
    std::size_t most;
    Status refusal;
};

inline constexpr Sides any_sides{SIZE_MAX, Status::ok};

/// A two-dimensional array of one-byte values, row after row: the caller's memory, or a copy when it has
/// gaps.
class Plane {
  public:
    Plane(const py::object& object, const Type& type, const std::string& argument,
          const Sides& sides = any_sides);

    template <typename T>
    const T* data() const {
        return reinterpret_cast<const T*>(copy_.empty() ? held_.data() : copy_.data());
    }
    std::size_t height() const { return static_cast<std::size_t>(held_.shape(0)); }
    std::size_t width() const { return static_cast<std::size_t>(held_.shape(1)); }
    std::size_t size() const { return height() * width(); }

  private:
    py::array held_;
    std::vector<std::uint8_t> copy_;
};

/// `out` when given (it must be writable, C-contiguous and of this type and shape), else a new array.
py::array output(const py::object& out, const Type& type, const std::vector<py::ssize_t>& shape);

/// The 32 bytes of a seed; they outlive the GIL because `held` keeps them. TypeError, ValueError.
const std::uint8_t* seed_of(const py::object& held);

/// ValueError when two arrays that must not overlap do.
void refuse_overlap(const py::array& out, const void* data, std::size_t bytes);

/// Memory that a kernel asks for; 0 bytes mean that it refuses the arguments, and it then says why.
class Scratch {
  public:
    explicit Scratch(std::size_t bytes) : memory_(new std::uint64_t[bytes / 8 + 1]), bytes_(bytes) {}

    void* data() const { return memory_.get(); }
    std::size_t size() const { return bytes_; }

  private:
    std::unique_ptr<std::uint64_t[]> memory_;
    std::size_t bytes_;
};

/// Bytes of input from which a call gives the GIL away: about 10 us of the reductions, the fastest kernels.
/// Giving it away and taking it back costs 0.1 us alone and a switch of threads under load. Slower kernels
/// multiply their bytes.
inline constexpr std::size_t gil_threshold = 1 << 17;

class ReleaseGil {
  public:
    explicit ReleaseGil(std::size_t work) {
        if (work >= gil_threshold) released_.emplace();
    }

  private:
    std::optional<py::gil_scoped_release> released_;
};

}  // namespace sealframe::bindings
