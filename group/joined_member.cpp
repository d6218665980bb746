#include "joined_member.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <utility>

#include <asio/post.hpp>

#include <kwire/offsets/dual_offset_store.h>
#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/offsets/zookeeper_offset_store.h>

#include "assignment/member_id.h"
#include "assignment/subscribed_member.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// What close() may take after everything was released, to end the session and the store, and then for callbacks.
constexpr Duration last_words = 900ms;
constexpr Duration last_callbacks = 100ms;
// A callback that takes so long is reported, however short the time is that a partition waits for it.
constexpr Duration callback_patience_min = 1s;
// After a proof that the session stands could not be had.
constexpr Duration proof_retry = 100ms;

MembershipConfig membership_config(const JoinedMember::Settings& settings) {
    MembershipConfig config;
    config.subscription = settings.subscription;
    config.static_member = !settings.config.group_instance_id.empty();
    config.rule = settings.config.assignment;
    config.processing_timeout = settings.config.offsets.processing_timeout;
    config.jitter_seed = settings.config.cluster.jitter_seed.value_or(std::random_device{}());
    return config;
}

std::shared_ptr<OffsetManager> offset_manager_of(const JoinedMember::Settings& settings,
                                                 const std::shared_ptr<Cluster>& cluster,
                                                 std::function<void(const Error&)> report) {
    const auto& runtime = settings.config.runtime;
    const auto& own = settings.config.offset_manager;
    if (own) return guard_offset_manager(runtime, own, std::move(report));
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

JoinedMember::JoinedMember(Settings settings)
    : settings_(std::move(settings)),
      runtime_(settings_.config.runtime),
      membership_(membership_config(settings_)),
      timer_(*runtime_),
      commit_timer_(*runtime_),
      proof_timer_(*runtime_),
      changed_(*runtime_) {
    CallbackQueue::Settings queue;
    queue.executor = settings_.config.callback_executor;
    if (!queue.executor && !runtime_->has_own_thread()) queue.executor = runtime_->executor();
    queue.patience = std::max<Duration>(settings_.config.offsets.processing_timeout, callback_patience_min);
    callbacks_ = std::make_shared<CallbackQueue>(runtime_, std::move(queue));
}

// ---- joining

Task<void> JoinedMember::join(Self self) {
    std::exception_ptr failure;
    try {
        co_await set_up(self);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    self->closing_.store(true, std::memory_order_release);
    self->post(event::CloseRequested{});
    co_await tear_down(self);
    std::rethrow_exception(failure);
}

Task<void> JoinedMember::set_up(Self self) {
    const auto& config = self->settings_.config;
    self->listen_to_callbacks();
    const auto session = co_await config.session_factory();
    const TimePoint proven = co_await proven_until(session);
    self->adopt_session(session, 1, proven);
    self->runtime_->spawn(run_proofs(self));

    std::vector<BrokerEndpoint> brokers;
    self->brokers_from_zookeeper_ = config.bootstrap.empty();
    if (self->brokers_from_zookeeper_) {
        auto listed = co_await self->list_brokers();
        brokers = std::move(listed);
        const auto unusable = self->registry_->take_warnings();
        for (const auto& warning : unusable) self->report(unreadable(warning));
        if (brokers.empty() && !unusable.empty()) {
            throw Error(errc::cannot_connect,
                        "no broker that ZooKeeper lists can be used: kwire speaks PLAINTEXT only, neither TLS nor SASL; " +
                            unusable.front().path + " " + unusable.front().what);
        }
    }
    self->create_clients(std::move(brokers));
    if (config.offsets.reset_offsets) co_await reset_offsets(self);
    self->runtime_->spawn(run_timer(self));
    if (config.offsets.commit_interval > 0ms) self->runtime_->spawn(run_commits(self));
    self->post(event::SessionOpened{1, self->id_});
    if (!self->session_live_) self->post(event::SessionSuspended{});

    const TimePoint deadline = self->runtime_->now() + config.zookeeper.connection_timeout +
                               config.zookeeper.session_timeout;
    while (!self->membership_.registered() && !self->join_failure_) {
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (in_time || self->membership_.registered()) continue;
        throw Error(errc::timed_out, "the member " + self->id_ + " of group " + self->group() +
                                         " could not be registered in ZooKeeper in time; the errors "
                                         "before say why");
    }
    if (self->join_failure_) throw Error(*self->join_failure_);
}

void JoinedMember::create_clients(std::vector<BrokerEndpoint> brokers) {
    const auto& config = settings_.config;
    ClusterConfig cluster = config.cluster;
    cluster.client_id = config.client_id;
    cluster.bootstrap = config.bootstrap;
    for (const auto& broker : brokers) cluster.bootstrap.push_back(broker.address);
    if (cluster.bootstrap.empty()) {
        throw Error(errc::cannot_connect,
                    "ZooKeeper lists no broker below /brokers/ids: start one, correct the path after the "
                    "servers in zookeeper.connect, or, where the brokers do not use ZooKeeper (Kafka 4), "
                    "name them in bootstrap.servers");
    }
    cluster_ = Cluster::create(runtime_, std::move(cluster));

    FetchConfig fetch = config.fetch;
    fetch.out_of_range =
        config.offsets.initial == Initial::newest ? OutOfRange::newest : OutOfRange::oldest;
    const auto report_to_us = [weak = weak_from_this()](const Error& error) {
        if (const auto self = weak.lock()) self->report(error);
    };
    Consumer::Handlers handlers;
    handlers.on_error = report_to_us;
    handlers.on_topic_recreated = [weak = weak_from_this()](const TopicPartition& tp) {
        if (const auto self = weak.lock()) self->begin_anew(tp);
    };
    consumer_ = Consumer::create(cluster_, std::move(fetch), std::move(handlers));
    consumer_->hand_out_until(trusted_until_);
    offsets_ = offset_manager_of(settings_, cluster_, report_to_us);
    if (!brokers_from_zookeeper_) topics_ = std::make_shared<MetadataTopics>(cluster_);
}

Task<void> JoinedMember::reset_offsets(Self self) {
    OffsetReset reset;
    reset.identity = {self->id_, self->settings_.config.group_instance_id, -1, self->registry_, self->lease_};
    reset.reads = [filter = SubscriptionFilter(self->settings_.subscription)](const std::string& topic) {
        return filter.streams_of(topic) > 0;
    };
    reset.newest = self->settings_.config.offsets.initial == Initial::newest;
    co_await self->offsets_->reset(std::move(reset));
}

// ---- events and actions

void JoinedMember::post(MembershipEvent event) {
    events_.push_back(std::move(event));
    if (handling_) return;  // an action that is being carried out: the loop below goes on
    handling_ = true;
    while (!events_.empty()) {
        stop_trusting_in_time();
        const auto next = std::move(events_.front());
        events_.pop_front();
        for (const auto& order : membership_.handle(next, runtime_->now())) {
            std::visit([this](const auto& a) { carry_out(a); }, order);
        }
    }
    handling_ = false;
    publish_soon();
    if (membership_.next_timer() != timer_at_) timer_.cancel();
    changed_.notify_all();
}

/// Once for all that is already waiting to be handled: a thousand claims are answered at about the same time.
void JoinedMember::publish_soon() {
    if (membership_.closed()) return publish();
    if (is_published() || std::exchange(publishing_, true)) return;
    asio::post(runtime_->executor(), [self = shared_from_this()] {
        self->publishing_ = false;
        self->publish();
    });
}

bool JoinedMember::is_published() const {
    return published_version_ == membership_.owned_version() && published_id_ == id_;
}

void JoinedMember::publish() {
    if (is_published()) return;
    published_version_ = membership_.owned_version();
    auto owned_now = membership_.owned();
    const std::lock_guard lock(published_mutex_);
    published_id_ = id_;
    published_owned_ = std::move(owned_now);
}

Task<void> JoinedMember::run_timer(Self self) {
    while (!self->membership_.closed()) {
        self->timer_at_ = self->membership_.next_timer();
        const bool due = co_await self->timer_.wait_until(self->timer_at_.value_or(TimePoint::max()));
        if (due) self->post(event::Tick{});
    }
}

std::string JoinedMember::member_id() const {
    const std::lock_guard lock(published_mutex_);
    return published_id_;
}

std::vector<TopicPartition> JoinedMember::owned() const {
    const std::lock_guard lock(published_mutex_);
    return published_owned_;
}

// ---- the session and the registration

void JoinedMember::adopt_session(std::shared_ptr<zk::Session> session, SessionNumber number, TimePoint proven) {
    const auto& config = settings_.config;
    session_ = number;
    session_connected_ = true;
    session_live_ = proven > runtime_->now();
    trusted_until_ = proven;
    if (lease_) lease_->end();
    lease_ = std::make_shared<Lease>(proven);
    if (consumer_) consumer_->hand_out_until(proven);
    proof_timer_.cancel();
    id_ = !config.group_instance_id.empty() ? config.group_instance_id : config.member_id;
    if (id_.empty()) id_ = new_member_id(config.assignment, group());
    registry_ = std::make_shared<zk::Registry>(session);
    peers_.clear();
    if (config.bootstrap.empty()) {
        topics_ = std::make_shared<ZookeeperTopics>(registry_);
    }
    session_listener_ =
        session->on_state([weak = weak_from_this(), number](zk::SessionState state) {
            if (const auto self = weak.lock()) self->on_session_state(number, state);
        });
    // It may have changed between its opening and now.
    if (const auto state = session->state(); state != zk::SessionState::connected) {
        runtime_->spawn([](Self self, SessionNumber n, zk::SessionState s) -> Task<void> {
            self->on_session_state(n, s);
            co_return;
        }(shared_from_this(), number, state));
    }
}

void JoinedMember::on_session_state(SessionNumber number, zk::SessionState state) {
    if (number != session_) return;
    session_connected_ = state == zk::SessionState::connected;
    if (!session_connected_) session_live_ = false;
    switch (state) {
        case zk::SessionState::connected:
            log(LogLevel::info, "ZooKeeper is connected");
            proof_timer_.cancel();  // reading is resumed by the proof that the session stands
            changed_.notify_all();
            break;
        case zk::SessionState::connecting:
        case zk::SessionState::suspended:
            log(LogLevel::warning, "ZooKeeper is disconnected: nothing is handed out until it is back");
            post(event::SessionSuspended{});
            break;
        case zk::SessionState::expired:
        case zk::SessionState::auth_failed:
            lease_->end();
            if (!closing()) {
                report(Error(errc::session_expired, "the ZooKeeper session of " + id_ +
                                                        " is gone, and with it all it owned; a new one "
                                                        "is opened"));
            }
            post(event::SessionExpired{});
            break;
        case zk::SessionState::closed: break;
    }
}

/// Whether another member owns our partitions by now, only the server knows, and it may have ended the session while this
/// process, or its strand, stood still. So everything that must not happen then is bound to a time: what the server, asked
/// then, has granted from the moment of the question. Two thirds of it, for clocks run unevenly. Sync is the operation
/// that the leader itself answers, who ends sessions.
Task<TimePoint> JoinedMember::proven_until(std::shared_ptr<zk::Session> session) {
    const TimePoint asked = session->runtime()->now();
    const zk::Code code = co_await session->sync("/");
    co_return code == zk::Code::ok ? asked + session->timeout() * 2 / 3 : TimePoint{};
}

Task<void> JoinedMember::run_proofs(Self self) {
    while (!self->membership_.closed()) {
        if (!self->session_connected_) {
            co_await self->changed_.wait();
            continue;
        }
        const auto session = self->registry_->session();
        const auto number = self->session_;
        const TimePoint until = co_await proven_until(session);
        const bool proven = until > self->runtime_->now();
        if (proven && number == self->session_) self->trust_until(until);
        if (self->membership_.closed()) break;
        if (proven && self->brokers_unwatched_ && self->cluster_) self->runtime_->spawn(read_brokers(self, number));
        const Duration pause = proven ? Duration(session->timeout()) / 6 : proof_retry;
        co_await self->proof_timer_.wait_for(pause);
    }
}

void JoinedMember::trust_until(TimePoint until) {
    trusted_until_ = until;
    lease_->extend(until);
    if (consumer_) consumer_->hand_out_until(until);
    if (session_live_ || !session_connected_) return;
    session_live_ = true;
    post(event::SessionResumed{});
}

/// Before anything is decided: the time may have run out while we stood still.
void JoinedMember::stop_trusting_in_time() {
    if (!session_live_ || trusted()) return;
    session_live_ = false;
    events_.push_front(event::SessionSuspended{});
    log(LogLevel::warning, "ZooKeeper has not said in time that the session stands: nothing is handed out until it does");
}

Error JoinedMember::not_trusted() const {
    return {errc::zookeeper_unavailable,
            "ZooKeeper is disconnected, and another member may own the partitions by now: what was "
            "acknowledged is kept, and committed once it is back"};
}

void JoinedMember::carry_out(const action::OpenSession& a) {
    runtime_->spawn(open_session(shared_from_this(), a.session));
}

Task<void> JoinedMember::open_session(Self self, SessionNumber number) {
    self->session_listener_.reset();
    self->runtime_->spawn(end_session(self->registry_->session(), self->runtime_->now() + last_words));
    std::shared_ptr<zk::Session> session;
    TimePoint proven{};
    try {
        session = co_await self->settings_.config.session_factory();
        proven = co_await proven_until(session);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    if (session && self->membership_.closed()) {
        self->runtime_->spawn(end_session(session, self->runtime_->now() + last_words));
    } else if (session) {
        self->adopt_session(session, number, proven);
        if (self->brokers_from_zookeeper_) self->runtime_->spawn(read_brokers(self, number));
        self->post(event::SessionOpened{number, self->id_});
        if (!self->session_live_) self->post(event::SessionSuspended{});
    } else {
        self->post(event::SessionOpenFailed{number});
    }
}

void JoinedMember::carry_out(const action::Register& a) {
    runtime_->spawn(register_member(shared_from_this(), a.session, a.subscription));
}

zk::Registration JoinedMember::registration_for(const MemberSubscription& subscription) const {
    using Pattern = MemberSubscription::Pattern;
    zk::Registration registration;
    registration.subscription = subscription.streams;
    if (subscription.pattern == Pattern::white_list) registration.pattern = zk::SubscriptionPattern::white_list;
    if (subscription.pattern == Pattern::black_list) registration.pattern = zk::SubscriptionPattern::black_list;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    registration.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    registration.client = "kwire " KWIRE_VERSION;
    registration.host = host_and_process();
    registration.rule = name(settings_.config.assignment);
    return registration;
}

Task<zk::Code> JoinedMember::enter(Self self, zk::Registration registration) {
    const auto registry = self->registry_;
    const auto id = self->id_;
    zk::Code code = co_await registry->register_member(self->group(), id, registration);
    if (code != zk::Code::node_exists || self->settings_.config.group_instance_id.empty()) co_return code;
    self->log(LogLevel::info, "takes over from an earlier process of the same group.instance.id");
    code = co_await registry->take_over_member(self->group(), id, registration);
    co_return code;
}

Task<void> JoinedMember::register_member(Self self, SessionNumber number, MemberSubscription subscription) {
    const auto registry = self->registry_;
    const auto id = self->id_;
    zk::Code code = zk::Code::other;
    try {
        code = co_await enter(self, self->registration_for(subscription));
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
        self->join_failure_ = error;
    }
    if (code == zk::Code::ok && number == self->session_) {
        // Registered again in the same session, it still owns what it owned: a store would forget the marks.
        const bool is_new = std::exchange(self->offsets_session_, number) != number;
        CommitIdentity identity{id, self->settings_.config.group_instance_id, -1, registry, self->lease_};
        if (is_new) self->offsets_->use_identity(std::move(identity));
        self->log(LogLevel::info, "registered as " + id);
    } else if (code == zk::Code::node_exists) {
        self->log(LogLevel::warning, "the name " + id + " is taken; it is tried again until it is free");
    }
    self->post(event::Registered{number, code});
}

void JoinedMember::subscribe(MemberSubscription subscription) {
    asio::post(runtime_->executor(), [self = shared_from_this(), subscription = std::move(subscription)] {
        self->post(event::SubscriptionChanged{subscription});
    });
}

void JoinedMember::carry_out(const action::UpdateRegistration& a) {
    runtime_->spawn(update_registration(shared_from_this(), a.session, a.subscription));
}

Task<void> JoinedMember::update_registration(Self self, SessionNumber number, MemberSubscription subscription) {
    zk::Code code = zk::Code::other;
    try {
        code = co_await self->registry_->update_member(self->group(), self->id_,
                                                       self->registration_for(subscription));
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    if (number == self->session_) self->peers_.erase(self->id_);
    self->post(event::RegistrationUpdated{number, code});
}

void JoinedMember::carry_out(const action::RuleChosen& a) {
    log(LogLevel::info, "partitions are divided by the rule " + std::string(name(a.rule)));
    if (!a.kinds_disagree) return;
    report(Error(errc::invalid_config,
                 "the group has Go members and Java members, who divide partitions differently: some will have no "
                 "owner for a time; run one kind of them only"));
}

void JoinedMember::carry_out(const action::Deregister& a) {
    runtime_->spawn(deregister(shared_from_this(), a.session));
}

Task<void> JoinedMember::deregister(Self self, SessionNumber number) {
    zk::Code code = zk::Code::other;
    try {
        code = co_await self->registry_->deregister_member(self->group(), self->id_);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    self->post(event::Deregistered{number, code});
}

Task<bool> JoinedMember::instance_registered(Self self) {
    if (!self->membership_.registered()) co_return false;
    const auto member = co_await self->registry_->member(self->group(), self->id_);
    co_return member && member->stat.ephemeral_owner == self->registry_->session()->id();
}

// ---- leaving

Task<CloseReport> JoinedMember::close(Self self, std::optional<std::chrono::milliseconds> drain) {
    if (self->closing_.exchange(true, std::memory_order_acq_rel)) {
        throw Error(errc::already_closing, "group " + self->group() + " was closed before");
    }
    std::optional<Duration> drain_time;
    if (drain) drain_time = *drain;
    self->post(event::CloseRequested{drain_time});
    self->consumer_->close();  // readers that wait are let go; what they hold may still be acknowledged
    while (!self->membership_.closed()) co_await self->changed_.wait();
    co_await tear_down(self);
    CloseReport report = self->close_report_;
    co_return report;
}

Task<void> JoinedMember::tear_down(Self self) {
    self->commit_timer_.cancel();
    self->proof_timer_.cancel();
    while (!self->membership_.closed()) co_await self->changed_.wait();
    self->timer_.cancel();
    const TimePoint deadline = self->runtime_->now() + last_words;
    if (self->offsets_) {
        const auto failures = co_await self->offsets_->close(deadline);
        for (const auto& failure : failures) self->report(failure.error);
    }
    if (self->topics_) self->topics_->close();
    if (self->consumer_) self->consumer_->close();
    self->session_listener_.reset();
    if (self->registry_ && self->keeps_place_) {
        co_await self->registry_->session()->abandon();
    } else if (self->registry_) {
        co_await end_session(self->registry_->session(), deadline);
    }
    if (self->cluster_) self->cluster_->close();
    const bool all_returned = co_await CallbackQueue::idle(self->callbacks_, deadline + last_callbacks);
    if (!all_returned) self->report_abandoned_callbacks();
    self->callbacks_->close();
    self->log(LogLevel::info, "left");
}

void JoinedMember::report_abandoned_callbacks() {
    report(Error(errc::timed_out, callbacks_->running() +
                                      " has not returned in the time that close() has: it is left behind, and " +
                                      std::to_string(callbacks_->waiting()) + " callbacks after it are not called"));
}

/// Returns when the session is closed, or at deadline: closing then goes on by itself.
Task<void> JoinedMember::end_session(std::shared_ptr<zk::Session> session, TimePoint deadline) {
    const auto runtime = session->runtime();
    const auto ended = std::make_shared<Event>(*runtime);
    const auto done = std::make_shared<bool>(false);
    runtime->spawn(close_session(std::move(session), ended, done));
    while (!*done) {
        const bool in_time = co_await ended->wait_until(deadline);
        if (!in_time) break;
    }
}

Task<void> JoinedMember::close_session(std::shared_ptr<zk::Session> session, std::shared_ptr<Event> ended,
                                       std::shared_ptr<bool> done) {
    try {
        co_await session->close();
    } catch (...) {
        // The server ends it by itself when its time is up.
    }
    *done = true;
    ended->notify_all();
}

void JoinedMember::carry_out(const action::Closed& a) {
    keeps_place_ = a.static_member;
    over_.store(true, std::memory_order_release);
    proof_timer_.cancel();
    if (consumer_) consumer_->close();
    // Put out by another process: what this one owns must not stand until the program gets round to closing it.
    if (!a.clean && !close_called() && registry_) {
        runtime_->spawn(end_session(registry_->session(), runtime_->now() + last_words));
    }
    if (!a.clean) log(LogLevel::warning, "left without ZooKeeper: what was owned is free when the session ends");
}

// ---- telling the program

void JoinedMember::listen_to_callbacks() {
    callbacks_->listen(
        [weak = weak_from_this()](const std::string& name) {
            const auto self = weak.lock();
            if (!self) return;
            self->report(Error(errc::timed_out, name + " has not returned for longer than the processing timeout: no other "
                                                       "callback is called until it does, and no partition is begun "
                                                       "that on_assigned is to tell of"));
        },
        [weak = weak_from_this()](const std::string& name, const std::string& what) {
            if (const auto self = weak.lock()) self->log(LogLevel::error, name + " threw: " + what);
        });
}

void JoinedMember::report(const Error& error) {
    errors_.add(error);
    log(LogLevel::error, error.what());
    // Behind a callback that does not return they would pile up; errors() has them.
    if (!settings_.config.on_error || errors_waiting_ == ErrorLog::errors_max) return;
    ++errors_waiting_;
    callbacks_->add("on_error", [callback = settings_.config.on_error, error] { callback(error); },
                    [weak = weak_from_this()] {
                        if (const auto self = weak.lock()) --self->errors_waiting_;
                    });
}

void JoinedMember::log(LogLevel level, const std::string& text) {
    if (!settings_.config.logger) return;
    try {
        settings_.config.logger(level, group() + ": " + text);
    } catch (...) {
        return;  // there is nobody left to tell
    }
}

void JoinedMember::call_back(const char* name, const std::function<void()>& callback) {
    if (callback) callbacks_->add(name, callback);
}

/// Calls returned in any case.
void JoinedMember::call_back(const char* name, const std::function<void(const std::vector<TopicPartition>&)>& callback,
                             const std::vector<TopicPartition>& partitions, CallbackQueue::Call returned) {
    publish();  // it may ask what is owned
    if (!callback || partitions.empty()) {
        if (returned) returned();
        return;
    }
    callbacks_->add(name, [callback, partitions] { callback(partitions); }, std::move(returned));
}

}  // namespace kwire
