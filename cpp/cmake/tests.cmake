# Programs for what pytest cannot reach: hashes across builds, instruction counts, sanitizers, fuzzing.

set(SEALFRAME_SANITIZE "" CACHE STRING "Sanitizers for the whole build, such as address,undefined")
if(SEALFRAME_SANITIZE)
  set(sanitize -fsanitize=${SEALFRAME_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_compile_options(sealframe_core PRIVATE ${sanitize})
endif()

enable_testing()
find_package(Threads REQUIRED)
foreach(program IN ITEMS hashes work fuzz threads)
  add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/cpp/${program}.cpp)
  target_link_libraries(${program} PRIVATE sealframe_static Threads::Threads)
  target_compile_options(${program} PRIVATE -Wall -Wextra ${sanitize})
  target_link_options(${program} PRIVATE ${sanitize})
endforeach()
add_test(NAME hashes COMMAND hashes)
add_test(NAME fuzz COMMAND fuzz 3000)
add_test(NAME threads COMMAND threads)
