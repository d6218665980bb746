// One round of ListOffsets, for who deals with what it leaves open by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <kwire/net/consumer.h>

namespace kwire {

/// One offset a query, in order; none where its leader is not known or did not answer, or not with an offset. Asks no
/// leader twice, and throws nothing.
Task<std::vector<std::optional<std::int64_t>>> list_offsets_once(std::shared_ptr<Cluster> cluster,
                                                                 std::vector<OffsetQuery> queries,
                                                                 IsolationLevel isolation);

}  // namespace kwire
