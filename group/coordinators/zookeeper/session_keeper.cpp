#include "coordinators/zookeeper/session_keeper.h"

#include <exception>
#include <utility>

#include "assignment/member_id.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// What ending a session that nobody waits for may take.
constexpr Duration end_patience = 900ms;
// After an answer that the session stands could not be had.
constexpr Duration proof_retry = 100ms;

Task<void> close_session(std::shared_ptr<zk::Session> session, std::shared_ptr<Event> ended, std::shared_ptr<bool> done) {
    try {
        co_await session->close();
    } catch (...) {
        // The ensemble ends it by itself when its time is up.
    }
    *done = true;
    ended->notify_all();
}

}  // namespace

SessionKeeper::SessionKeeper(Engine& engine) : engine_(engine), proof_timer_(*engine.runtime()) {}

void SessionKeeper::listen(std::function<void(TimePoint)> on_lease, std::function<void()> on_proven) {
    on_lease_ = std::move(on_lease);
    on_proven_ = std::move(on_proven);
}

// ---- opening

Task<std::shared_ptr<zk::Session>> SessionKeeper::open(std::shared_ptr<SessionKeeper> self) {
    auto session = co_await self->engine_.config().session_factory();
    if (!session) {
        throw Error(errc::zookeeper_unavailable, "GroupConfig::session_factory returned no session: it must return one, or "
                                                 "throw what keeps it from that");
    }
    co_return session;
}

Task<void> SessionKeeper::open_first(std::shared_ptr<SessionKeeper> self) {
    const auto session = co_await open(self);
    const TimePoint proven = co_await prove(session);
    self->adopt(session, 1, proven);
    self->engine_.spawn(run_proofs(self));
}

void SessionKeeper::post_opened() {
    engine_.post(event::SessionOpened{number_, member_id_});
    if (!live_) engine_.post(event::SessionSuspended{});
    const auto state = registry_->session()->state();
    if (state == zk::SessionState::expired || state == zk::SessionState::auth_failed) on_state(number_, state);
}

Task<void> SessionKeeper::open_next(std::shared_ptr<SessionKeeper> self, SessionNumber number) {
    self->state_listener_.reset();
    self->end_lease();
    self->end_soon();
    std::shared_ptr<zk::Session> session;
    TimePoint proven{};
    try {
        session = co_await open(self);
        proven = co_await prove(session);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->engine_.report(error);
    }
    if (session && self->engine_.finished()) {
        self->engine_.spawn(end_by(session, self->engine_.now() + end_patience));
    } else if (session) {
        self->adopt(session, number, proven);
        self->post_opened();
    } else {
        self->engine_.post(event::SessionOpenFailed{number});
    }
}

void SessionKeeper::adopt(std::shared_ptr<zk::Session> session, SessionNumber number, TimePoint proven) {
    const auto& config = engine_.config();
    if (registry_) former_.insert(registry_->session()->id());
    number_ = number;
    connected_ = true;
    live_ = proven > engine_.now();
    lease_->end();
    lease_ = std::make_shared<Lease>(proven);
    if (on_lease_) on_lease_(proven);
    proof_timer_.cancel();
    member_id_ = !config.group_instance_id.empty() ? config.group_instance_id : config.member_id;
    if (member_id_.empty()) member_id_ = new_member_id(config.assignment, engine_.group());
    registry_ = std::make_shared<zk::Registry>(session);
    state_listener_ = session->on_state([weak = std::weak_ptr(engine_.hold(*this)), number](zk::SessionState state) {
        if (const auto self = weak.lock()) self->on_state(number, state);
    });
    // It may have changed between its opening and now.
    if (const auto state = session->state(); state != zk::SessionState::connected) {
        engine_.runtime()->post([weak = std::weak_ptr(engine_.hold(*this)), number, state] {
            if (const auto self = weak.lock()) self->on_state(number, state);
        });
    }
}

