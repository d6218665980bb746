// Records that brokers write into logs for each other: keys and values of control batches, and what
// else stands between records.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// The key of a control record, behind its version: 0 abort, 1 commit, 2 leader change, 3 and 4 the
/// ends of a snapshot, 5 quorum version, 6 voters.
struct ControlRecordTypeSchema {
    static constexpr std::string_view name = "ControlRecordTypeSchema";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::int16_t type = 0;

    static constexpr void fields(auto& f) { f("type", &ControlRecordTypeSchema::type); }
};

/// The end of a transaction (KIP-98).
struct EndTxnMarker {
    static constexpr std::string_view name = "EndTxnMarker";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::int32_t coordinator_epoch = 0;

    static constexpr void fields(auto& f) {
        f("coordinator_epoch", &EndTxnMarker::coordinator_epoch);
    }
};

/// The first record of a leader of the controllers' quorum (KIP-595).
struct LeaderChangeMessage {
    static constexpr std::string_view name = "LeaderChangeMessage";
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct Voter {
        std::int32_t voter_id = 0;
        Uuid voter_directory_id{};

        static constexpr void fields(auto& f) {
            f("voter_id", &Voter::voter_id);
            f("voter_directory_id", &Voter::voter_directory_id, since(1));
        }
    };

    std::int16_t version = 0;
    std::int32_t leader_id = 0;
    std::vector<Voter> voters{};
    std::vector<Voter> granting_voters{};

    static constexpr void fields(auto& f) {
        f("version", &LeaderChangeMessage::version);
        f("leader_id", &LeaderChangeMessage::leader_id);
        f("voters", &LeaderChangeMessage::voters);
        f("granting_voters", &LeaderChangeMessage::granting_voters);
    }
};

/// The first record of a snapshot (KIP-630).
struct SnapshotHeaderRecord {
    static constexpr std::string_view name = "SnapshotHeaderRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int16_t version = 0;
    std::int64_t last_contained_log_timestamp = 0;

    static constexpr void fields(auto& f) {
        f("version", &SnapshotHeaderRecord::version);
        f("last_contained_log_timestamp", &SnapshotHeaderRecord::last_contained_log_timestamp);
    }
};

/// The last record of a snapshot (KIP-630).
struct SnapshotFooterRecord {
    static constexpr std::string_view name = "SnapshotFooterRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int16_t version = 0;

    static constexpr void fields(auto& f) { f("version", &SnapshotFooterRecord::version); }
};

/// The version that the controllers' quorum speaks (KIP-853).
struct KRaftVersionRecord {
    static constexpr std::string_view name = "KRaftVersionRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int16_t version = 0;
    std::int16_t kraft_version = 0;

    static constexpr void fields(auto& f) {
        f("version", &KRaftVersionRecord::version);
        f("kraft_version", &KRaftVersionRecord::kraft_version);
    }
};

/// Who belongs to the controllers' quorum (KIP-853).
struct VotersRecord {
    static constexpr std::string_view name = "VotersRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Endpoint {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &Endpoint::name);
            f("host", &Endpoint::host);
            f("port", &Endpoint::port);
        }
    };

    struct KRaftVersionFeature {
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("min_supported_version", &KRaftVersionFeature::min_supported_version);
            f("max_supported_version", &KRaftVersionFeature::max_supported_version);
        }
    };

    struct Voter {
        std::int32_t voter_id = 0;
        Uuid voter_directory_id{};
        std::vector<Endpoint> endpoints{};
        KRaftVersionFeature kraft_version_feature{};

        static constexpr void fields(auto& f) {
            f("voter_id", &Voter::voter_id);
            f("voter_directory_id", &Voter::voter_directory_id);
            f("endpoints", &Voter::endpoints);
            f("kraft_version_feature", &Voter::kraft_version_feature);
        }
    };

    std::int16_t version = 0;
    std::vector<Voter> voters{};

    static constexpr void fields(auto& f) {
        f("version", &VotersRecord::version);
        f("voters", &VotersRecord::voters);
    }
};

/// The file that ends in `.snapshot` beside a segment: the producers that were alive there.
struct ProducerSnapshot {
    static constexpr std::string_view name = "ProducerSnapshot";
    static constexpr VersionRange versions{1, 1};
    static constexpr VersionRange flexible = no_versions;

    struct ProducerEntry {
        std::int64_t producer_id = 0;
        std::int16_t epoch = 0;
        std::int32_t last_sequence = 0;
        std::int64_t last_offset = 0;
        std::int32_t offset_delta = 0;
        std::int64_t timestamp = 0;
        std::int32_t coordinator_epoch = 0;
        std::int64_t current_txn_first_offset = 0;

        static constexpr void fields(auto& f) {
            f("producer_id", &ProducerEntry::producer_id);
            f("epoch", &ProducerEntry::epoch);
            f("last_sequence", &ProducerEntry::last_sequence);
            f("last_offset", &ProducerEntry::last_offset);
            f("offset_delta", &ProducerEntry::offset_delta);
            f("timestamp", &ProducerEntry::timestamp);
            f("coordinator_epoch", &ProducerEntry::coordinator_epoch);
            f("current_txn_first_offset", &ProducerEntry::current_txn_first_offset);
        }
    };

    std::uint32_t crc = 0;
    std::vector<ProducerEntry> producer_entries{};

    static constexpr void fields(auto& f) {
        f("crc", &ProducerSnapshot::crc);
        f("producer_entries", &ProducerSnapshot::producer_entries);
    }
};

/// A user, in the token of an Envelope (KIP-590).
struct DefaultPrincipalData {
    static constexpr std::string_view name = "DefaultPrincipalData";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string type{};
    std::string principal_name{};
    bool token_authenticated = false;

    static constexpr void fields(auto& f) {
        f("type", &DefaultPrincipalData::type);
        f("name", &DefaultPrincipalData::principal_name);
        f("token_authenticated", &DefaultPrincipalData::token_authenticated);
    }
};

}  // namespace

void add_control_records(Messages& messages) {
    add_messages<ControlRecordTypeSchema, EndTxnMarker, LeaderChangeMessage, SnapshotHeaderRecord,
                 SnapshotFooterRecord, KRaftVersionRecord, VotersRecord, ProducerSnapshot,
                 DefaultPrincipalData>(messages);
}

}  // namespace kwire::protocol
