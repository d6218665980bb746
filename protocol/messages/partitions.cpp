// Partitions: more of them, other leaders, other replicas.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Adds partitions to topics (KIP-195).
struct CreatePartitionsRequest {
    static constexpr std::string_view name = "CreatePartitionsRequest";
    static constexpr ApiKey api_key = ApiKey::create_partitions;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct Assignment {
        std::vector<std::int32_t> broker_ids{};

        static constexpr void fields(auto& f) { f("broker_ids", &Assignment::broker_ids); }
    };

    struct Topic {
        std::string name{};
        std::int32_t count = 0;
        std::optional<std::vector<Assignment>> assignments{std::in_place};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("count", &Topic::count);
            f("assignments", &Topic::assignments);
        }
    };

    std::vector<Topic> topics{};
    std::int32_t timeout_ms = 0;
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("topics", &CreatePartitionsRequest::topics);
        f("timeout_ms", &CreatePartitionsRequest::timeout_ms);
        f("validate_only", &CreatePartitionsRequest::validate_only);
    }
};

struct CreatePartitionsResponse {
    static constexpr std::string_view name = "CreatePartitionsResponse";
    static constexpr ApiKey api_key = ApiKey::create_partitions;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct TopicResult {
        std::string name{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("name", &TopicResult::name);
            f("error_code", &TopicResult::error_code);
            f("error_message", &TopicResult::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<TopicResult> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &CreatePartitionsResponse::throttle_time_ms);
        f("results", &CreatePartitionsResponse::results);
    }
};

/// Makes preferred replicas lead (KIP-183), from version 1 also ones that are out of sync
/// (KIP-460). Null asks for all partitions.
struct ElectLeadersRequest {
    static constexpr std::string_view name = "ElectLeadersRequest";
    static constexpr ApiKey api_key = ApiKey::elect_leaders;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct TopicPartitions {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &TopicPartitions::topic);
            f("partitions", &TopicPartitions::partitions);
        }
    };

    std::int8_t election_type = 0;
    std::optional<std::vector<TopicPartitions>> topic_partitions{std::in_place};
    std::int32_t timeout_ms = 60000;

    static constexpr void fields(auto& f) {
        f("election_type", &ElectLeadersRequest::election_type, since(1));
        f("topic_partitions", &ElectLeadersRequest::topic_partitions);
        f("timeout_ms", &ElectLeadersRequest::timeout_ms);
    }
};

struct ElectLeadersResponse {
    static constexpr std::string_view name = "ElectLeadersResponse";
    static constexpr ApiKey api_key = ApiKey::elect_leaders;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct PartitionResult {
        std::int32_t partition_id = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("partition_id", &PartitionResult::partition_id);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
        }
    };

    struct ReplicaElectionResult {
        std::string topic{};
        std::vector<PartitionResult> partition_result{};

        static constexpr void fields(auto& f) {
            f("topic", &ReplicaElectionResult::topic);
            f("partition_result", &ReplicaElectionResult::partition_result);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<ReplicaElectionResult> replica_election_results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ElectLeadersResponse::throttle_time_ms);
        f("error_code", &ElectLeadersResponse::error_code, since(1));
        f("replica_election_results", &ElectLeadersResponse::replica_election_results);
    }
};

/// Moves partitions to other replicas, or with null stops that (KIP-455).
struct AlterPartitionReassignmentsRequest {
    static constexpr std::string_view name = "AlterPartitionReassignmentsRequest";
    static constexpr ApiKey api_key = ApiKey::alter_partition_reassignments;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct ReassignablePartition {
        std::int32_t partition_index = 0;
        std::optional<std::vector<std::int32_t>> replicas{};

        static constexpr void fields(auto& f) {
            f("partition_index", &ReassignablePartition::partition_index);
            f("replicas", &ReassignablePartition::replicas);
        }
    };

    struct ReassignableTopic {
        std::string name{};
        std::vector<ReassignablePartition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &ReassignableTopic::name);
            f("partitions", &ReassignableTopic::partitions);
        }
    };

    std::int32_t timeout_ms = 60000;
    bool allow_replication_factor_change = true;
    std::vector<ReassignableTopic> topics{};

    static constexpr void fields(auto& f) {
        f("timeout_ms", &AlterPartitionReassignmentsRequest::timeout_ms);
        f("allow_replication_factor_change",
          &AlterPartitionReassignmentsRequest::allow_replication_factor_change, since(1));
        f("topics", &AlterPartitionReassignmentsRequest::topics);
    }
};

struct AlterPartitionReassignmentsResponse {
    static constexpr std::string_view name = "AlterPartitionReassignmentsResponse";
    static constexpr ApiKey api_key = ApiKey::alter_partition_reassignments;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct ReassignablePartitionResponse {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("partition_index", &ReassignablePartitionResponse::partition_index);
            f("error_code", &ReassignablePartitionResponse::error_code);
            f("error_message", &ReassignablePartitionResponse::error_message);
        }
    };

    struct ReassignableTopicResponse {
        std::string name{};
        std::vector<ReassignablePartitionResponse> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &ReassignableTopicResponse::name);
            f("partitions", &ReassignableTopicResponse::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    bool allow_replication_factor_change = true;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<ReassignableTopicResponse> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterPartitionReassignmentsResponse::throttle_time_ms);
        f("allow_replication_factor_change",
          &AlterPartitionReassignmentsResponse::allow_replication_factor_change,
          since(1).ignorable());
        f("error_code", &AlterPartitionReassignmentsResponse::error_code);
        f("error_message", &AlterPartitionReassignmentsResponse::error_message);
        f("responses", &AlterPartitionReassignmentsResponse::responses);
    }
};

