// Groups for whose members the coordinator assigns (KIP-848).
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

/// Joins, stays, leaves and acknowledges assignments, all in one; only what changed is set. Member
/// epoch 0 joins, -1 leaves, -2 leaves and keeps the static member's place. Version 1 subscribes by
/// regular expression.
struct ConsumerGroupHeartbeatRequest {
    static constexpr std::string_view name = "ConsumerGroupHeartbeatRequest";
    static constexpr ApiKey api_key = ApiKey::consumer_group_heartbeat;
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

    std::string group_id{};
    std::string member_id{};
    std::int32_t member_epoch = 0;
    std::optional<std::string> instance_id{};
    std::optional<std::string> rack_id{};
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<std::vector<std::string>> subscribed_topic_names{};
    std::optional<std::string> subscribed_topic_regex{};
    std::optional<std::string> server_assignor{};
    std::optional<std::vector<TopicPartitions>> topic_partitions{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupHeartbeatRequest::group_id);
        f("member_id", &ConsumerGroupHeartbeatRequest::member_id);
        f("member_epoch", &ConsumerGroupHeartbeatRequest::member_epoch);
        f("instance_id", &ConsumerGroupHeartbeatRequest::instance_id);
        f("rack_id", &ConsumerGroupHeartbeatRequest::rack_id);
        f("rebalance_timeout_ms", &ConsumerGroupHeartbeatRequest::rebalance_timeout_ms);
        f("subscribed_topic_names", &ConsumerGroupHeartbeatRequest::subscribed_topic_names);
        f("subscribed_topic_regex", &ConsumerGroupHeartbeatRequest::subscribed_topic_regex,
          since(1));
        f("server_assignor", &ConsumerGroupHeartbeatRequest::server_assignor);
        f("topic_partitions", &ConsumerGroupHeartbeatRequest::topic_partitions);
    }
};

struct ConsumerGroupHeartbeatResponse {
    static constexpr std::string_view name = "ConsumerGroupHeartbeatResponse";
    static constexpr ApiKey api_key = ApiKey::consumer_group_heartbeat;
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
        f("throttle_time_ms", &ConsumerGroupHeartbeatResponse::throttle_time_ms);
        f("error_code", &ConsumerGroupHeartbeatResponse::error_code);
        f("error_message", &ConsumerGroupHeartbeatResponse::error_message);
        f("member_id", &ConsumerGroupHeartbeatResponse::member_id);
        f("member_epoch", &ConsumerGroupHeartbeatResponse::member_epoch);
        f("heartbeat_interval_ms", &ConsumerGroupHeartbeatResponse::heartbeat_interval_ms);
        f("assignment", &ConsumerGroupHeartbeatResponse::assignment);
    }
};

/// Epochs, members, their assignment and the one they are to have. Version 1 tells classic members
/// apart (KIP-1099).
struct ConsumerGroupDescribeRequest {
    static constexpr std::string_view name = "ConsumerGroupDescribeRequest";
    static constexpr ApiKey api_key = ApiKey::consumer_group_describe;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> group_ids{};
    bool include_authorized_operations = false;

    static constexpr void fields(auto& f) {
        f("group_ids", &ConsumerGroupDescribeRequest::group_ids);
        f("include_authorized_operations",
          &ConsumerGroupDescribeRequest::include_authorized_operations);
    }
};

struct ConsumerGroupDescribeResponse {
    static constexpr std::string_view name = "ConsumerGroupDescribeResponse";
    static constexpr ApiKey api_key = ApiKey::consumer_group_describe;
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
        std::optional<std::string> instance_id{};
        std::optional<std::string> rack_id{};
        std::int32_t member_epoch = 0;
        std::string client_id{};
        std::string client_host{};
        std::vector<std::string> subscribed_topic_names{};
        std::optional<std::string> subscribed_topic_regex{};
        Assignment assignment{};
        Assignment target_assignment{};
        std::int8_t member_type = -1;

        static constexpr void fields(auto& f) {
            f("member_id", &Member::member_id);
            f("instance_id", &Member::instance_id);
            f("rack_id", &Member::rack_id);
            f("member_epoch", &Member::member_epoch);
            f("client_id", &Member::client_id);
            f("client_host", &Member::client_host);
            f("subscribed_topic_names", &Member::subscribed_topic_names);
            f("subscribed_topic_regex", &Member::subscribed_topic_regex);
            f("assignment", &Member::assignment);
            f("target_assignment", &Member::target_assignment);
            f("member_type", &Member::member_type, since(1).ignorable());
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
        f("throttle_time_ms", &ConsumerGroupDescribeResponse::throttle_time_ms);
        f("groups", &ConsumerGroupDescribeResponse::groups);
    }
};

}  // namespace

void add_consumer_groups(Messages& messages) {
    add_messages<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
                 ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>(messages);
}

}  // namespace kwire::protocol
