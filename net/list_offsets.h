// ListOffsets with the isolation level, which the public function leaves at read_uncommitted.
#pragma once

#include <memory>
#include <vector>

#include <kwire/net/consumer.h>

namespace kwire {

/// With read_committed the log's end (-1) is the last stable offset (KIP-98).
Task<std::vector<OffsetAnswer>> list_offsets_isolated(std::shared_ptr<Cluster> cluster,
                                                      std::vector<OffsetQuery> queries,
                                                      IsolationLevel isolation);

}  // namespace kwire
