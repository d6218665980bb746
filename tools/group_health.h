// What can be wrong with a group, by what ZooKeeper and the brokers say of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <kwire/zk/registry.h>

#include "group_offsets.h"

namespace kwire::tools {

struct GroupSnapshot {
    std::string group;
    std::vector<zk::Member> members;
    std::map<TopicPartition, zk::Owner> owners;
    std::map<TopicPartition, std::int64_t> offsets;
    /// Of every topic there is. Empty: not known.
    std::map<std::string, std::vector<std::int32_t>> topics;
    /// Why a topic that is subscribed to or has an offset is not among them, where the reason is not that it does not exist.
    std::map<std::string, std::string> refused;
    std::map<TopicPartition, std::int64_t> log_starts;  ///< Only of those with an offset; where known.
    std::map<TopicPartition, std::int64_t> log_ends;
    std::vector<zk::Warning> unreadable;  ///< Nodes of the group, and offsets in Kafka.
    std::vector<std::string> unknown;     ///< Log ends that could not be found out, and why.
};

GroupSnapshot take_snapshot(Connections& connections, Storage storage, const std::string& group);

/// Sentences, each naming what is wrong, where, and what follows from it; none: the group is well.
std::vector<std::string> problems_of(const GroupSnapshot& snapshot);

/// Java writes the member's id and `-n` for its thread n, kwire and Go the id alone.
bool belongs_to(const std::string& owner, const std::string& member);

/// What runs it: what its registration says, or what its id looks like.
std::string client_of(const zk::Member& member, const std::string& group);
/// Where it runs, as far as registration or id tell; "-" if they do not.
std::string host_of(const zk::Member& member, const std::string& group);

}  // namespace kwire::tools
