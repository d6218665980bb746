// Which release of Kafka a broker looks like.
#pragma once

#include <map>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/version_range.h>

namespace kwire::tools {

/// By the versions it offers: `2.4 to 2.6`. Other servers that speak the protocol look like the
/// release they follow. `0.9 or older` for what has no ApiVersions and was asked in other ways.
std::string_view release_of(const std::map<ApiKey, VersionRange>& versions);

}  // namespace kwire::tools
