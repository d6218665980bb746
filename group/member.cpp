#include "member.h"

#include <chrono>
#include <exception>
#include <random>
#include <utility>

#include "assignment/subscribed_member.h"
#include "coordinators/zookeeper/reports.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// What close() may take after everything was released, to end the store and the session, and then for callbacks.
constexpr Duration store_close_grace = 900ms;
constexpr Duration callback_grace = 100ms;

MembershipConfig membership_config(const MemberSettings& settings) {
    MembershipConfig config;
    config.subscription = settings.subscription;
    config.static_member = !settings.config.group_instance_id.empty();
    config.rule = settings.config.assignment;
    config.processing_timeout = settings.config.offsets.processing_timeout;
    config.jitter_seed = settings.config.cluster.jitter_seed.value_or(std::random_device{}());
    return config;
}

void require_caller(const std::stop_token& abandoned) {
    if (abandoned.stop_requested()) throw Error(errc::closed, "nobody waits for the join any more: it was undone");
}

}  // namespace

Member::Member(MemberSettings settings)
    : Engine(std::move(settings)),
      membership_(membership_config(this->settings())),
      zookeeper_(*this),
      committer_(*this),
      partitions_(*this, committer_),
      timer_(*runtime()) {}

// ---- joining

Task<void> Member::join(Self self, std::stop_token abandoned) {
    std::exception_ptr failure;
    try {
        co_await set_up(self, abandoned);
        require_caller(abandoned);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    self->closing_.store(true, std::memory_order_release);
    co_await leave(self, Duration(0));
    throw Error(as_error(failure));  // a session factory may throw anything
}

Task<void> Member::set_up(Self self, std::stop_token abandoned) {
    self->listen_to_callbacks();
    auto brokers = co_await ZookeeperCarrier::open(self->hold(self->zookeeper_));
    require_caller(abandoned);
    self->wire(std::move(brokers));
    if (self->config().offsets.reset_offsets) co_await reset_offsets(self);
    require_caller(abandoned);
    self->spawn(run_timer(self));
    self->committer_.begin();
    self->zookeeper_.session().post_opened();
    co_await wait_until_registered(self, abandoned);
}

Task<void> Member::reset_offsets(Self self) {
    const auto& session = self->zookeeper_.session();
    OffsetReset reset;
    reset.identity = {session.member_id(), self->config().group_instance_id, -1, session.registry(), session.lease()};
    reset.reads = [filter = SubscriptionFilter(self->settings().subscription)](const std::string& topic) {
        return filter.streams_of(topic) > 0;
    };
    reset.newest = self->config().offsets.initial == Initial::newest;
    co_await self->clients_.offsets->reset(std::move(reset));
}

Task<void> Member::wait_until_registered(Self self, std::stop_token abandoned) {
    const auto& config = self->config();
    const TimePoint deadline = self->now() + config.zookeeper.connection_timeout + config.zookeeper.session_timeout;
    const std::stop_callback wake(abandoned, [weak = std::weak_ptr(self)] {
        const auto member = weak.lock();
        if (!member) return;
        member->runtime()->post([member] { member->changed().notify_all(); });
    });
    while (!self->membership_.registered()) {
        require_caller(abandoned);
        if (self->zookeeper_.registration().refused()) throw Error(*self->zookeeper_.registration().failure());
        const bool in_time = co_await self->changed().wait_until(deadline);
        if (!in_time && !self->membership_.registered()) throw self->not_registered();
    }
}

Error Member::not_registered() const {
    const auto& failure = zookeeper_.registration().failure();
    std::string why;
    if (failure) {
        why = failure->what();
    } else if (!zookeeper_.session().live()) {
        why = "ZooKeeper is disconnected";
    } else {
        why = "ZooKeeper has not answered";
    }
    return {errc::timed_out, "the member " + zookeeper_.session().member_id() + " of group " + group() +
                                 " could not be registered in ZooKeeper in time: " + why};
}

void Member::wire(std::vector<BrokerEndpoint> brokers) {
    auto& session = zookeeper_.session();
    Consumer::Handlers handlers;
    handlers.on_error = [weak = std::weak_ptr(hold(*this))](const Error& error) {
        if (const auto self = weak.lock()) self->report(error);
    };
    handlers.on_topic_recreated = [weak = std::weak_ptr(hold(partitions_))](const TopicPartition& tp) {
        if (const auto partitions = weak.lock()) partitions->begin_anew(tp);
    };
    clients_ = make_clients(settings(), std::move(brokers), std::move(handlers));
    clients_.consumer->hand_out_until(session.lease()->until());

    // The parts are members of one object: what they call in each other needs no lifetime of its own.
    session.listen([this](TimePoint until) { clients_.consumer->hand_out_until(until); },
                   [this] { zookeeper_.topics().retry_brokers(); });
    zookeeper_.registration().listen([this] {
        const auto& s = zookeeper_.session();
        clients_.offsets->use_identity({s.member_id(), config().group_instance_id, -1, s.registry(), s.lease()});
    });
    zookeeper_.topics().use(clients_.cluster);
    zookeeper_.topics().listen([this](const std::string& topic) { partitions_.note_missing(topic); });
    committer_.use(clients_.offsets,
                   {[this] { return zookeeper_.session().lease_holds(); }, [this] { partitions_.pass_on_marks(); },
                    [this](std::function<void(const TopicPartition&)> visit) { partitions_.each_read(visit); }});
    partitions_.use(clients_);
}

// ---- events and actions

void Member::post(MembershipEvent event) {
    events_.push_back(std::move(event));
    if (handling_ || broken_) return;  // an action that is being carried out: the loop below goes on
    handling_ = true;
    while (!events_.empty() && !broken_) {
        // Before anything is decided: the lease may have run out while we stood still.
        if (zookeeper_.session().lapsed()) events_.push_front(event::SessionSuspended{});
        const auto next = std::move(events_.front());
        events_.pop_front();
        handle(next);
    }
    handling_ = false;
    publish_soon();
    if (membership_.next_timer() != timer_at_) timer_.cancel();
    changed().notify_all();
}

/// Whatever is thrown costs no more than what threw: the loop goes on.
void Member::handle(const MembershipEvent& event) noexcept {
    Membership::Actions orders;
    try {
        orders = membership_.handle(event, now());
    } catch (...) {
        const Error error = as_error(std::current_exception());
        broken_ = true;
        note_end(EndReason::failed, error);
        report(error);
        finish(action::Closed{false});
        return;
    }
    for (const auto& order : orders) {
        try {
            carry_out(order);
        } catch (...) {
            report(as_error(std::current_exception()));
        }
    }
}

namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

}  // namespace

