#include <array>
#include <utility>

#include <kwire/protocol/frame.h>

#include "big_endian.h"

namespace kwire::protocol {
namespace {

// The first flexible version of each API (KIP-482), -1 where there is none; the index is the key. A
// table, since asking the schemas would link every message into every program.
constexpr std::array<std::int8_t, 95> first_flexible_versions{
    9, 12, 6, 9, 4, 2, 6, 3, 8, 6, 3, 6, 4, 4, 4, 5, 3,  -1, 3, 5, 4, 2, 2, 4, 3, 3, 3, 1, 3, 2, 2,
    2, 4,  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 0, 0, -1, 1,  1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0,
    0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0};

// APIs that are newer than kwire are flexible from the start, as all have been since 2.4.
bool is_flexible(ApiKey key, std::int16_t version) {
    const auto index = static_cast<std::size_t>(static_cast<int>(key));
    if (index >= first_flexible_versions.size()) return static_cast<int>(key) >= 0;
    return first_flexible_versions[index] >= 0 && version >= first_flexible_versions[index];
}

// The size is only known once the rest is written: room for it first.
constexpr std::size_t size_bytes = 4;

std::optional<EncodeError> finish(std::string& out, std::size_t begin,
                                  std::optional<EncodeError> error) {
    const std::size_t size = out.size() - begin - size_bytes;
    if (!error && size > static_cast<std::size_t>(INT32_MAX)) {
        error = EncodeError{"frame", "has " + std::to_string(size) + " bytes, more than 2^31 - 1"};
    }
    if (error) {
        out.resize(begin);
        return error;
    }
    store_big_endian<std::int32_t>(out.data() + begin, static_cast<std::int32_t>(size));
    return std::nullopt;
}

// What a server of another kind sends first, read as a size.
struct Greeting {
    std::string_view bytes;
    std::string_view meaning;
};

constexpr std::array greetings{
    Greeting{{"\x15\x03", 2}, "a TLS alert: the port speaks TLS and refuses plain text"},
    Greeting{{"\x16\x03", 2}, "a TLS handshake: the other side speaks TLS"},
    Greeting{"HTTP", "an HTTP answer: the port is that of a web server"},
    Greeting{"SSH-", "an SSH greeting"},
    Greeting{"This", "the text of a ZooKeeper server that refuses a command"},
    Greeting{"srvr", "the text of a ZooKeeper server that refuses a command"},
    Greeting{"Zook", "the text of a ZooKeeper server"},
    Greeting{"220 ", "the greeting of a mail or FTP server"},
    Greeting{"-ERR", "an error of a Redis server"},
};

}  // namespace

std::int16_t request_header_version(ApiKey key, std::int16_t version) {
    if (key == ApiKey::controlled_shutdown && version == 0) return 0;
    return is_flexible(key, version) ? 2 : 1;
}

std::int16_t response_header_version(ApiKey key, std::int16_t version) {
    // A client reads this answer before it knows what the broker speaks (KIP-511).
    if (key == ApiKey::api_versions) return 0;
    return is_flexible(key, version) ? 1 : 0;
}

std::optional<EncodeError> encode_request(const Schema& schema, const void* request,
                                          std::int16_t version, std::int32_t correlation_id,
                                          std::string_view client_id, std::string& out) {
    const std::size_t begin = out.size();
    out.append(size_bytes, '\0');
    RequestHeader header;
    header.request_api_key = schema.api_key.value_or(ApiKey{-1});
    header.request_api_version = version;
    header.correlation_id = correlation_id;
    header.client_id = client_id;
    auto error = encode(header, request_header_version(header.request_api_key, version), out);
    if (!error) error = encode(schema, request, version, out);
    return finish(out, begin, std::move(error));
}

std::optional<EncodeError> encode_response(const Schema& schema, const void* response,
                                           std::int16_t version, std::int32_t correlation_id,
                                           std::string& out) {
    const std::size_t begin = out.size();
    out.append(size_bytes, '\0');
    const ApiKey key = schema.api_key.value_or(ApiKey{-1});
    auto error = encode(ResponseHeader{correlation_id}, response_header_version(key, version), out);
    if (!error) error = encode(schema, response, version, out);
    return finish(out, begin, std::move(error));
}

std::optional<DecodeError> decode_response_header(const Bytes& frame, std::int16_t header_version,
                                                  ResponseFrame& out, UnknownTags* unknown) {
    out.header = {};
    std::size_t body = 0;
    auto error = decode_front(schema_of<ResponseHeader>(), &out.header, header_version, frame, body,
                              unknown);
    if (!error) out.body = frame.slice(body, frame.size() - body);
    return error;
}

std::optional<DecodeError> decode_request_header(const Bytes& frame, RequestFrame& out,
                                                 UnknownTags* unknown) {
    out.header = {};
    out.header_version = 0;
    std::size_t body = 0;
    // The fields of version 0 begin every version.
    auto error = decode_front(schema_of<RequestHeader>(), &out.header, 0, frame, body);
    if (error) return error;
    out.header_version =
        request_header_version(out.header.request_api_key, out.header.request_api_version);
    error = decode_front(schema_of<RequestHeader>(), &out.header, out.header_version, frame, body,
                         unknown);
    if (!error) out.body = frame.slice(body, frame.size() - body);
    return error;
}

std::int32_t frame_size(const char* bytes) {
    return load_big_endian<std::int32_t>(bytes);
}

std::optional<std::string> greeting_of(std::string_view bytes) {
    for (const Greeting& greeting : greetings) {
        if (bytes.starts_with(greeting.bytes)) return std::string(greeting.meaning);
    }
    return std::nullopt;
}

std::optional<std::string> wrong_frame_size(std::int32_t size, std::int32_t frame_bytes_max) {
    if (0 < size && size <= frame_bytes_max) return std::nullopt;
    char bytes[size_bytes];
    store_big_endian<std::int32_t>(bytes, size);
    std::string text = "a frame of " + std::to_string(size) + " bytes";
    const auto greeting = greeting_of({bytes, size_bytes});
    if (greeting) return text + " looks like " + *greeting;
    if (size == 0) return text + ", but a frame holds at least a header";
    if (size < 0) return text + ", which is not a Kafka frame";
    return text + ", more than the allowed " + std::to_string(frame_bytes_max);
}

}  // namespace kwire::protocol
