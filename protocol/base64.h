// Base64 in the alphabet of uuids (json_text.h has the standard one).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kwire {

/// URL-safe alphabet without padding, as Kafka prints uuids.
std::string base64_url(std::string_view data);
/// Reads what base64_url writes; nothing where a character is foreign or bits are left over.
std::optional<std::string> from_base64_url(std::string_view text);

}  // namespace kwire
