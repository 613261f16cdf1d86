#pragma once

#include <pybind11/pybind11.h>

namespace sealframe::bindings {

void bind_cpu(pybind11::module_& m);
void bind_image(pybind11::module_& m);
void bind_features(pybind11::module_& m);
void bind_derivation(pybind11::module_& m);
void bind_similarity(pybind11::module_& m);
void bind_image_factor(pybind11::module_& m);

}  // namespace sealframe::bindings
