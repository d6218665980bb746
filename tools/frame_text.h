// Frames and messages as text and back: what `decode` and `encode` do with one of them.
//
// Made for many lines: nothing is kept of one but the memory it took.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/json.h>
#include <kwire/protocol/schema.h>

namespace kwire::tools {

/// Appends the bytes that hexadecimal digits stand for. Nothing is appended, and the place of the
/// wrong character answered, where one is none; a single digit is missing at the end.
std::optional<std::size_t> append_from_hex(std::string& out, std::string_view digits);
void append_hex(std::string& out, std::string_view bytes);

/// Whether bytes that could not be decoded may hold a secret that is not to be shown. `schema`: of the
/// message that they would be; null if that is not known.
bool hides_undecoded(const protocol::Schema* schema, std::string_view bytes, protocol::Secrets secrets);
/// Such bytes as JSON: a string of hex, or hidden.
void append_undecoded(std::string& out, const protocol::Schema* schema, std::string_view bytes,
                      protocol::Secrets secrets);

/// One object of JSON over many lines, indented by two.
void append_indented(std::string& out, std::string_view json);

/// `{"error":"...","path":"...","offset":7}`
void append_error(std::string& out, const DecodeError& error);

class FrameDecoder {
 public:
    /// `header`: the header of the request or response stands before the message.
    FrameDecoder(bool header, protocol::RecordsAs records,
                 protocol::Secrets secrets = protocol::Secrets::shown)
        : header_(header), records_(records), secrets_(secrets) {}

    /// Appends the message as JSON, with a header {"header":{...},"body":{...}}. A version that
    /// kwire does not know shows its bytes as `hex`, with a `note`. `message` may be empty before a
    /// request's header, which says itself what it is; otherwise it is Kafka's name, such as
    /// `FetchResponse`, and the version is needed, too. Tagged fields that kwire does not know stand
    /// behind the others (see unknown_tags.h).
    std::optional<DecodeError> append(std::string& out, std::string_view message,
                                      std::optional<std::int16_t> version, std::string_view bytes);

    /// Appends what stands in a line `Message version hex`, or its error, and a newline. With a
    /// header the line may be hex alone. False if it was an error.
    bool append_line(std::string& out, std::string_view line);

 private:
    std::optional<DecodeError> append_request(std::string& out, const protocol::Schema* expected,
                                              std::string_view bytes);
    std::optional<DecodeError> append_response(std::string& out, const protocol::Schema& schema,
                                               std::int16_t version, std::string_view bytes);
    std::optional<DecodeError> append_body(std::string& out, const protocol::Schema& schema,
                                           std::int16_t version, std::string_view bytes);

    bool header_;
    protocol::RecordsAs records_;
    protocol::Secrets secrets_;
    std::string bytes_;
};

/// What `encode` writes before a message.
struct EncodedHeader {
    std::int32_t correlation_id = 0;
    std::string client_id = "kwire";
};

class FrameEncoder {
 public:
    explicit FrameEncoder(std::optional<EncodedHeader> header) : header_(std::move(header)) {}

    /// Appends the bytes of the message that the JSON describes, with the tagged fields that kwire
    /// does not know (see unknown_tags.h). Nothing is appended where that fails. With a header the
    /// JSON may be {"header":{...},"body":{...}}, as FrameDecoder shows it: then the header is this
    /// one.
    std::optional<DecodeError> append(std::string& out, std::string_view message,
                                      std::int16_t version, std::string_view json) const;

    /// Appends hex for a line `Message version json`, or its error, and a newline. False if it was
    /// an error.
    bool append_line(std::string& out, std::string_view line) const;

 private:
    std::optional<DecodeError> append_header(std::string& out, const protocol::Schema& schema,
                                             std::int16_t version, const std::string& json) const;
    std::optional<DecodeError> append_body(std::string& out, const protocol::Schema& schema,
                                           std::int16_t version, std::string_view json) const;

    std::optional<EncodedHeader> header_;
};

}  // namespace kwire::tools
