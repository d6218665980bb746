#include "message_text.h"

#include <charconv>
#include <cstdint>

#include <kwire/protocol/records_json.h>

namespace kwire::tools {
namespace {

void append_number(std::string& out, std::int64_t number) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, result.ptr);
}

}  // namespace

void append_text(std::string& out, const Message& message) {
    if (const auto value = message.value()) out += *value;
    out += '\n';
}

void append_json(std::string& out, const MessageFields& message) {
    out += "{\"topic\":";
    append_json_string(out, message.topic);
    out += ",\"partition\":";
    append_number(out, message.partition);
    out += ",\"offset\":";
    append_number(out, message.offset);
    out += ",\"timestamp\":";
    if (message.timestamp_type == TimestampType::none) {
        out += "null";
    } else {
        append_number(out, message.timestamp_ms);
    }
    out += ",\"timestamp_type\":\"";
    out += protocol::kafka_name(message.timestamp_type);
    out += "\",\"key\":";
    append_nullable(out, message.key);
    out += ",\"value\":";
    append_nullable(out, message.value);
    out += ",\"headers\":[";
    bool first = true;
    for (const auto& [key, value] : message.headers) {
        out += first ? "[" : ",[";
        first = false;
        append_json_string(out, key);
        out += ',';
        append_nullable(out, value);
        out += ']';
    }
    out += "]}\n";
}

}  // namespace kwire::tools
