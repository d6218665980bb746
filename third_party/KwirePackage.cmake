# What an installed kwire is found by: find_package(kwire) and pkg-config. Included last, when all targets exist.
include(CMakePackageConfigHelpers)

set(kwire_libraries "")
foreach(folder group offsets zk net protocol)
    if(TARGET kwire_${folder})
        list(APPEND kwire_libraries ${folder})
    endif()
endforeach()

# The libraries are static, so whoever links them has to find what they lean on. Asked of the targets themselves, so
# that no list has to be kept: "LZ4::LZ4" in a link interface means that package LZ4 is needed.
set(kwire_packages "")
foreach(folder ${kwire_libraries})
    get_target_property(interface kwire_${folder} INTERFACE_LINK_LIBRARIES)
    string(REGEX REPLACE "\\$<BUILD_INTERFACE:[^>]*>" "" interface "${interface}") # headers that only our sources include
    string(REGEX MATCHALL "[A-Za-z0-9_]+::" packages "${interface}")
    list(TRANSFORM packages REPLACE "::" "")
    list(APPEND kwire_packages ${packages})
endforeach()
get_target_property(interface kwire_asio INTERFACE_LINK_LIBRARIES)
string(REGEX MATCHALL "[A-Za-z0-9_]+::" packages "${interface}")
list(TRANSFORM packages REPLACE "::" "")
list(APPEND kwire_packages ${packages})
list(REMOVE_DUPLICATES kwire_packages)
list(REMOVE_ITEM kwire_packages kwire)

# The same packages in pkg-config's words: a module, or flags where a library brings no module.
set(pkg_config_LZ4 liblz4)
set(pkg_config_ZSTD libzstd)
set(pkg_config_Snappy snappy)
set(pkg_config_LibDeflate libdeflate)
set(pkg_config_ZLIB zlib)
set(pkg_config_ZooKeeper -lzookeeper_st)
set(pkg_config_Threads -pthread)
set(kwire_pc_requires "")
set(kwire_pc_flags "")
foreach(package ${kwire_packages})
    if(NOT pkg_config_${package})
        message(WARNING "third_party/KwirePackage.cmake has to know what ${package} is to pkg-config")
    elseif(pkg_config_${package} MATCHES "^-")
        string(APPEND kwire_pc_flags " ${pkg_config_${package}}")
    else()
        string(APPEND kwire_pc_requires " ${pkg_config_${package}}")
    endif()
endforeach()
list(TRANSFORM kwire_libraries PREPEND "-lkwire_" OUTPUT_VARIABLE kwire_pc_libraries)
list(JOIN kwire_pc_libraries " " kwire_pc_libraries)

set(kwire_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/kwire")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/kwireConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/kwireConfig.cmake" INSTALL_DESTINATION "${kwire_package_dir}")
# Before 1.0 a minor version may change anything.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/kwireConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
# The tree may be moved after installation: the prefix is told from where the file lies.
file(RELATIVE_PATH kwire_pc_up "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/kwire.pc.in" "${PROJECT_BINARY_DIR}/kwire.pc" @ONLY)

file(GLOB kwire_find_modules "${CMAKE_CURRENT_LIST_DIR}/Find*.cmake")
install(EXPORT kwireTargets NAMESPACE kwire:: DESTINATION "${kwire_package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/kwireConfig.cmake" "${PROJECT_BINARY_DIR}/kwireConfigVersion.cmake"
    DESTINATION "${kwire_package_dir}")
install(FILES ${kwire_find_modules} DESTINATION "${kwire_package_dir}/modules")
install(FILES "${PROJECT_BINARY_DIR}/kwire.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
