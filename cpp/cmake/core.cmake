# The native core: one object per group of kernels and instruction set.

# Stage and group of kernels; a group has one file per instruction set.
set(SEALFRAME_KERNELS image/image features/features features/sampling features/spectrum similarity/similarity
                      similarity/channels factor/factor factor/spectral)
# Without a group: its time is that of the random words and of lookups, which no instruction set shortens.
set(SEALFRAME_SOURCES status/status.cpp cpu/cpu.cpp derivation/posterior.cpp capi/capi.cpp)
foreach(kernel IN LISTS SEALFRAME_KERNELS)
  list(APPEND SEALFRAME_SOURCES ${kernel}.cpp ${kernel}_scalar.cpp)
  list(APPEND SEALFRAME_AVX2_SOURCES ${kernel}_avx2.cpp)
  list(APPEND SEALFRAME_NEON_SOURCES ${kernel}_neon.cpp)
endforeach()
set(SEALFRAME_AVX512_SOURCES features/sampling_avx512.cpp)
foreach(list IN ITEMS SEALFRAME_SOURCES SEALFRAME_AVX2_SOURCES SEALFRAME_AVX512_SOURCES SEALFRAME_NEON_SOURCES)
  list(TRANSFORM ${list} PREPEND ${PROJECT_SOURCE_DIR}/cpp/src/)
endforeach()

add_library(sealframe_core OBJECT ${SEALFRAME_SOURCES})
target_include_directories(
  sealframe_core
  PUBLIC ${PROJECT_SOURCE_DIR}/cpp/include
  PRIVATE ${PROJECT_SOURCE_DIR}/cpp/src)
target_compile_definitions(sealframe_core PRIVATE SEALFRAME_VERSION="${PROJECT_VERSION}")
set_target_properties(sealframe_core PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                                VISIBILITY_INLINES_HIDDEN ON)

# Contracting a*b+c into one operation would change floats from one compiler to the next. The variable exists for the
# control of the bit identity check, which must fail with "fast".
set(SEALFRAME_FP_CONTRACT off CACHE STRING "Leave this off")
mark_as_advanced(SEALFRAME_FP_CONTRACT)
target_compile_options(sealframe_core PRIVATE -ffp-contract=${SEALFRAME_FP_CONTRACT} -fno-exceptions -fno-rtti -fno-math-errno -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                              $<$<BOOL:${SEALFRAME_WERROR}>:-Werror>)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  target_sources(sealframe_core PRIVATE ${SEALFRAME_AVX2_SOURCES} ${SEALFRAME_AVX512_SOURCES})
  # The baseline is pinned, so that only the files that are named after an instruction set contain it.
  target_compile_options(sealframe_core PRIVATE -march=x86-64)
  set_source_files_properties(${SEALFRAME_AVX2_SOURCES} PROPERTIES COMPILE_OPTIONS -mavx2)
  set_source_files_properties(${SEALFRAME_AVX512_SOURCES} PROPERTIES COMPILE_OPTIONS
                                                                     "-mavx512f;-mavx512dq;-mavx512bw;-mavx512vl")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # Its own intrinsics header trips over these two warnings.
    set_property(SOURCE ${SEALFRAME_AVX512_SOURCES} APPEND PROPERTY COMPILE_OPTIONS -Wno-uninitialized
                                                                    -Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  target_sources(sealframe_core PRIVATE ${SEALFRAME_NEON_SOURCES})
  target_compile_options(sealframe_core PRIVATE -march=armv8-a)
endif()
