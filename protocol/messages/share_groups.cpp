// Groups whose members share partitions record by record (KIP-932). Version 0 is that of the early
// access in 4.0.
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

/// Joins, stays and leaves; the coordinator assigns. Member epoch 0 joins, -1 leaves.
struct ShareGroupHeartbeatRequest {
    static constexpr std::string_view name = "ShareGroupHeartbeatRequest";
    static constexpr ApiKey api_key = ApiKey::share_group_heartbeat;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::string group_id{};
    std::string member_id{};
    std::int32_t member_epoch = 0;
    std::optional<std::string> rack_id{};
    std::optional<std::vector<std::string>> subscribed_topic_names{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupHeartbeatRequest::group_id);
        f("member_id", &ShareGroupHeartbeatRequest::member_id);
        f("member_epoch", &ShareGroupHeartbeatRequest::member_epoch);
        f("rack_id", &ShareGroupHeartbeatRequest::rack_id);
        f("subscribed_topic_names", &ShareGroupHeartbeatRequest::subscribed_topic_names);
    }
};

struct ShareGroupHeartbeatResponse {
    static constexpr std::string_view name = "ShareGroupHeartbeatResponse";
    static constexpr ApiKey api_key = ApiKey::share_group_heartbeat;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct TopicPartitions {
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartitions::topic_id);
            f("partitions", &TopicPartitions::partitions);
        }
    };

    struct Assignment {
        std::vector<TopicPartitions> topic_partitions{};

        static constexpr void fields(auto& f) {
            f("topic_partitions", &Assignment::topic_partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};
    std::optional<std::string> member_id{};
    std::int32_t member_epoch = 0;
    std::int32_t heartbeat_interval_ms = 0;
    std::optional<Assignment> assignment{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ShareGroupHeartbeatResponse::throttle_time_ms);
        f("error_code", &ShareGroupHeartbeatResponse::error_code);
        f("error_message", &ShareGroupHeartbeatResponse::error_message);
        f("member_id", &ShareGroupHeartbeatResponse::member_id);
        f("member_epoch", &ShareGroupHeartbeatResponse::member_epoch);
        f("heartbeat_interval_ms", &ShareGroupHeartbeatResponse::heartbeat_interval_ms);
        f("assignment", &ShareGroupHeartbeatResponse::assignment);
    }
};

/// Epochs, members and their assignments.
struct ShareGroupDescribeRequest {
    static constexpr std::string_view name = "ShareGroupDescribeRequest";
    static constexpr ApiKey api_key = ApiKey::share_group_describe;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> group_ids{};
    bool include_authorized_operations = false;

    static constexpr void fields(auto& f) {
        f("group_ids", &ShareGroupDescribeRequest::group_ids);
        f("include_authorized_operations",
          &ShareGroupDescribeRequest::include_authorized_operations);
    }
};

struct ShareGroupDescribeResponse {
    static constexpr std::string_view name = "ShareGroupDescribeResponse";
    static constexpr ApiKey api_key = ApiKey::share_group_describe;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct TopicPartitions {
        Uuid topic_id{};
        std::string topic_name{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartitions::topic_id);
            f("topic_name", &TopicPartitions::topic_name);
            f("partitions", &TopicPartitions::partitions);
        }
    };

    struct Assignment {
        std::vector<TopicPartitions> topic_partitions{};

        static constexpr void fields(auto& f) {
            f("topic_partitions", &Assignment::topic_partitions);
        }
    };

    struct Member {
        std::string member_id{};
        std::optional<std::string> rack_id{};
        std::int32_t member_epoch = 0;
        std::string client_id{};
        std::string client_host{};
        std::vector<std::string> subscribed_topic_names{};
        Assignment assignment{};

        static constexpr void fields(auto& f) {
            f("member_id", &Member::member_id);
            f("rack_id", &Member::rack_id);
            f("member_epoch", &Member::member_epoch);
            f("client_id", &Member::client_id);
            f("client_host", &Member::client_host);
            f("subscribed_topic_names", &Member::subscribed_topic_names);
            f("assignment", &Member::assignment);
        }
    };

    struct DescribedGroup {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::string group_id{};
        std::string group_state{};
        std::int32_t group_epoch = 0;
        std::int32_t assignment_epoch = 0;
        std::string assignor_name{};
        std::vector<Member> members{};
        std::int32_t authorized_operations = -2147483648;

        static constexpr void fields(auto& f) {
            f("error_code", &DescribedGroup::error_code);
            f("error_message", &DescribedGroup::error_message);
            f("group_id", &DescribedGroup::group_id);
            f("group_state", &DescribedGroup::group_state);
            f("group_epoch", &DescribedGroup::group_epoch);
            f("assignment_epoch", &DescribedGroup::assignment_epoch);
            f("assignor_name", &DescribedGroup::assignor_name);
            f("members", &DescribedGroup::members);
            f("authorized_operations", &DescribedGroup::authorized_operations);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<DescribedGroup> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ShareGroupDescribeResponse::throttle_time_ms);
        f("groups", &ShareGroupDescribeResponse::groups);
    }
};

