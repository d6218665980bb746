// What happens to a group of two members that read six partitions under load.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scene.h"

namespace kwire::faults {

struct Fault {
    std::string name;
    bool small = true;  ///< Needs no more than one broker and one ZooKeeper server.
    Promised promised;
    /// Ends when the fault is over.
    std::function<void(Scene&)> happen;
    std::vector<std::string> settings{};  ///< Of the members.
    /// Before the first of them joins.
    std::function<void(Scene&)> prepare{};
    bool takes_long = false;  ///< Minutes: it runs only where it is named.
};

std::vector<Fault> all_faults();

}  // namespace kwire::faults
