// Fetch: reads record batches from partitions, waiting at the broker until there are enough.
//
// Topics are named by id from version 13. Up to version 2 a message larger than partition_max_bytes
// comes back as nothing at all (KIP-74). Versions 0 and 1 bring message sets v0, 2 and 3 those of
// v1, later ones record batches v2, each where the log does not hold something older.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

struct FetchResponse;

struct FetchRequest {
    static constexpr std::string_view name = "FetchRequest";
    static constexpr ApiKey api_key = ApiKey::fetch;
    static constexpr VersionRange versions{0, 18};
    static constexpr VersionRange flexible{12};
    using Response = FetchResponse;

    struct ReplicaState {
        std::int32_t replica_id = -1;
        std::int64_t replica_epoch = -1;

        static constexpr void fields(auto& f) {
            f("replica_id", &ReplicaState::replica_id);
            f("replica_epoch", &ReplicaState::replica_epoch);
        }
    };

    struct Partition {
        std::int32_t partition = 0;
        std::int32_t current_leader_epoch = -1;
        std::int64_t fetch_offset = 0;
        std::int32_t last_fetched_epoch = -1;
        std::int64_t log_start_offset = -1;
        std::int32_t partition_max_bytes = 0;
        Uuid replica_directory_id{};
        std::int64_t high_watermark = std::numeric_limits<std::int64_t>::max();

        static constexpr void fields(auto& f) {
            f("partition", &Partition::partition);
            f("current_leader_epoch", &Partition::current_leader_epoch, since(9).ignorable());
            f("fetch_offset", &Partition::fetch_offset);
            f("last_fetched_epoch", &Partition::last_fetched_epoch, since(12));
            f("log_start_offset", &Partition::log_start_offset, since(5).ignorable());
            f("partition_max_bytes", &Partition::partition_max_bytes);
            f.tagged(0, "replica_directory_id", &Partition::replica_directory_id,
                     since(17).ignorable());
            f.tagged(1, "high_watermark", &Partition::high_watermark, since(18).ignorable());
        }
    };

    struct Topic {
        std::string topic{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &Topic::topic, until(12).ignorable());
            f("topic_id", &Topic::topic_id, since(13).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    struct ForgottenTopic {
        std::string topic{};
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &ForgottenTopic::topic, until(12).ignorable());
            f("topic_id", &ForgottenTopic::topic_id, since(13).ignorable());
            f("partitions", &ForgottenTopic::partitions);
        }
    };

    std::optional<std::string> cluster_id{};
    std::int32_t replica_id = -1;
    ReplicaState replica_state{};
    std::int32_t max_wait_ms = 0;
    std::int32_t min_bytes = 0;
    std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
    std::int8_t isolation_level = 0;
    std::int32_t session_id = 0;
    std::int32_t session_epoch = -1;
    std::vector<Topic> topics{};
    std::vector<ForgottenTopic> forgotten_topics_data{};
    std::string rack_id{};

    static constexpr void fields(auto& f) {
        f.tagged(0, "cluster_id", &FetchRequest::cluster_id, since(12).ignorable());
        f("replica_id", &FetchRequest::replica_id, until(14));
        f.tagged(1, "replica_state", &FetchRequest::replica_state, since(15));
        f("max_wait_ms", &FetchRequest::max_wait_ms);
        f("min_bytes", &FetchRequest::min_bytes);
        f("max_bytes", &FetchRequest::max_bytes, since(3).ignorable());
        f("isolation_level", &FetchRequest::isolation_level, since(4).ignorable());
        f("session_id", &FetchRequest::session_id, since(7).ignorable());
        f("session_epoch", &FetchRequest::session_epoch, since(7).ignorable());
        f("topics", &FetchRequest::topics);
        f("forgotten_topics_data", &FetchRequest::forgotten_topics_data, since(7));
        f("rack_id", &FetchRequest::rack_id, since(11).ignorable());
    }
};

struct FetchResponse {
    static constexpr std::string_view name = "FetchResponse";
    static constexpr ApiKey api_key = ApiKey::fetch;
    static constexpr VersionRange versions{0, 18};
    static constexpr VersionRange flexible{12};

    struct EpochEndOffset {
        std::int32_t epoch = -1;
        std::int64_t end_offset = -1;

        static constexpr void fields(auto& f) {
            f("epoch", &EpochEndOffset::epoch);
            f("end_offset", &EpochEndOffset::end_offset);
        }
    };

    struct LeaderIdAndEpoch {
        std::int32_t leader_id = -1;
        std::int32_t leader_epoch = -1;

        static constexpr void fields(auto& f) {
            f("leader_id", &LeaderIdAndEpoch::leader_id);
            f("leader_epoch", &LeaderIdAndEpoch::leader_epoch);
        }
    };

    struct SnapshotId {
        std::int64_t end_offset = -1;
        std::int32_t epoch = -1;

        static constexpr void fields(auto& f) {
            f("end_offset", &SnapshotId::end_offset);
            f("epoch", &SnapshotId::epoch);
        }
    };

    struct AbortedTransaction {
        std::int64_t producer_id = 0;
        std::int64_t first_offset = 0;

        static constexpr void fields(auto& f) {
            f("producer_id", &AbortedTransaction::producer_id);
            f("first_offset", &AbortedTransaction::first_offset);
        }
    };

    struct Partition {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int64_t high_watermark = 0;
        std::int64_t last_stable_offset = -1;
        std::int64_t log_start_offset = -1;
        EpochEndOffset diverging_epoch{};
        LeaderIdAndEpoch current_leader{};
        SnapshotId snapshot_id{};
        std::optional<std::vector<AbortedTransaction>> aborted_transactions{std::in_place};
        std::int32_t preferred_read_replica = -1;
        std::optional<Bytes> records{};

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("error_code", &Partition::error_code);
            f("high_watermark", &Partition::high_watermark);
            f("last_stable_offset", &Partition::last_stable_offset, since(4).ignorable());
            f("log_start_offset", &Partition::log_start_offset, since(5).ignorable());
            f.tagged(0, "diverging_epoch", &Partition::diverging_epoch, since(12));
            f.tagged(1, "current_leader", &Partition::current_leader, since(12));
            f.tagged(2, "snapshot_id", &Partition::snapshot_id, since(12));
            f("aborted_transactions", &Partition::aborted_transactions, since(4).ignorable());
            f("preferred_read_replica", &Partition::preferred_read_replica, since(11));
            f("records", &Partition::records, always().records());
        }
    };

    struct Topic {
        std::string topic{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &Topic::topic, until(12).ignorable());
            f("topic_id", &Topic::topic_id, since(13).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    struct NodeEndpoint {
        std::int32_t node_id = 0;
        std::string host{};
        std::int32_t port = 0;
        std::optional<std::string> rack{};

        static constexpr void fields(auto& f) {
            f("node_id", &NodeEndpoint::node_id);
            f("host", &NodeEndpoint::host);
            f("port", &NodeEndpoint::port);
            f("rack", &NodeEndpoint::rack);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int32_t session_id = 0;
    std::vector<Topic> responses{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &FetchResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &FetchResponse::error_code, since(7).ignorable());
        f("session_id", &FetchResponse::session_id, since(7));
        f("responses", &FetchResponse::responses);
        f.tagged(0, "node_endpoints", &FetchResponse::node_endpoints, since(16));
    }
};

extern template const Schema& schema_of<FetchRequest>();
extern template const Schema& schema_of<FetchResponse>();

}  // namespace kwire::protocol