/// Acquires records, and acknowledges in the same request those acquired before. Version 1 bounds
/// the records (`max_records`), version 2 can acquire exactly those and renew what is held
/// (KIP-1206, KIP-1222).
struct ShareFetchRequest {
    static constexpr std::string_view name = "ShareFetchRequest";
    static constexpr ApiKey api_key = ApiKey::share_fetch;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct AcknowledgementBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::vector<std::int8_t> acknowledge_types{};

        static constexpr void fields(auto& f) {
            f("first_offset", &AcknowledgementBatch::first_offset);
            f("last_offset", &AcknowledgementBatch::last_offset);
            f("acknowledge_types", &AcknowledgementBatch::acknowledge_types);
        }
    };

    struct FetchPartition {
        std::int32_t partition_index = 0;
        std::int32_t partition_max_bytes = 0;
        std::vector<AcknowledgementBatch> acknowledgement_batches{};

        static constexpr void fields(auto& f) {
            f("partition_index", &FetchPartition::partition_index);
            f("partition_max_bytes", &FetchPartition::partition_max_bytes, until(0));
            f("acknowledgement_batches", &FetchPartition::acknowledgement_batches);
        }
    };

    struct FetchTopic {
        Uuid topic_id{};
        std::vector<FetchPartition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &FetchTopic::topic_id);
            f("partitions", &FetchTopic::partitions);
        }
    };

    struct ForgottenTopic {
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ForgottenTopic::topic_id);
            f("partitions", &ForgottenTopic::partitions);
        }
    };

    std::optional<std::string> group_id{};
    std::optional<std::string> member_id = "";
    std::int32_t share_session_epoch = 0;
    std::int32_t max_wait_ms = 0;
    std::int32_t min_bytes = 0;
    std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
    std::int32_t max_records = 0;
    std::int32_t batch_size = 0;
    std::int8_t share_acquire_mode = 0;
    bool is_renew_ack = false;
    std::vector<FetchTopic> topics{};
    std::vector<ForgottenTopic> forgotten_topics_data{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareFetchRequest::group_id);
        f("member_id", &ShareFetchRequest::member_id);
        f("share_session_epoch", &ShareFetchRequest::share_session_epoch);
        f("max_wait_ms", &ShareFetchRequest::max_wait_ms);
        f("min_bytes", &ShareFetchRequest::min_bytes);
        f("max_bytes", &ShareFetchRequest::max_bytes);
        f("max_records", &ShareFetchRequest::max_records, since(1));
        f("batch_size", &ShareFetchRequest::batch_size, since(1));
        f("share_acquire_mode", &ShareFetchRequest::share_acquire_mode, since(2).ignorable());
        f("is_renew_ack", &ShareFetchRequest::is_renew_ack, since(2));
        f("topics", &ShareFetchRequest::topics);
        f("forgotten_topics_data", &ShareFetchRequest::forgotten_topics_data);
    }
};

struct ShareFetchResponse {
    static constexpr std::string_view name = "ShareFetchResponse";
    static constexpr ApiKey api_key = ApiKey::share_fetch;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct LeaderIdAndEpoch {
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("leader_id", &LeaderIdAndEpoch::leader_id);
            f("leader_epoch", &LeaderIdAndEpoch::leader_epoch);
        }
    };

    struct AcquiredRecords {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::int16_t delivery_count = 0;

        static constexpr void fields(auto& f) {
            f("first_offset", &AcquiredRecords::first_offset);
            f("last_offset", &AcquiredRecords::last_offset);
            f("delivery_count", &AcquiredRecords::delivery_count);
        }
    };

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        ErrorCode acknowledge_error_code = ErrorCode::none;
        std::optional<std::string> acknowledge_error_message{};
        LeaderIdAndEpoch current_leader{};
        std::optional<Bytes> records{};
        std::vector<AcquiredRecords> acquired_records{};

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("error_message", &PartitionData::error_message);
            f("acknowledge_error_code", &PartitionData::acknowledge_error_code);
            f("acknowledge_error_message", &PartitionData::acknowledge_error_message);
            f("current_leader", &PartitionData::current_leader);
            f("records", &PartitionData::records, always().nullable_until(0).records());
            f("acquired_records", &PartitionData::acquired_records);
        }
    };

    struct ShareFetchableTopicResponse {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ShareFetchableTopicResponse::topic_id);
            f("partitions", &ShareFetchableTopicResponse::partitions);
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
    std::optional<std::string> error_message{};
    std::int32_t acquisition_lock_timeout_ms = 0;
    std::vector<ShareFetchableTopicResponse> responses{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ShareFetchResponse::throttle_time_ms);
        f("error_code", &ShareFetchResponse::error_code);
        f("error_message", &ShareFetchResponse::error_message);
        f("acquisition_lock_timeout_ms", &ShareFetchResponse::acquisition_lock_timeout_ms,
          since(1));
        f("responses", &ShareFetchResponse::responses);
        f("node_endpoints", &ShareFetchResponse::node_endpoints);
    }
};

