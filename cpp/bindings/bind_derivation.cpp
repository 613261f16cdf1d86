#include <algorithm>

#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/derivation.hpp"

namespace sealframe::bindings {
namespace {

/// A tensor of uint8 of any shape, packed.
py::array packed(const py::object& object, const std::string& name) {
    return py::array::ensure(array_of(object, uint8, name), py::array::c_style);
}

py::array sample_posterior(const py::object& mean, const py::object& log_variance, const py::object& seed,
                           std::uint64_t first, const py::object& out) {
    const py::array means = packed(mean, "mean"), variances = packed(log_variance, "log_variance");
    const std::vector<py::ssize_t> shape(means.shape(), means.shape() + means.ndim());
    if (variances.ndim() != means.ndim() || !std::equal(shape.begin(), shape.end(), variances.shape())) {
        throw py::value_error("mean and log_variance must have the same shape.");
    }
    const std::uint8_t* key = seed_of(seed);
    const auto count = static_cast<std::size_t>(means.size());
    py::array latent = output(out, uint8, shape);
    refuse_overlap(latent, means.data(), count);
    refuse_overlap(latent, variances.data(), count);
    const auto* centres = static_cast<const std::uint8_t*>(means.data());
    const auto* spreads = static_cast<const std::uint8_t*>(variances.data());
    auto* to = static_cast<std::uint8_t*>(latent.mutable_data());
    Status status;
    {
        const ReleaseGil released(8 * count);
        status = derivation::sample_posterior(centres, spreads, count, key, first, to);
    }
    raise(status);
    return latent;
}

}  // namespace

void bind_derivation(py::module_& m) {
    m.def(
        "sample_posterior", &sample_posterior, py::arg(), py::arg(), py::arg(), py::arg() = 0, py::kw_only(),
        py::arg("out") = py::none(),
        "sample_posterior(mean, log_variance, seed, first=0, /, *, out=None)\n\n"
        "The latent drawn from the posterior's tensors, uint8 of one shape, with words first, first + 1, .. "
        "of the seed's stream: uint8 of that shape.");
}

}  // namespace sealframe::bindings