void Member::carry_out(const MembershipAction& order) {
    const auto report_rule = [this](const action::RuleChosen& a) {
        log(LogLevel::info, "partitions are divided by the rule " + std::string(name(a.rule)));
        if (a.kinds_disagree) report(error_of_kinds());
    };
    const auto lose = [this](const action::Lost& a) {
        for (const auto& lost : a.spans) zookeeper_.claims().forget(lost.span);
        partitions_.carry_out(a);
    };
    const auto others = [this](const auto& a) {
        if constexpr (requires { zookeeper_.carry_out(a); }) {
            zookeeper_.carry_out(a);
        } else {
            partitions_.carry_out(a);
        }
    };
    std::visit(Overloaded{report_rule, lose, others,
                          [this](const action::ReportMissingTopic& a) { report(error_of(a)); },
                          [this](const action::ReportPlan& a) { report(error_of(a, group())); },
                          [this](const action::ReportDisagreement& a) { report(error_of(a)); },
                          [this](const action::ReportBlocked& a) { report(error_of(a, group())); },
                          [this](const action::Closed& a) { finish(a); }},
               order);
}

Task<void> Member::run_timer(Self self) {
    while (!self->finished()) {
        self->timer_at_ = self->membership_.next_timer();
        const bool due = co_await self->timer_.wait_until(self->timer_at_.value_or(TimePoint::max()));
        if (due) self->post(event::Tick{});
    }
}

