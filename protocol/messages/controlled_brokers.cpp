// How a controller that keeps its state in ZooKeeper commands the brokers (up to 3.9).
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

/// The controller tells a broker which partitions it leads and which it follows. Partitions lie
/// flat up to version 1, by topic since (KIP-380). Topic ids from version 5 (KIP-516); `type` says
/// whether the list is complete.
struct LeaderAndIsrRequest {
    static constexpr std::string_view name = "LeaderAndIsrRequest";
    static constexpr ApiKey api_key = ApiKey::leader_and_isr;
    static constexpr VersionRange versions{0, 7};
    static constexpr VersionRange flexible{4};

    struct PartitionState {
        std::string topic_name{};
        std::int32_t partition_index = 0;
        std::int32_t controller_epoch = 0;
        std::int32_t leader = 0;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> isr{};
        std::int32_t partition_epoch = 0;
        std::vector<std::int32_t> replicas{};
        std::vector<std::int32_t> adding_replicas{};
        std::vector<std::int32_t> removing_replicas{};
        bool is_new = false;
        std::int8_t leader_recovery_state = 0;

        static constexpr void fields(auto& f) {
            f("topic_name", &PartitionState::topic_name, until(1).ignorable());
            f("partition_index", &PartitionState::partition_index);
            f("controller_epoch", &PartitionState::controller_epoch);
            f("leader", &PartitionState::leader);
            f("leader_epoch", &PartitionState::leader_epoch);
            f("isr", &PartitionState::isr);
            f("partition_epoch", &PartitionState::partition_epoch);
            f("replicas", &PartitionState::replicas);
            f("adding_replicas", &PartitionState::adding_replicas, since(3).ignorable());
            f("removing_replicas", &PartitionState::removing_replicas, since(3).ignorable());
            f("is_new", &PartitionState::is_new, since(1).ignorable());
            f("leader_recovery_state", &PartitionState::leader_recovery_state, since(6));
        }
    };

    struct TopicState {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<PartitionState> partition_states{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicState::topic_name);
            f("topic_id", &TopicState::topic_id, since(5).ignorable());
            f("partition_states", &TopicState::partition_states);
        }
    };

    struct LiveLeader {
        std::int32_t broker_id = 0;
        std::string host_name{};
        std::int32_t port = 0;

        static constexpr void fields(auto& f) {
            f("broker_id", &LiveLeader::broker_id);
            f("host_name", &LiveLeader::host_name);
            f("port", &LiveLeader::port);
        }
    };

    std::int32_t controller_id = 0;
    bool is_kraft_controller = false;
    std::int32_t controller_epoch = 0;
    std::int64_t broker_epoch = -1;
    std::int8_t type = 0;
    std::vector<PartitionState> ungrouped_partition_states{};
    std::vector<TopicState> topic_states{};
    std::vector<LiveLeader> live_leaders{};

    static constexpr void fields(auto& f) {
        f("controller_id", &LeaderAndIsrRequest::controller_id);
        f("is_kraft_controller", &LeaderAndIsrRequest::is_kraft_controller, since(7));
        f("controller_epoch", &LeaderAndIsrRequest::controller_epoch);
        f("broker_epoch", &LeaderAndIsrRequest::broker_epoch, since(2).ignorable());
        f("type", &LeaderAndIsrRequest::type, since(5));
        f("ungrouped_partition_states", &LeaderAndIsrRequest::ungrouped_partition_states, until(1));
        f("topic_states", &LeaderAndIsrRequest::topic_states, since(2));
        f("live_leaders", &LeaderAndIsrRequest::live_leaders);
    }
};

struct LeaderAndIsrResponse {
    static constexpr std::string_view name = "LeaderAndIsrResponse";
    static constexpr ApiKey api_key = ApiKey::leader_and_isr;
    static constexpr VersionRange versions{0, 7};
    static constexpr VersionRange flexible{4};

    struct PartitionError {
        std::string topic_name{};
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("topic_name", &PartitionError::topic_name, until(4).ignorable());
            f("partition_index", &PartitionError::partition_index);
            f("error_code", &PartitionError::error_code);
        }
    };

    struct TopicError {
        Uuid topic_id{};
        std::vector<PartitionError> partition_errors{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicError::topic_id);
            f("partition_errors", &TopicError::partition_errors);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<PartitionError> partition_errors{};
    std::vector<TopicError> topics{};

    static constexpr void fields(auto& f) {
        f("error_code", &LeaderAndIsrResponse::error_code);
        f("partition_errors", &LeaderAndIsrResponse::partition_errors, until(4));
        f("topics", &LeaderAndIsrResponse::topics, since(5));
    }
};