void SessionKeeper::on_state(SessionNumber number, zk::SessionState state) {
    if (number != number_) return;
    connected_ = state == zk::SessionState::connected;
    if (!connected_) live_ = false;
    switch (state) {
        case zk::SessionState::connected:
            engine_.log(LogLevel::info, "ZooKeeper is connected");
            proof_timer_.cancel();  // reading is resumed once the session is known to stand
            engine_.changed().notify_all();
            break;
        case zk::SessionState::connecting:
        case zk::SessionState::suspended:
            engine_.log(LogLevel::warning, "ZooKeeper is disconnected: nothing is handed out until it is back");
            engine_.post(event::SessionSuspended{});
            break;
        case zk::SessionState::expired:
        case zk::SessionState::auth_failed:
            end_lease();
            if (!engine_.closing()) {
                engine_.report(Error(errc::session_expired,
                                     "the ZooKeeper session of " + member_id_ +
                                         " is gone, and with it all it owned; a new one is opened"));
            }
            engine_.post(event::SessionExpired{});
            break;
        case zk::SessionState::closed: break;
    }
}

// ---- the lease

/// Sync is the operation that the leader itself answers, which ends sessions.
Task<TimePoint> SessionKeeper::prove(std::shared_ptr<zk::Session> session) {
    const TimePoint asked = session->runtime()->now();
    const zk::Code code = co_await session->sync("/");
    co_return code == zk::Code::ok ? asked + session->timeout() / 2 : TimePoint{};
}

Task<void> SessionKeeper::run_proofs(std::shared_ptr<SessionKeeper> self) {
    while (!self->engine_.finished()) {
        if (!self->connected_) {
            co_await self->engine_.changed().wait();
            continue;
        }
        const auto session = self->registry_->session();
        const auto number = self->number_;
        const TimePoint until = co_await prove(session);
        const bool proven = until > self->engine_.now() && number == self->number_;
        if (proven) self->extend_lease(until);
        if (self->engine_.finished()) break;
        if (proven && self->on_proven_) self->on_proven_();
        const Duration pause = proven ? Duration(session->timeout()) / 4 : proof_retry;
        co_await self->proof_timer_.wait_for(pause);
    }
}

void SessionKeeper::end_lease() {
    lease_->end();
    if (on_lease_) on_lease_(TimePoint{});
}

void SessionKeeper::extend_lease(TimePoint until) {
    lease_->extend(until);
    if (on_lease_) on_lease_(lease_->until());
    if (live_ || !connected_) return;
    live_ = true;
    engine_.post(event::SessionResumed{});
}

bool SessionKeeper::lapsed() {
    if (!live_ || lease_holds()) return false;
    live_ = false;
    engine_.log(LogLevel::warning,
                "ZooKeeper has not answered in time that the session stands: nothing is handed out until it does");
    return true;
}

// ---- ending

Task<void> SessionKeeper::end_by(std::shared_ptr<zk::Session> session, TimePoint deadline) {
    const auto runtime = session->runtime();
    const auto ended = std::make_shared<Event>(*runtime);
    const auto done = std::make_shared<bool>(false);
    runtime->spawn(close_session(std::move(session), ended, done));
    while (!*done) {
        const bool in_time = co_await ended->wait_until(deadline);
        if (!in_time) break;
    }
}

void SessionKeeper::end_soon() {
    if (registry_) engine_.spawn(end_by(registry_->session(), engine_.now() + end_patience));
}

Task<void> SessionKeeper::end(std::shared_ptr<SessionKeeper> self, bool static_member, TimePoint deadline) {
    self->state_listener_.reset();
    self->proof_timer_.cancel();
    if (!self->registry_) co_return;
    const auto session = self->registry_->session();
    self->end_lease();
    if (!static_member) {
        co_await end_by(session, deadline);
        co_return;
    }
    try {
        co_await session->abandon();
    } catch (...) {
        // It is left to its timeout, which is what was asked for.
    }
}

}  // namespace kwire
