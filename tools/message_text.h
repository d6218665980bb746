// A message as a line of output: its value, or a JSON object.
//
// Made for millions of lines a second: everything is appended to one string, nothing is allocated
// per message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/net/message.h>
#include <kwire/protocol/json_text.h>

namespace kwire::tools {

/// The value and a newline; a message without a value is an empty line.
void append_text(std::string& out, const Message& message);

/// What a JSON line tells of a message.
struct MessageFields {
    std::string_view topic;
    std::int32_t partition;
    std::int64_t offset;
    std::int64_t timestamp_ms;
    TimestampType timestamp_type;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    RecordHeaders headers;
};

/// {"topic","partition","offset","timestamp","timestamp_type","key","value","headers"} and a
/// newline. Keys and values are strings where they are UTF-8, {"base64": ...} where not, null where
/// they are absent. timestamp is null where the record format has none. timestamp_type is Kafka's
/// own word. headers is a list of pairs.
void append_json(std::string& out, const MessageFields& message);
inline void append_json(std::string& out, const Message& message) {
    append_json(out, {message.topic(), message.partition(), message.offset(),
                      message.timestamp().time_since_epoch().count(), message.timestamp_type(),
                      message.key(), message.value(), message.headers()});
}

/// text as a JSON string, or as {"base64":"..."} if it is not UTF-8.
inline void append_json_string(std::string& out, std::string_view text) {
    protocol::append_json_string_or_base64(out, text);
}
/// The same, or null.
inline void append_nullable(std::string& out, const std::optional<std::string_view>& text) {
    if (text) {
        append_json_string(out, *text);
    } else {
        out += "null";
    }
}
using protocol::append_base64;

}  // namespace kwire::tools
