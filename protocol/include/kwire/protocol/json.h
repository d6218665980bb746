// Messages as JSON, the way Kafka's own request log shows them (its *DataJsonConverter classes).
//
// Names are Kafka's camelCase; only fields valid at the version are shown, tagged ones only where
// they differ from their default; bytes are base64, uuids as Kafka prints them, enums their
// numbers. Text that is not UTF-8 shows U+FFFD.
#pragma once

#include <cstdint>
#include <string>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

enum class RecordsAs : std::uint8_t {
    base64,
    /// `recordsSizeInBytes` in place of `records`, as Kafka's request log has it.
    size,
};

std::string to_json(const Schema& schema, const void* message, std::int16_t version,
                    RecordsAs records = RecordsAs::base64);

template <Message M>
std::string to_json(const M& message, std::int16_t version, RecordsAs records = RecordsAs::base64) {
    return to_json(schema_of<M>(), static_cast<const void*>(&message), version, records);
}

}  // namespace kwire::protocol
