// Messages as JSON and back, the way Kafka's own converters write them (its *DataJsonConverter
// classes, which also make its request log).
//
// Names are Kafka's camelCase; only fields valid at the version are shown, tagged ones only where
// they differ from their default; bytes are base64, uuids as Kafka prints them, enums their
// numbers. Text that is not UTF-8 shows U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/decode_error.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/secrets.h>

namespace kwire::protocol {

/// What is shown of record batches.
enum class RecordsAs : std::uint8_t {
    /// What from_json reads.
    base64,
    /// `recordsSizeInBytes` in place of `records`, as Kafka's request log has it.
    size,
    /// A list of batches, opened: see records_json.h.
    batches,
};

/// Appends the message as one object, without line breaks. Whatever a person reads should hide secrets.
void append_json(std::string& out, const Schema& schema, const void* message, std::int16_t version,
                 RecordsAs records = RecordsAs::base64, Secrets secrets = Secrets::shown);
std::string to_json(const Schema& schema, const void* message, std::int16_t version,
                    RecordsAs records = RecordsAs::base64, Secrets secrets = Secrets::shown);

template <Message M>
std::string to_json(const M& message, std::int16_t version, RecordsAs records = RecordsAs::base64,
                    Secrets secrets = Secrets::shown) {
    return to_json(schema_of<M>(), static_cast<const void*>(&message), version, records, secrets);
}

/// Reads what append_json writes with RecordsAs::base64 and its secrets shown. `message` is new-made: fields that are
/// missing keep their defaults. A field that Kafka does not have, or not at this version, is an
/// error that names it. The error's path is the message's own (`FetchRequest.topics[0].partition`),
/// its offset that in the text. After an error the message is half-filled.
std::optional<DecodeError> from_json(const Schema& schema, void* message, std::int16_t version,
                                     std::string_view text);

template <Message M>
std::optional<DecodeError> from_json(M& message, std::int16_t version, std::string_view text) {
    message = M{};
    return from_json(schema_of<M>(), static_cast<void*>(&message), version, text);
}

}  // namespace kwire::protocol
