// The public face of Cluster.
#include <set>
#include <utility>

#include <kwire/protocol/messages.h>

#include "cluster_impl.h"

namespace kwire {
namespace {

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

}  // namespace

Cluster::Impl::Impl(std::shared_ptr<Runtime> its_runtime, ClusterConfig config)
    : runtime(std::move(its_runtime)),
      random(config.jitter_seed ? *config.jitter_seed : std::random_device{}()),
      bootstrap(config.bootstrap),
      view_changed(*runtime) {
    auto transport = config.transport ? config.transport : tcp_transport(runtime);
    dialer = std::make_shared<const Dialer>(
        Dialer{runtime, std::move(transport), std::make_shared<FramePool>(), std::move(config)});
}

void Cluster::Impl::start() {
    auto with_hook = std::make_shared<Dialer>(*dialer);
    with_hook->unreachable = [weak = weak_from_this()](const HostPort& target) {
        if (const auto self = weak.lock()) self->forget_roles_at(target);
    };
    dialer = std::move(with_hook);
}

ViewPtr Cluster::Impl::current_view() const {
    const std::lock_guard lock(view_mutex);
    return view;
}

void Cluster::Impl::close() {
    if (closed) return;
    closed = Error(errc::closed, "the cluster was closed");
    for (const auto& [address, broker] : std::exchange(brokers, {})) broker->close(*closed);
    view_changed.notify_all();
}

Cluster::Cluster() = default;
Cluster::~Cluster() {
    close();
}

std::shared_ptr<Cluster> Cluster::create(std::shared_ptr<Runtime> runtime, ClusterConfig config) {
    check(config);
    const std::shared_ptr<Cluster> self(new Cluster);
    self->impl_ = std::make_shared<Impl>(std::move(runtime), std::move(config));
    self->impl_->start();
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

Task<Cluster::ViewPtr> Cluster::refreshed(std::shared_ptr<Impl> impl, TopicNames topics, RefreshOptions options) {
    Asked asked;
    if (!topics.get().empty()) {
        asked.topics.emplace(topics.get().begin(), topics.get().end());
        asked.create = options.allow_auto_topic_creation;
    }
    return Impl::refreshed(std::move(impl), std::move(asked));
}

Task<Cluster::ViewPtr> Cluster::newer_view(std::shared_ptr<Impl> impl, ViewPtr known, TimePoint deadline,
                                           std::stop_token abandoned) {
    return Impl::next_view(std::move(impl), std::move(known), deadline, std::move(abandoned));
}

void Cluster::set_bootstrap(std::vector<HostPort> bootstrap) {
    if (bootstrap.empty()) return;
    impl_->runtime->post([impl = impl_, bootstrap = std::move(bootstrap)] { impl->bootstrap = bootstrap; });
}

Task<std::int32_t> Cluster::coordinator_of(std::shared_ptr<Impl> impl, std::string group) {
    return Impl::coordinator_of(std::move(impl), std::move(group));
}

void Cluster::forget_coordinator(const std::string& group) {
    if (!impl_->runtime->on_runtime()) {
        return impl_->runtime->post([impl = impl_, group] { impl->coordinators.erase(group); });
    }
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

Task<std::int16_t> Cluster::version_of(std::shared_ptr<Impl> impl, std::int32_t broker, ApiKey api, CallOptions options) {
    const auto* const schema = protocol::request_schema(api);
    if (!schema) {
        throw Error(errc::unsupported_version, "kwire does not know this request",
                    {.api = to_string(api)});
    }
    return chosen(Impl::versions_of(std::move(impl), broker, options), schema, options);
}

Task<std::map<ApiKey, VersionRange>> Cluster::versions_of(std::shared_ptr<Impl> impl, std::int32_t broker) {
    return all(Impl::versions_of(std::move(impl), broker, {}));
}

void Cluster::close() {
    if (impl_->runtime->on_runtime()) return impl_->close();
    impl_->runtime->post([impl = impl_] { impl->close(); });
}

ClusterStats Cluster::stats() const {
    const Counters& counters = *impl_->dialer->counters;
    ClusterStats stats;
    stats.metadata_answers = impl_->metadata_answers;
    stats.metadata_refreshes = impl_->metadata_refreshes;
    stats.metadata_refresh_failures = impl_->metadata_refresh_failures;
    stats.throttled_answers = counters.throttled_answers;
    stats.throttle_time = std::chrono::milliseconds(counters.throttle_ms);
    return stats;
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
    impl->runtime->require_on_runtime("Cluster::call");
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
