// One OffsetFetch or OffsetCommit in whatever version the coordinator speaks, and what its answer
// means.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/error.h>
#include <kwire/protocol/topic_partition.h>

namespace kwire {

/// What to do about an error code of a coordinator.
enum class CoordinatorAdvice {
    accept,      ///< No error.
    wait,        ///< It will answer soon: loading, or overloaded.
    look_again,  ///< It is not, or no longer, the coordinator.
    give_up,
};
CoordinatorAdvice advice(ErrorCode code);
/// The same of a request that ended in an exception.
CoordinatorAdvice advice(const Error& error);

/// One try. Throws what the call throws, and an error code that concerns the whole group.
/// Partitions come back with -1 where there is no offset; each that which names comes back. which
/// nullopt: all that the group has.
struct FetchedOffset {
    std::int64_t next = -1;
    ErrorCode error{};
    bool left_out = false;  ///< It was asked for, and the answer says nothing of it.
};
Task<std::map<TopicPartition, FetchedOffset>> fetch_once(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which, std::chrono::milliseconds timeout);

/// One try; the error code of each partition. A partition that the answer leaves out is absent.
Task<std::map<TopicPartition, ErrorCode>> commit_once(std::shared_ptr<Cluster> cluster,
                                                      std::string group,
                                                      std::map<TopicPartition, std::int64_t> next,
                                                      std::chrono::milliseconds timeout);

}  // namespace kwire
