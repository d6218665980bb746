// Share groups (KIP-932): their keys and values in `__consumer_offsets`, and those of
// `__share_group_state`.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A share group.
struct ShareGroupMetadataKey {
    static constexpr std::string_view name = "ShareGroupMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) { f("group_id", &ShareGroupMetadataKey::group_id); }
};

/// Its epoch.
struct ShareGroupMetadataValue {
    static constexpr std::string_view name = "ShareGroupMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t epoch = 0;
    std::int64_t metadata_hash = 0;

    static constexpr void fields(auto& f) {
        f("epoch", &ShareGroupMetadataValue::epoch);
        f("metadata_hash", &ShareGroupMetadataValue::metadata_hash);
    }
};

/// A member of a share group.
struct ShareGroupMemberMetadataKey {
    static constexpr std::string_view name = "ShareGroupMemberMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupMemberMetadataKey::group_id);
        f("member_id", &ShareGroupMemberMetadataKey::member_id);
    }
};

/// What it is and what it subscribes to.
struct ShareGroupMemberMetadataValue {
    static constexpr std::string_view name = "ShareGroupMemberMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::optional<std::string> rack_id = "";
    std::string client_id{};
    std::string client_host{};
    std::vector<std::string> subscribed_topic_names{};

    static constexpr void fields(auto& f) {
        f("rack_id", &ShareGroupMemberMetadataValue::rack_id);
        f("client_id", &ShareGroupMemberMetadataValue::client_id);
        f("client_host", &ShareGroupMemberMetadataValue::client_host);
        f("subscribed_topic_names", &ShareGroupMemberMetadataValue::subscribed_topic_names);
    }
};

/// The assignment that a share group moves towards.
struct ShareGroupTargetAssignmentMetadataKey {
    static constexpr std::string_view name = "ShareGroupTargetAssignmentMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupTargetAssignmentMetadataKey::group_id);
    }
};

/// Its epoch.
struct ShareGroupTargetAssignmentMetadataValue {
    static constexpr std::string_view name = "ShareGroupTargetAssignmentMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t assignment_epoch = 0;
    std::int64_t assignment_timestamp = 0;

    static constexpr void fields(auto& f) {
        f("assignment_epoch", &ShareGroupTargetAssignmentMetadataValue::assignment_epoch);
        f.tagged(0, "assignment_timestamp",
                 &ShareGroupTargetAssignmentMetadataValue::assignment_timestamp, always());
    }
};

/// A member's part of it.
struct ShareGroupTargetAssignmentMemberKey {
    static constexpr std::string_view name = "ShareGroupTargetAssignmentMemberKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupTargetAssignmentMemberKey::group_id);
        f("member_id", &ShareGroupTargetAssignmentMemberKey::member_id);
    }
};

/// The partitions of that part.
struct ShareGroupTargetAssignmentMemberValue {
    static constexpr std::string_view name = "ShareGroupTargetAssignmentMemberValue";
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
        f("topic_partitions", &ShareGroupTargetAssignmentMemberValue::topic_partitions);
    }
};

/// What a member has now.
struct ShareGroupCurrentMemberAssignmentKey {
    static constexpr std::string_view name = "ShareGroupCurrentMemberAssignmentKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupCurrentMemberAssignmentKey::group_id);
        f("member_id", &ShareGroupCurrentMemberAssignmentKey::member_id);
    }
};

/// Its epochs and partitions.
struct ShareGroupCurrentMemberAssignmentValue {
    static constexpr std::string_view name = "ShareGroupCurrentMemberAssignmentValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicPartitions {
        Uuid topic_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartitions::topic_id);
            f("partitions", &TopicPartitions::partitions);
        }
    };

    std::int32_t member_epoch = 0;
    std::int32_t previous_member_epoch = 0;
    std::int8_t state = 0;
    std::vector<TopicPartitions> assigned_partitions{};

    static constexpr void fields(auto& f) {
        f("member_epoch", &ShareGroupCurrentMemberAssignmentValue::member_epoch);
        f("previous_member_epoch", &ShareGroupCurrentMemberAssignmentValue::previous_member_epoch);
        f("state", &ShareGroupCurrentMemberAssignmentValue::state);
        f("assigned_partitions", &ShareGroupCurrentMemberAssignmentValue::assigned_partitions);
    }
};

/// The partitions whose delivery state a share group keeps.
struct ShareGroupStatePartitionMetadataKey {
    static constexpr std::string_view name = "ShareGroupStatePartitionMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &ShareGroupStatePartitionMetadataKey::group_id);
    }
};

