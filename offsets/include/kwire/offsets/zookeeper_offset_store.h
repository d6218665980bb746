// Offsets in ZooKeeper, where Kafka's own consumer up to 1.1 and the Go original keep them:
// /consumers/GROUP/offsets/TOPIC/PARTITION, the next offset as decimal text. There is no room for a leader epoch.
//
// Invariants: every write is one transaction with the check that the session of the identity is still registered, at the
// version the node had when it was last read or written. So a member that lost its session writes nothing, and a stored
// offset never goes back: if somebody else wrote meanwhile, what they wrote is read, and stands if it is not lower, or if
// the partition is no longer this session's.
// Errors: an identity without a registration gives errc::invalid_config. Threads: the runtime's strand.
#pragma once

#include <memory>
#include <string>

#include <kwire/offsets/offset_store.h>

namespace kwire {

std::shared_ptr<OffsetStore> zookeeper_offset_store(std::string group);

}  // namespace kwire