/// Once for all that is already waiting to be handled: a thousand claims are answered at about the same time.
void Member::publish_soon() {
    if (finished()) return publish();
    const bool is_new = !published_.is(membership_.owned_version(), zookeeper_.session().member_id());
    if (!is_new || std::exchange(publishing_, true)) return;
    runtime()->post([self = hold(*this)] {
        self->publishing_ = false;
        self->publish();
    });
}

void Member::publish() {
    const auto& id = zookeeper_.session().member_id();
    if (published_.is(membership_.owned_version(), id)) return;
    published_.set(membership_.owned_version(), id, membership_.owned());
}

void Member::subscribe(MemberSubscription subscription) {
    runtime()->post([self = hold(*this), subscription = std::move(subscription)] {
        self->post(event::SubscriptionChanged{subscription});
    });
}

Task<void> Member::flush(Self self) { co_await Committer::flush(self->hold(self->committer_)); }

Task<bool> Member::instance_registered(Self self) {
    if (!self->membership_.registered()) co_return false;
    co_return co_await MemberRegistration::stands(self->hold(self->zookeeper_.registration()));
}

// ---- leaving

Task<CloseReport> Member::close(Self self, std::optional<std::chrono::milliseconds> drain) {
    if (!self->closing_.exchange(true, std::memory_order_acq_rel)) {
        std::optional<Duration> drain_time;
        if (drain) drain_time = *drain;
        self->spawn(leave(self, drain_time));
    }
    while (!self->left_) co_await self->changed().wait();
    CloseReport report = self->close_report_;
    co_return report;
}

void Member::leave_soon() noexcept {
    if (closing_.exchange(true, std::memory_order_acq_rel)) return;
    try {
        spawn(leave(hold(*this), Duration(0)));
    } catch (...) {
        // No memory is left: the session ends when the ensemble hears no more of it.
    }
}

Task<void> Member::leave(Self self, std::optional<Duration> drain) {
    self->post(event::CloseRequested{drain});
    // Readers that wait are let go; what they hold may still be acknowledged.
    if (self->clients_.consumer) self->clients_.consumer->close();
    while (!self->finished()) co_await self->changed().wait();
    try {
        co_await tear_down(self);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    self->close_report_.uncommitted = self->partitions_.uncommitted();
    self->log(LogLevel::info, "left");
    self->left_ = true;
    self->changed().notify_all();
}

Task<void> Member::tear_down(Self self) {
    self->committer_.stop();
    self->timer_.cancel();
    const TimePoint deadline = self->now() + store_close_grace;
    if (self->clients_.offsets) {
        const auto failures = co_await self->clients_.offsets->close(deadline);
        for (const auto& failure : failures) self->report(failure.error);
    }
    self->zookeeper_.topics().close();
    if (self->clients_.consumer) self->clients_.consumer->close();
    co_await SessionKeeper::end(self->hold(self->zookeeper_.session()), self->static_member_, deadline);
    if (self->clients_.cluster) self->clients_.cluster->close();
    co_await end_callbacks(self, deadline + callback_grace);
}

void Member::finish(const action::Closed& a) {
    static_member_ = a.static_member;
    over_.store(true, std::memory_order_release);
    zookeeper_.session().stop_proving();
    if (clients_.consumer) clients_.consumer->close();
    // Put out by another process: what this one owns must not stand until the program gets round to closing it.
    if (!a.clean && !close_called()) zookeeper_.session().end_soon();
    if (!a.clean) log(LogLevel::warning, "left without ZooKeeper: what was owned is free when the session ends");
}

void Member::note_end(EndReason reason, const Error& error) {
    const std::lock_guard lock(ended_mutex_);
    if (!ended_) ended_ = Ended{reason, error};
}

std::optional<Ended> Member::ended() const {
    const std::lock_guard lock(ended_mutex_);
    if (ended_) return ended_;
    if (!closing()) return std::nullopt;
    return Ended{EndReason::closed, std::nullopt};
}

}  // namespace kwire
