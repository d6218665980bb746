// Offsets in Kafka itself: OffsetFetch and OffsetCommit at the coordinator of the group.
//
// Needs brokers from 0.8.2 on. The coordinator is found and followed; while it loads or moves it is
// asked again, and that is never taken for "no offset". The metadata of a commit is empty; the leader epoch (KIP-320) is
// stored from OffsetCommit 6 on (Kafka 2.1).
// An identity with a generation or epoch commits as that member. Without one the commit is a simple one (generation -1, no
// member), which is not fenced: a broker takes it from anybody while it sees no members of its own in the group. So the
// lease alone protects it: no request begins after it, and none is waited for longer; but one whose answer did not come
// may still take effect later.
// Threads: only on the runtime's strand. Lifetimes: the store holds the cluster.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/error.h>
#include <kwire/offsets/offset_store.h>

namespace kwire {

struct KafkaOffsetStoreConfig {
    /// The least offsets.retention.minutes of the brokers, > 0: they forget what is not committed again for so long (one
    /// day by default up to 1.1, seven from 2.0). What stands still is committed again after a quarter of it.
    std::chrono::minutes retention{24 * 60};
};

/// Throws errc::invalid_config.
std::shared_ptr<OffsetStore> kafka_offset_store(std::shared_ptr<Cluster> cluster, std::string group,
                                                KafkaOffsetStoreConfig config = {});

// ---- for tools

/// What Kafka keeps of one partition: an offset, none (-1), or one that cannot be read.
struct KafkaOffset {
    std::int64_t next = -1;
    std::int32_t leader_epoch = -1;
    std::optional<Error> problem = std::nullopt;
};

/// What Kafka keeps of group, of the partitions named (all of which come back) or of all that have
/// an offset (from 0.10.2 on; before, errc::unsupported_version). What the coordinator answers with
/// "later" is asked again until the request timeout passes. Throws if the group as a whole
/// cannot be read.
Task<std::map<TopicPartition, KafkaOffset>> read_offsets(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which);

/// The same for who needs all of them: partitions without an offset are absent, and the first that
/// cannot be read is thrown.
Task<std::map<TopicPartition, std::int64_t>> fetch_offsets(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which);

/// Sets them, back too. Throws the first failure, naming the partition.
Task<void> store_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                         std::map<TopicPartition, std::int64_t> next);

/// Removes all offsets of group, and the group, which must have no members (DeleteGroups, Kafka 1.1 and later). A group that
/// the coordinator does not know is fine: it has none. Throws errc::unsupported_version, broker_error (non_empty_group, ...).
Task<void> delete_offsets(std::shared_ptr<Cluster> cluster, std::string group);

/// Removes the offsets of which (OffsetDelete, Kafka 2.4 and later) and returns those that were not removed, each with the
/// reason. A partition without an offset is fine. Throws if the request as a whole is refused.
Task<std::map<TopicPartition, Error>> delete_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                                                     std::vector<TopicPartition> which);

/// Removes what Kafka keeps of the group (DeleteGroups); of the topics it reads if only that is possible (OffsetDelete);
/// and if the brokers can remove nothing, sets it to where reading is to begin. Throws why none of them was possible.
Task<void> reset_offsets(std::shared_ptr<Cluster> cluster, std::string group, OffsetReset reset);

}  // namespace kwire
