// An entry of the access control list of a ZooKeeper node. In a header of its own, so that a configuration needs no session.
#pragma once

#include <cstdint>
#include <string>

namespace kwire::zk {

struct Acl {
    std::int32_t permissions = 31;  ///< ZOO_PERM_*: read 1, write 2, create 4, delete 8, admin 16.
    std::string scheme = "world";
    std::string id = "anyone";
};

}  // namespace kwire::zk
