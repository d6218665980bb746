# How a folder becomes a target, the same for all of them.

# ccache where it is installed: a clean build of a branch just left is then a matter of seconds.
include(KwirePrecompiled)
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # It sees through precompiled headers only if it is told not to mind that macros in them go unseen.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
    if(KWIRE_PRECOMPILE_HEADERS)
        add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
    endif()
endif()

add_library(kwire_options INTERFACE)
target_compile_options(kwire_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    # GCC 12 does not see that a place on the stack is taken out again before its function ends.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-dangling-pointer>
    $<$<BOOL:${KWIRE_WARNINGS_AS_ERRORS}>:-Werror>)

# Half the time that a file full of templates takes to compile is the optimiser's, and little of what is not read or
# written for every message is worth it. The level counts in a release build only. HOT files get all there is, and compile
# without what is precompiled, for that has the target's level (with another one GCC 12 crashes).
#
# kwire_optimise(<target> <level> [HOT a.cpp ...])
function(kwire_optimise target level)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "HOT")
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
        set_source_files_properties(${arg_HOT} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS -O3)
    endif()
endfunction()

# kwire_add_library(<folder> SOURCES a.cpp ... HEADERS x.h ... LINK target ... PRIVATE_LINK target ...)
#
# Makes the target kwire::<folder>. HEADERS are public and named relative to include/kwire/<folder>; each is also
# compiled alone by the target all_verify_interface_header_sets.
function(kwire_add_library folder)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;LINK;PRIVATE_LINK")
    set(target kwire_${folder})
    list(TRANSFORM arg_HEADERS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/include/kwire/${folder}/")
    add_library(${target} STATIC ${arg_SOURCES})
    add_library(kwire::${folder} ALIAS ${target})
    target_sources(${target} PUBLIC FILE_SET HEADERS
        BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" FILES ${arg_HEADERS})
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_link_libraries(${target} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK} $<BUILD_INTERFACE:kwire_options>)
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${folder}
        POSITION_INDEPENDENT_CODE ON
        VERIFY_INTERFACE_HEADER_SETS ON)
    install(TARGETS ${target} EXPORT kwireTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endfunction()
