#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <utility>

#include <asio/post.hpp>

#include <kwire/net/cluster.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>

#include "broker.h"
#include "cluster_view.h"

namespace kwire {
namespace {

using BrokerPtr = std::shared_ptr<Broker>;
using ViewPtr = std::shared_ptr<const ClusterView>;

/// What a Metadata request is for.
struct Asked {
    /// No value: all topics. An empty set: none, only the brokers.
    std::optional<std::set<std::string>> topics;
    bool create = false;  // those that do not exist

    auto operator<=>(const Asked&) const = default;
};
const Asked only_brokers{.topics = std::set<std::string>()};

constexpr std::chrono::milliseconds coordinator_retry{100};
constexpr std::chrono::milliseconds coordinator_retry_max{1'000};

void check(bool holds, const std::string& key, std::int64_t value, const std::string& rule) {
    if (holds) return;
    throw Error(errc::invalid_config,
                key + " is " + std::to_string(value) + ", but must be " + rule);
}

void check(const ClusterConfig& config) {
    if (config.bootstrap.empty()) {
        throw Error(errc::invalid_config,
                    "bootstrap.servers is empty, but must name at least one broker as host:port");
    }
    const auto positive = [](const char* key, std::chrono::milliseconds value) {
        check(value.count() > 0, key, value.count(), "at least 1 (milliseconds)");
    };
    positive("socket.connection.setup.timeout.ms", config.connect_timeout);
    positive("request.timeout.ms", config.request_timeout);
    positive("metadata.max.age.ms", config.metadata_max_age);
    positive("api.version.request.timeout.ms", config.api_version_request_timeout);
    check(config.reconnect_backoff.count() >= 0, "reconnect.backoff.ms",
          config.reconnect_backoff.count(), "0 or more");
    check(config.reconnect_backoff_max >= config.reconnect_backoff, "reconnect.backoff.max.ms",
          config.reconnect_backoff_max.count(), "no less than reconnect.backoff.ms");
    check(config.frame_bytes_max >= 1024, "receive.message.max.bytes", config.frame_bytes_max,
          "at least 1024");
}

/// A Metadata request that several callers wait for.
struct Refresh {
    explicit Refresh(Runtime& runtime) : over(runtime) {}

    ViewPtr view;
    std::optional<Error> failure;
    bool ended = false;
    Event over;
};

}  // namespace

struct Cluster::Impl : std::enable_shared_from_this<Cluster::Impl> {
    using Self = std::shared_ptr<Impl>;
    /// What to do at a broker, one after the other until it succeeds at one.
    using Use = std::function<Task<void>(BrokerPtr broker, TimePoint deadline)>;

    Impl(std::shared_ptr<Runtime> its_runtime, ClusterConfig config)
        : runtime(std::move(its_runtime)),
          random(config.jitter_seed ? *config.jitter_seed : std::random_device{}()),
          bootstrap(config.bootstrap) {
        auto transport = config.transport ? config.transport : tcp_transport(runtime);
        dialer = std::make_shared<const Dialer>(Dialer{
            runtime, std::move(transport), std::make_shared<FramePool>(), std::move(config)});
    }

    const ClusterConfig& config() const { return dialer->config; }

    ViewPtr current_view() const {
        const std::lock_guard lock(view_mutex);
        return view;
    }

    // --- brokers
    // ---------------------------------------------------------------------------------------------------

    BrokerPtr broker_at(const HostPort& address, std::int8_t lane) {
        if (closed) throw Error(*closed);
        auto& broker = brokers[{address, lane}];
        if (!broker) {
            auto& memory = memories[address];
            if (!memory) {
                const Backoff backoff(config().reconnect_backoff, config().reconnect_backoff_max,
                                      random());
                memory = std::make_shared<AddressMemory>(backoff);
            }
            broker = std::make_shared<Broker>(dialer, address, memory);
        }
        return broker;
    }

    BrokerPtr broker_of(std::int32_t id, std::int8_t lane) {
        if (closed) throw Error(*closed);
        const auto now = current_view();
        if (const auto found = now->brokers.find(id); found != now->brokers.end()) {
            return broker_at(found->second.address, lane);
        }
        if (const auto found = coordinator_addresses.find(id);
            found != coordinator_addresses.end()) {
            return broker_at(found->second, lane);
        }
        throw Error(errc::cannot_connect, "no address is known of broker " + std::to_string(id) +
                                              ": the cluster does not list it (any more)");
    }

