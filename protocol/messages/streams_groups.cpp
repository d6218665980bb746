// Groups of Kafka Streams for which the coordinator assigns tasks (KIP-1071).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Joins, stays and leaves; hands in the topology and what tasks the member runs, receives those it
/// should.
struct StreamsGroupHeartbeatRequest {
    static constexpr std::string_view name = "StreamsGroupHeartbeatRequest";
    static constexpr ApiKey api_key = ApiKey::streams_group_heartbeat;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct KeyValue {
        std::string key{};
        std::string value{};

        static constexpr void fields(auto& f) {
            f("key", &KeyValue::key);
            f("value", &KeyValue::value);
        }
    };

    struct TopicInfo {
        std::string name{};
        std::int32_t partitions = 0;
        std::int16_t replication_factor = 0;
        std::vector<KeyValue> topic_configs{};

        static constexpr void fields(auto& f) {
            f("name", &TopicInfo::name);
            f("partitions", &TopicInfo::partitions);
            f("replication_factor", &TopicInfo::replication_factor);
            f("topic_configs", &TopicInfo::topic_configs);
        }
    };

    struct CopartitionGroup {
        std::vector<std::int16_t> source_topics{};
        std::vector<std::int16_t> source_topic_regex{};
        std::vector<std::int16_t> repartition_source_topics{};

        static constexpr void fields(auto& f) {
            f("source_topics", &CopartitionGroup::source_topics);
            f("source_topic_regex", &CopartitionGroup::source_topic_regex);
            f("repartition_source_topics", &CopartitionGroup::repartition_source_topics);
        }
    };

    struct Subtopology {
        std::string subtopology_id{};
        std::vector<std::string> source_topics{};
        std::vector<std::string> source_topic_regex{};
        std::vector<TopicInfo> state_changelog_topics{};
        std::vector<std::string> repartition_sink_topics{};
        std::vector<TopicInfo> repartition_source_topics{};
        std::vector<CopartitionGroup> copartition_groups{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &Subtopology::subtopology_id);
            f("source_topics", &Subtopology::source_topics);
            f("source_topic_regex", &Subtopology::source_topic_regex);
            f("state_changelog_topics", &Subtopology::state_changelog_topics);
            f("repartition_sink_topics", &Subtopology::repartition_sink_topics);
            f("repartition_source_topics", &Subtopology::repartition_source_topics);
            f("copartition_groups", &Subtopology::copartition_groups);
        }
    };

    struct Topology {
        std::int32_t epoch = 0;
        std::vector<Subtopology> subtopologies{};

        static constexpr void fields(auto& f) {
            f("epoch", &Topology::epoch);
            f("subtopologies", &Topology::subtopologies);
        }
    };

    struct TaskIds {
        std::string subtopology_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskIds::subtopology_id);
            f("partitions", &TaskIds::partitions);
        }
    };

    struct Endpoint {
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("host", &Endpoint::host);
            f("port", &Endpoint::port);
        }
    };

    struct TaskOffset {
        std::string subtopology_id{};
        std::int32_t partition = 0;
        std::int64_t offset = 0;

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskOffset::subtopology_id);
            f("partition", &TaskOffset::partition);
            f("offset", &TaskOffset::offset);
        }
    };

    std::string group_id{};
    std::string member_id{};
    std::int32_t member_epoch = 0;
    std::int32_t endpoint_information_epoch = 0;
    std::optional<std::string> instance_id{};
    std::optional<std::string> rack_id{};
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<Topology> topology{};
    std::optional<std::vector<TaskIds>> active_tasks{};
    std::optional<std::vector<TaskIds>> standby_tasks{};
    std::optional<std::vector<TaskIds>> warmup_tasks{};
    std::optional<std::string> process_id{};
    std::optional<Endpoint> user_endpoint{};
    std::optional<std::vector<KeyValue>> client_tags{};
    std::optional<std::vector<TaskOffset>> task_offsets{};
    std::optional<std::vector<TaskOffset>> task_end_offsets{};
    bool shutdown_application = false;

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupHeartbeatRequest::group_id);
        f("member_id", &StreamsGroupHeartbeatRequest::member_id);
        f("member_epoch", &StreamsGroupHeartbeatRequest::member_epoch);
        f("endpoint_information_epoch", &StreamsGroupHeartbeatRequest::endpoint_information_epoch);
        f("instance_id", &StreamsGroupHeartbeatRequest::instance_id);
        f("rack_id", &StreamsGroupHeartbeatRequest::rack_id);
        f("rebalance_timeout_ms", &StreamsGroupHeartbeatRequest::rebalance_timeout_ms);
        f("topology", &StreamsGroupHeartbeatRequest::topology);
        f("active_tasks", &StreamsGroupHeartbeatRequest::active_tasks);
        f("standby_tasks", &StreamsGroupHeartbeatRequest::standby_tasks);
        f("warmup_tasks", &StreamsGroupHeartbeatRequest::warmup_tasks);
        f("process_id", &StreamsGroupHeartbeatRequest::process_id);
        f("user_endpoint", &StreamsGroupHeartbeatRequest::user_endpoint);
        f("client_tags", &StreamsGroupHeartbeatRequest::client_tags);
        f("task_offsets", &StreamsGroupHeartbeatRequest::task_offsets);
        f("task_end_offsets", &StreamsGroupHeartbeatRequest::task_end_offsets);
        f("shutdown_application", &StreamsGroupHeartbeatRequest::shutdown_application);
    }
};

