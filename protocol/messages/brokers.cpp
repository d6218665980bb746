// What brokers and controllers tell each other about themselves.
#include <cstdint>
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

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A leader asks the controller to change the replicas in sync (KIP-497); called AlterIsr at first.
/// Topic ids from version 2 (KIP-841), broker epochs from 3 (KIP-903).
struct AlterPartitionRequest {
    static constexpr std::string_view name = "AlterPartitionRequest";
    static constexpr ApiKey api_key = ApiKey::alter_partition;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{0};

    struct BrokerState {
        std::int32_t broker_id = 0;
        std::int64_t broker_epoch = -1;

        static constexpr void fields(auto& f) {
            f("broker_id", &BrokerState::broker_id);
            f("broker_epoch", &BrokerState::broker_epoch);
        }
    };

    struct PartitionData {
        std::int32_t partition_index = 0;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> new_isr{};
        std::vector<BrokerState> new_isr_with_epochs{};
        std::int8_t leader_recovery_state = 0;
        std::int32_t partition_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("new_isr", &PartitionData::new_isr, until(2));
            f("new_isr_with_epochs", &PartitionData::new_isr_with_epochs, since(3));
            f("leader_recovery_state", &PartitionData::leader_recovery_state, since(1));
            f("partition_epoch", &PartitionData::partition_epoch);
        }
    };

    struct TopicData {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name, until(1));
            f("topic_id", &TopicData::topic_id, since(2).ignorable());
            f("partitions", &TopicData::partitions);
        }
    };

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;
    std::vector<TopicData> topics{};

    static constexpr void fields(auto& f) {
        f("broker_id", &AlterPartitionRequest::broker_id);
        f("broker_epoch", &AlterPartitionRequest::broker_epoch);
        f("topics", &AlterPartitionRequest::topics);
    }
};

struct AlterPartitionResponse {
    static constexpr std::string_view name = "AlterPartitionResponse";
    static constexpr ApiKey api_key = ApiKey::alter_partition;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> isr{};
        std::int8_t leader_recovery_state = 0;
        std::int32_t partition_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("leader_id", &PartitionData::leader_id);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("isr", &PartitionData::isr);
            f("leader_recovery_state", &PartitionData::leader_recovery_state, since(1).ignorable());
            f("partition_epoch", &PartitionData::partition_epoch);
        }
    };

    struct TopicData {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &TopicData::topic_name, until(1));
            f("topic_id", &TopicData::topic_id, since(2).ignorable());
            f("partitions", &TopicData::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<TopicData> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterPartitionResponse::throttle_time_ms);
        f("error_code", &AlterPartitionResponse::error_code);
        f("topics", &AlterPartitionResponse::topics);
    }
};

/// Moves the feature levels of the cluster (KIP-584).
struct UpdateFeaturesRequest {
    static constexpr std::string_view name = "UpdateFeaturesRequest";
    static constexpr ApiKey api_key = ApiKey::update_features;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct FeatureUpdateKey {
        std::string feature{};
        std::int16_t max_version_level = 0;
        bool allow_downgrade = false;
        std::int8_t upgrade_type = 1;

        static constexpr void fields(auto& f) {
            f("feature", &FeatureUpdateKey::feature);
            f("max_version_level", &FeatureUpdateKey::max_version_level);
            f("allow_downgrade", &FeatureUpdateKey::allow_downgrade, until(0));
            f("upgrade_type", &FeatureUpdateKey::upgrade_type, since(1));
        }
    };

    std::int32_t timeout_ms = 60000;
    std::vector<FeatureUpdateKey> feature_updates{};
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("timeout_ms", &UpdateFeaturesRequest::timeout_ms);
        f("feature_updates", &UpdateFeaturesRequest::feature_updates);
        f("validate_only", &UpdateFeaturesRequest::validate_only, since(1));
    }
};