    /// Every address that may lead to a broker: connected ones first, those that failed last, the
    /// bootstrap list after what the cluster said of itself.
    std::vector<BrokerPtr> candidates(std::int8_t lane) {
        std::vector<HostPort> known;
        for (const auto& [id, broker] : current_view()->brokers) known.push_back(broker.address);
        std::shuffle(known.begin(), known.end(), random);
        std::vector<BrokerPtr> found;
        const auto add = [&](const HostPort& address) {
            auto broker = broker_at(address, lane);
            if (std::find(found.begin(), found.end(), broker) == found.end()) {
                found.push_back(std::move(broker));
            }
        };
        for (const auto& address : known) add(address);
        for (const auto& address : bootstrap) add(address);
        const auto rank = [](const BrokerPtr& b) {
            return b->connected() ? 0 : b->failing() ? 2 : 1;
        };
        std::stable_sort(
            found.begin(), found.end(),
            [&rank](const BrokerPtr& a, const BrokerPtr& b) { return rank(a) < rank(b); });
        return found;
    }

    /// Closes the ways to addresses that neither the cluster nor the bootstrap list names any more.
    void drop_unlisted() {
        std::set<HostPort> listed(bootstrap.begin(), bootstrap.end());
        for (const auto& [id, broker] : current_view()->brokers) listed.insert(broker.address);
        for (const auto& [id, address] : coordinator_addresses) listed.insert(address);
        const Error gone(errc::connection_lost, "the cluster does not list this broker any more");
        std::erase_if(brokers, [&](const auto& entry) {
            if (listed.contains(entry.first.first)) return false;
            entry.second->close(gone);
            return true;
        });
        std::erase_if(memories, [&](const auto& entry) { return !listed.contains(entry.first); });
    }

    /// Uses one candidate after the other until one serves. Throws an error that names each and why
    /// it did not.
    static Task<void> at_any(Self self, std::int8_t lane, Use use, std::string purpose,
                             TimePoint deadline) {
        const auto targets = self->candidates(lane);
        std::vector<Error> failures;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const TimePoint now = self->runtime->now();
            // A broker that hangs must leave time for the next one.
            const auto left = static_cast<Duration::rep>(targets.size() - i);
            try {
                co_await use(targets[i], now + (deadline - now) / left);
                co_return;
            } catch (const Error& e) {
                const errc condition = e.condition();
                if (condition == errc::closed || condition == errc::message_not_encodable) throw;
                failures.push_back(e.at({.target = targets[i]->target().to_string()}));
            }
        }
        throw_all(failures, purpose);
    }

    [[noreturn]] static void throw_all(const std::vector<Error>& failures,
                                       const std::string& purpose) {
        if (failures.size() == 1) throw Error(failures.front());
        errc condition = failures.front().condition();
        std::string all;
        for (const Error& failure : failures) {
            if (failure.condition() != condition) condition = errc::cannot_connect;
            all += (all.empty() ? "" : "; ") + failure.where().target + ": " + failure.reason();
        }
        // The code of a broker's own refusal cannot stand for several.
        if (condition == errc::broker_error) condition = errc::cannot_connect;
        throw Error(condition, "no broker could be used (" + purpose + "): " + all);
    }

    // --- metadata
    // --------------------------------------------------------------------------------------------------

    static protocol::MetadataRequest metadata_request(const Asked& asked, std::int16_t version) {
        protocol::MetadataRequest request;
        if (version == 0) request.topics.emplace();  // an empty list stands for all there
        if (lists_all(asked, version)) {
            if (version > 0) request.topics.reset();
        } else {
            request.topics.emplace();
            for (const auto& name : *asked.topics) request.topics->push_back({.name = name});
        }
        if (version >= 4) request.allow_auto_topic_creation = asked.create;
        return request;
    }

    /// Before version 4 a broker may create a topic because it was named.
    static bool lists_all(const Asked& asked, std::int16_t version) {
        if (!asked.topics) return true;
        if (asked.topics->empty()) return version == 0;
        return version < 4 && !asked.create;
    }

