#include "clients.h"

#include <utility>

#include <kwire/offsets/dual_offset_store.h>
#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/offsets/zookeeper_offset_store.h>

namespace kwire {
namespace {

std::shared_ptr<OffsetManager> offset_manager_of(const MemberSettings& settings, const std::shared_ptr<Cluster>& cluster,
                                                 std::function<void(const Error&)> report) {
    const auto& runtime = settings.config.runtime;
    const auto& own = settings.config.offset_manager;
    if (own) return guard_offset_manager(runtime, own, std::move(report));
    if (settings.config.offset_store) return make_offset_manager(runtime, settings.config.offset_store);
    const auto in_zookeeper = [&] { return zookeeper_offset_store(settings.group); };
    const auto in_kafka = [&] { return kafka_offset_store(cluster, settings.group); };
    switch (settings.config.offsets.storage) {
        case OffsetStorage::kafka: return make_offset_manager(runtime, in_kafka());
        case OffsetStorage::dual:
            return make_offset_manager(runtime, dual_offset_store(in_zookeeper(), in_kafka(), std::move(report)));
        case OffsetStorage::zookeeper: break;
    }
    return make_offset_manager(runtime, in_zookeeper());
}

}  // namespace

Clients make_clients(const MemberSettings& settings, std::vector<BrokerEndpoint> brokers, Consumer::Handlers handlers) {
    const auto& config = settings.config;
    ClusterConfig cluster = config.cluster;
    cluster.client_id = config.client_id;
    cluster.bootstrap = config.bootstrap;
    for (const auto& broker : brokers) cluster.bootstrap.push_back(broker.address);
    FetchConfig fetch = config.fetch;
    fetch.out_of_range = config.offsets.initial == Initial::newest ? OutOfRange::newest : OutOfRange::oldest;

    Clients clients;
    clients.cluster = Cluster::create(config.runtime, std::move(cluster));
    auto report = handlers.on_error;
    clients.consumer = Consumer::create(clients.cluster, std::move(fetch), std::move(handlers));
    clients.offsets = offset_manager_of(settings, clients.cluster, std::move(report));
    return clients;
}

}  // namespace kwire
