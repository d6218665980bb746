#include "release_guess.h"

#include <array>
#include <cstdint>

namespace kwire::tools {
namespace {

// The first release with an API at a version. From the newest on, the first that fits is the one.
struct Mark {
    std::string_view releases;
    ApiKey api;
    std::int16_t highest;
    std::int16_t lowest = 0;  // a release that dropped older versions
};

constexpr std::array marks{
    Mark{"4.4 or newer", ApiKey::api_versions, 5},
    Mark{"4.3", ApiKey::describe_log_dirs, 5},
    Mark{"4.1 or 4.2", ApiKey::fetch, 18},
    Mark{"4.0", ApiKey::fetch, 17, 4},
    Mark{"3.9", ApiKey::fetch, 17},
    Mark{"3.7 or 3.8", ApiKey::fetch, 16},
    Mark{"3.5 or 3.6", ApiKey::fetch, 15},
    Mark{"3.1 to 3.4", ApiKey::fetch, 13},
    Mark{"3.0", ApiKey::offset_fetch, 8},
    Mark{"2.7 or 2.8", ApiKey::fetch, 12},
    Mark{"2.4 to 2.6", ApiKey::offset_delete, 0},
    Mark{"2.3", ApiKey::fetch, 11},
    Mark{"2.1 or 2.2", ApiKey::fetch, 10},
    Mark{"2.0", ApiKey::fetch, 8},
    Mark{"1.1", ApiKey::fetch, 7},
    Mark{"1.0", ApiKey::fetch, 6},
    Mark{"0.11", ApiKey::fetch, 5},
    Mark{"0.10.1 or 0.10.2", ApiKey::fetch, 3},
    Mark{"0.10.0", ApiKey::fetch, 2},
    // These have no ApiVersions: what they offer stands in a table of net/connecting/broker_versions.cpp.
    Mark{"0.9", ApiKey::fetch, 1},
    Mark{"0.8.2", ApiKey::find_coordinator, 0},
};

}  // namespace

std::string_view release_of(const std::map<ApiKey, VersionRange>& versions) {
    for (const Mark& mark : marks) {
        const auto offered = versions.find(mark.api);
        if (offered == versions.end()) continue;
        const VersionRange range = offered->second;
        if (range.highest >= mark.highest && range.lowest >= mark.lowest) return mark.releases;
    }
    return "0.8.1 or older";
}

}  // namespace kwire::tools
