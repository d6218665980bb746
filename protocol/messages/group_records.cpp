// Keys and values of `__consumer_offsets`: offsets, classic and consumer groups. Two bytes stand
// before each: the key's say which record it is, the value's its version.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// The key of an offset as 0.8.2 wrote it.
struct LegacyOffsetCommitKey {
    static constexpr std::string_view name = "LegacyOffsetCommitKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group{};
    std::string topic{};
    std::int32_t partition = 0;

    static constexpr void fields(auto& f) {
        f("group", &LegacyOffsetCommitKey::group);
        f("topic", &LegacyOffsetCommitKey::topic);
        f("partition", &LegacyOffsetCommitKey::partition);
    }
};

/// The offset as 0.8.2 wrote it.
struct LegacyOffsetCommitValue {
    static constexpr std::string_view name = "LegacyOffsetCommitValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::int64_t offset = 0;
    std::string metadata{};
    std::int64_t commit_timestamp = 0;

    static constexpr void fields(auto& f) {
        f("offset", &LegacyOffsetCommitValue::offset);
        f("metadata", &LegacyOffsetCommitValue::metadata);
        f("commit_timestamp", &LegacyOffsetCommitValue::commit_timestamp);
    }
};

/// The partition of a committed offset, and its group.
struct OffsetCommitKey {
    static constexpr std::string_view name = "OffsetCommitKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group{};
    std::string topic{};
    std::int32_t partition = 0;

    static constexpr void fields(auto& f) {
        f("group", &OffsetCommitKey::group);
        f("topic", &OffsetCommitKey::topic);
        f("partition", &OffsetCommitKey::partition);
    }
};

/// A committed offset. Version 3 adds the leader epoch (KIP-320); from version 2 the broker decides
/// when it expires (KIP-211).
struct OffsetCommitValue {
    static constexpr std::string_view name = "OffsetCommitValue";
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    std::int64_t offset = 0;
    std::int32_t leader_epoch = -1;
    std::string metadata{};
    std::int64_t commit_timestamp = 0;
    std::int64_t expire_timestamp = -1;
    Uuid topic_id{};

    static constexpr void fields(auto& f) {
        f("offset", &OffsetCommitValue::offset);
        f("leader_epoch", &OffsetCommitValue::leader_epoch, since(3).ignorable());
        f("metadata", &OffsetCommitValue::metadata);
        f("commit_timestamp", &OffsetCommitValue::commit_timestamp);
        f("expire_timestamp", &OffsetCommitValue::expire_timestamp, only(1).ignorable());
        f.tagged(0, "topic_id", &OffsetCommitValue::topic_id, since(4).ignorable());
    }
};

/// A classic group.
struct GroupMetadataKey {
    static constexpr std::string_view name = "GroupMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group{};

    static constexpr void fields(auto& f) { f("group", &GroupMetadataKey::group); }
};

/// A classic group's generation, members and assignments.
struct GroupMetadataValue {
    static constexpr std::string_view name = "GroupMetadataValue";
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    struct MemberMetadata {
        std::string member_id{};
        std::optional<std::string> group_instance_id{};
        std::string client_id{};
        std::string client_host{};
        std::int32_t rebalance_timeout = -1;
        std::int32_t session_timeout = 0;
        Bytes subscription{};
        Bytes assignment{};

        static constexpr void fields(auto& f) {
            f("member_id", &MemberMetadata::member_id);
            f("group_instance_id", &MemberMetadata::group_instance_id, since(3).ignorable());
            f("client_id", &MemberMetadata::client_id);
            f("client_host", &MemberMetadata::client_host);
            f("rebalance_timeout", &MemberMetadata::rebalance_timeout, since(1).ignorable());
            f("session_timeout", &MemberMetadata::session_timeout);
            f("subscription", &MemberMetadata::subscription);
            f("assignment", &MemberMetadata::assignment);
        }
    };

    std::string protocol_type{};
    std::int32_t generation = 0;
    std::optional<std::string> protocol = "";
    std::optional<std::string> leader = "";
    std::int64_t current_state_timestamp = -1;
    std::vector<MemberMetadata> members{};

    static constexpr void fields(auto& f) {
        f("protocol_type", &GroupMetadataValue::protocol_type);
        f("generation", &GroupMetadataValue::generation);
        f("protocol", &GroupMetadataValue::protocol);
        f("leader", &GroupMetadataValue::leader);
        f("current_state_timestamp", &GroupMetadataValue::current_state_timestamp,
          since(2).ignorable());
        f("members", &GroupMetadataValue::members);
    }
};