/// Those being set up, those in use and those being removed.
struct ShareGroupStatePartitionMetadataValue {
    static constexpr std::string_view name = "ShareGroupStatePartitionMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicPartitionsInfo {
        Uuid topic_id{};
        std::string topic_name{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicPartitionsInfo::topic_id);
            f("topic_name", &TopicPartitionsInfo::topic_name);
            f("partitions", &TopicPartitionsInfo::partitions);
        }
    };

    struct TopicInfo {
        Uuid topic_id{};
        std::string topic_name{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicInfo::topic_id);
            f("topic_name", &TopicInfo::topic_name);
        }
    };

    std::vector<TopicPartitionsInfo> initializing_topics{};
    std::vector<TopicPartitionsInfo> initialized_topics{};
    std::vector<TopicInfo> deleting_topics{};

    static constexpr void fields(auto& f) {
        f("initializing_topics", &ShareGroupStatePartitionMetadataValue::initializing_topics);
        f("initialized_topics", &ShareGroupStatePartitionMetadataValue::initialized_topics);
        f("deleting_topics", &ShareGroupStatePartitionMetadataValue::deleting_topics);
    }
};

/// The whole delivery state of a partition for a group, in `__share_group_state`.
struct ShareSnapshotKey {
    static constexpr std::string_view name = "ShareSnapshotKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    Uuid topic_id{};
    std::int32_t partition = 0;

    static constexpr void fields(auto& f) {
        f("group_id", &ShareSnapshotKey::group_id);
        f("topic_id", &ShareSnapshotKey::topic_id);
        f("partition", &ShareSnapshotKey::partition);
    }
};

/// Where delivery begins, and what became of the records behind that.
struct ShareSnapshotValue {
    static constexpr std::string_view name = "ShareSnapshotValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct StateBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::int8_t delivery_state = 0;
        std::int16_t delivery_count = 0;

        static constexpr void fields(auto& f) {
            f("first_offset", &StateBatch::first_offset);
            f("last_offset", &StateBatch::last_offset);
            f("delivery_state", &StateBatch::delivery_state);
            f("delivery_count", &StateBatch::delivery_count);
        }
    };

    std::int32_t snapshot_epoch = 0;
    std::int32_t state_epoch = 0;
    std::int32_t leader_epoch = 0;
    std::int64_t start_offset = 0;
    std::int32_t delivery_complete_count = -1;
    std::int64_t create_timestamp = 0;
    std::int64_t write_timestamp = 0;
    std::vector<StateBatch> state_batches{};

    static constexpr void fields(auto& f) {
        f("snapshot_epoch", &ShareSnapshotValue::snapshot_epoch);
        f("state_epoch", &ShareSnapshotValue::state_epoch);
        f("leader_epoch", &ShareSnapshotValue::leader_epoch);
        f("start_offset", &ShareSnapshotValue::start_offset);
        f.tagged(0, "delivery_complete_count", &ShareSnapshotValue::delivery_complete_count,
                 always());
        f("create_timestamp", &ShareSnapshotValue::create_timestamp);
        f("write_timestamp", &ShareSnapshotValue::write_timestamp);
        f("state_batches", &ShareSnapshotValue::state_batches);
    }
};

/// What changed since the last of those.
struct ShareUpdateKey {
    static constexpr std::string_view name = "ShareUpdateKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    Uuid topic_id{};
    std::int32_t partition = 0;

    static constexpr void fields(auto& f) {
        f("group_id", &ShareUpdateKey::group_id);
        f("topic_id", &ShareUpdateKey::topic_id);
        f("partition", &ShareUpdateKey::partition);
    }
};

/// The batches of records that changed.
struct ShareUpdateValue {
    static constexpr std::string_view name = "ShareUpdateValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct StateBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::int8_t delivery_state = 0;
        std::int16_t delivery_count = 0;

        static constexpr void fields(auto& f) {
            f("first_offset", &StateBatch::first_offset);
            f("last_offset", &StateBatch::last_offset);
            f("delivery_state", &StateBatch::delivery_state);
            f("delivery_count", &StateBatch::delivery_count);
        }
    };

    std::int32_t snapshot_epoch = 0;
    std::int32_t leader_epoch = 0;
    std::int64_t start_offset = 0;
    std::int32_t delivery_complete_count = -1;
    std::vector<StateBatch> state_batches{};

    static constexpr void fields(auto& f) {
        f("snapshot_epoch", &ShareUpdateValue::snapshot_epoch);
        f("leader_epoch", &ShareUpdateValue::leader_epoch);
        f("start_offset", &ShareUpdateValue::start_offset);
        f.tagged(0, "delivery_complete_count", &ShareUpdateValue::delivery_complete_count,
                 always());
        f("state_batches", &ShareUpdateValue::state_batches);
    }
};

}  // namespace

void add_share_group_records(Messages& messages) {
    add_messages<ShareGroupMetadataKey, ShareGroupMetadataValue, ShareGroupMemberMetadataKey,
                 ShareGroupMemberMetadataValue, ShareGroupTargetAssignmentMetadataKey,
                 ShareGroupTargetAssignmentMetadataValue, ShareGroupTargetAssignmentMemberKey,
                 ShareGroupTargetAssignmentMemberValue, ShareGroupCurrentMemberAssignmentKey,
                 ShareGroupCurrentMemberAssignmentValue, ShareGroupStatePartitionMetadataKey,
                 ShareGroupStatePartitionMetadataValue, ShareSnapshotKey, ShareSnapshotValue,
                 ShareUpdateKey, ShareUpdateValue>(messages);
}

}  // namespace kwire::protocol
