// One OffsetFetch or OffsetCommit in whatever version the coordinator speaks, and what its answer
// means.
//
// Invariant: an answer is compared with its question. A partition that is left out comes back as left out; an answer that
// names a partition twice, or one that was not asked for, is refused as a whole (errc::bad_answer, naming it).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/error.h>
#include <kwire/offsets/offset_store.h>
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
/// Partitions come back with -1 if there is no offset; each that which names comes back. which
/// nullopt: all that the group has.
struct FetchedOffset {
    std::int64_t next = -1;
    std::int32_t leader_epoch = -1;
    ErrorCode error{};
    bool left_out = false;  ///< It was asked for, and the answer says nothing of it.
};
Task<std::map<TopicPartition, FetchedOffset>> fetch_once(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which, TimePoint deadline);

/// One try; the error code of each partition. One that the answer leaves out is absent, and so is one whose write may not
/// begin any more when the request is sent. Throws what the call throws, errc::not_owner if none may begin.
Task<std::map<TopicPartition, ErrorCode>> commit_once(std::shared_ptr<Cluster> cluster, std::string group,
                                                      std::vector<OffsetStore::Write> writes, CommitIdentity identity,
                                                      TimePoint deadline);

}  // namespace kwire