    static Task<void> metadata_from(Self self, BrokerPtr broker, Asked asked,
                                    std::shared_ptr<std::optional<ClusterView>> without_brokers,
                                    TimePoint deadline) {
        std::int16_t version = 0;
        const auto make = [&asked, &version](std::int16_t chosen) {
            version = chosen;
            return metadata_request(asked, chosen);
        };
        protocol::MetadataResponse answer;
        co_await broker->call(AnyRequest::made_by<protocol::MetadataRequest>(make), &answer,
                              CallOptions{}, deadline);
        const Error::Where where{
            .target = broker->target().to_string(), .api = "Metadata", .api_version = version};
        if (answer.error_code != ErrorCode::none) {
            throw Error(answer.error_code, "the broker gives no metadata", where);
        }
        const bool listed = lists_all(asked, version);
        ClusterView next = merged(*self->current_view(), answer, asked.topics, listed);
        if (next.brokers.empty()) {
            *without_brokers = std::move(next);
            throw Error(ErrorCode::broker_not_available,
                        "the answer lists no broker that could be connected to", where);
        }
        self->publish(std::move(next));
    }

    void publish(ClusterView next) {
        {
            const std::lock_guard lock(view_mutex);
            view = std::make_shared<const ClusterView>(std::move(next));
        }
        drop_unlisted();
    }

    static Task<void> ask_metadata(Self self, Asked asked, TimePoint deadline) {
        auto without_brokers = std::make_shared<std::optional<ClusterView>>();
        Use use = [self, asked, without_brokers](BrokerPtr broker, TimePoint until) {
            return metadata_from(self, std::move(broker), asked, without_brokers, until);
        };
        try {
            co_await at_any(self, 0, std::move(use), "Metadata", deadline);
        } catch (const Error&) {
            // A cluster of 0.8 lists its brokers only once it has a topic. That is worth nothing
            // against a view that has brokers, but where there is none yet it is the truth.
            if (!*without_brokers || !self->current_view()->brokers.empty()) throw;
            self->publish(std::move(**without_brokers));
        }
    }

    static Task<void> run(Self self, std::shared_ptr<Refresh> refresh, Asked asked) {
        try {
            co_await ask_metadata(self, asked, self->request_deadline());
            refresh->view = self->current_view();
        } catch (const Error& e) {
            refresh->failure = e;
        }
        self->refreshes.erase(asked);
        refresh->ended = true;
        refresh->over.notify_all();
    }

    static Task<ViewPtr> refreshed(Self self, Asked asked) {
        if (self->closed) throw Error(*self->closed);
        auto& shared = self->refreshes[asked];
        if (!shared) {
            shared = std::make_shared<Refresh>(*self->runtime);
            self->runtime->spawn(run(self, shared, asked));
        }
        const auto refresh = shared;
        while (!refresh->ended) co_await refresh->over.wait();
        if (refresh->failure) throw Error(*refresh->failure);
        co_return refresh->view;
    }

    TimePoint request_deadline() const { return later(runtime->now(), config().request_timeout); }
    TimePoint deadline_of(const CallOptions& options) const {
        return later(runtime->now(), options.timeout.value_or(config().request_timeout));
    }

    // --- coordinators
    // ----------------------------------------------------------------------------------------------

    using Coordinator = protocol::FindCoordinatorResponse::Coordinator;

    static Task<void> coordinator_from(BrokerPtr broker, std::string group,
                                       std::shared_ptr<Coordinator> out, TimePoint deadline) {
        std::int16_t version = 0;
        const auto make = [&group, &version](std::int16_t chosen) {
            version = chosen;
            protocol::FindCoordinatorRequest request;
            if (version >= 4) {
                request.coordinator_keys = {group};
            } else {
                request.key = group;
            }
            return request;
        };
        protocol::FindCoordinatorResponse answer;
        co_await broker->call(AnyRequest::made_by<protocol::FindCoordinatorRequest>(make), &answer,
                              CallOptions{}, deadline);
        const std::string target = broker->target().to_string();
        if (version < 4) {
            *out = {group,       answer.node_id,    answer.host,
                    answer.port, answer.error_code, answer.error_message};
        } else if (answer.coordinators.size() == 1) {
            *out = answer.coordinators.front();
        } else {
            throw Error(errc::broken_frame, "the answer does not name one coordinator",
                        {.target = target, .api = "FindCoordinator", .api_version = version});
        }
    }

    static bool worth_asking_again(ErrorCode code) {
        return code == ErrorCode::coordinator_not_available ||
               code == ErrorCode::coordinator_load_in_progress;
    }