/// The controller tells a broker to stop replicas, and to delete them if it says so: for all
/// partitions at once up to version 2, for each one from version 3 (KIP-570).
struct StopReplicaRequest {
    static constexpr std::string_view name = "StopReplicaRequest";
    static constexpr ApiKey api_key = ApiKey::stop_replica;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{2};

    struct PartitionV0 {
        std::string topic_name{};
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("topic_name", &PartitionV0::topic_name);
            f("partition_index", &PartitionV0::partition_index);
        }
    };

    struct TopicV1 {
        std::string name{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &TopicV1::name);
            f("partition_indexes", &TopicV1::partition_indexes);
        }
    };

    struct PartitionState {
        std::int32_t partition_index = 0;
        std::int32_t leader_epoch = -1;
        bool delete_partition = false;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionState::partition_index);
            f("leader_epoch", &PartitionState::leader_epoch);
            f("delete_partition", &PartitionState::delete_partition);
        }
    };

    struct TopicState {
        std::string topic_name{};
        std::vector<PartitionState> partition_states{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicState::topic_name);
            f("partition_states", &TopicState::partition_states);
        }
    };

    std::int32_t controller_id = 0;
    bool is_kraft_controller = false;
    std::int32_t controller_epoch = 0;
    std::int64_t broker_epoch = -1;
    bool delete_partitions = false;
    std::vector<PartitionV0> ungrouped_partitions{};
    std::vector<TopicV1> topics{};
    std::vector<TopicState> topic_states{};

    static constexpr void fields(auto& f) {
        f("controller_id", &StopReplicaRequest::controller_id);
        f("is_kraft_controller", &StopReplicaRequest::is_kraft_controller, since(4));
        f("controller_epoch", &StopReplicaRequest::controller_epoch);
        f("broker_epoch", &StopReplicaRequest::broker_epoch, since(1).ignorable());
        f("delete_partitions", &StopReplicaRequest::delete_partitions, until(2));
        f("ungrouped_partitions", &StopReplicaRequest::ungrouped_partitions, until(0));
        f("topics", &StopReplicaRequest::topics, between(1, 2));
        f("topic_states", &StopReplicaRequest::topic_states, since(3));
    }
};

struct StopReplicaResponse {
    static constexpr std::string_view name = "StopReplicaResponse";
    static constexpr ApiKey api_key = ApiKey::stop_replica;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{2};

    struct PartitionError {
        std::string topic_name{};
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("topic_name", &PartitionError::topic_name);
            f("partition_index", &PartitionError::partition_index);
            f("error_code", &PartitionError::error_code);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<PartitionError> partition_errors{};

    static constexpr void fields(auto& f) {
        f("error_code", &StopReplicaResponse::error_code);
        f("partition_errors", &StopReplicaResponse::partition_errors);
    }
};

/// The controller tells all brokers what they answer to Metadata requests. Brokers have one address
/// in version 0, one for each security protocol in 1, one for each listener from 2 (KIP-103).
struct UpdateMetadataRequest {
    static constexpr std::string_view name = "UpdateMetadataRequest";
    static constexpr ApiKey api_key = ApiKey::update_metadata;
    static constexpr VersionRange versions{0, 8};
    static constexpr VersionRange flexible{6};

    struct PartitionState {
        std::string topic_name{};
        std::int32_t partition_index = 0;
        std::int32_t controller_epoch = 0;
        std::int32_t leader = 0;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> isr{};
        std::int32_t zk_version = 0;
        std::vector<std::int32_t> replicas{};
        std::vector<std::int32_t> offline_replicas{};

        static constexpr void fields(auto& f) {
            f("topic_name", &PartitionState::topic_name, until(4).ignorable());
            f("partition_index", &PartitionState::partition_index);
            f("controller_epoch", &PartitionState::controller_epoch);
            f("leader", &PartitionState::leader);
            f("leader_epoch", &PartitionState::leader_epoch);
            f("isr", &PartitionState::isr);
            f("zk_version", &PartitionState::zk_version);
            f("replicas", &PartitionState::replicas);
            f("offline_replicas", &PartitionState::offline_replicas, since(4).ignorable());
        }
    };

