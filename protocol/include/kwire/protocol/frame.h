// Frames: a size of four bytes, a header, a message. What travels on a connection to a broker.
//
// Purpose: make the frame of a request, take the header off the frame of an answer, know which
// header version goes with which message, and say in words what a size is that cannot be one.
// Lifetimes: what decode_response_header gives shares the frame. Threads: the functions keep no
// state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/codec.h>
#include <kwire/protocol/header.h>

namespace kwire::protocol {

/// The header versions of an API at a version. A key or version that kwire does not know is taken
/// for newer than all it knows: flexible, so 2 and 1.
std::int16_t request_header_version(ApiKey key, std::int16_t version);
std::int16_t response_header_version(ApiKey key, std::int16_t version);

/// Appends the whole frame of a request, size included, to `out`; after an error `out` is as it
/// was.
std::optional<EncodeError> encode_request(const Schema& schema, const void* request,
                                          std::int16_t version, std::int32_t correlation_id,
                                          std::string_view client_id, std::string& out);

template <Message Request>
std::optional<EncodeError> encode_request(const Request& request, std::int16_t version,
                                          std::int32_t correlation_id, std::string_view client_id,
                                          std::string& out) {
    return encode_request(schema_of<Request>(), static_cast<const void*>(&request), version,
                          correlation_id, client_id, out);
}

/// Appends the whole frame of a response, as a broker makes it (for scripted brokers and proxies).
std::optional<EncodeError> encode_response(const Schema& schema, const void* response,
                                           std::int16_t version, std::int32_t correlation_id,
                                           std::string& out);

template <Message Response>
std::optional<EncodeError> encode_response(const Response& response, std::int16_t version,
                                           std::int32_t correlation_id, std::string& out) {
    return encode_response(schema_of<Response>(), static_cast<const void*>(&response), version,
                           correlation_id, out);
}

/// A frame without its size, taken apart.
struct RequestFrame {
    RequestHeader header;
    std::int16_t header_version = 0;
    Bytes body;
};
struct ResponseFrame {
    ResponseHeader header;
    Bytes body;
};

/// Takes a response frame (without its size) apart; the header version is that of the request it
/// answers. `unknown`: as with decode (codec.h).
std::optional<DecodeError> decode_response_header(const Bytes& frame, std::int16_t header_version,
                                                  ResponseFrame& out,
                                                  UnknownTags* unknown = nullptr);
/// Takes a request frame (without its size) apart. The header version follows from the API and
/// version it begins with.
std::optional<DecodeError> decode_request_header(const Bytes& frame, RequestFrame& out,
                                                 UnknownTags* unknown = nullptr);

/// The size before a frame: the four bytes at `bytes` in network order.
std::int32_t frame_size(const char* bytes);

/// Why a size cannot be the one of a Kafka frame, and who else would send these bytes: TLS, HTTP,
/// ZooKeeper, SSH. Nothing where the size is between 1 and `frame_bytes_max`.
std::optional<std::string> wrong_frame_size(std::int32_t size, std::int32_t frame_bytes_max);

/// What kind of server begins like `bytes` (four at least), in words such as "an SSH greeting".
std::optional<std::string> greeting_of(std::string_view bytes);

}  // namespace kwire::protocol
