// A call of a store, which may be a program's own: whatever it throws becomes the outcome of each partition.
#pragma once

#include <vector>

#include <kwire/offsets/offset_store.h>

namespace kwire {

Task<OffsetStore::Outcomes> read_guarded(std::shared_ptr<OffsetStore> store, std::vector<TopicPartition> which,
                                         CommitIdentity identity);
Task<OffsetStore::Outcomes> write_guarded(std::shared_ptr<OffsetStore> store, std::vector<OffsetStore::Write> writes,
                                          CommitIdentity identity, TimePoint deadline);

/// Whether what was thrown may pass: no connection, no answer, or something that says nothing of itself.
bool may_pass(const Error& error);

}  // namespace kwire
