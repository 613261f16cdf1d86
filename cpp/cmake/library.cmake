# The library for C and C++: static, shared, and what find_package() and pkg-config need.

include(GNUInstallDirs)
if(SKBUILD)
  set(CMAKE_INSTALL_LIBDIR lib)  # inside the Python package, whatever the system's habit
endif()

set(SEALFRAME_ABI 1)
set(exports ${PROJECT_SOURCE_DIR}/cpp/cmake/exports.map)

add_library(sealframe_static STATIC $<TARGET_OBJECTS:sealframe_core>)
add_library(sealframe_shared SHARED $<TARGET_OBJECTS:sealframe_core>)
add_library(sealframe::static ALIAS sealframe_static)
add_library(sealframe::sealframe ALIAS sealframe_shared)
foreach(library IN ITEMS sealframe_static sealframe_shared)
  target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cpp/include>
                                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME sealframe)
endforeach()
set_target_properties(sealframe_static PROPERTIES EXPORT_NAME static)
# One file, named as its SONAME: wheels hold no symbolic links.
set_target_properties(sealframe_shared PROPERTIES EXPORT_NAME sealframe VERSION ${SEALFRAME_ABI}
                                                  SOVERSION ${SEALFRAME_ABI} LINK_DEPENDS ${exports}
                                                  WINDOWS_EXPORT_ALL_SYMBOLS ON)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(sealframe_shared PRIVATE -Wl,--version-script=${exports} -static-libstdc++ -static-libgcc
                      -Wl,--as-needed -Wl,--no-undefined)
endif()

install(
  TARGETS sealframe_static sealframe_shared
  EXPORT sealframe
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT python
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT python NAMELINK_SKIP
  RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT python)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # In a folder of its own: beside the library, the build keeps a symbolic link of this name.
  set(script ${PROJECT_BINARY_DIR}/linker_script/libsealframe.so)
  file(WRITE ${script} "INPUT(libsealframe.so.${SEALFRAME_ABI})\n")
  install(FILES ${script} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT python)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cpp/include/sealframe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT python)

include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sealframe)
install(EXPORT sealframe NAMESPACE sealframe:: FILE sealframe-config.cmake DESTINATION ${package} COMPONENT python)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sealframe-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sealframe-config-version.cmake DESTINATION ${package} COMPONENT python)
configure_file(${PROJECT_SOURCE_DIR}/cpp/cmake/sealframe.pc.in ${PROJECT_BINARY_DIR}/sealframe.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sealframe.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT python)

if(SKBUILD)
  # Entry points name Python packages: these make the two folders such.
  foreach(kind IN ITEMS cmake pkgconfig)
    set(marker ${PROJECT_BINARY_DIR}/entry_points/${kind}/__init__.py)
    file(WRITE ${marker} "\"\"\"Files of ${kind} for builds of C and C++ programs; found through an entry point.\"\"\"\n")
  endforeach()
  install(FILES ${PROJECT_BINARY_DIR}/entry_points/cmake/__init__.py DESTINATION ${package} COMPONENT python)
  install(FILES ${PROJECT_BINARY_DIR}/entry_points/pkgconfig/__init__.py DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT python)
endif()