    static Task<std::int32_t> coordinator_of(Self self, std::string group) {
        const TimePoint deadline = self->request_deadline();
        Backoff backoff(coordinator_retry, coordinator_retry_max, self->random());
        for (;;) {
            if (const auto known = self->coordinators.find(group);
                known != self->coordinators.end()) {
                co_return known->second;
            }
            auto found = std::make_shared<Coordinator>();
            Use use = [group, found](BrokerPtr broker, TimePoint until) {
                return coordinator_from(std::move(broker), group, found, until);
            };
            co_await at_any(self, 0, std::move(use), "FindCoordinator", deadline);
            if (found->error_code == ErrorCode::none) {
                self->coordinator_addresses[found->node_id] = {
                    found->host, static_cast<std::uint16_t>(found->port)};
                self->coordinators[group] = found->node_id;
                co_return found->node_id;
            }
            const TimePoint again = self->runtime->now() + backoff.next();
            // The last question must have time for its answer.
            const bool in_time = again + coordinator_retry <= deadline;
            if (!worth_asking_again(found->error_code) || !in_time) {
                throw Error(found->error_code, "there is no coordinator for group '" + group + '\'',
                            {.api = "FindCoordinator"});
            }
            Timer timer(*self->runtime);
            co_await timer.wait_until(again);
        }
    }

    // --- calls
    // -----------------------------------------------------------------------------------------------------

    static Task<void> at_controller(Self self, AnyRequest request, void* answer,
                                    CallOptions options, TimePoint deadline) {
        if (self->current_view()->controller < 0) {
            co_await ask_metadata(self, only_brokers, deadline);
        }
        const std::int32_t id = self->current_view()->controller;
        if (id < 0) {
            throw Error(
                errc::unsupported_version,
                "the brokers do not say which of them is the controller: they are older than "
                "0.10, or none is elected",
                {.api = to_string(request.request->api_key.value_or(ApiKey{-1}))});
        }
        const auto broker = self->broker_of(id, options.lane);
        co_await broker->call(std::move(request), answer, options, deadline);
    }

    /// What at_controller threw because nothing that could be the controller was reached: nothing was asked then.
    static Task<std::optional<Error>> unreachable_controller(Self self, AnyRequest request, void* answer,
                                                             CallOptions options, TimePoint deadline) {
        try {
            co_await at_controller(self, std::move(request), answer, options, deadline);
            co_return std::nullopt;
        } catch (const Error& e) {
            const errc condition = e.condition();
            if (condition != errc::cannot_connect && condition != errc::cannot_resolve) throw;
            co_return e;
        }
    }

    /// The controller moves, and where it was may be gone, or was never an address: another Metadata tells.
    static Task<void> controller_answer(Self self, AnyRequest request, void* answer,
                                        CallOptions options, TimePoint deadline) {
        Backoff backoff(coordinator_retry, coordinator_retry_max, self->random());
        for (;;) {
            const auto unreachable = co_await unreachable_controller(self, request, answer, options, deadline);
            if (!unreachable && !request.not_controller(answer)) co_return;
            const TimePoint again = self->runtime->now() + backoff.next();
            if (again > deadline) {
                if (unreachable) throw Error(*unreachable);
                co_return;
            }
            Timer timer(*self->runtime);
            co_await timer.wait_until(again);
            co_await ask_metadata(self, only_brokers, deadline);
        }
    }

    static Task<void> anywhere(Self self, AnyRequest request, void* answer, CallOptions options,
                               TimePoint deadline) {
        Use use = [request, answer, options](BrokerPtr broker, TimePoint until) {
            return broker->call(request, answer, options, until);
        };
        const std::string purpose = to_string(request.request->api_key.value_or(ApiKey{-1}));
        co_await at_any(self, options.lane, std::move(use), purpose, deadline);
    }

    static Task<BrokerVersions> versions_of(Self self, std::int32_t id, CallOptions options) {
        const auto broker = self->broker_of(id, options.lane);
        const Negotiated link = co_await broker->link(self->deadline_of(options));
        co_return link.versions;
    }

    void close() {
        if (closed) return;
        closed = Error(errc::closed, "the cluster was closed");
        for (const auto& [address, broker] : std::exchange(brokers, {})) broker->close(*closed);
    }

    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<const Dialer> dialer;
    std::mt19937_64 random;
    std::atomic<std::uint64_t> next_seed{random()};
    std::vector<HostPort> bootstrap;
    std::optional<Error> closed;
    std::map<std::pair<HostPort, std::int8_t>, BrokerPtr> brokers;
    std::map<HostPort, std::shared_ptr<AddressMemory>> memories;
    std::map<Asked, std::shared_ptr<Refresh>> refreshes;
    std::map<std::string, std::int32_t> coordinators;
    std::map<std::int32_t, HostPort> coordinator_addresses;

