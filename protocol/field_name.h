// Field names in JSON: Kafka's camelCase for what stands in snake_case in schemas.
#pragma once

#include <string>
#include <string_view>

namespace kwire::protocol {

/// `partition_max_bytes` as `partitionMaxBytes`.
void append_camel_case(std::string& out, std::string_view snake_case);

/// Whether the one is the other.
bool is_camel_case_of(std::string_view camel_case, std::string_view snake_case);

}  // namespace kwire::protocol
