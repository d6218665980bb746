// Records of Kafka's own topics, and the markers in control batches, as JSON.
#pragma once

#include <optional>
#include <string>

#include <kwire/protocol/embedded.h>

#include "log_records.h"

namespace kwire::tools {

/// The log that a file belongs to, by the folder it lies in: `__consumer_offsets-12/...`.
std::optional<protocol::InternalLog> internal_log_of_path(const std::string& path);

/// Shows what it knows: the records of `log` if one is given, and control records of any.
ShowRecord show_internal(std::optional<protocol::InternalLog> log,
                         protocol::Secrets secrets = protocol::Secrets::shown);

}  // namespace kwire::tools
