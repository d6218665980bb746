#include "frame_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <kwire/protocol/conversation.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/messages.h>

#include "unknown_tags.h"

namespace kwire::tools {
namespace {

using protocol::Schema;

constexpr auto hex_values = [] {
    std::array<std::int8_t, 256> values{};
    for (auto& value : values) value = -1;
    for (int i = 0; i < 10; ++i)
        values[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
    for (int i = 0; i < 6; ++i) {
        values[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
        values[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
    }
    return values;
}();

/// Views bytes that stay as long as what is decoded from them.
Bytes borrowed(std::string_view bytes) {
    return {nullptr, bytes};
}

DecodeError moved(DecodeError error, std::size_t by) {
    error.offset += by;
    return error;
}

/// The schema of a name; where there is none, `error` says what there is instead.
const Schema* find_schema(std::string_view message, DecodeError& error) {
    if (const Schema* schema = protocol::find_message(message)) return schema;
    error = {std::string(message), "is no message that kwire knows; `kwire apis` lists them", 0};
    if (const auto key = api_key_of(message)) {
        const std::string api(name(*key));
        error.what = "is an API; its messages are " + api + "Request and " + api + "Response";
    }
    return nullptr;
}

std::optional<std::int16_t> to_version(std::string_view text) {
    std::int16_t version = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, version);
    if (problem != std::errc{} || stop != end) return std::nullopt;
    return version;
}

std::string_view take_word(std::string_view& line) {
    const auto blank = line.find(' ');
    const std::string_view word = line.substr(0, blank);
    line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    return word;
}

/// Tagged fields that were to stand in a struct that the message does not have.
std::optional<DecodeError> find_lost(const Schema& schema, std::int16_t version,
                                     std::string_view bytes, const protocol::UnknownTags& wanted) {
    if (wanted.empty()) return std::nullopt;
    protocol::UnknownTags found;
    const auto again = schema.make();
    if (auto error = protocol::decode(schema, again.get(), version, borrowed(bytes), &found)) {
        return error;
    }
    for (const protocol::UnknownTag& tag : wanted) {
        const bool is_there = std::any_of(found.begin(), found.end(), [&tag](const auto& other) {
            return other.path == tag.path && other.tag == tag.tag;
        });
        if (!is_there) {
            return DecodeError{tag.path,
                               "has no room for the unknown tagged field " + std::to_string(tag.tag) +
                                   ": there is no such struct at this version, or it has the field",
                               0};
        }
    }
    return std::nullopt;
}

DecodeError as_decode_error(protocol::EncodeError error) {
    return {std::move(error.path), std::move(error.what), 0};
}

bool is_request(const Schema& schema) {
    return schema.api_key && protocol::request_schema(*schema.api_key) == &schema;
}

}  // namespace

std::optional<std::size_t> append_from_hex(std::string& out, std::string_view digits) {
    const std::size_t before = out.size();
    out.resize(before + digits.size() / 2);
    char* to = out.data() + before;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        const int high = hex_values[static_cast<unsigned char>(digits[i])];
        const int low = hex_values[static_cast<unsigned char>(digits[i + 1])];
        if ((high | low) < 0) {
            out.resize(before);
            return high < 0 ? i : i + 1;
        }
        *to++ = static_cast<char>(high << 4 | low);
    }
    if (digits.size() % 2 == 0) return std::nullopt;
    out.resize(before);
    return digits.size();
}

void append_hex(std::string& out, std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

bool hides_undecoded(const Schema* schema, std::string_view bytes, protocol::Secrets secrets) {
    return secrets == protocol::Secrets::hidden && !bytes.empty() &&
           (!schema || protocol::may_hold_secrets(*schema));
}

void append_undecoded(std::string& out, const Schema* schema, std::string_view bytes,
                      protocol::Secrets secrets) {
    if (hides_undecoded(schema, bytes, secrets)) {
        out += protocol::hidden_json;
        return;
    }
    out += '"';
    append_hex(out, bytes);
    out += '"';
}

void append_indented(std::string& out, std::string_view json) {
    std::size_t depth = 0;
    bool in_string = false;
    const auto new_line = [&] { out.append(1, '\n').append(2 * depth, ' '); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            out += c;
            if (c == '\\' && i + 1 < json.size()) out += json[++i];
            if (c == '"') in_string = false;
        } else if ((c == '{' || c == '[') && i + 1 < json.size() && json[i + 1] == c + 2) {
            out += c;  // an empty one stays on its line
            out += json[++i];
        } else if (c == '{' || c == '[') {
            out += c;
            ++depth;
            new_line();
        } else if (c == '}' || c == ']') {
            --depth;
            new_line();
            out += c;
        } else {
            out += c;
            if (c == ',') new_line();
            if (c == ':') out += ' ';
            if (c == '"') in_string = true;
        }
    }
}

void append_error(std::string& out, const DecodeError& error) {
    out += "{\"error\":";
    protocol::append_json_string(out, error.what);
    out += ",\"path\":";
    protocol::append_json_string(out, error.path);
    out += ",\"offset\":" + std::to_string(error.offset) + '}';
}

std::optional<DecodeError> FrameDecoder::append(std::string& out, std::string_view message,
                                                std::optional<std::int16_t> version,
                                                std::string_view bytes) {
    if (message.empty()) return append_request(out, nullptr, bytes);
    DecodeError error;
    const Schema* const schema = find_schema(message, error);
    if (!schema) return error;
    if (header_ && is_request(*schema)) return append_request(out, schema, bytes);
    if (!version) return DecodeError{std::string(message), "needs a version", 0};
    if (!header_) return append_body(out, *schema, *version, bytes);
    if (!schema->api_key) return DecodeError{std::string(message), "has no header", 0};
    return append_response(out, *schema, *version, bytes);
}

std::optional<DecodeError> FrameDecoder::append_request(std::string& out, const Schema* expected,
                                                        std::string_view bytes) {
    protocol::RequestFrame frame;
    protocol::UnknownTags unknown;
    if (auto error = protocol::decode_request_header(borrowed(bytes), frame, &unknown)) {
        return error;
    }
    const ApiKey key = frame.header.request_api_key;
    if (expected && expected->api_key != key) {
        return DecodeError{std::string(expected->name), "is a request of " + to_string(key), 0};
    }
    out += "{\"header\":";
    protocol::append_json(out, protocol::schema_of<protocol::RequestHeader>(), &frame.header,
                          frame.header_version);
    if (!unknown.empty()) append_unknown_tags(out, unknown);
    out += ",\"body\":";
    const Schema* const schema = protocol::request_schema(key);
    if (!schema) {
        out += "{\"hex\":";
        append_undecoded(out, nullptr, frame.body.view(), secrets_);
        out += ",\"error\":\"kwire does not know " + to_string(key) + "\"}}";
        return std::nullopt;
    }
    const std::size_t header_size = bytes.size() - frame.body.size();
    auto error = append_body(out, *schema, frame.header.request_api_version, frame.body.view());
    if (error) return moved(*error, header_size);
    out += '}';
    return std::nullopt;
}

std::optional<DecodeError> FrameDecoder::append_response(std::string& out, const Schema& schema,
                                                         std::int16_t version,
                                                         std::string_view bytes) {
    const auto header_version = protocol::response_header_version(*schema.api_key, version);
    protocol::ResponseFrame frame;
    protocol::UnknownTags unknown;
    if (auto error =
            protocol::decode_response_header(borrowed(bytes), header_version, frame, &unknown)) {
        return error;
    }
    out += "{\"header\":";
    protocol::append_json(out, protocol::schema_of<protocol::ResponseHeader>(), &frame.header,
                          header_version);
    if (!unknown.empty()) append_unknown_tags(out, unknown);
    out += ",\"body\":";
    const std::size_t header_size = bytes.size() - frame.body.size();
    const std::size_t before = out.size();
    auto error = append_body(out, schema, version, frame.body.view());
    const auto other_version = answer_version(*schema.api_key, version, frame.body.view());
    if (error && other_version != version) {
        out.resize(before);
        error = append_body(out, schema, other_version, frame.body.view());
    }
    if (error) return moved(*error, header_size);
    out += '}';
    return std::nullopt;
}

std::optional<DecodeError> FrameDecoder::append_body(std::string& out, const Schema& schema,
                                                     std::int16_t version, std::string_view bytes) {
    if (!schema.versions.contains(version)) {
        out += "{\"hex\":";
        append_undecoded(out, &schema, bytes, secrets_);
        out.append(",\"note\":\"kwire knows ").append(schema.name);
        out += ' ' + std::to_string(schema.versions.lowest) + " to " +
               std::to_string(schema.versions.highest) + ", not " + std::to_string(version) + "\"}";
        return std::nullopt;
    }
    const auto value = schema.make();
    protocol::UnknownTags unknown;
    auto error = protocol::decode(schema, value.get(), version, borrowed(bytes), &unknown);
    if (error) return error;
    protocol::append_json(out, schema, value.get(), version, records_, secrets_);
    const bool hides = secrets_ == protocol::Secrets::hidden && protocol::may_hold_secrets(schema);
    if (!unknown.empty()) {
        append_unknown_tags(out, unknown, hides ? protocol::Secrets::hidden : protocol::Secrets::shown);
    }
    return std::nullopt;
}

bool FrameDecoder::append_line(std::string& out, std::string_view line) {
    const std::size_t before = out.size();
    std::string_view message;
    std::optional<std::int16_t> version;
    std::string_view rest = line;
    const bool named = !header_ || line.find(' ') != std::string_view::npos;
    if (named) {
        message = take_word(rest);
        version = to_version(take_word(rest));
    }
    bytes_.clear();
    std::optional<DecodeError> error;
    if (named && (message.empty() || !version)) {
        error = DecodeError{"line", "is not `Message version hex`", 0};
    } else if (const auto wrong = append_from_hex(bytes_, rest == "-" ? "" : rest)) {
        error = DecodeError{"hex", "is no digit, or one is missing", *wrong / 2};
    } else {
        error = append(out, message, version, bytes_);
    }
    if (error) {
        out.resize(before);
        append_error(out, *error);
    }
    out += '\n';
    return !error;
}

std::optional<DecodeError> FrameEncoder::append(std::string& out, std::string_view message,
                                                std::int16_t version, std::string_view json) const {
    DecodeError wrong;
    const Schema* const schema = find_schema(message, wrong);
    if (!schema) return wrong;
    if (header_ && !schema->api_key) return DecodeError{std::string(message), "has no header", 0};
    const std::size_t before = out.size();
    std::optional<DecodeError> error;
    if (header_) {
        const auto frame = split_frame(json);
        error = append_header(out, *schema, version, frame ? frame->header : "");
        if (!error) error = append_body(out, *schema, version, frame ? frame->body : json);
    } else {
        error = append_body(out, *schema, version, json);
    }
    if (error) out.resize(before);
    return error;
}

std::optional<DecodeError> FrameEncoder::append_body(std::string& out, const Schema& schema,
                                                     std::int16_t version,
                                                     std::string_view json) const {
    std::optional<std::string> rest;
    protocol::UnknownTags unknown;
    if (auto error = take_unknown_tags(json, rest, unknown)) return error;
    const auto value = schema.make();
    if (auto error = protocol::from_json(schema, value.get(), version, rest ? *rest : json)) {
        return error;
    }
    std::string body;
    if (auto refused = protocol::encode(schema, value.get(), version, body, &unknown)) {
        return as_decode_error(std::move(*refused));
    }
    if (auto error = find_lost(schema, version, body, unknown)) return error;
    out += body;
    return std::nullopt;
}

/// `json`: the header as the decoder shows it; what it leaves out, or all, is as the caller said.
std::optional<DecodeError> FrameEncoder::append_header(std::string& out, const Schema& schema,
                                                       std::int16_t version,
                                                       const std::string& json) const {
    const ApiKey key = *schema.api_key;
    const bool asks = is_request(schema);
    const auto its_version = asks ? protocol::request_header_version(key, version)
                                  : protocol::response_header_version(key, version);
    const Schema& its_schema = asks ? protocol::schema_of<protocol::RequestHeader>()
                                    : protocol::schema_of<protocol::ResponseHeader>();
    protocol::RequestHeader request{key, version, header_->correlation_id, header_->client_id};
    protocol::ResponseHeader response{header_->correlation_id};
    void* const header = asks ? static_cast<void*>(&request) : &response;
    protocol::UnknownTags unknown;
    if (!json.empty()) {
        std::optional<std::string> rest;
        if (auto error = take_unknown_tags(json, rest, unknown)) return error;
        auto error = protocol::from_json(its_schema, header, its_version, rest ? *rest : json);
        if (error) return error;
    }
    if (request.request_api_key != key || request.request_api_version != version) {
        return DecodeError{"RequestHeader", "is of another API or version than the message", 0};
    }
    std::string bytes;
    if (auto refused = protocol::encode(its_schema, header, its_version, bytes, &unknown)) {
        return as_decode_error(std::move(*refused));
    }
    if (auto error = find_lost(its_schema, its_version, bytes, unknown)) return error;
    out += bytes;
    return std::nullopt;
}

bool FrameEncoder::append_line(std::string& out, std::string_view line) const {
    std::string_view rest = line;
    const std::string_view message = take_word(rest);
    const auto version = to_version(take_word(rest));
    std::string bytes;
    const auto error = version ? append(bytes, message, *version, rest)
                               : DecodeError{"line", "is not `Message version json`", 0};
    if (error) {
        append_error(out, *error);
    } else if (bytes.empty()) {
        out += '-';
    } else {
        append_hex(out, bytes);
    }
    out += '\n';
    return !error;
}

}  // namespace kwire::tools
