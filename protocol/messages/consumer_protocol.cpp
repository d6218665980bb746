// What consumers hand each other through classic groups: the bytes in JoinGroup and SyncGroup.
// A version of two bytes stands before each.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// What a member subscribes to, and what it owned before (KIP-429 from version 1).
struct ConsumerProtocolSubscription {
    static constexpr std::string_view name = "ConsumerProtocolSubscription";
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible = no_versions;

    struct TopicPartition {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &TopicPartition::topic);
            f("partitions", &TopicPartition::partitions);
        }
    };

    std::vector<std::string> topics{};
    std::optional<Bytes> user_data{};
    std::vector<TopicPartition> owned_partitions{};
    std::int32_t generation_id = -1;
    std::optional<std::string> rack_id{};

    static constexpr void fields(auto& f) {
        f("topics", &ConsumerProtocolSubscription::topics);
        f("user_data", &ConsumerProtocolSubscription::user_data);
        f("owned_partitions", &ConsumerProtocolSubscription::owned_partitions,
          since(1).ignorable());
        f("generation_id", &ConsumerProtocolSubscription::generation_id, since(2).ignorable());
        f("rack_id", &ConsumerProtocolSubscription::rack_id, since(3).ignorable());
    }
};

/// What the leader assigns to a member.
struct ConsumerProtocolAssignment {
    static constexpr std::string_view name = "ConsumerProtocolAssignment";
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible = no_versions;

    struct TopicPartition {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &TopicPartition::topic);
            f("partitions", &TopicPartition::partitions);
        }
    };

    std::vector<TopicPartition> assigned_partitions{};
    std::optional<Bytes> user_data{};

    static constexpr void fields(auto& f) {
        f("assigned_partitions", &ConsumerProtocolAssignment::assigned_partitions);
        f("user_data", &ConsumerProtocolAssignment::user_data);
    }
};

}  // namespace

void add_consumer_protocol(Messages& messages) {
    add_messages<ConsumerProtocolSubscription, ConsumerProtocolAssignment>(messages);
}

}  // namespace kwire::protocol
