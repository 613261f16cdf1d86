# The native core: one object per stage and instruction set, gathered in one static library.

set(SEALFRAME_STAGES features similarity image_factor)
set(SEALFRAME_SOURCES ${PROJECT_SOURCE_DIR}/cpp/src/cpu/cpu.cpp ${PROJECT_SOURCE_DIR}/cpp/src/status/status.cpp
                      ${PROJECT_SOURCE_DIR}/cpp/src/image/image.cpp)
set(SEALFRAME_AVX2_SOURCES)
foreach(stage IN LISTS SEALFRAME_STAGES)
  set(folder ${PROJECT_SOURCE_DIR}/cpp/src/${stage})
  list(APPEND SEALFRAME_SOURCES ${folder}/${stage}.cpp ${folder}/${stage}_scalar.cpp)
  list(APPEND SEALFRAME_AVX2_SOURCES ${folder}/${stage}_avx2.cpp)
endforeach()

add_library(sealframe_core STATIC ${SEALFRAME_SOURCES})
add_library(sealframe::core ALIAS sealframe_core)
target_include_directories(
  sealframe_core
  PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cpp/include>
  PRIVATE ${PROJECT_SOURCE_DIR}/cpp/src)
set_target_properties(sealframe_core PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                                VISIBILITY_INLINES_HIDDEN ON)

# Contracting a*b+c into one operation would change floats from one compiler to the next.
target_compile_options(sealframe_core PRIVATE -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                              $<$<BOOL:${SEALFRAME_WERROR}>:-Werror>)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  target_sources(sealframe_core PRIVATE ${SEALFRAME_AVX2_SOURCES})
  # The baseline is pinned, so that only the files that are named after an instruction set contain it.
  target_compile_options(sealframe_core PRIVATE -march=x86-64)
  set_source_files_properties(${SEALFRAME_AVX2_SOURCES} PROPERTIES COMPILE_OPTIONS -mavx2)
endif()
