// The small pieces of JSON that the message writer is made of.
#pragma once

#include <string>
#include <string_view>

namespace kwire::protocol {

/// `partition_max_bytes` as `partitionMaxBytes`.
void append_camel_case(std::string& out, std::string_view snake_case);

/// A JSON string with its quotes. What is not UTF-8 becomes U+FFFD, a byte at a time.
void append_json_string(std::string& out, std::string_view text);

}  // namespace kwire::protocol
