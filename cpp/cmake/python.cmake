# The private Python module sealframe._core.

find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
find_package(pybind11 CONFIG REQUIRED)

set(bindings ${PROJECT_SOURCE_DIR}/cpp/bindings)
pybind11_add_module(
  _core
  NO_EXTRAS
  ${bindings}/module.cpp
  ${bindings}/arrays.cpp
  ${bindings}/picture.cpp
  ${bindings}/bind_cpu.cpp
  ${bindings}/bind_image.cpp
  ${bindings}/bind_features.cpp
  ${bindings}/bind_derivation.cpp
  ${bindings}/bind_similarity.cpp
  ${bindings}/bind_factor.cpp)
target_link_libraries(_core PRIVATE sealframe_static)
target_compile_definitions(_core PRIVATE SEALFRAME_VERSION="${PROJECT_VERSION}")
target_compile_options(_core PRIVATE -Wall -Wextra -Wshadow $<$<BOOL:${SEALFRAME_WERROR}>:-Werror>)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(module_exports ${PROJECT_SOURCE_DIR}/cpp/cmake/module.map)
  set_target_properties(_core PROPERTIES LINK_DEPENDS ${module_exports})
  target_link_options(_core PRIVATE -static-libstdc++ -static-libgcc -Wl,--version-script=${module_exports})
endif()
install(TARGETS _core LIBRARY DESTINATION . COMPONENT python)
