# Snappy::snappy, named as in its own CMake package, which older releases lack.
find_package(PkgConfig QUIET)
pkg_check_modules(PC_SNAPPY QUIET snappy)
find_path(SNAPPY_INCLUDE_DIR snappy.h HINTS ${PC_SNAPPY_INCLUDE_DIRS})
find_library(SNAPPY_LIBRARY snappy HINTS ${PC_SNAPPY_LIBRARY_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Snappy REQUIRED_VARS SNAPPY_LIBRARY SNAPPY_INCLUDE_DIR VERSION_VAR PC_SNAPPY_VERSION)
if(Snappy_FOUND AND NOT TARGET Snappy::snappy)
    add_library(Snappy::snappy UNKNOWN IMPORTED)
    set_target_properties(Snappy::snappy PROPERTIES
        IMPORTED_LOCATION "${SNAPPY_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${SNAPPY_INCLUDE_DIR}")
endif()
mark_as_advanced(SNAPPY_INCLUDE_DIR SNAPPY_LIBRARY)
