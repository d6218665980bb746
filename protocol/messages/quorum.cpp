// How the controllers' quorum elects and replicates (KIP-595). Directory ids from version 1
// (KIP-853).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A candidate asks for a vote; from version 2 first whether it would get one (KIP-996).
struct VoteRequest {
    static constexpr std::string_view name = "VoteRequest";
    static constexpr ApiKey api_key = ApiKey::vote;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;
        std::int32_t replica_epoch = 0;
        std::int32_t replica_id = 0;
        Uuid replica_directory_id{};
        Uuid voter_directory_id{};
        std::int32_t last_offset_epoch = 0;
        std::int64_t last_offset = 0;
        bool pre_vote = false;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("replica_epoch", &PartitionData::replica_epoch);
            f("replica_id", &PartitionData::replica_id);
            f("replica_directory_id", &PartitionData::replica_directory_id, since(1).ignorable());
            f("voter_directory_id", &PartitionData::voter_directory_id, since(1).ignorable());
            f("last_offset_epoch", &PartitionData::last_offset_epoch);
            f("last_offset", &PartitionData::last_offset);
            f("pre_vote", &PartitionData::pre_vote, since(2));
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
        }
    };

    std::optional<std::string> cluster_id{};
    std::int32_t voter_id = -1;
    std::vector<TopicData> topics{};

    static constexpr void fields(auto& f) {
        f("cluster_id", &VoteRequest::cluster_id);
        f("voter_id", &VoteRequest::voter_id, since(1).ignorable());
        f("topics", &VoteRequest::topics);
    }
};

struct VoteResponse {
    static constexpr std::string_view name = "VoteResponse";
    static constexpr ApiKey api_key = ApiKey::vote;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;
        bool vote_granted = false;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("vote_granted", &PartitionData::vote_granted);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
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

    ErrorCode error_code = ErrorCode::none;
    std::vector<TopicData> topics{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("error_code", &VoteResponse::error_code);
        f("topics", &VoteResponse::topics);
        f.tagged(0, "node_endpoints", &VoteResponse::node_endpoints, since(1));
    }
};

/// The new leader makes itself known.
struct BeginQuorumEpochRequest {
    static constexpr std::string_view name = "BeginQuorumEpochRequest";
    static constexpr ApiKey api_key = ApiKey::begin_quorum_epoch;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct PartitionData {
        std::int32_t partition_index = 0;
        Uuid voter_directory_id{};
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("voter_directory_id", &PartitionData::voter_directory_id, since(1).ignorable());
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
        }
    };

    struct LeaderEndpoint {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &LeaderEndpoint::name);
            f("host", &LeaderEndpoint::host);
            f("port", &LeaderEndpoint::port);
        }
    };

    std::optional<std::string> cluster_id{};
    std::int32_t voter_id = -1;
    std::vector<TopicData> topics{};
    std::vector<LeaderEndpoint> leader_endpoints{};

    static constexpr void fields(auto& f) {
        f("cluster_id", &BeginQuorumEpochRequest::cluster_id);
        f("voter_id", &BeginQuorumEpochRequest::voter_id, since(1).ignorable());
        f("topics", &BeginQuorumEpochRequest::topics);
        f("leader_endpoints", &BeginQuorumEpochRequest::leader_endpoints, since(1).ignorable());
    }
};

struct BeginQuorumEpochResponse {
    static constexpr std::string_view name = "BeginQuorumEpochResponse";
    static constexpr ApiKey api_key = ApiKey::begin_quorum_epoch;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
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

    ErrorCode error_code = ErrorCode::none;
    std::vector<TopicData> topics{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("error_code", &BeginQuorumEpochResponse::error_code);
        f("topics", &BeginQuorumEpochResponse::topics);
        f.tagged(0, "node_endpoints", &BeginQuorumEpochResponse::node_endpoints, since(1));
    }
};

/// The leader resigns and names who should follow.
struct EndQuorumEpochRequest {
    static constexpr std::string_view name = "EndQuorumEpochRequest";
    static constexpr ApiKey api_key = ApiKey::end_quorum_epoch;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct ReplicaInfo {
        std::int32_t candidate_id = 0;
        Uuid candidate_directory_id{};

        static constexpr void fields(auto& f) {
            f("candidate_id", &ReplicaInfo::candidate_id);
            f("candidate_directory_id", &ReplicaInfo::candidate_directory_id);
        }
    };

