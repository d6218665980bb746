// Base64 in the two alphabets that Kafka's texts use (append_base64 in json_text.h writes the
// standard one).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kwire {

/// Reads the standard alphabet, padded to a multiple of four characters; nothing where a character
/// is foreign, the padding is missing or bits are left over.
std::optional<std::string> from_base64(std::string_view text);

/// URL-safe alphabet without padding, as Kafka prints uuids.
std::string base64_url(std::string_view data);
/// Reads what base64_url writes; nothing where a character is foreign or bits are left over.
std::optional<std::string> from_base64_url(std::string_view text);

}  // namespace kwire
