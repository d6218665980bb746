// ZooKeeper servers as the C client is to be given them: numeric, so that it never resolves a name,
// which would block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kwire/net/runtime.h>
#include <kwire/net/transport.h>

namespace kwire::zk {

bool all_numeric(const std::vector<HostPort>& servers);

/// `1.2.3.4:2181,::1:2181`: every address of every server that has one by deadline; those whose
/// names do not resolve are left out. Empty: none has.
Task<std::string> numeric_addresses(std::shared_ptr<Runtime> runtime, std::vector<HostPort> servers,
                                    TimePoint deadline);

}  // namespace kwire::zk
