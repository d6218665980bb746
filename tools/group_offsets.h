// How far a group has come: what is stored, where the log ends, and who owns what.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/protocol/topic_partition.h>

#include "connection.h"

namespace kwire::tools {

enum class Storage { zookeeper, kafka };

/// By --offsets where it is given; else ZooKeeper where it is named, else Kafka.
Storage storage_of(const Connections& connections, const std::string& option);

/// Next offsets by partition. topics empty: all that the group has stored.
std::map<TopicPartition, std::int64_t> stored_offsets(Connections& connections, Storage storage,
                                                      const std::string& group,
                                                      const std::vector<std::string>& topics);

/// The partitions of topics that exist; which of them do not is told on stderr.
std::set<TopicPartition> partitions_of(Connections& connections,
                                       const std::vector<std::string>& topics);

/// The log ends, or beginnings, or the offsets by time (list_offsets' numbers), of those that have
/// a leader.
std::map<TopicPartition, std::int64_t> log_offsets(Connections& connections,
                                                   const std::set<TopicPartition>& partitions,
                                                   std::int64_t timestamp_ms);

struct PartitionProgress {
    TopicPartition tp;
    std::optional<std::string> owner;
    std::int64_t generation = -1;  ///< Of the owner's claim: grows with each claim in the group (its czxid).
    std::optional<std::int64_t> offset;  ///< The next one to read.
    std::optional<std::int64_t> log_end;

    std::optional<std::int64_t> lag() const {
        if (!offset || !log_end) return std::nullopt;
        return *log_end > *offset ? *log_end - *offset : 0;
    }
};

/// Everything about each partition that has a stored offset or an owner, or belongs to topics;
/// topics empty: of all. without_log_ends: the brokers are not asked. False in complete: they were,
/// but could not say; it is told on stderr.
struct GroupProgress {
    std::vector<PartitionProgress> partitions;
    bool complete = true;
};
GroupProgress group_progress(Connections& connections, Storage storage, const std::string& group,
                             const std::vector<std::string>& topics, bool without_log_ends);

}  // namespace kwire::tools
