// Topics, partitions and their settings in `__cluster_metadata`, the log of the controllers
// (KIP-631). Before each record stand three varints: the frame's version (1), which record it is,
// its version.
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

/// A topic is created.
struct TopicRecord {
    static constexpr std::string_view name = "TopicRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string topic_name{};
    Uuid topic_id{};

    static constexpr void fields(auto& f) {
        f("name", &TopicRecord::topic_name);
        f("topic_id", &TopicRecord::topic_id);
    }
};

/// A partition with all that is known of it. Directories from version 1 (KIP-858), replicas that
/// may still lead from 2 (KIP-966).
struct PartitionRecord {
    static constexpr std::string_view name = "PartitionRecord";
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    std::int32_t partition_id = -1;
    Uuid topic_id{};
    std::vector<std::int32_t> replicas{};
    std::vector<std::int32_t> isr{};
    std::vector<std::int32_t> removing_replicas{};
    std::vector<std::int32_t> adding_replicas{};
    std::int32_t leader = -1;
    std::int8_t leader_recovery_state = 0;
    std::int32_t leader_epoch = -1;
    std::int32_t partition_epoch = -1;
    std::vector<Uuid> directories{};
    std::optional<std::vector<std::int32_t>> eligible_leader_replicas{};
    std::optional<std::vector<std::int32_t>> last_known_elr{};

    static constexpr void fields(auto& f) {
        f("partition_id", &PartitionRecord::partition_id);
        f("topic_id", &PartitionRecord::topic_id);
        f("replicas", &PartitionRecord::replicas);
        f("isr", &PartitionRecord::isr);
        f("removing_replicas", &PartitionRecord::removing_replicas);
        f("adding_replicas", &PartitionRecord::adding_replicas);
        f("leader", &PartitionRecord::leader);
        f.tagged(0, "leader_recovery_state", &PartitionRecord::leader_recovery_state, always());
        f("leader_epoch", &PartitionRecord::leader_epoch);
        f("partition_epoch", &PartitionRecord::partition_epoch);
        f("directories", &PartitionRecord::directories, since(1));
        f.tagged(1, "eligible_leader_replicas", &PartitionRecord::eligible_leader_replicas,
                 since(2));
        f.tagged(2, "last_known_elr", &PartitionRecord::last_known_elr, since(2));
    }
};

/// What changes in a partition; null, or -2 for the leader, is no change.
struct PartitionChangeRecord {
    static constexpr std::string_view name = "PartitionChangeRecord";
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    std::int32_t partition_id = -1;
    Uuid topic_id{};
    std::optional<std::vector<std::int32_t>> isr{};
    std::int32_t leader = -2;
    std::optional<std::vector<std::int32_t>> replicas{};
    std::optional<std::vector<std::int32_t>> removing_replicas{};
    std::optional<std::vector<std::int32_t>> adding_replicas{};
    std::int8_t leader_recovery_state = -1;
    std::optional<std::vector<Uuid>> directories{};
    std::optional<std::vector<std::int32_t>> eligible_leader_replicas{};
    std::optional<std::vector<std::int32_t>> last_known_elr{};

    static constexpr void fields(auto& f) {
        f("partition_id", &PartitionChangeRecord::partition_id);
        f("topic_id", &PartitionChangeRecord::topic_id);
        f.tagged(0, "isr", &PartitionChangeRecord::isr, always());
        f.tagged(1, "leader", &PartitionChangeRecord::leader, always());
        f.tagged(2, "replicas", &PartitionChangeRecord::replicas, always());
        f.tagged(3, "removing_replicas", &PartitionChangeRecord::removing_replicas, always());
        f.tagged(4, "adding_replicas", &PartitionChangeRecord::adding_replicas, always());
        f.tagged(5, "leader_recovery_state", &PartitionChangeRecord::leader_recovery_state,
                 always());
        f.tagged(8, "directories", &PartitionChangeRecord::directories, since(1));
        f.tagged(6, "eligible_leader_replicas", &PartitionChangeRecord::eligible_leader_replicas,
                 since(2));
        f.tagged(7, "last_known_elr", &PartitionChangeRecord::last_known_elr, since(2));
    }
};

/// A topic is deleted.
struct RemoveTopicRecord {
    static constexpr std::string_view name = "RemoveTopicRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Uuid topic_id{};

    static constexpr void fields(auto& f) { f("topic_id", &RemoveTopicRecord::topic_id); }
};

/// A setting is set, or with null removed.
struct ConfigRecord {
    static constexpr std::string_view name = "ConfigRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int8_t resource_type = 0;
    std::string resource_name{};
    std::string config_name{};
    std::optional<std::string> value = "";

    static constexpr void fields(auto& f) {
        f("resource_type", &ConfigRecord::resource_type);
        f("resource_name", &ConfigRecord::resource_name);
        f("name", &ConfigRecord::config_name);
        f("value", &ConfigRecord::value);
    }
};

/// Forgets the replicas that may still lead, of a topic or of all (KIP-966).
struct ClearElrRecord {
    static constexpr std::string_view name = "ClearElrRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string topic_name{};

    static constexpr void fields(auto& f) { f("topic_name", &ClearElrRecord::topic_name); }
};

}  // namespace

void add_metadata_topic_records(Messages& messages) {
    add_messages<TopicRecord, PartitionRecord, PartitionChangeRecord, RemoveTopicRecord,
                 ConfigRecord, ClearElrRecord>(messages);
}

}  // namespace kwire::protocol
