#include "arrays.hpp"
#include "bind.hpp"
#include "sealframe/cpu.hpp"

namespace sealframe::bindings {
namespace {

py::tuple isas() {
    py::list names;
    for (std::size_t i = 0; cpu::usable(i) != nullptr; ++i) names.append(cpu::usable(i));
    return py::tuple(names);
}

std::string choices() {
    return py::str(", ").attr("join")(isas()).cast<std::string>();
}

void set_isa(const std::string& name) {
    if (cpu::select(name) != Status::ok) {
        throw py::value_error("This CPU offers the instruction sets " + choices() + "; '" + name +
                              "' is none of them.");
    }
}

/// Before NumPy is imported: on such a CPU its wheels end the process without a word.
void refuse_older_than_numpy() {
    if (!cpu::runs_numpy()) {
        throw py::import_error(
            "This CPU lacks SSE4.2 or POPCNT (x86-64-v2, 2008), which NumPy and ONNX Runtime need. "
            "sealframe's C library runs here, its Python package does not.");
    }
}

void apply_environment() {
    if (cpu::select_from_environment() != Status::ok) {
        throw py::value_error("SEALFRAME_ISA must be empty or one of " + choices() + " on this CPU.");
    }
}

}  // namespace

void bind_cpu(py::module_& m) {
    refuse_older_than_numpy();
    apply_environment();
    m.def("version", [] { return SEALFRAME_VERSION; }, "version()\n\nThe version of the package.");
    m.def("isa", &cpu::active, "isa()\n\nThe instruction set in use.");
    m.def("isas", &isas, "isas()\n\nThe instruction sets that this CPU can run, best last.");
    m.def("set_isa", &set_isa, py::arg(),
          "set_isa(name, /)\n\nUse this instruction set from now on, in all threads.");
}

}  // namespace sealframe::bindings
