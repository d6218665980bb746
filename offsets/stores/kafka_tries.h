// One try at the coordinator as outcomes of a store, and the same until a deadline, for tools.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/offsets/kafka_offset_store.h>

#include "stores/kafka_requests.h"

namespace kwire {

/// Never throws. Forgets the coordinator if it is to be looked up anew.
Task<OffsetStore::Outcomes> try_commit(std::shared_ptr<Cluster> cluster, std::string group,
                                       std::vector<OffsetStore::Write> writes, CommitIdentity identity, TimePoint deadline);

struct FetchTry {
    OffsetStore::Outcomes offsets;
    std::optional<Error> error;  ///< Of the whole.
    bool try_again = false;      ///< The whole, or a part of it, may come later.
};
/// The same of reading; which nullopt: all that the group has.
Task<FetchTry> try_fetch(std::shared_ptr<Cluster> cluster, std::string group,
                         std::optional<std::vector<TopicPartition>> which, TimePoint deadline);

}  // namespace kwire
