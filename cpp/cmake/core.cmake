# The native core: one object per group of kernels and instruction set.

set(source ${PROJECT_SOURCE_DIR}/cpp/src)

# Stage and group of kernels. STAGE/GROUP.cpp takes its kernels from STAGE/GROUP_SET.cpp; a set without such a file has
# those of the set before it.
set(SEALFRAME_KERNELS image/image features/features features/sampling features/spectrum similarity/similarity
                      similarity/channels factor/factor factor/spectral)
# Without a group. derivation: its time is that of the random words and of lookups, which no instruction set shortens.
set(SEALFRAME_SOURCES status/status.cpp cpu/processor.cpp cpu/cpu.cpp derivation/posterior.cpp capi/capi.cpp)
list(TRANSFORM SEALFRAME_KERNELS APPEND .cpp OUTPUT_VARIABLE groups)
list(APPEND SEALFRAME_SOURCES ${groups})
list(TRANSFORM SEALFRAME_SOURCES PREPEND ${source}/)

# The baseline is pinned, so that only the files that are named after an instruction set contain it.
set(SEALFRAME_PROCESSOR other)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(SEALFRAME_PROCESSOR x86_64)
  set(baseline -march=x86-64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(SEALFRAME_PROCESSOR aarch64)
  set(baseline -march=armv8-a)
endif()

include(cpp/cmake/instruction_sets.cmake)
foreach(group IN LISTS SEALFRAME_KERNELS)
  sealframe_kernels_of(${group} ${source})
endforeach()

add_library(sealframe_core OBJECT ${SEALFRAME_SOURCES})
target_include_directories(
  sealframe_core
  PUBLIC ${PROJECT_SOURCE_DIR}/cpp/include
  PRIVATE ${source} ${PROJECT_BINARY_DIR}/core)
target_compile_definitions(sealframe_core PRIVATE SEALFRAME_VERSION="${PROJECT_VERSION}")
set_target_properties(sealframe_core PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                                VISIBILITY_INLINES_HIDDEN ON)

# Contracting a*b+c into one operation would change floats from one compiler to the next. The variable exists for the
# control of the bit identity check, which must fail with "fast".
set(SEALFRAME_FP_CONTRACT off CACHE STRING "Leave this off")
mark_as_advanced(SEALFRAME_FP_CONTRACT)
target_compile_options(
  sealframe_core
  PRIVATE ${baseline} -ffp-contract=${SEALFRAME_FP_CONTRACT} -fno-exceptions -fno-rtti -fno-math-errno -Wall -Wextra
          -Wpedantic -Wshadow -Wconversion $<$<BOOL:${SEALFRAME_WERROR}>:-Werror>)