/// A consumer group (KIP-848).
struct ConsumerGroupMetadataKey {
    static constexpr std::string_view name = "ConsumerGroupMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) { f("group_id", &ConsumerGroupMetadataKey::group_id); }
};

/// Its epoch.
struct ConsumerGroupMetadataValue {
    static constexpr std::string_view name = "ConsumerGroupMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t epoch = 0;
    std::int64_t metadata_hash = 0;

    static constexpr void fields(auto& f) {
        f("epoch", &ConsumerGroupMetadataValue::epoch);
        f.tagged(0, "metadata_hash", &ConsumerGroupMetadataValue::metadata_hash, always());
    }
};

/// The topics of a consumer group, written until 4.1.
struct ConsumerGroupPartitionMetadataKey {
    static constexpr std::string_view name = "ConsumerGroupPartitionMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupPartitionMetadataKey::group_id);
    }
};

/// Their partitions.
struct ConsumerGroupPartitionMetadataValue {
    static constexpr std::string_view name = "ConsumerGroupPartitionMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionMetadata {
        std::int32_t partition = 0;
        std::vector<std::string> racks{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionMetadata::partition);
            f("racks", &PartitionMetadata::racks);
        }
    };

    struct TopicMetadata {
        Uuid topic_id{};
        std::string topic_name{};
        std::int32_t num_partitions = 0;
        std::vector<PartitionMetadata> partition_metadata{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicMetadata::topic_id);
            f("topic_name", &TopicMetadata::topic_name);
            f("num_partitions", &TopicMetadata::num_partitions);
            f("partition_metadata", &TopicMetadata::partition_metadata);
        }
    };

    std::vector<TopicMetadata> topics{};

    static constexpr void fields(auto& f) {
        f("topics", &ConsumerGroupPartitionMetadataValue::topics);
    }
};

/// A member of a consumer group.
struct ConsumerGroupMemberMetadataKey {
    static constexpr std::string_view name = "ConsumerGroupMemberMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupMemberMetadataKey::group_id);
        f("member_id", &ConsumerGroupMemberMetadataKey::member_id);
    }
};

/// What it is and what it subscribes to.
struct ConsumerGroupMemberMetadataValue {
    static constexpr std::string_view name = "ConsumerGroupMemberMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct ClassicProtocol {
        std::string name{};
        Bytes metadata{};

        static constexpr void fields(auto& f) {
            f("name", &ClassicProtocol::name);
            f("metadata", &ClassicProtocol::metadata);
        }
    };

    struct ClassicMemberMetadata {
        std::int32_t session_timeout_ms = 0;
        std::vector<ClassicProtocol> supported_protocols{};

        static constexpr void fields(auto& f) {
            f("session_timeout_ms", &ClassicMemberMetadata::session_timeout_ms);
            f("supported_protocols", &ClassicMemberMetadata::supported_protocols);
        }
    };

    std::optional<std::string> instance_id = "";
    std::optional<std::string> rack_id = "";
    std::string client_id{};
    std::string client_host{};
    std::vector<std::string> subscribed_topic_names{};
    std::optional<std::string> subscribed_topic_regex = "";
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<std::string> server_assignor = "";
    std::optional<ClassicMemberMetadata> classic_member_metadata = ClassicMemberMetadata{};

    static constexpr void fields(auto& f) {
        f("instance_id", &ConsumerGroupMemberMetadataValue::instance_id);
        f("rack_id", &ConsumerGroupMemberMetadataValue::rack_id);
        f("client_id", &ConsumerGroupMemberMetadataValue::client_id);
        f("client_host", &ConsumerGroupMemberMetadataValue::client_host);
        f("subscribed_topic_names", &ConsumerGroupMemberMetadataValue::subscribed_topic_names);
        f("subscribed_topic_regex", &ConsumerGroupMemberMetadataValue::subscribed_topic_regex);
        f("rebalance_timeout_ms", &ConsumerGroupMemberMetadataValue::rebalance_timeout_ms);
        f("server_assignor", &ConsumerGroupMemberMetadataValue::server_assignor);
        f.tagged(0, "classic_member_metadata",
                 &ConsumerGroupMemberMetadataValue::classic_member_metadata, always());
    }
};

/// The assignment that a consumer group moves towards.
struct ConsumerGroupTargetAssignmentMetadataKey {
    static constexpr std::string_view name = "ConsumerGroupTargetAssignmentMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupTargetAssignmentMetadataKey::group_id);
    }
};

/// Its epoch.
struct ConsumerGroupTargetAssignmentMetadataValue {
    static constexpr std::string_view name = "ConsumerGroupTargetAssignmentMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t assignment_epoch = 0;
    std::int64_t assignment_timestamp = 0;