/// Acknowledges acquired records without fetching more: accepted, released, rejected, renewed.
struct ShareAcknowledgeRequest {
    static constexpr std::string_view name = "ShareAcknowledgeRequest";
    static constexpr ApiKey api_key = ApiKey::share_acknowledge;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct AcknowledgementBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::vector<std::int8_t> acknowledge_types{};

        static constexpr void fields(auto& f) {
            f("first_offset", &AcknowledgementBatch::first_offset);
            f("last_offset", &AcknowledgementBatch::last_offset);
            f("acknowledge_types", &AcknowledgementBatch::acknowledge_types);
        }
    };

    struct AcknowledgePartition {
        std::int32_t partition_index = 0;
        std::vector<AcknowledgementBatch> acknowledgement_batches{};

        static constexpr void fields(auto& f) {
            f("partition_index", &AcknowledgePartition::partition_index);
            f("acknowledgement_batches", &AcknowledgePartition::acknowledgement_batches);
        }
    };

    struct AcknowledgeTopic {
        Uuid topic_id{};
        std::vector<AcknowledgePartition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &AcknowledgeTopic::topic_id);
            f("partitions", &AcknowledgeTopic::partitions);
        }
    };

    std::optional<std::string> group_id{};
    std::optional<std::string> member_id = "";
    std::int32_t share_session_epoch = 0;
    bool is_renew_ack = false;
    std::vector<AcknowledgeTopic> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareAcknowledgeRequest::group_id);
        f("member_id", &ShareAcknowledgeRequest::member_id);
        f("share_session_epoch", &ShareAcknowledgeRequest::share_session_epoch);
        f("is_renew_ack", &ShareAcknowledgeRequest::is_renew_ack, since(2));
        f("topics", &ShareAcknowledgeRequest::topics);
    }
};

struct ShareAcknowledgeResponse {
    static constexpr std::string_view name = "ShareAcknowledgeResponse";
    static constexpr ApiKey api_key = ApiKey::share_acknowledge;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct LeaderIdAndEpoch {
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("leader_id", &LeaderIdAndEpoch::leader_id);
            f("leader_epoch", &LeaderIdAndEpoch::leader_epoch);
        }
    };

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        LeaderIdAndEpoch current_leader{};

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
            f("error_message", &PartitionData::error_message);
            f("current_leader", &PartitionData::current_leader);
        }
    };

    struct TopicResponse {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicResponse::topic_id);
            f("partitions", &TopicResponse::partitions);
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
    std::optional<std::string> error_message{};
    std::int32_t acquisition_lock_timeout_ms = 0;
    std::vector<TopicResponse> responses{};
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ShareAcknowledgeResponse::throttle_time_ms);
        f("error_code", &ShareAcknowledgeResponse::error_code);
        f("error_message", &ShareAcknowledgeResponse::error_message);
        f("acquisition_lock_timeout_ms", &ShareAcknowledgeResponse::acquisition_lock_timeout_ms,
          since(2).ignorable());
        f("responses", &ShareAcknowledgeResponse::responses);
        f("node_endpoints", &ShareAcknowledgeResponse::node_endpoints);
    }
};

}  // namespace

void add_share_groups(Messages& messages) {
    add_messages<ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, ShareGroupDescribeRequest,
                 ShareGroupDescribeResponse, ShareFetchRequest, ShareFetchResponse,
                 ShareAcknowledgeRequest, ShareAcknowledgeResponse>(messages);
}

}  // namespace kwire::protocol
