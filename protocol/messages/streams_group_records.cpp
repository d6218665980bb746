// Streams groups (KIP-1071): their keys and values in `__consumer_offsets`.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A streams group.
struct StreamsGroupMetadataKey {
    static constexpr std::string_view name = "StreamsGroupMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) { f("group_id", &StreamsGroupMetadataKey::group_id); }
};

/// Its epochs.
struct StreamsGroupMetadataValue {
    static constexpr std::string_view name = "StreamsGroupMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct LastAssignmentConfig {
        std::string key{};
        std::string value{};

        static constexpr void fields(auto& f) {
            f("key", &LastAssignmentConfig::key);
            f("value", &LastAssignmentConfig::value);
        }
    };

    std::int32_t epoch = 0;
    std::int64_t metadata_hash = 0;
    std::int32_t validated_topology_epoch = -1;
    std::optional<std::vector<LastAssignmentConfig>> last_assignment_configs{std::in_place};
    /// Of the topology whose description the group has, and of one whose could not be stored.
    std::int32_t stored_description_topology_epoch = -1;
    std::int32_t failed_description_topology_epoch = -1;

    static constexpr void fields(auto& f) {
        f("epoch", &StreamsGroupMetadataValue::epoch);
        f("metadata_hash", &StreamsGroupMetadataValue::metadata_hash);
        f.tagged(0, "validated_topology_epoch",
                 &StreamsGroupMetadataValue::validated_topology_epoch, always());
        f.tagged(1, "last_assignment_configs", &StreamsGroupMetadataValue::last_assignment_configs,
                 always());
        f.tagged(2, "stored_description_topology_epoch",
                 &StreamsGroupMetadataValue::stored_description_topology_epoch, always());
        f.tagged(3, "failed_description_topology_epoch",
                 &StreamsGroupMetadataValue::failed_description_topology_epoch, always());
    }
};

/// A member of a streams group.
struct StreamsGroupMemberMetadataKey {
    static constexpr std::string_view name = "StreamsGroupMemberMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupMemberMetadataKey::group_id);
        f("member_id", &StreamsGroupMemberMetadataKey::member_id);
    }
};

/// What it is and where it can be asked.
struct StreamsGroupMemberMetadataValue {
    static constexpr std::string_view name = "StreamsGroupMemberMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Endpoint {
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("host", &Endpoint::host);
            f("port", &Endpoint::port);
        }
    };

    struct KeyValue {
        std::string key{};
        std::string value{};

        static constexpr void fields(auto& f) {
            f("key", &KeyValue::key);
            f("value", &KeyValue::value);
        }
    };

    std::optional<std::string> instance_id = "";
    std::optional<std::string> rack_id = "";
    std::string client_id{};
    std::string client_host{};
    std::int32_t rebalance_timeout_ms = -1;
    std::int32_t topology_epoch = 0;
    std::string process_id{};
    std::optional<Endpoint> user_endpoint{};
    std::vector<KeyValue> client_tags{};

    static constexpr void fields(auto& f) {
        f("instance_id", &StreamsGroupMemberMetadataValue::instance_id);
        f("rack_id", &StreamsGroupMemberMetadataValue::rack_id);
        f("client_id", &StreamsGroupMemberMetadataValue::client_id);
        f("client_host", &StreamsGroupMemberMetadataValue::client_host);
        f("rebalance_timeout_ms", &StreamsGroupMemberMetadataValue::rebalance_timeout_ms);
        f("topology_epoch", &StreamsGroupMemberMetadataValue::topology_epoch);
        f("process_id", &StreamsGroupMemberMetadataValue::process_id);
        f("user_endpoint", &StreamsGroupMemberMetadataValue::user_endpoint);
        f("client_tags", &StreamsGroupMemberMetadataValue::client_tags);
    }
};

/// The topology that a streams group runs.
struct StreamsGroupTopologyKey {
    static constexpr std::string_view name = "StreamsGroupTopologyKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) { f("group_id", &StreamsGroupTopologyKey::group_id); }
};

/// Its parts with the topics they read and write.
struct StreamsGroupTopologyValue {
    static constexpr std::string_view name = "StreamsGroupTopologyValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicConfig {
        std::string key{};
        std::string value{};

        static constexpr void fields(auto& f) {
            f("key", &TopicConfig::key);
            f("value", &TopicConfig::value);
        }
    };

    struct TopicInfo {
        std::string name{};
        std::int32_t partitions = 0;
        std::int16_t replication_factor = 0;
        std::vector<TopicConfig> topic_configs{};

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

    std::int32_t epoch = 0;
    std::vector<Subtopology> subtopologies{};

    static constexpr void fields(auto& f) {
        f("epoch", &StreamsGroupTopologyValue::epoch);
        f("subtopologies", &StreamsGroupTopologyValue::subtopologies);
    }
};

/// The assignment that a streams group moves towards.
struct StreamsGroupTargetAssignmentMetadataKey {
    static constexpr std::string_view name = "StreamsGroupTargetAssignmentMetadataKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupTargetAssignmentMetadataKey::group_id);
    }
};

