#include <array>
#include <span>
#include <string_view>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/embedded.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/messages.h>

#include "big_endian.h"

namespace kwire::protocol {
namespace {

// The names of a type's messages are these with Key and Value behind. The index is the type.
constexpr std::array<std::string_view, 24> group_records{
    "LegacyOffsetCommit",
    "OffsetCommit",
    "GroupMetadata",
    "ConsumerGroupMetadata",
    "ConsumerGroupPartitionMetadata",
    "ConsumerGroupMemberMetadata",
    "ConsumerGroupTargetAssignmentMetadata",
    "ConsumerGroupTargetAssignmentMember",
    "ConsumerGroupCurrentMemberAssignment",
    "",  // ShareGroupPartitionMetadata, of early access only
    "ShareGroupMemberMetadata",
    "ShareGroupMetadata",
    "ShareGroupTargetAssignmentMetadata",
    "ShareGroupTargetAssignmentMember",
    "ShareGroupCurrentMemberAssignment",
    "ShareGroupStatePartitionMetadata",
    "ConsumerGroupRegularExpression",
    "StreamsGroupMetadata",
    "",  // StreamsGroupPartitionMetadata, of early access only
    "StreamsGroupMemberMetadata",
    "StreamsGroupTargetAssignmentMetadata",
    "StreamsGroupTargetAssignmentMember",
    "StreamsGroupCurrentMemberAssignment",
    "StreamsGroupTopology",
};
constexpr std::array<std::string_view, 1> transaction_records{"TransactionLog"};
constexpr std::array<std::string_view, 2> share_state_records{"ShareSnapshot", "ShareUpdate"};

// Whole names; the index is the type.
constexpr std::array<std::string_view, 30> metadata_records{
    "RegisterBrokerRecord",
    "UnregisterBrokerRecord",
    "TopicRecord",
    "PartitionRecord",
    "ConfigRecord",
    "PartitionChangeRecord",
    "",  // once AccessControlRecord, in no release
    "FenceBrokerRecord",
    "UnfenceBrokerRecord",
    "RemoveTopicRecord",
    "DelegationTokenRecord",
    "UserScramCredentialRecord",
    "FeatureLevelRecord",
    "",
    "ClientQuotaRecord",
    "ProducerIdsRecord",
    "",
    "BrokerRegistrationChangeRecord",
    "AccessControlEntryRecord",
    "RemoveAccessControlEntryRecord",
    "NoOpRecord",
    "ZkMigrationStateRecord",
    "RemoveUserScramCredentialRecord",
    "BeginTransactionRecord",
    "EndTransactionRecord",
    "AbortTransactionRecord",
    "RemoveDelegationTokenRecord",
    "RegisterControllerRecord",
    "ClearElrRecord",
    "UnregisterControllerRecord",
};
constexpr std::array<std::string_view, 7> control_records{
    "EndTxnMarker",         "EndTxnMarker",       "LeaderChangeMessage", "SnapshotHeaderRecord",
    "SnapshotFooterRecord", "KRaftVersionRecord", "VotersRecord",
};

std::span<const std::string_view> records_of(InternalLog log) {
    switch (log) {
        case InternalLog::consumer_offsets:
            return group_records;
        case InternalLog::transaction_state:
            return transaction_records;
        case InternalLog::share_group_state:
            return share_state_records;
        case InternalLog::cluster_metadata:
            return metadata_records;
    }
    return {};
}

const Schema* schema_of_type(std::span<const std::string_view> names, int type,
                             std::string_view suffix) {
    if (type < 0 || static_cast<std::size_t>(type) >= names.size()) return nullptr;
    const std::string_view name = names[static_cast<std::size_t>(type)];
    return name.empty() ? nullptr : find_message(std::string(name).append(suffix));
}

DecodeError too_short(std::string_view what, std::size_t needed, std::size_t size) {
    return {std::string(what),
            "needs " + std::to_string(needed) + " bytes, " + std::to_string(size) + " left", 0};
}

// Two bytes, and the rest of the bytes.
std::optional<DecodeError> split(std::string_view what, const Bytes& bytes, std::int16_t& front,
                                 Bytes& rest) {
    if (bytes.size() < 2) return too_short(what, 2, bytes.size());
    front = load_big_endian<std::int16_t>(bytes.data());
    rest = bytes.slice(2, bytes.size() - 2);
    return std::nullopt;
}

std::optional<DecodeError> find_metadata(const Bytes& value, EmbeddedMessage& found) {
    constexpr std::array names{"frame version", "type", "version"};
    std::array<std::uint32_t, names.size()> numbers{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::size_t begin = at;
        const auto fail = [&](std::string_view what) {
            // Not by operator+ alone, where GCC 12 sees copies that overlap.
            std::string words(names[i]);
            words.append(1, ' ').append(what);
            return DecodeError{"metadata record", std::move(words), begin};
        };
        for (int shift = 0;; shift += 7) {
            if (at == value.size()) return fail("is cut off");
            if (shift > 14) return fail("is too large");
            const auto byte = static_cast<std::uint8_t>(value.data()[at++]);
            numbers[i] |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) break;
        }
        if (numbers[i] > INT16_MAX) return fail("is too large");
    }
    if (numbers[0] != 1) {
        return DecodeError{"metadata record",
                           "has frame version " + std::to_string(numbers[0]) + ", only 1 is known",
                           0};
    }
    found.type = static_cast<std::int16_t>(numbers[1]);
    found.version = static_cast<std::int16_t>(numbers[2]);
    found.schema = schema_of_type(metadata_records, found.type, "");
    found.body = value.slice(at, value.size() - at);
    return std::nullopt;
}

void append_hex(std::string& out, std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

void append_as_hex(std::string& out, const EmbeddedMessage& message, Secrets secrets) {
    out += ",\"hex\":";
    if (secrets == Secrets::hidden && (!message.schema || may_hold_secrets(*message.schema))) {
        out += hidden_json;
        return;
    }
    out += '"';
    append_hex(out, message.body.view());
    out += '"';
}

}  // namespace

std::optional<InternalLog> internal_log(std::string_view topic) {
    if (topic == "__consumer_offsets") return InternalLog::consumer_offsets;
    if (topic == "__transaction_state") return InternalLog::transaction_state;
    if (topic == "__share_group_state") return InternalLog::share_group_state;
    if (topic == "__cluster_metadata") return InternalLog::cluster_metadata;
    return std::nullopt;
}

std::optional<DecodeError> find_key(InternalLog log, const Bytes& key, EmbeddedMessage& found) {
    found = {};
    if (log == InternalLog::cluster_metadata) {
        return DecodeError{"key", "metadata records have none", 0};
    }
    if (auto error = split("key", key, found.type, found.body)) return error;
    found.schema = schema_of_type(records_of(log), found.type, "Key");
    return std::nullopt;
}

std::optional<DecodeError> find_value(InternalLog log, const Bytes& key, const Bytes& value,
                                      EmbeddedMessage& found) {
    found = {};
    if (log == InternalLog::cluster_metadata) return find_metadata(value, found);
    Bytes rest;
    if (auto error = split("key", key, found.type, rest)) return error;
    if (auto error = split("value", value, found.version, found.body)) return error;
    found.schema = schema_of_type(records_of(log), found.type, "Value");
    return std::nullopt;
}

std::optional<DecodeError> find_control_value(const Bytes& key, const Bytes& value,
                                              EmbeddedMessage& found) {
    found = {};
    if (key.size() < 4) return too_short("key of a control record", 4, key.size());
    found.type = load_big_endian<std::int16_t>(key.data() + 2);
    found.schema = schema_of_type(control_records, found.type, "");
    Bytes rest;
    if (auto error = split("control record", value, found.version, rest)) return error;
    // Only the end of a transaction keeps its version apart; for the others it is a field.
    const bool ends_transaction = found.type == 0 || found.type == 1;
    found.body = ends_transaction ? rest : value;
    return std::nullopt;
}

void append_embedded_json(std::string& out, const EmbeddedMessage& message, Secrets secrets) {
    out += "{\"type\":" + std::to_string(message.type);
    if (message.schema) out.append(",\"name\":\"").append(message.schema->name) += '"';
    out += ",\"version\":" + std::to_string(message.version);
    if (!message.is_known()) {
        append_as_hex(out, message, secrets);
        out += message.schema ? ",\"note\":\"a version newer than kwire\"}"
                              : ",\"note\":\"a type newer than kwire\"}";
        return;
    }
    const auto value = message.schema->make();
    if (const auto error = decode(*message.schema, value.get(), message.version, message.body)) {
        append_as_hex(out, message, secrets);
        out += ",\"error\":";
        append_json_string(out, error->message());
    } else {
        out += ",\"data\":";
        append_json(out, *message.schema, value.get(), message.version, RecordsAs::base64, secrets);
    }
    out += '}';
}

}  // namespace kwire::protocol
