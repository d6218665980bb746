// libFuzzer: any bytes as any message at any version, as the headers of frames, as a record of
// Kafka's own topics, and any text as a message's JSON.
//
// The first byte picks which of these; the next three the message and its version. What decodes
// must encode, and decode again to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/embedded.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>

namespace {

using namespace kwire;
using namespace kwire::protocol;

/// A block of exactly this size: the sanitizer sees a read behind it.
Bytes own_block(std::string_view data) {
    const std::shared_ptr<char[]> block(new char[data.size()]);
    if (!data.empty()) std::memcpy(block.get(), data.data(), data.size());
    return {block, {block.get(), data.size()}};
}

void check_error(const DecodeError& error, std::size_t size) {
    if (error.path.empty() || error.what.empty() || error.offset > size) std::abort();
}

/// What filters and rules do with a message.
void walk(const Schema& schema, std::int16_t version, void* message) {
    std::map<Uuid, std::string> names;
    learn_topic_ids(schema, message, names);
    topics_in(schema, message, names);
    errors_in(schema, message);
    const Schema* const answered = schema.api_key ? response_schema(*schema.api_key) : nullptr;
    if (answered && answered != &schema) {
        const auto answer = answered->make();
        fail_all(schema, message, *answered, answer.get(), version, ErrorCode::not_coordinator);
        std::string bytes;
        encode(*answered, answer.get(), version, bytes);
    }
    change_addresses(schema, message, [](std::string& host, std::int32_t& port) {
        host = "proxy";
        port ^= 1;  // another one, also at the end of its range
    });
    set_errors(schema, message, version, ErrorCode::not_coordinator);
    std::string bytes;
    if (encode(schema, message, version, bytes)) std::abort();
}

void read_headers(const Schema& schema, std::int16_t version, std::string_view data) {
    RequestFrame request;
    if (const auto error = decode_request_header(own_block(data), request)) {
        check_error(*error, data.size());
    }
    if (!schema.api_key) return;
    ResponseFrame response;
    const auto header = response_header_version(*schema.api_key, version);
    if (const auto error = decode_response_header(own_block(data), header, response)) {
        check_error(*error, data.size());
    }
}

void read_message(const Schema& schema, std::int16_t version, std::string_view data) {
    const auto value = schema.make();
    UnknownTags unknown;
    if (const auto error = decode(schema, value.get(), version, own_block(data), &unknown)) {
        return check_error(*error, data.size());
    }
    std::string bytes;
    if (encode(schema, value.get(), version, bytes, &unknown)) std::abort();
    const auto again = schema.make();
    UnknownTags unknown_again;
    if (decode(schema, again.get(), version, own_block(bytes), &unknown_again)) std::abort();
    if (!equal(schema, value.get(), again.get())) std::abort();
    if (unknown.size() != unknown_again.size()) std::abort();
    for (const auto records : {RecordsAs::base64, RecordsAs::size, RecordsAs::batches}) {
        to_json(schema, value.get(), version, records);
        to_json(schema, value.get(), version, records, Secrets::hidden);
    }
    const auto from_text = schema.make();
    const std::string shown = to_json(schema, value.get(), version);
    if (from_json(schema, from_text.get(), version, shown)) std::abort();
    // What is hidden is never taken for a value.
    const std::string hidden = to_json(schema, value.get(), version, RecordsAs::base64, Secrets::hidden);
    const bool refused = from_json(schema, schema.make().get(), version, hidden).has_value();
    if (refused != (hidden != shown)) std::abort();
    walk(schema, version, value.get());
}

void read_json(const Schema& schema, std::int16_t version, std::string_view text) {
    const auto value = schema.make();
    if (const auto error = from_json(schema, value.get(), version, text)) {
        return check_error(*error, text.size());
    }
    std::string bytes;
    if (encode(schema, value.get(), version, bytes)) return;  // a string may be too long
    const auto again = schema.make();
    if (decode(schema, again.get(), version, own_block(bytes))) std::abort();
}

void read_embedded(std::uint8_t pick, std::string_view data) {
    const std::size_t key_size = data.size() < pick ? data.size() : pick;
    const Bytes key = own_block(data.substr(0, key_size));
    const Bytes value = own_block(data.substr(key_size));
    EmbeddedMessage found;
    std::string out;
    for (const auto log : {InternalLog::consumer_offsets, InternalLog::transaction_state,
                           InternalLog::share_group_state, InternalLog::cluster_metadata}) {
        if (!find_key(log, key, found)) append_embedded_json(out, found);
        if (!find_value(log, key, value, found)) {
            append_embedded_json(out, found);
            append_embedded_json(out, found, Secrets::hidden);
        }
    }
    is_secret_record(std::nullopt, value.view());
    if (!find_control_value(key, value, found)) append_embedded_json(out, found);
}

const Schema& schema_at(std::size_t index) {
    const auto apis = all_messages();
    const auto embedded = embedded_messages();
    index %= apis.size() + embedded.size();
    return index < apis.size() ? *apis[index] : *embedded[index - apis.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 4, size - 4);
    const Schema& schema = schema_at(static_cast<std::size_t>(data[1] << 8 | data[2]));
    const int versions = schema.versions.highest - schema.versions.lowest + 1;
    const auto version = static_cast<std::int16_t>(schema.versions.lowest + data[3] % versions);
    switch (data[0] % 4) {
        case 0:
            read_message(schema, version, input);
            break;
        case 1:
            read_json(schema, version, input);
            break;
        case 2:
            read_headers(schema, version, input);
            break;
        default:
            read_embedded(data[3], input);
    }
    return 0;
}
