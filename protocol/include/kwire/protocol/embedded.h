// Which message a record of one of Kafka's own topics holds.
//
// Records of `__consumer_offsets`, `__transaction_state` and `__share_group_state` have two bytes
// before the key that say which record it is, and two before the value that say its version.
// Records of `__cluster_metadata` have no key, and three varints before the value. Control records
// say in their key what they are. Newer releases add records: those have a type and no schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/decode_error.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/secrets.h>

namespace kwire::protocol {

enum class InternalLog : std::uint8_t {
    consumer_offsets,
    transaction_state,
    share_group_state,
    cluster_metadata,
};

/// The log that a topic of this name is: `__consumer_offsets`, ...
std::optional<InternalLog> internal_log(std::string_view topic);

/// A message in the bytes of a key or a value.
struct EmbeddedMessage {
    /// Null where kwire does not know the type.
    const Schema* schema = nullptr;
    std::int16_t type = 0;
    /// May be one that the schema does not know.
    std::int16_t version = 0;
    /// Its fields, behind what says type and version. Shares the bytes it was found in.
    Bytes body;

    bool is_known() const { return schema && schema->versions.contains(version); }
};

/// What a key holds. Records of `__cluster_metadata` have none.
std::optional<DecodeError> find_key(InternalLog log, const Bytes& key, EmbeddedMessage& found);

/// What a value holds; its key says which record it is, except in `__cluster_metadata`, where it
/// may be empty. A value that is null deletes what the key names: there is nothing to find then.
std::optional<DecodeError> find_value(InternalLog log, const Bytes& key, const Bytes& value,
                                      EmbeddedMessage& found);

/// What the value of a record in a control batch holds, by its key (Kafka's ControlRecordType).
std::optional<DecodeError> find_control_value(const Bytes& key, const Bytes& value,
                                              EmbeddedMessage& found);

/// Appends `{"type":1,"name":"OffsetCommitKey","version":0,"data":{...}}`. A type or version that
/// kwire does not know shows its bytes as `hex`, with a `note`; fields that cannot be read show an
/// `error` besides. Where secrets are hidden, bytes are shown only of messages that are known to hold
/// none.
void append_embedded_json(std::string& out, const EmbeddedMessage& message,
                          Secrets secrets = Secrets::shown);

}  // namespace kwire::protocol
