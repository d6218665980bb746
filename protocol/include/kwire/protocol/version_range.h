// The versions of a message or of a field, both ends included.
#pragma once

#include <cstdint>
#include <limits>

namespace kwire {

struct VersionRange {
    std::int16_t lowest = 0;
    std::int16_t highest = std::numeric_limits<std::int16_t>::max();

    constexpr bool contains(std::int16_t version) const {
        return lowest <= version && version <= highest;
    }
    constexpr bool operator==(const VersionRange&) const = default;
};

/// No version at all, for instance the flexible versions of a message that has none.
inline constexpr VersionRange no_versions{0, -1};

}  // namespace kwire
