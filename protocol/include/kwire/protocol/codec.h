// Messages to bytes and back.
//
// Purpose: decode and encode any message at any of its versions, following its list of fields
// (fields.h). Invariants: decoding never throws on input and never reads outside it; it allocates
// at most eight times the size of the input plus a megabyte, whatever counts the input claims.
// encode writes exactly what encoded_size says, and decoding it gives an equal message, less what
// the version has no place for. Lifetimes: Bytes in a decoded message share the buffer they came
// in; everything else is owned. Threads: the functions keep no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/decode_error.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

/// What the encoder says of a message that the asked version cannot carry.
struct EncodeError {
    /// Where, such as `FetchRequest.rack_id`.
    std::string path;
    std::string what;

    std::string message() const { return path + ": " + what; }
};

/// A tagged field that kwire does not know, in the struct at `path`. Decoding skips such fields as
/// KIP-482 demands; who has to write a message again as it came asks for them and hands them back
/// to encode. (Not written again: a known tagged field that came though it was at its default.)
struct UnknownTag {
    std::string path;
    std::uint32_t tag = 0;
    Bytes data;
};
using UnknownTags = std::vector<UnknownTag>;

// On a value whose type is known at run time only. `message` is what the schema describes; decode
// expects it new-made.

std::optional<DecodeError> decode(const Schema& schema, void* message, std::int16_t version,
                                  const Bytes& body, UnknownTags* unknown = nullptr);
/// As decode, but bytes may follow the message; `consumed` says where they begin.
std::optional<DecodeError> decode_front(const Schema& schema, void* message, std::int16_t version,
                                        const Bytes& data, std::size_t& consumed,
                                        UnknownTags* unknown = nullptr);
std::optional<EncodeError> encode(const Schema& schema, const void* message, std::int16_t version,
                                  std::string& out, const UnknownTags* unknown = nullptr);
std::optional<std::size_t> encoded_size(const Schema& schema, const void* message,
                                        std::int16_t version);

/// Reads all of `body` as the message at the version. Bytes left over are an error. After an error
/// the message is half-filled.
template <Message M>
std::optional<DecodeError> decode(M& message, std::int16_t version, const Bytes& body,
                                  UnknownTags* unknown = nullptr) {
    message = M{};
    return decode(schema_of<M>(), static_cast<void*>(&message), version, body, unknown);
}

/// Appends the message to `out`; after an error `out` is as it was.
template <Message M>
std::optional<EncodeError> encode(const M& message, std::int16_t version, std::string& out,
                                  const UnknownTags* unknown = nullptr) {
    return encode(schema_of<M>(), static_cast<const void*>(&message), version, out, unknown);
}

/// The number of bytes that encode appends; nothing where it would fail.
template <Message M>
std::optional<std::size_t> encoded_size(const M& message, std::int16_t version) {
    return encoded_size(schema_of<M>(), static_cast<const void*>(&message), version);
}

}  // namespace kwire::protocol
