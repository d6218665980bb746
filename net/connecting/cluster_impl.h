// What Cluster hides, by subject: the ways to brokers (cluster_brokers.cpp), Metadata and the view
// (cluster_metadata.cpp), coordinators and the controller (cluster_roles.cpp), and the public face
// (cluster.cpp). Threads: on the runtime's strand, unless said.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <kwire/net/backoff.h>
#include <kwire/net/cluster.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/metadata.h>

#include "broker.h"

namespace kwire {

using BrokerPtr = std::shared_ptr<Broker>;
using ViewPtr = std::shared_ptr<const ClusterView>;

/// What a Metadata request is for.
struct Asked {
    /// No value: all topics. An empty set: none, only the brokers.
    std::optional<std::set<std::string>> topics;
    bool create = false;  // those that do not exist

    auto operator<=>(const Asked&) const = default;
    static Asked only_brokers() { return {.topics = std::set<std::string>()}; }
};

struct Cluster::Impl : std::enable_shared_from_this<Cluster::Impl> {
    using Self = std::shared_ptr<Impl>;
    /// What to do at a broker that is connected, one after the other until it succeeds at one.
    using Use = std::function<Task<void>(BrokerPtr broker, TimePoint deadline)>;

    Impl(std::shared_ptr<Runtime> its_runtime, ClusterConfig config);
    /// What needs a pointer to itself; once, before anything else.
    void start();

    const ClusterConfig& config() const { return dialer->config; }
    ViewPtr current_view() const;  // from any thread
    TimePoint request_deadline() const { return later(runtime->now(), config().request_timeout); }
    TimePoint deadline_of(const CallOptions& options) const {
        return later(runtime->now(), options.timeout.value_or(config().request_timeout));
    }
    /// For requests of our own, which must not wait for a throttled broker beyond their deadline.
    CallOptions own_options() const { return {.timeout = config().request_timeout}; }
    void close();

    // ---- the ways to brokers

    BrokerPtr broker_at(const HostPort& address, std::int8_t lane);
    BrokerPtr broker_of(std::int32_t id, std::int8_t lane);
    std::optional<HostPort> address_of(std::int32_t id) const;
    std::vector<BrokerPtr> candidates(std::int8_t lane);
    void drop_unlisted();
    void forget_roles_at(const HostPort& target);
    static Task<void> at_any(Self self, std::int8_t lane, Use use, std::string purpose,
                             TimePoint deadline);
    static Task<void> anywhere(Self self, AnyRequest request, void* answer, CallOptions options,
                               TimePoint deadline);
    static Task<BrokerVersions> versions_of(Self self, std::int32_t id, CallOptions options);

    // ---- Metadata

    /// A Metadata request that several callers wait for.
    struct Refresh;

    static Task<ViewPtr> refreshed(Self self, Asked asked);
    static Task<void> run_refresh(Self self, std::shared_ptr<Refresh> refresh, Asked asked);
    static Task<void> ask_metadata(Self self, Asked asked, TimePoint deadline);
    static Task<void> metadata_from(Self self, BrokerPtr broker, Asked asked,
                                    std::shared_ptr<std::optional<ClusterView>> without_brokers,
                                    TimePoint deadline);
    void publish(ClusterView next, const Asked& asked);
    static Task<ViewPtr> next_view(Self self, ViewPtr known, TimePoint deadline, std::stop_token abandoned);
    static Task<void> keep_fresh(Self self);
    static Task<bool> refresh_old(Self self);
    Asked old_topics() const;
    TimePoint next_old() const;

    // ---- coordinators and the controller

    using Coordinator = protocol::FindCoordinatorResponse::Coordinator;

    static Task<std::int32_t> coordinator_of(Self self, std::string group);
    static Task<void> coordinator_from(Self self, BrokerPtr broker, std::string group,
                                       std::shared_ptr<Coordinator> out, TimePoint deadline);
    static Task<void> controller_answer(Self self, AnyRequest request, void* answer,
                                        CallOptions options, TimePoint deadline);
    static Task<BrokerPtr> connected_controller(Self self, std::int8_t lane, TimePoint deadline);

    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<const Dialer> dialer;
    std::mt19937_64 random;
    std::atomic<std::uint64_t> next_seed{random()};
    std::vector<HostPort> bootstrap;
    std::optional<Error> closed;
    std::map<std::pair<HostPort, std::int8_t>, BrokerPtr> brokers;
    std::map<HostPort, std::shared_ptr<AddressMemory>> memories;

    std::map<Asked, std::shared_ptr<Refresh>> refreshes;
    /// Topics that were named in a refresh, and when that was answered last; brokers likewise.
    std::map<std::string, TimePoint> topics_fresh;
    TimePoint brokers_fresh = TimePoint::min();
    bool keeping_fresh = false;
    Event view_changed;
    std::atomic<std::uint64_t> metadata_answers = 0;
    std::atomic<std::uint64_t> metadata_refreshes = 0;
    std::atomic<std::uint64_t> metadata_refresh_failures = 0;

    std::map<std::string, std::int32_t> coordinators;
    std::map<std::int32_t, HostPort> coordinator_addresses;
    bool controller_doubtful = false;  // it could not be reached: ask which it is before the next use

    mutable std::mutex view_mutex;
    ViewPtr view = std::make_shared<const ClusterView>();
};

}  // namespace kwire