struct StreamsGroupHeartbeatResponse {
    static constexpr std::string_view name = "StreamsGroupHeartbeatResponse";
    static constexpr ApiKey api_key = ApiKey::streams_group_heartbeat;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct Status {
        std::int8_t status_code = 0;
        std::string status_detail{};

        static constexpr void fields(auto& f) {
            f("status_code", &Status::status_code);
            f("status_detail", &Status::status_detail);
        }
    };

    struct TaskIds {
        std::string subtopology_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskIds::subtopology_id);
            f("partitions", &TaskIds::partitions);
        }
    };

    struct Endpoint {
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("host", &Endpoint::host);
            f("port", &Endpoint::port);
        }
    };

    struct TopicPartition {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &TopicPartition::topic);
            f("partitions", &TopicPartition::partitions);
        }
    };

    struct EndpointToPartitions {
        Endpoint user_endpoint{};
        std::vector<TopicPartition> active_partitions{};
        std::vector<TopicPartition> standby_partitions{};

        static constexpr void fields(auto& f) {
            f("user_endpoint", &EndpointToPartitions::user_endpoint);
            f("active_partitions", &EndpointToPartitions::active_partitions);
            f("standby_partitions", &EndpointToPartitions::standby_partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};
    std::string member_id{};
    std::int32_t member_epoch = 0;
    std::int32_t heartbeat_interval_ms = 0;
    std::int32_t acceptable_recovery_lag_legacy = 0;
    std::int32_t task_offset_interval_ms = 0;
    std::int64_t acceptable_recovery_lag = -1;
    std::optional<std::vector<Status>> status{std::in_place};
    std::optional<std::vector<TaskIds>> active_tasks{};
    std::optional<std::vector<TaskIds>> standby_tasks{};
    std::optional<std::vector<TaskIds>> warmup_tasks{};
    bool topology_description_required = false;
    std::int32_t endpoint_information_epoch = 0;
    std::optional<std::vector<EndpointToPartitions>> partitions_by_user_endpoint{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &StreamsGroupHeartbeatResponse::throttle_time_ms);
        f("error_code", &StreamsGroupHeartbeatResponse::error_code);
        f("error_message", &StreamsGroupHeartbeatResponse::error_message);
        f("member_id", &StreamsGroupHeartbeatResponse::member_id);
        f("member_epoch", &StreamsGroupHeartbeatResponse::member_epoch);
        f("heartbeat_interval_ms", &StreamsGroupHeartbeatResponse::heartbeat_interval_ms);
        f("acceptable_recovery_lag_legacy",
          &StreamsGroupHeartbeatResponse::acceptable_recovery_lag_legacy, only(0));
        f("task_offset_interval_ms", &StreamsGroupHeartbeatResponse::task_offset_interval_ms);
        f("acceptable_recovery_lag", &StreamsGroupHeartbeatResponse::acceptable_recovery_lag,
          since(1).ignorable());
        f("status", &StreamsGroupHeartbeatResponse::status);
        f("active_tasks", &StreamsGroupHeartbeatResponse::active_tasks);
        f("standby_tasks", &StreamsGroupHeartbeatResponse::standby_tasks);
        f("warmup_tasks", &StreamsGroupHeartbeatResponse::warmup_tasks);
        f("topology_description_required",
          &StreamsGroupHeartbeatResponse::topology_description_required, since(1));
        f("endpoint_information_epoch", &StreamsGroupHeartbeatResponse::endpoint_information_epoch);
        f("partitions_by_user_endpoint",
          &StreamsGroupHeartbeatResponse::partitions_by_user_endpoint);
    }
};