struct UpdateFeaturesResponse {
    static constexpr std::string_view name = "UpdateFeaturesResponse";
    static constexpr ApiKey api_key = ApiKey::update_features;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct UpdatableFeatureResult {
        std::string feature{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("feature", &UpdatableFeatureResult::feature);
            f("error_code", &UpdatableFeatureResult::error_code);
            f("error_message", &UpdatableFeatureResult::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<UpdatableFeatureResult> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &UpdateFeaturesResponse::throttle_time_ms);
        f("error_code", &UpdateFeaturesResponse::error_code);
        f("error_message", &UpdateFeaturesResponse::error_message);
        f("results", &UpdateFeaturesResponse::results, until(1).ignorable());
    }
};

/// A broker passes a client's request on to the controller, header and all (KIP-590).
struct EnvelopeRequest {
    static constexpr std::string_view name = "EnvelopeRequest";
    static constexpr ApiKey api_key = ApiKey::envelope;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Bytes request_data{};
    std::optional<Bytes> request_principal{std::in_place};
    Bytes client_host_address{};

    static constexpr void fields(auto& f) {
        f("request_data", &EnvelopeRequest::request_data);
        f("request_principal", &EnvelopeRequest::request_principal);
        f("client_host_address", &EnvelopeRequest::client_host_address);
    }
};

struct EnvelopeResponse {
    static constexpr std::string_view name = "EnvelopeResponse";
    static constexpr ApiKey api_key = ApiKey::envelope;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::optional<Bytes> response_data{};
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) {
        f("response_data", &EnvelopeResponse::response_data);
        f("error_code", &EnvelopeResponse::error_code);
    }
};

/// A broker enters the cluster (KIP-631). Version 2 names its directories (KIP-858).
struct BrokerRegistrationRequest {
    static constexpr std::string_view name = "BrokerRegistrationRequest";
    static constexpr ApiKey api_key = ApiKey::broker_registration;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{0};

    struct Listener {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;
        std::int16_t security_protocol = 0;

        static constexpr void fields(auto& f) {
            f("name", &Listener::name);
            f("host", &Listener::host);
            f("port", &Listener::port);
            f("security_protocol", &Listener::security_protocol);
        }
    };

    struct Feature {
        std::string name{};
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("name", &Feature::name);
            f("min_supported_version", &Feature::min_supported_version);
            f("max_supported_version", &Feature::max_supported_version);
        }
    };

    std::int32_t broker_id = 0;
    std::string cluster_id{};
    Uuid incarnation_id{};
    std::vector<Listener> listeners{};
    std::vector<Feature> features{};
    std::optional<std::string> rack = "";
    bool is_migrating_zk_broker = false;
    std::vector<Uuid> log_dirs{};
    std::int64_t previous_broker_epoch = -1;

    static constexpr void fields(auto& f) {
        f("broker_id", &BrokerRegistrationRequest::broker_id);
        f("cluster_id", &BrokerRegistrationRequest::cluster_id);
        f("incarnation_id", &BrokerRegistrationRequest::incarnation_id);
        f("listeners", &BrokerRegistrationRequest::listeners);
        f("features", &BrokerRegistrationRequest::features);
        f("rack", &BrokerRegistrationRequest::rack);
        f("is_migrating_zk_broker", &BrokerRegistrationRequest::is_migrating_zk_broker, since(1));
        f("log_dirs", &BrokerRegistrationRequest::log_dirs, since(2).ignorable());
        f("previous_broker_epoch", &BrokerRegistrationRequest::previous_broker_epoch,
          since(3).ignorable());
    }
};

struct BrokerRegistrationResponse {
    static constexpr std::string_view name = "BrokerRegistrationResponse";
    static constexpr ApiKey api_key = ApiKey::broker_registration;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int64_t broker_epoch = -1;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &BrokerRegistrationResponse::throttle_time_ms);
        f("error_code", &BrokerRegistrationResponse::error_code);
        f("broker_epoch", &BrokerRegistrationResponse::broker_epoch);
    }
};

