#include "arrays.hpp"
#include "bind.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    py::options options;
    options.disable_function_signatures();  // written by hand: see bind.hpp
    m.doc() =
        "The native core of sealframe: integer image kernels. Private; the modules of sealframe wrap it.";
    sealframe::bindings::bind_cpu(m);
    sealframe::bindings::bind_image(m);
    sealframe::bindings::bind_features(m);
    sealframe::bindings::bind_derivation(m);
    sealframe::bindings::bind_similarity(m);
    sealframe::bindings::bind_factor(m);
}
