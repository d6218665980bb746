// Field names in JSON: Kafka's camelCase for what stands in snake_case in schemas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

/// `partition_max_bytes` as `partitionMaxBytes`.
void append_camel_case(std::string& out, std::string_view snake_case);

/// What the fields of a struct begin with in JSON, `"partitionMaxBytes":`: those of `fields`, then
/// those of `tagged`. Made once a thread, for a name takes longer to make than its value.
const std::vector<std::string>& member_names(const Schema& schema);

/// Whether the one is the other.
bool is_camel_case_of(std::string_view camel_case, std::string_view snake_case);

}  // namespace kwire::protocol