    mutable std::mutex view_mutex;
    ViewPtr view = std::make_shared<const ClusterView>();
};

Cluster::Cluster() = default;
Cluster::~Cluster() {
    close();
}

std::shared_ptr<Cluster> Cluster::create(std::shared_ptr<Runtime> runtime, ClusterConfig config) {
    check(config);
    const std::shared_ptr<Cluster> self(new Cluster);
    self->impl_ = std::make_shared<Impl>(std::move(runtime), std::move(config));
    return self;
}

const std::shared_ptr<Runtime>& Cluster::runtime() const {
    return impl_->runtime;
}
const ClusterConfig& Cluster::config() const {
    return impl_->config();
}
std::shared_ptr<const ClusterView> Cluster::view() const {
    return impl_->current_view();
}

Task<std::shared_ptr<const ClusterView>> Cluster::refresh(std::vector<std::string> topics,
                                                          RefreshOptions options) {
    Asked asked;
    if (!topics.empty()) {
        asked.topics.emplace(topics.begin(), topics.end());
        asked.create = options.allow_auto_topic_creation;
    }
    return Impl::refreshed(impl_, std::move(asked));
}

void Cluster::set_bootstrap(std::vector<HostPort> bootstrap) {
    if (bootstrap.empty()) return;
    asio::post(impl_->runtime->executor(),
               [impl = impl_, bootstrap = std::move(bootstrap)]() mutable {
                   impl->bootstrap = std::move(bootstrap);
               });
}

Task<std::int32_t> Cluster::coordinator(std::string group) {
    return Impl::coordinator_of(impl_, std::move(group));
}

void Cluster::forget_coordinator(const std::string& group) {
    impl_->coordinators.erase(group);
}

namespace {

Task<std::int16_t> chosen(Task<BrokerVersions> asking, const protocol::Schema* schema,
                          CallOptions options) {
    const BrokerVersions versions = co_await std::move(asking);
    co_return choose_version(versions, *schema, options, "");
}

Task<std::map<ApiKey, VersionRange>> all(Task<BrokerVersions> asking) {
    const BrokerVersions versions = co_await std::move(asking);
    co_return versions.all();
}

}  // namespace

Task<std::int16_t> Cluster::version_for(std::int32_t broker, ApiKey api, CallOptions options) {
    const auto* const schema = protocol::request_schema(api);
    if (!schema) {
        throw Error(errc::unsupported_version, "kwire does not know this request",
                    {.api = to_string(api)});
    }
    return chosen(Impl::versions_of(impl_, broker, options), schema, options);
}

Task<std::map<ApiKey, VersionRange>> Cluster::versions(std::int32_t broker) {
    return all(Impl::versions_of(impl_, broker, {}));
}

void Cluster::close() {
    if (impl_->runtime->on_runtime()) return impl_->close();
    asio::post(impl_->runtime->executor(), [impl = impl_] { impl->close(); });
}

std::uint64_t Cluster::jitter_seed() {
    return impl_->next_seed.fetch_add(0x9e3779b97f4a7c15u);
}

std::vector<Error> Cluster::unreachable(std::chrono::milliseconds patience) const {
    std::map<HostPort, Error> found;
    std::set<HostPort> reached;  // by one of its lanes at least
    for (const auto& [key, broker] : impl_->brokers) {
        if (broker->connected()) reached.insert(key.first);
        if (const auto trouble = broker->trouble(patience)) found.emplace(key.first, *trouble);
    }
    std::vector<Error> errors;
    for (const auto& [address, trouble] : found) {
        if (!reached.contains(address)) errors.push_back(trouble);
    }
    return errors;
}

Task<void> Cluster::ask(std::shared_ptr<Impl> impl, Target target, AnyRequest request, void* answer,
                        CallOptions options) {
    const TimePoint deadline = impl->deadline_of(options);
    switch (target.kind) {
        case Target::any:
            return Impl::anywhere(std::move(impl), std::move(request), answer, options, deadline);
        case Target::controller:
            return Impl::controller_answer(std::move(impl), std::move(request), answer, options,
                                           deadline);
        case Target::broker:
            break;
    }
    return impl->broker_of(target.id, options.lane)
        ->call(std::move(request), answer, options, deadline);
}

}  // namespace kwire
