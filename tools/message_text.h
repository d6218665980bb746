// A message as a line of output: its value, or a JSON object.
//
// Made for millions of lines a second: everything is appended to one string, nothing is allocated
// per message.
#pragma once

#include <string>
#include <string_view>

#include <kwire/net/message.h>

namespace kwire::tools {

/// The value and a newline; a message without a value is an empty line.
void append_text(std::string& out, const Message& message);

/// {"topic","partition","offset","timestamp","timestamp_type","key","value","headers"} and a
/// newline. Keys and values are strings where they are UTF-8, {"base64": ...} where not, null where
/// they are absent. timestamp is null where the record format has none. timestamp_type is Kafka's
/// own word.
void append_json(std::string& out, const Message& message);

/// text as a JSON string, or as {"base64":"..."} if it is not UTF-8.
void append_json_string(std::string& out, std::string_view text);
/// RFC 4648, with padding.
void append_base64(std::string& out, std::string_view bytes);

}  // namespace kwire::tools