/// A topology as the application wrote it: sources, processors and sinks, and who follows whom.
struct TopologyDescription {
    struct Node {
        std::string name{};
        std::int8_t node_type = 0;
        std::vector<std::string> source_topics{};
        std::optional<std::string> sink_topic{};
        std::vector<std::string> stores{};
        std::vector<std::string> successors{};

        static constexpr void fields(auto& f) {
            f("name", &Node::name);
            f("node_type", &Node::node_type);
            f("source_topics", &Node::source_topics);
            f("sink_topic", &Node::sink_topic);
            f("stores", &Node::stores);
            f("successors", &Node::successors);
        }
    };

    struct Subtopology {
        std::string subtopology_id{};
        std::vector<Node> nodes{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &Subtopology::subtopology_id);
            f("nodes", &Subtopology::nodes);
        }
    };

    struct GlobalStore {
        Node source{};
        Node processor{};

        static constexpr void fields(auto& f) {
            f("source", &GlobalStore::source);
            f("processor", &GlobalStore::processor);
        }
    };

    std::vector<Subtopology> subtopologies{};
    std::vector<GlobalStore> global_stores{};

    static constexpr void fields(auto& f) {
        f("subtopologies", &TopologyDescription::subtopologies);
        f("global_stores", &TopologyDescription::global_stores);
    }
};

/// Topology, members, their tasks and those they are to have.
struct StreamsGroupDescribeRequest {
    static constexpr std::string_view name = "StreamsGroupDescribeRequest";
    static constexpr ApiKey api_key = ApiKey::streams_group_describe;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> group_ids{};
    bool include_authorized_operations = false;
    bool include_topology_description = false;

    static constexpr void fields(auto& f) {
        f("group_ids", &StreamsGroupDescribeRequest::group_ids);
        f("include_authorized_operations",
          &StreamsGroupDescribeRequest::include_authorized_operations);
        f("include_topology_description",
          &StreamsGroupDescribeRequest::include_topology_description, since(1));
    }
};

struct StreamsGroupDescribeResponse {
    static constexpr std::string_view name = "StreamsGroupDescribeResponse";
    static constexpr ApiKey api_key = ApiKey::streams_group_describe;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct KeyValue {
        std::string key{};
        std::string value{};

        static constexpr void fields(auto& f) {
            f("key", &KeyValue::key);
            f("value", &KeyValue::value);
        }
    };

    struct TopicInfo {
        std::string name{};
        std::int32_t partitions = 0;
        std::int16_t replication_factor = 0;
        std::vector<KeyValue> topic_configs{};

        static constexpr void fields(auto& f) {
            f("name", &TopicInfo::name);
            f("partitions", &TopicInfo::partitions);
            f("replication_factor", &TopicInfo::replication_factor);
            f("topic_configs", &TopicInfo::topic_configs);
        }
    };