    struct PartitionData {
        std::int32_t partition_index = 0;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> preferred_successors{};
        std::vector<ReplicaInfo> preferred_candidates{};

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("preferred_successors", &PartitionData::preferred_successors, until(0).ignorable());
            f("preferred_candidates", &PartitionData::preferred_candidates, since(1).ignorable());
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
        }
    };

    struct LeaderEndpoint {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &LeaderEndpoint::name);
            f("host", &LeaderEndpoint::host);
            f("port", &LeaderEndpoint::port);
        }
    };

    std::optional<std::string> cluster_id{};
    std::vector<TopicData> topics{};
    std::vector<LeaderEndpoint> leader_endpoints{};

    static constexpr void fields(auto& f) {
        f("cluster_id", &EndQuorumEpochRequest::cluster_id);
        f("topics", &EndQuorumEpochRequest::topics);
        f("leader_endpoints", &EndQuorumEpochRequest::leader_endpoints, since(1).ignorable());
    }
};

struct EndQuorumEpochResponse {
    static constexpr std::string_view name = "EndQuorumEpochResponse";
    static constexpr ApiKey api_key = ApiKey::end_quorum_epoch;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
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

    ErrorCode error_code = ErrorCode::none;
    std::vector<TopicData> topics{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("error_code", &EndQuorumEpochResponse::error_code);
        f("topics", &EndQuorumEpochResponse::topics);
        f.tagged(0, "node_endpoints", &EndQuorumEpochResponse::node_endpoints, since(1));
    }
};

/// The leader and how far voters and observers have come; when they last fetched from version 1
/// (KIP-836).
struct DescribeQuorumRequest {
    static constexpr std::string_view name = "DescribeQuorumRequest";
    static constexpr ApiKey api_key = ApiKey::describe_quorum;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
        }
    };

    std::vector<TopicData> topics{};

    static constexpr void fields(auto& f) { f("topics", &DescribeQuorumRequest::topics); }
};

struct DescribeQuorumResponse {
    static constexpr std::string_view name = "DescribeQuorumResponse";
    static constexpr ApiKey api_key = ApiKey::describe_quorum;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct ReplicaState {
        std::int32_t replica_id = 0;
        Uuid replica_directory_id{};
        std::int64_t log_end_offset = 0;
        std::int64_t last_fetch_timestamp = -1;
        std::int64_t last_caught_up_timestamp = -1;

        static constexpr void fields(auto& f) {
            f("replica_id", &ReplicaState::replica_id);
            f("replica_directory_id", &ReplicaState::replica_directory_id, since(2));
            f("log_end_offset", &ReplicaState::log_end_offset);
            f("last_fetch_timestamp", &ReplicaState::last_fetch_timestamp, since(1).ignorable());
            f("last_caught_up_timestamp", &ReplicaState::last_caught_up_timestamp,
              since(1).ignorable());
        }
    };

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;
        std::int64_t high_watermark = 0;
        std::vector<ReplicaState> current_voters{};
        std::vector<ReplicaState> observers{};

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("error_message", &PartitionData::error_message, since(2).ignorable());
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("high_watermark", &PartitionData::high_watermark);
            f("current_voters", &PartitionData::current_voters);
            f("observers", &PartitionData::observers);
        }
    };

    struct TopicData {
        std::string topic_name{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name);
            f("partitions", &TopicData::partitions);
        }
    };

    struct Listener {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &Listener::name);
            f("host", &Listener::host);
            f("port", &Listener::port);
        }
    };

    struct Node {
        std::int32_t node_id = 0;
        std::vector<Listener> listeners{};

        static constexpr void fields(auto& f) {
            f("node_id", &Node::node_id);
            f("listeners", &Node::listeners);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<TopicData> topics{};
    std::vector<Node> nodes{};

    static constexpr void fields(auto& f) {
        f("error_code", &DescribeQuorumResponse::error_code);
        f("error_message", &DescribeQuorumResponse::error_message, since(2).ignorable());
        f("topics", &DescribeQuorumResponse::topics);
        f("nodes", &DescribeQuorumResponse::nodes, since(2));
    }
};

}  // namespace

void add_quorum(Messages& messages) {
    add_messages<VoteRequest, VoteResponse, BeginQuorumEpochRequest, BeginQuorumEpochResponse,
                 EndQuorumEpochRequest, EndQuorumEpochResponse, DescribeQuorumRequest,
                 DescribeQuorumResponse>(messages);
}

}  // namespace kwire::protocol
