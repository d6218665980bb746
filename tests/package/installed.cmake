# Installs a build to a folder of its own and builds consumer/ against it: once by find_package, once by pkg-config alone.
#
# cmake -Dbuild= -Dwork= -Dlibdir= -Dgenerator= -Dcompiler= -Dflags= -Dbuild_type= -P installed.cmake

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        list(JOIN ARGV " " command)
        message("${command}\n${output}")
        message(FATAL_ERROR "failed: ${command}")
    endif()
endfunction()

set(prefix "${work}/prefix")
set(consumer "${CMAKE_CURRENT_LIST_DIR}/consumer")
file(REMOVE_RECURSE "${work}")

run("${CMAKE_COMMAND}" --install "${build}" --prefix "${prefix}")

run("${CMAKE_COMMAND}" -G "${generator}" -S "${consumer}" -B "${work}/by_cmake"
    "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_CXX_FLAGS=${flags}"
    "-DCMAKE_BUILD_TYPE=${build_type}")
run("${CMAKE_COMMAND}" --build "${work}/by_cmake")
run("${work}/by_cmake/consumer")

set(ENV{PKG_CONFIG_PATH} "${prefix}/${libdir}/pkgconfig")
execute_process(COMMAND pkg-config --static --cflags --libs kwire
    OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(words UNIX_COMMAND "${words}")
separate_arguments(flags UNIX_COMMAND "${flags}")
run("${compiler}" ${flags} "${consumer}/main.cpp" ${words} -o "${work}/by_pkg_config")
run("${work}/by_pkg_config")
