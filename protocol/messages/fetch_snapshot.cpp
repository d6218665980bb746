// How a controller or broker that fell behind catches up.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Reads a snapshot of the metadata in pieces (KIP-630). Directory ids from version 1 (KIP-853).
struct FetchSnapshotRequest {
    static constexpr std::string_view name = "FetchSnapshotRequest";
    static constexpr ApiKey api_key = ApiKey::fetch_snapshot;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct SnapshotId {
        std::int64_t end_offset = 0;
        std::int32_t epoch = 0;

        static constexpr void fields(auto& f) {
            f("end_offset", &SnapshotId::end_offset);
            f("epoch", &SnapshotId::epoch);
        }
    };

    struct PartitionSnapshot {
        std::int32_t partition = 0;
        std::int32_t current_leader_epoch = 0;
        SnapshotId snapshot_id{};
        std::int64_t position = 0;
        Uuid replica_directory_id{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionSnapshot::partition);
            f("current_leader_epoch", &PartitionSnapshot::current_leader_epoch);
            f("snapshot_id", &PartitionSnapshot::snapshot_id);
            f("position", &PartitionSnapshot::position);
            f.tagged(0, "replica_directory_id", &PartitionSnapshot::replica_directory_id,
                     since(1).ignorable());
        }
    };

    struct TopicSnapshot {
        std::string name{};
        std::vector<PartitionSnapshot> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &TopicSnapshot::name);
            f("partitions", &TopicSnapshot::partitions);
        }
    };

    std::optional<std::string> cluster_id{};
    std::int32_t replica_id = -1;
    std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
    std::vector<TopicSnapshot> topics{};

    static constexpr void fields(auto& f) {
        f.tagged(0, "cluster_id", &FetchSnapshotRequest::cluster_id, always());
        f("replica_id", &FetchSnapshotRequest::replica_id);
        f("max_bytes", &FetchSnapshotRequest::max_bytes);
        f("topics", &FetchSnapshotRequest::topics);
    }
};

struct FetchSnapshotResponse {
    static constexpr std::string_view name = "FetchSnapshotResponse";
    static constexpr ApiKey api_key = ApiKey::fetch_snapshot;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct SnapshotId {
        std::int64_t end_offset = 0;
        std::int32_t epoch = 0;

        static constexpr void fields(auto& f) {
            f("end_offset", &SnapshotId::end_offset);
            f("epoch", &SnapshotId::epoch);
        }
    };

    struct LeaderIdAndEpoch {
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("leader_id", &LeaderIdAndEpoch::leader_id);
            f("leader_epoch", &LeaderIdAndEpoch::leader_epoch);
        }
    };

    struct PartitionSnapshot {
        std::int32_t index = 0;
        ErrorCode error_code = ErrorCode::none;
        SnapshotId snapshot_id{};
        LeaderIdAndEpoch current_leader{};
        std::int64_t size = 0;
        std::int64_t position = 0;
        Bytes unaligned_records{};

        static constexpr void fields(auto& f) {
            f("index", &PartitionSnapshot::index);
            f("error_code", &PartitionSnapshot::error_code);
            f("snapshot_id", &PartitionSnapshot::snapshot_id);
            f.tagged(0, "current_leader", &PartitionSnapshot::current_leader, always());
            f("size", &PartitionSnapshot::size);
            f("position", &PartitionSnapshot::position);
            f("unaligned_records", &PartitionSnapshot::unaligned_records, always().records());
        }
    };

    struct TopicSnapshot {
        std::string name{};
        std::vector<PartitionSnapshot> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &TopicSnapshot::name);
            f("partitions", &TopicSnapshot::partitions);
        }
    };

    struct NodeEndpoint {
        std::int32_t node_id = 0;
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("node_id", &NodeEndpoint::node_id);
            f("host", &NodeEndpoint::host);
            f("port", &NodeEndpoint::port);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<TopicSnapshot> topics{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &FetchSnapshotResponse::throttle_time_ms);
        f("error_code", &FetchSnapshotResponse::error_code);
        f("topics", &FetchSnapshotResponse::topics);
        f.tagged(0, "node_endpoints", &FetchSnapshotResponse::node_endpoints, since(1));
    }
};

}  // namespace

void add_fetch_snapshot(Messages& messages) {
    add_messages<FetchSnapshotRequest, FetchSnapshotResponse>(messages);
}

}  // namespace kwire::protocol