    struct Subtopology {
        std::string subtopology_id{};
        std::vector<std::string> source_topics{};
        std::vector<std::string> repartition_sink_topics{};
        std::vector<TopicInfo> state_changelog_topics{};
        std::vector<TopicInfo> repartition_source_topics{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &Subtopology::subtopology_id);
            f("source_topics", &Subtopology::source_topics);
            f("repartition_sink_topics", &Subtopology::repartition_sink_topics);
            f("state_changelog_topics", &Subtopology::state_changelog_topics);
            f("repartition_source_topics", &Subtopology::repartition_source_topics);
        }
    };

    struct Topology {
        std::int32_t epoch = 0;
        std::optional<std::vector<Subtopology>> subtopologies{};

        static constexpr void fields(auto& f) {
            f("epoch", &Topology::epoch);
            f("subtopologies", &Topology::subtopologies);
        }
    };

    struct Endpoint {
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("host", &Endpoint::host);
            f("port", &Endpoint::port);
        }
    };

    struct TaskOffset {
        std::string subtopology_id{};
        std::int32_t partition = 0;
        std::int64_t offset = 0;

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskOffset::subtopology_id);
            f("partition", &TaskOffset::partition);
            f("offset", &TaskOffset::offset);
        }
    };

    struct TaskIds {
        std::string subtopology_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskIds::subtopology_id);
            f("partitions", &TaskIds::partitions);
        }
    };

    struct Assignment {
        std::vector<TaskIds> active_tasks{};
        std::vector<TaskIds> standby_tasks{};
        std::vector<TaskIds> warmup_tasks{};

        static constexpr void fields(auto& f) {
            f("active_tasks", &Assignment::active_tasks);
            f("standby_tasks", &Assignment::standby_tasks);
            f("warmup_tasks", &Assignment::warmup_tasks);
        }
    };

    struct Member {
        std::string member_id{};
        std::int32_t member_epoch = 0;
        std::optional<std::string> instance_id{};
        std::optional<std::string> rack_id{};
        std::string client_id{};
        std::string client_host{};
        std::int32_t topology_epoch = 0;
        std::string process_id{};
        std::optional<Endpoint> user_endpoint{};
        std::vector<KeyValue> client_tags{};
        std::vector<TaskOffset> task_offsets{};
        std::vector<TaskOffset> task_end_offsets{};
        Assignment assignment{};
        Assignment target_assignment{};
        bool is_classic = false;

        static constexpr void fields(auto& f) {
            f("member_id", &Member::member_id);
            f("member_epoch", &Member::member_epoch);
            f("instance_id", &Member::instance_id);
            f("rack_id", &Member::rack_id);
            f("client_id", &Member::client_id);
            f("client_host", &Member::client_host);
            f("topology_epoch", &Member::topology_epoch);
            f("process_id", &Member::process_id);
            f("user_endpoint", &Member::user_endpoint);
            f("client_tags", &Member::client_tags);
            f("task_offsets", &Member::task_offsets);
            f("task_end_offsets", &Member::task_end_offsets);
            f("assignment", &Member::assignment);
            f("target_assignment", &Member::target_assignment);
            f("is_classic", &Member::is_classic);
        }
    };

    struct DescribedGroup {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::string group_id{};
        std::string group_state{};
        std::int32_t group_epoch = 0;
        std::int32_t assignment_epoch = 0;
        std::optional<Topology> topology{};
        std::vector<Member> members{};
        std::int32_t authorized_operations = -2147483648;
        std::optional<TopologyDescription> topology_description{};
        std::int8_t topology_description_status = 0;
        std::optional<std::string> assignor_name{};

        static constexpr void fields(auto& f) {
            f("error_code", &DescribedGroup::error_code);
            f("error_message", &DescribedGroup::error_message);
            f("group_id", &DescribedGroup::group_id);
            f("group_state", &DescribedGroup::group_state);
            f("group_epoch", &DescribedGroup::group_epoch);
            f("assignment_epoch", &DescribedGroup::assignment_epoch);
            f("topology", &DescribedGroup::topology);
            f("members", &DescribedGroup::members);
            f("authorized_operations", &DescribedGroup::authorized_operations);
            f("topology_description", &DescribedGroup::topology_description, since(1));
            f("topology_description_status", &DescribedGroup::topology_description_status,
              since(1));
            f("assignor_name", &DescribedGroup::assignor_name, since(1).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<DescribedGroup> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &StreamsGroupDescribeResponse::throttle_time_ms);
        f("groups", &StreamsGroupDescribeResponse::groups);
    }
};

/// Hands in the description of a topology, if the answer to a heartbeat asked for it.
struct StreamsGroupTopologyDescriptionUpdateRequest {
    static constexpr std::string_view name = "StreamsGroupTopologyDescriptionUpdateRequest";
    static constexpr ApiKey api_key = ApiKey::streams_group_topology_description_update;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string group_id{};
    std::string member_id{};
    std::int32_t topology_epoch = 0;
    TopologyDescription topology_description{};

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupTopologyDescriptionUpdateRequest::group_id);
        f("member_id", &StreamsGroupTopologyDescriptionUpdateRequest::member_id);
        f("topology_epoch", &StreamsGroupTopologyDescriptionUpdateRequest::topology_epoch);
        f("topology_description",
          &StreamsGroupTopologyDescriptionUpdateRequest::topology_description);
    }
};

struct StreamsGroupTopologyDescriptionUpdateResponse {
    static constexpr std::string_view name = "StreamsGroupTopologyDescriptionUpdateResponse";
    static constexpr ApiKey api_key = ApiKey::streams_group_topology_description_update;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &StreamsGroupTopologyDescriptionUpdateResponse::throttle_time_ms);
        f("error_code", &StreamsGroupTopologyDescriptionUpdateResponse::error_code);
        f("error_message", &StreamsGroupTopologyDescriptionUpdateResponse::error_message);
    }
};

}  // namespace

void add_streams_groups(Messages& messages) {
    add_messages<StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse,
                 StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
                 StreamsGroupTopologyDescriptionUpdateRequest,
                 StreamsGroupTopologyDescriptionUpdateResponse>(messages);
}

}  // namespace kwire::protocol
