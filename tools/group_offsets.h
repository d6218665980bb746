// How far a group has come: what is stored, where the log ends, and who owns what.
//
// Nothing, not known and not readable are three things here: whatever could not be found out has a problem that says why.
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

/// By --offsets if it is given; else ZooKeeper if --zookeeper is, else Kafka.
Storage storage_of(const Connections& connections, const std::string& option);

/// An offset that was looked up: a number, none, or a problem.
struct LookedUp {
    std::optional<std::int64_t> offset;
    std::string problem;  ///< Why it is not known; empty: it is, or there is none.
    bool gone = false;    ///< The problem is that a broker says that there is no such topic or partition.
};
using OffsetTable = std::map<TopicPartition, LookedUp>;

/// Next offsets by partition, also those that cannot be read. topics empty: all that the group has stored.
OffsetTable stored_offsets(Connections& connections, Storage storage, const std::string& group,
                           const std::vector<std::string>& topics);

/// The partitions of topics. Which of the topics have none, and why, is added to missing.
std::set<TopicPartition> partitions_of(Connections& connections, const std::vector<std::string>& topics,
                                       std::map<std::string, std::string>& missing);

/// The partitions of topic. Throws if it has none, with the broker's reason.
std::set<TopicPartition> existing_partitions(Connections& connections, const std::string& topic);

/// The log ends, or beginnings, or the offsets by time (list_offsets' numbers), of all partitions: one that has none, for
/// its topic, its leader or an answer is missing, has the problem. By time: no offset and no problem means that no message
/// is that late.
OffsetTable log_offsets(Connections& connections, const std::set<TopicPartition>& partitions,
                        std::int64_t timestamp_ms);

struct PartitionProgress {
    TopicPartition tp;
    std::optional<std::string> owner;  ///< `unreadable` if the node cannot be read.
    std::int64_t generation = -1;  ///< Of the owner's claim: grows with each claim in the group (its czxid).
    LookedUp stored;   ///< The next offset to read.
    LookedUp log_end;  ///< Without offset and problem: not asked for.

    /// Nothing if one of the two is not known, or the stored offset lies beyond the end.
    std::optional<std::int64_t> lag() const;
    bool beyond_end() const;
    /// All problems in one sentence; empty if there is none.
    std::string problem() const;

    std::string show_stored() const;  ///< The number, `-` for none, or `unreadable`.
    std::string show_log_end() const;  ///< The number, `-` if it was not asked for, `no topic` or `unknown`.
    std::string show_lag() const;      ///< The number, `-`, or `beyond the end`.
};

/// Everything about each partition that has a stored offset or an owner, or belongs to topics; topics empty: of all.
/// without_log_ends: the brokers are not asked. complete: all that was asked for could be found out; what could not is
/// reported on stderr.
struct GroupProgress {
    std::vector<PartitionProgress> partitions;
    bool complete = true;
};
GroupProgress group_progress(Connections& connections, Storage storage, const std::string& group,
                             const std::vector<std::string>& topics, bool without_log_ends);

/// Reports what the registry could not read. True if there was something.
bool report_unreadable(Connections& connections);

}  // namespace kwire::tools