/// Its epoch.
struct StreamsGroupTargetAssignmentMetadataValue {
    static constexpr std::string_view name = "StreamsGroupTargetAssignmentMetadataValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t assignment_epoch = 0;
    std::int64_t assignment_timestamp = 0;

    static constexpr void fields(auto& f) {
        f("assignment_epoch", &StreamsGroupTargetAssignmentMetadataValue::assignment_epoch);
        f.tagged(0, "assignment_timestamp",
                 &StreamsGroupTargetAssignmentMetadataValue::assignment_timestamp, always());
    }
};

/// A member's part of it.
struct StreamsGroupTargetAssignmentMemberKey {
    static constexpr std::string_view name = "StreamsGroupTargetAssignmentMemberKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupTargetAssignmentMemberKey::group_id);
        f("member_id", &StreamsGroupTargetAssignmentMemberKey::member_id);
    }
};

/// The tasks of that part.
struct StreamsGroupTargetAssignmentMemberValue {
    static constexpr std::string_view name = "StreamsGroupTargetAssignmentMemberValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TaskIds {
        std::string subtopology_id{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskIds::subtopology_id);
            f("partitions", &TaskIds::partitions);
        }
    };

    std::vector<TaskIds> active_tasks{};
    std::vector<TaskIds> standby_tasks{};
    std::vector<TaskIds> warmup_tasks{};

    static constexpr void fields(auto& f) {
        f("active_tasks", &StreamsGroupTargetAssignmentMemberValue::active_tasks);
        f("standby_tasks", &StreamsGroupTargetAssignmentMemberValue::standby_tasks);
        f("warmup_tasks", &StreamsGroupTargetAssignmentMemberValue::warmup_tasks);
    }
};

/// What a member has now.
struct StreamsGroupCurrentMemberAssignmentKey {
    static constexpr std::string_view name = "StreamsGroupCurrentMemberAssignmentKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string group_id{};
    std::string member_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &StreamsGroupCurrentMemberAssignmentKey::group_id);
        f("member_id", &StreamsGroupCurrentMemberAssignmentKey::member_id);
    }
};

/// Its epochs, its tasks and those it has to let go of.
struct StreamsGroupCurrentMemberAssignmentValue {
    static constexpr std::string_view name = "StreamsGroupCurrentMemberAssignmentValue";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TaskIds {
        std::string subtopology_id{};
        std::vector<std::int32_t> partitions{};
        std::optional<std::vector<std::int32_t>> assignment_epochs{std::in_place};

        static constexpr void fields(auto& f) {
            f("subtopology_id", &TaskIds::subtopology_id);
            f("partitions", &TaskIds::partitions);
            f.tagged(0, "assignment_epochs", &TaskIds::assignment_epochs, always());
        }
    };

    std::int32_t member_epoch = 0;
    std::int32_t previous_member_epoch = 0;
    std::int8_t state = 0;
    std::vector<TaskIds> active_tasks{};
    std::vector<TaskIds> standby_tasks{};
    std::vector<TaskIds> warmup_tasks{};
    std::vector<TaskIds> active_tasks_pending_revocation{};
    std::vector<TaskIds> standby_tasks_pending_revocation{};
    std::vector<TaskIds> warmup_tasks_pending_revocation{};

    static constexpr void fields(auto& f) {
        f("member_epoch", &StreamsGroupCurrentMemberAssignmentValue::member_epoch);
        f("previous_member_epoch",
          &StreamsGroupCurrentMemberAssignmentValue::previous_member_epoch);
        f("state", &StreamsGroupCurrentMemberAssignmentValue::state);
        f("active_tasks", &StreamsGroupCurrentMemberAssignmentValue::active_tasks);
        f("standby_tasks", &StreamsGroupCurrentMemberAssignmentValue::standby_tasks);
        f("warmup_tasks", &StreamsGroupCurrentMemberAssignmentValue::warmup_tasks);
        f("active_tasks_pending_revocation",
          &StreamsGroupCurrentMemberAssignmentValue::active_tasks_pending_revocation);
        f("standby_tasks_pending_revocation",
          &StreamsGroupCurrentMemberAssignmentValue::standby_tasks_pending_revocation);
        f("warmup_tasks_pending_revocation",
          &StreamsGroupCurrentMemberAssignmentValue::warmup_tasks_pending_revocation);
    }
};

}  // namespace

void add_streams_group_records(Messages& messages) {
    add_messages<StreamsGroupMetadataKey, StreamsGroupMetadataValue, StreamsGroupMemberMetadataKey,
                 StreamsGroupMemberMetadataValue, StreamsGroupTopologyKey,
                 StreamsGroupTopologyValue, StreamsGroupTargetAssignmentMetadataKey,
                 StreamsGroupTargetAssignmentMetadataValue, StreamsGroupTargetAssignmentMemberKey,
                 StreamsGroupTargetAssignmentMemberValue, StreamsGroupCurrentMemberAssignmentKey,
                 StreamsGroupCurrentMemberAssignmentValue>(messages);
}

}  // namespace kwire::protocol
