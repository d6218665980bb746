// Spans of time as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kwire::tools {

/// Reads `500ms`, `5s`, `1.5s`, `2m`, `1h`; nothing if it is none of them, or longer than a hundred
/// years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `0.53 s`, `12.4 s`, `2 m 05 s`.
std::string show_duration(std::chrono::nanoseconds span);

}  // namespace kwire::tools
