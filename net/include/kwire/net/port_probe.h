// What answers on a port, for the error that says it is not what was expected there.
//
// Threads: only on the runtime's strand.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <kwire/net/transport.h>

namespace kwire {

/// Says in words what kind of service target is ("a ZooKeeper server", "a Kafka broker", ...); empty if it does not
/// give itself away before deadline. Never throws. Two connections at most: ZooKeeper's `srvr` command, to which many
/// other services answer something as well, and then a Metadata request of version 0.
Task<std::optional<std::string>> probe_port(std::shared_ptr<Runtime> runtime, std::shared_ptr<Transport> transport,
                                            HostPort target, TimePoint deadline);

}  // namespace kwire