/// A broker says that it lives, how far it read the metadata, and whether it wants to stop
/// (KIP-631).
struct BrokerHeartbeatRequest {
    static constexpr std::string_view name = "BrokerHeartbeatRequest";
    static constexpr ApiKey api_key = ApiKey::broker_heartbeat;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;
    std::int64_t current_metadata_offset = 0;
    bool want_fence = false;
    bool want_shut_down = false;
    std::vector<Uuid> offline_log_dirs{};
    std::optional<std::vector<Uuid>> cordoned_log_dirs{};

    static constexpr void fields(auto& f) {
        f("broker_id", &BrokerHeartbeatRequest::broker_id);
        f("broker_epoch", &BrokerHeartbeatRequest::broker_epoch);
        f("current_metadata_offset", &BrokerHeartbeatRequest::current_metadata_offset);
        f("want_fence", &BrokerHeartbeatRequest::want_fence);
        f("want_shut_down", &BrokerHeartbeatRequest::want_shut_down);
        f.tagged(0, "offline_log_dirs", &BrokerHeartbeatRequest::offline_log_dirs, since(1));
        f.tagged(1, "cordoned_log_dirs", &BrokerHeartbeatRequest::cordoned_log_dirs, since(2));
    }
};

struct BrokerHeartbeatResponse {
    static constexpr std::string_view name = "BrokerHeartbeatResponse";
    static constexpr ApiKey api_key = ApiKey::broker_heartbeat;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    bool is_caught_up = false;
    bool is_fenced = true;
    bool should_shut_down = false;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &BrokerHeartbeatResponse::throttle_time_ms);
        f("error_code", &BrokerHeartbeatResponse::error_code);
        f("is_caught_up", &BrokerHeartbeatResponse::is_caught_up);
        f("is_fenced", &BrokerHeartbeatResponse::is_fenced);
        f("should_shut_down", &BrokerHeartbeatResponse::should_shut_down);
    }
};

/// Brokers, controller and cluster id (KIP-700). Version 1 can ask for the controllers instead
/// (KIP-919), 2 shows fenced brokers too (KIP-1073).
struct DescribeClusterRequest {
    static constexpr std::string_view name = "DescribeClusterRequest";
    static constexpr ApiKey api_key = ApiKey::describe_cluster;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    bool include_cluster_authorized_operations = false;
    std::int8_t endpoint_type = 1;
    bool include_fenced_brokers = false;

    static constexpr void fields(auto& f) {
        f("include_cluster_authorized_operations",
          &DescribeClusterRequest::include_cluster_authorized_operations);
        f("endpoint_type", &DescribeClusterRequest::endpoint_type, since(1));
        f("include_fenced_brokers", &DescribeClusterRequest::include_fenced_brokers, since(2));
    }
};

struct DescribeClusterResponse {
    static constexpr std::string_view name = "DescribeClusterResponse";
    static constexpr ApiKey api_key = ApiKey::describe_cluster;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct Broker {
        std::int32_t broker_id = 0;
        std::string host{};
        std::int32_t port = 0;
        std::optional<std::string> rack{};
        bool is_fenced = false;

        static constexpr void fields(auto& f) {
            f("broker_id", &Broker::broker_id);
            f("host", &Broker::host);
            f("port", &Broker::port);
            f("rack", &Broker::rack);
            f("is_fenced", &Broker::is_fenced, since(2));
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};
    std::int8_t endpoint_type = 1;
    std::string cluster_id{};
    std::int32_t controller_id = -1;
    std::vector<Broker> brokers{};
    std::int32_t cluster_authorized_operations = -2147483648;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeClusterResponse::throttle_time_ms);
        f("error_code", &DescribeClusterResponse::error_code);
        f("error_message", &DescribeClusterResponse::error_message);
        f("endpoint_type", &DescribeClusterResponse::endpoint_type, since(1));
        f("cluster_id", &DescribeClusterResponse::cluster_id);
        f("controller_id", &DescribeClusterResponse::controller_id);
        f("brokers", &DescribeClusterResponse::brokers);
        f("cluster_authorized_operations", &DescribeClusterResponse::cluster_authorized_operations);
    }
};

