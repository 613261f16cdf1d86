#pragma once

#include <pybind11/pybind11.h>

/// What a call must have is positional and has no name: pybind11 looks the name of every argument up in a
/// call that has keywords, at nearly 0.1 us each. The first line of each docstring is the signature.
namespace sealframe::bindings {

void bind_cpu(pybind11::module_& m);
void bind_image(pybind11::module_& m);
void bind_features(pybind11::module_& m);
void bind_derivation(pybind11::module_& m);
void bind_similarity(pybind11::module_& m);
void bind_factor(pybind11::module_& m);

}  // namespace sealframe::bindings