    static constexpr void fields(auto& f) {
        f("assignment_epoch", &ConsumerGroupTargetAssignmentMetadataValue::assignment_epoch);
        f.tagged(0, "assignment_timestamp",
                 &ConsumerGroupTargetAssignmentMetadataValue::assignment_timestamp, always());
    }
};

/// A member's part of it.
struct ConsumerGroupTargetAssignmentMemberKey {
    static constexpr std::string_view name = "ConsumerGroupTargetAssignmentMemberKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupTargetAssignmentMemberKey::group_id);
        f("member_id", &ConsumerGroupTargetAssignmentMemberKey::member_id);
    }
};

/// The partitions of that part.
struct ConsumerGroupTargetAssignmentMemberValue {
    static constexpr std::string_view name = "ConsumerGroupTargetAssignmentMemberValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicPartition {
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartition::topic_id);
            f("partitions", &TopicPartition::partitions);
        }
    };

    std::vector<TopicPartition> topic_partitions{};

    static constexpr void fields(auto& f) {
        f("topic_partitions", &ConsumerGroupTargetAssignmentMemberValue::topic_partitions);
    }
};

/// What a member has now.
struct ConsumerGroupCurrentMemberAssignmentKey {
    static constexpr std::string_view name = "ConsumerGroupCurrentMemberAssignmentKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupCurrentMemberAssignmentKey::group_id);
        f("member_id", &ConsumerGroupCurrentMemberAssignmentKey::member_id);
    }
};

/// Its epochs, its partitions and those it has to let go of.
struct ConsumerGroupCurrentMemberAssignmentValue {
    static constexpr std::string_view name = "ConsumerGroupCurrentMemberAssignmentValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicPartitions {
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};
        std::optional<std::vector<std::int32_t>> assignment_epochs{std::in_place};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartitions::topic_id);
            f("partitions", &TopicPartitions::partitions);
            f.tagged(0, "assignment_epochs", &TopicPartitions::assignment_epochs, always());
        }
    };

    std::int32_t member_epoch = 0;
    std::int32_t previous_member_epoch = 0;
    std::int8_t state = 0;
    std::vector<TopicPartitions> assigned_partitions{};
    std::vector<TopicPartitions> partitions_pending_revocation{};

    static constexpr void fields(auto& f) {
        f("member_epoch", &ConsumerGroupCurrentMemberAssignmentValue::member_epoch);
        f("previous_member_epoch",
          &ConsumerGroupCurrentMemberAssignmentValue::previous_member_epoch);
        f("state", &ConsumerGroupCurrentMemberAssignmentValue::state);
        f("assigned_partitions", &ConsumerGroupCurrentMemberAssignmentValue::assigned_partitions);
        f("partitions_pending_revocation",
          &ConsumerGroupCurrentMemberAssignmentValue::partitions_pending_revocation);
    }
};

/// A regular expression that members subscribe to.
struct ConsumerGroupRegularExpressionKey {
    static constexpr std::string_view name = "ConsumerGroupRegularExpressionKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string regular_expression{};

    static constexpr void fields(auto& f) {
        f("group_id", &ConsumerGroupRegularExpressionKey::group_id);
        f("regular_expression", &ConsumerGroupRegularExpressionKey::regular_expression);
    }
};

/// The topics that matched it.
struct ConsumerGroupRegularExpressionValue {
    static constexpr std::string_view name = "ConsumerGroupRegularExpressionValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> topics{};
    std::int64_t version = 0;
    std::int64_t timestamp = 0;

    static constexpr void fields(auto& f) {
        f("topics", &ConsumerGroupRegularExpressionValue::topics);
        f("version", &ConsumerGroupRegularExpressionValue::version);
        f("timestamp", &ConsumerGroupRegularExpressionValue::timestamp);
    }
};

}  // namespace

void add_group_records(Messages& messages) {
    add_messages<LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey, OffsetCommitValue,
                 GroupMetadataKey, GroupMetadataValue, ConsumerGroupMetadataKey,
                 ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey,
                 ConsumerGroupPartitionMetadataValue, ConsumerGroupMemberMetadataKey,
                 ConsumerGroupMemberMetadataValue, ConsumerGroupTargetAssignmentMetadataKey,
                 ConsumerGroupTargetAssignmentMetadataValue, ConsumerGroupTargetAssignmentMemberKey,
                 ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupCurrentMemberAssignmentKey,
                 ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupRegularExpressionKey,
                 ConsumerGroupRegularExpressionValue>(messages);
}

}  // namespace kwire::protocol
