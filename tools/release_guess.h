// Which release of Kafka a broker looks like.
#pragma once

#include <map>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/version_range.h>

namespace kwire::tools {

/// By the versions it offers: `2.4 to 2.6`. Other servers that speak the protocol look like the
/// release they follow. Up to 0.9 there is no ApiVersions: then the versions are those that were
/// found out in other ways.
std::string_view release_of(const std::map<ApiKey, VersionRange>& versions);

}  // namespace kwire::tools
