// Kafka's errors by the names that people give them.
#pragma once

#include <optional>
#include <string_view>

#include <kwire/protocol/error_code.h>

namespace kwire::tools {

/// The error of Kafka's own name, such as `NOT_COORDINATOR`, or of its number. Nothing for what kwire
/// does not know, and for NONE, which is no error.
std::optional<ErrorCode> error_named(std::string_view text);

}  // namespace kwire::tools