/// Makes the cluster forget a broker (KIP-631).
struct UnregisterBrokerRequest {
    static constexpr std::string_view name = "UnregisterBrokerRequest";
    static constexpr ApiKey api_key = ApiKey::unregister_broker;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;

    static constexpr void fields(auto& f) { f("broker_id", &UnregisterBrokerRequest::broker_id); }
};

struct UnregisterBrokerResponse {
    static constexpr std::string_view name = "UnregisterBrokerResponse";
    static constexpr ApiKey api_key = ApiKey::unregister_broker;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &UnregisterBrokerResponse::throttle_time_ms);
        f("error_code", &UnregisterBrokerResponse::error_code);
        f("error_message", &UnregisterBrokerResponse::error_message);
    }
};

/// A controller tells its endpoints and the features it supports (KIP-919).
struct ControllerRegistrationRequest {
    static constexpr std::string_view name = "ControllerRegistrationRequest";
    static constexpr ApiKey api_key = ApiKey::controller_registration;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Listener {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;
        std::int16_t security_protocol = 0;

        static constexpr void fields(auto& f) {
            f("name", &Listener::name);
            f("host", &Listener::host);
            f("port", &Listener::port);
            f("security_protocol", &Listener::security_protocol);
        }
    };

    struct Feature {
        std::string name{};
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("name", &Feature::name);
            f("min_supported_version", &Feature::min_supported_version);
            f("max_supported_version", &Feature::max_supported_version);
        }
    };

    std::int32_t controller_id = 0;
    Uuid incarnation_id{};
    bool zk_migration_ready = false;
    std::vector<Listener> listeners{};
    std::vector<Feature> features{};

    static constexpr void fields(auto& f) {
        f("controller_id", &ControllerRegistrationRequest::controller_id);
        f("incarnation_id", &ControllerRegistrationRequest::incarnation_id);
        f("zk_migration_ready", &ControllerRegistrationRequest::zk_migration_ready);
        f("listeners", &ControllerRegistrationRequest::listeners);
        f("features", &ControllerRegistrationRequest::features);
    }
};

struct ControllerRegistrationResponse {
    static constexpr std::string_view name = "ControllerRegistrationResponse";
    static constexpr ApiKey api_key = ApiKey::controller_registration;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ControllerRegistrationResponse::throttle_time_ms);
        f("error_code", &ControllerRegistrationResponse::error_code);
        f("error_message", &ControllerRegistrationResponse::error_message);
    }
};

/// Makes the cluster forget a controller that is no voter any more.
struct UnregisterControllerRequest {
    static constexpr std::string_view name = "UnregisterControllerRequest";
    static constexpr ApiKey api_key = ApiKey::unregister_controller;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t controller_id = 0;

    static constexpr void fields(auto& f) { f("controller_id", &UnregisterControllerRequest::controller_id); }
};

struct UnregisterControllerResponse {
    static constexpr std::string_view name = "UnregisterControllerResponse";
    static constexpr ApiKey api_key = ApiKey::unregister_controller;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &UnregisterControllerResponse::throttle_time_ms);
        f("error_code", &UnregisterControllerResponse::error_code);
        f("error_message", &UnregisterControllerResponse::error_message);
    }
};

}  // namespace

void add_brokers(Messages& messages) {
    add_messages<AlterPartitionRequest, AlterPartitionResponse, UpdateFeaturesRequest,
                 UpdateFeaturesResponse, EnvelopeRequest, EnvelopeResponse,
                 BrokerRegistrationRequest, BrokerRegistrationResponse, BrokerHeartbeatRequest,
                 BrokerHeartbeatResponse, DescribeClusterRequest, DescribeClusterResponse,
                 UnregisterBrokerRequest, UnregisterBrokerResponse, ControllerRegistrationRequest,
                 ControllerRegistrationResponse, UnregisterControllerRequest,
                 UnregisterControllerResponse>(messages);
}

}  // namespace kwire::protocol
