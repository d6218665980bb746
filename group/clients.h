// What a member reads and commits with.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/consumer.h>
#include <kwire/offsets/offset_manager.h>

#include "engine.h"

namespace kwire {

struct Clients {
    std::shared_ptr<Cluster> cluster;
    std::shared_ptr<Consumer> consumer;
    std::shared_ptr<OffsetManager> offsets;
};

/// brokers are those that ZooKeeper lists, in addition to bootstrap.servers.
Clients make_clients(const MemberSettings& settings, std::vector<BrokerEndpoint> brokers, Consumer::Handlers handlers);

}  // namespace kwire
