#include "log_internal.h"

#include <filesystem>

#include "message_text.h"

namespace kwire::tools {
namespace {

using protocol::EmbeddedMessage;
using protocol::InternalLog;

/// A view as Bytes for the length of a call; an absent one is empty.
Bytes borrowed(const std::optional<std::string_view>& bytes) {
    return {nullptr, bytes.value_or(std::string_view())};
}

void append_found(std::string& out, const std::optional<DecodeError>& error,
                  const EmbeddedMessage& found, protocol::Secrets secrets) {
    if (!error) return append_embedded_json(out, found, secrets);
    out += "{\"error\":";
    append_json_string(out, error->message());
    out += '}';
}

void append_control(std::string& out, const Record& record, protocol::Secrets secrets) {
    EmbeddedMessage value;
    const auto error = find_control_value(borrowed(record.key()), borrowed(record.value()), value);
    out += "{\"control\":";
    append_found(out, error, value, secrets);
    out += '}';
}

void append_record(std::string& out, InternalLog log, const Record& record,
                   protocol::Secrets secrets) {
    const Bytes key = borrowed(record.key());
    EmbeddedMessage found;
    out += '{';
    if (log != InternalLog::cluster_metadata) {
        out += "\"key\":";
        append_found(out, find_key(log, key, found), found, secrets);
        out += ',';
    }
    out += "\"value\":";
    found = {};
    if (record.value()) {
        append_found(out, find_value(log, key, borrowed(record.value()), found), found, secrets);
    } else {
        out += "null";
    }
    out += '}';
}

}  // namespace

std::optional<InternalLog> internal_log_of_path(const std::string& path) {
    std::error_code ignored;
    const auto whole = std::filesystem::absolute(path, ignored);
    const std::string folder = whole.lexically_normal().parent_path().filename().string();
    return protocol::internal_log(folder.substr(0, folder.rfind('-')));
}

ShowRecord show_internal(std::optional<InternalLog> log, protocol::Secrets secrets) {
    return [log, secrets](std::string& out, const RecordBatch& batch, const Record& record) {
        if (batch.is_control) {
            append_control(out, record, secrets);
        } else if (log) {
            append_record(out, *log, record, secrets);
        }
    };
}

}  // namespace kwire::tools