/// The moves that are going on; null asks for all (KIP-455).
struct ListPartitionReassignmentsRequest {
    static constexpr std::string_view name = "ListPartitionReassignmentsRequest";
    static constexpr ApiKey api_key = ApiKey::list_partition_reassignments;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Topics {
        std::string name{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &Topics::name);
            f("partition_indexes", &Topics::partition_indexes);
        }
    };

    std::int32_t timeout_ms = 60000;
    std::optional<std::vector<Topics>> topics{};

    static constexpr void fields(auto& f) {
        f("timeout_ms", &ListPartitionReassignmentsRequest::timeout_ms);
        f("topics", &ListPartitionReassignmentsRequest::topics);
    }
};

struct ListPartitionReassignmentsResponse {
    static constexpr std::string_view name = "ListPartitionReassignmentsResponse";
    static constexpr ApiKey api_key = ApiKey::list_partition_reassignments;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct OngoingPartitionReassignment {
        std::int32_t partition_index = 0;
        std::vector<std::int32_t> replicas{};
        std::vector<std::int32_t> adding_replicas{};
        std::vector<std::int32_t> removing_replicas{};

        static constexpr void fields(auto& f) {
            f("partition_index", &OngoingPartitionReassignment::partition_index);
            f("replicas", &OngoingPartitionReassignment::replicas);
            f("adding_replicas", &OngoingPartitionReassignment::adding_replicas);
            f("removing_replicas", &OngoingPartitionReassignment::removing_replicas);
        }
    };

    struct OngoingTopicReassignment {
        std::string name{};
        std::vector<OngoingPartitionReassignment> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &OngoingTopicReassignment::name);
            f("partitions", &OngoingTopicReassignment::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<OngoingTopicReassignment> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ListPartitionReassignmentsResponse::throttle_time_ms);
        f("error_code", &ListPartitionReassignmentsResponse::error_code);
        f("error_message", &ListPartitionReassignmentsResponse::error_message);
        f("topics", &ListPartitionReassignmentsResponse::topics);
    }
};

/// Partitions page by page, with the replicas that may still lead (KIP-966).
struct DescribeTopicPartitionsRequest {
    static constexpr std::string_view name = "DescribeTopicPartitionsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_topic_partitions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicRequest {
        std::string name{};

        static constexpr void fields(auto& f) { f("name", &TopicRequest::name); }
    };

    struct Cursor {
        std::string topic_name{};
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("topic_name", &Cursor::topic_name);
            f("partition_index", &Cursor::partition_index);
        }
    };

    std::vector<TopicRequest> topics{};
    std::int32_t response_partition_limit = 2000;
    std::optional<Cursor> cursor{};

    static constexpr void fields(auto& f) {
        f("topics", &DescribeTopicPartitionsRequest::topics);
        f("response_partition_limit", &DescribeTopicPartitionsRequest::response_partition_limit);
        f("cursor", &DescribeTopicPartitionsRequest::cursor);
    }
};

struct DescribeTopicPartitionsResponse {
    static constexpr std::string_view name = "DescribeTopicPartitionsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_topic_partitions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        std::int32_t partition_index = 0;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = -1;
        std::vector<std::int32_t> replica_nodes{};
        std::vector<std::int32_t> isr_nodes{};
        std::optional<std::vector<std::int32_t>> eligible_leader_replicas{};
        std::optional<std::vector<std::int32_t>> last_known_elr{};
        std::vector<std::int32_t> offline_replicas{};

        static constexpr void fields(auto& f) {
            f("error_code", &Partition::error_code);
            f("partition_index", &Partition::partition_index);
            f("leader_id", &Partition::leader_id);
            f("leader_epoch", &Partition::leader_epoch);
            f("replica_nodes", &Partition::replica_nodes);
            f("isr_nodes", &Partition::isr_nodes);
            f("eligible_leader_replicas", &Partition::eligible_leader_replicas);
            f("last_known_elr", &Partition::last_known_elr);
            f("offline_replicas", &Partition::offline_replicas);
        }
    };

    struct Topic {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> name = "";
        Uuid topic_id{};
        bool is_internal = false;
        std::vector<Partition> partitions{};
        std::int32_t topic_authorized_operations = -2147483648;

        static constexpr void fields(auto& f) {
            f("error_code", &Topic::error_code);
            f("name", &Topic::name);
            f("topic_id", &Topic::topic_id);
            f("is_internal", &Topic::is_internal);
            f("partitions", &Topic::partitions);
            f("topic_authorized_operations", &Topic::topic_authorized_operations);
        }
    };

    struct Cursor {
        std::string topic_name{};
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("topic_name", &Cursor::topic_name);
            f("partition_index", &Cursor::partition_index);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};
    std::optional<Cursor> next_cursor{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeTopicPartitionsResponse::throttle_time_ms);
        f("topics", &DescribeTopicPartitionsResponse::topics);
        f("next_cursor", &DescribeTopicPartitionsResponse::next_cursor);
    }
};

}  // namespace

void add_partitions(Messages& messages) {
    add_messages<CreatePartitionsRequest, CreatePartitionsResponse, ElectLeadersRequest,
                 ElectLeadersResponse, AlterPartitionReassignmentsRequest,
                 AlterPartitionReassignmentsResponse, ListPartitionReassignmentsRequest,
                 ListPartitionReassignmentsResponse, DescribeTopicPartitionsRequest,
                 DescribeTopicPartitionsResponse>(messages);
}

}  // namespace kwire::protocol
