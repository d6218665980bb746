// ZooKeeper paths: which are legal, and how a chroot is put before them and taken away again.
#pragma once

#include <string>
#include <string_view>

#include <kwire/net/error.h>

namespace kwire::zk {

bool valid_path(std::string_view path);
std::string parent_of(std::string_view path);  ///< Of a valid path that is not the root.

struct ConnectString {
    std::string servers;
    std::string chroot;  ///< Empty: none. Never ends in a slash.
};
/// Throws errc::invalid_config where the chroot is not a path.
ConnectString split_hosts(const std::string& hosts);

/// What opening a session says where the chroot is not there and is not to be made.
Error missing_chroot(const ConnectString& connect);

std::string below(const std::string& chroot, const std::string& path);
std::string without(const std::string& chroot, std::string path);

}  // namespace kwire::zk