    struct TopicState {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<PartitionState> partition_states{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicState::topic_name);
            f("topic_id", &TopicState::topic_id, since(7).ignorable());
            f("partition_states", &TopicState::partition_states);
        }
    };

    struct Endpoint {
        std::int32_t port = 0;
        std::string host{};
        std::string listener{};
        std::int16_t security_protocol = 0;

        static constexpr void fields(auto& f) {
            f("port", &Endpoint::port);
            f("host", &Endpoint::host);
            f("listener", &Endpoint::listener, since(3).ignorable());
            f("security_protocol", &Endpoint::security_protocol);
        }
    };

    struct Broker {
        std::int32_t id = 0;
        std::string v0_host{};
        std::int32_t v0_port = 0;
        std::vector<Endpoint> endpoints{};
        std::optional<std::string> rack = "";

        static constexpr void fields(auto& f) {
            f("id", &Broker::id);
            f("v0_host", &Broker::v0_host, until(0).ignorable());
            f("v0_port", &Broker::v0_port, until(0).ignorable());
            f("endpoints", &Broker::endpoints, since(1).ignorable());
            f("rack", &Broker::rack, since(2).ignorable());
        }
    };

    std::int32_t controller_id = 0;
    bool is_kraft_controller = false;
    std::int8_t type = 0;
    std::int32_t controller_epoch = 0;
    std::int64_t broker_epoch = -1;
    std::vector<PartitionState> ungrouped_partition_states{};
    std::vector<TopicState> topic_states{};
    std::vector<Broker> live_brokers{};

    static constexpr void fields(auto& f) {
        f("controller_id", &UpdateMetadataRequest::controller_id);
        f("is_kraft_controller", &UpdateMetadataRequest::is_kraft_controller, since(8));
        f.tagged(0, "type", &UpdateMetadataRequest::type, since(8));
        f("controller_epoch", &UpdateMetadataRequest::controller_epoch);
        f("broker_epoch", &UpdateMetadataRequest::broker_epoch, since(5).ignorable());
        f("ungrouped_partition_states", &UpdateMetadataRequest::ungrouped_partition_states,
          until(4));
        f("topic_states", &UpdateMetadataRequest::topic_states, since(5));
        f("live_brokers", &UpdateMetadataRequest::live_brokers);
    }
};

struct UpdateMetadataResponse {
    static constexpr std::string_view name = "UpdateMetadataResponse";
    static constexpr ApiKey api_key = ApiKey::update_metadata;
    static constexpr VersionRange versions{0, 8};
    static constexpr VersionRange flexible{6};

    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) { f("error_code", &UpdateMetadataResponse::error_code); }
};

/// A broker asks the controller to move the leaders away, since it wants to stop. Its version 0 is
/// the only request whose header has no client id.
struct ControlledShutdownRequest {
    static constexpr std::string_view name = "ControlledShutdownRequest";
    static constexpr ApiKey api_key = ApiKey::controlled_shutdown;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{3};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;

    static constexpr void fields(auto& f) {
        f("broker_id", &ControlledShutdownRequest::broker_id);
        f("broker_epoch", &ControlledShutdownRequest::broker_epoch, since(2).ignorable());
    }
};

struct ControlledShutdownResponse {
    static constexpr std::string_view name = "ControlledShutdownResponse";
    static constexpr ApiKey api_key = ApiKey::controlled_shutdown;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{3};

    struct RemainingPartition {
        std::string topic_name{};
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("topic_name", &RemainingPartition::topic_name);
            f("partition_index", &RemainingPartition::partition_index);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<RemainingPartition> remaining_partitions{};

    static constexpr void fields(auto& f) {
        f("error_code", &ControlledShutdownResponse::error_code);
        f("remaining_partitions", &ControlledShutdownResponse::remaining_partitions);
    }
};

}  // namespace

void add_controlled_brokers(Messages& messages) {
    add_messages<LeaderAndIsrRequest, LeaderAndIsrResponse, StopReplicaRequest, StopReplicaResponse,
                 UpdateMetadataRequest, UpdateMetadataResponse, ControlledShutdownRequest,
                 ControlledShutdownResponse>(messages);
}

}  // namespace kwire::protocol
