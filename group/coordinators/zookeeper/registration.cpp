#include "coordinators/zookeeper/registration.h"

#include <chrono>
#include <exception>
#include <utility>

#include "assignment/member_id.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// A failure that is tried again and again is reported again after this long.
constexpr Duration report_again = 60s;

}  // namespace

MemberRegistration::MemberRegistration(Engine& engine, SessionKeeper& session) : engine_(engine), session_(session) {}

zk::Registration MemberRegistration::registration_for(const MemberSubscription& subscription) const {
    using Pattern = MemberSubscription::Pattern;
    zk::Registration registration;
    registration.subscription = subscription.streams;
    if (subscription.pattern == Pattern::white_list) registration.pattern = zk::SubscriptionPattern::white_list;
    if (subscription.pattern == Pattern::black_list) registration.pattern = zk::SubscriptionPattern::black_list;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    registration.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    registration.client = "kwire " KWIRE_VERSION;
    registration.host = host_and_process();
    registration.rule = name(engine_.config().assignment);
    return registration;
}

Task<zk::Outcome> MemberRegistration::make(std::shared_ptr<MemberRegistration> self, action::Register a) {
    const auto registry = self->session_.registry();
    const auto id = self->session_.member_id();
    const auto registration = self->registration_for(a.subscription);
    zk::Outcome made = co_await registry->register_member(self->engine_.group(), id, registration);
    if (made != zk::Code::node_exists || self->engine_.config().group_instance_id.empty()) co_return made;
    if (!a.first) {
        // This process had its place already: whoever holds it now is the younger one, unless it is a former session of ours.
        const auto holder = co_await registry->member(self->engine_.group(), id);
        if (!holder || !self->session_.was_ours(holder->stat.ephemeral_owner)) co_return made;
    }
    self->engine_.log(LogLevel::info, "takes over from an earlier process of the same group.instance.id");
    made = co_await registry->take_over_member(self->engine_.group(), id, registration);
    co_return made;
}

Task<void> MemberRegistration::enter(std::shared_ptr<MemberRegistration> self, action::Register a) {
    zk::Outcome made{zk::Code::other};
    std::exception_ptr thrown;
    try {
        made = co_await make(self, a);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (a.session != self->session_.number()) co_return;  // of a session that is gone
    if (thrown) {
        self->note_failure(as_error(thrown), true);
    } else {
        self->note_answer(made);
    }
    if (made.ok()) {
        // Registered again in the same session, it still owns what it owned: a store would forget the marks.
        const bool is_new = std::exchange(self->registered_in_, a.session) != a.session;
        if (is_new && self->on_registered_) self->on_registered_();
        self->engine_.log(LogLevel::info, "registered as " + self->session_.member_id());
    }
    const bool is_static = !self->engine_.config().group_instance_id.empty();
    if (made == zk::Code::node_exists && is_static && !a.first) {
        self->found_foreign();
    } else {
        self->engine_.post(event::Registered{a.session, made.code});
    }
}

void MemberRegistration::note_answer(const zk::Outcome& made) {
    const std::string id = session_.member_id();
    if (made.ok()) {
        failure_.reset();
        refused_ = false;
        reported_at_.reset();
    } else if (made == zk::Code::node_exists) {
        note_failure(Error(errc::zookeeper_error, "the name " + id + " is taken: another session holds /consumers/" +
                                                      engine_.group() + "/ids/" + id + "; it is tried again until that one is gone"),
                     false);
    } else {
        note_failure(zk::refusal("registering the member at", made), zk::permanent(made.code));
    }
}

void MemberRegistration::note_failure(Error error, bool refused) {
    const bool is_news = !failure_ || failure_->reason() != error.reason() || !reported_at_ ||
                         engine_.now() >= *reported_at_ + report_again;
    failure_.emplace(std::move(error));
    refused_ = refused;
    // The session's own events say that it is away.
    const bool only_later = failure_->condition() == errc::connection_lost || failure_->condition() == errc::session_expired;
    if (!is_news || only_later || !session_.live()) return;
    reported_at_ = engine_.now();
    engine_.report(*failure_);
}

Task<void> MemberRegistration::update(std::shared_ptr<MemberRegistration> self, action::UpdateRegistration a) {
    zk::Outcome written{zk::Code::other};
    try {
        auto registration = self->registration_for(a.subscription);
        written = co_await self->session_.registry()->update_member(self->engine_.group(), self->session_.member_id(),
                                                                    std::move(registration));
        if (zk::permanent(written.code)) self->engine_.report(zk::refusal("changing the subscription at", written));
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->engine_.report(error);
    }
    self->engine_.post(event::RegistrationUpdated{a.session, written.code});
}

Task<void> MemberRegistration::leave(std::shared_ptr<MemberRegistration> self, SessionNumber number) {
    zk::Outcome left{zk::Code::other};
    try {
        left = co_await self->session_.registry()->deregister_member(self->engine_.group(), self->session_.member_id());
        if (zk::permanent(left.code)) self->engine_.report(zk::refusal("deleting the registration", left));
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->engine_.report(error);
    }
    self->engine_.post(event::Deregistered{number, left.code});
}

Task<bool> MemberRegistration::stands(std::shared_ptr<MemberRegistration> self) {
    const auto registry = self->session_.registry();
    const auto member = co_await registry->member(self->engine_.group(), self->session_.member_id());
    co_return member && member->stat.ephemeral_owner == registry->session()->id();
}

void MemberRegistration::look_at_own(const zk::Stat& stat) {
    if (registered_in_ == 0 || stat.czxid == 0) return;  // not ours yet, or not readable
    const bool ours = stat.ephemeral_owner == session_.registry()->session()->id();
    if (!ours && !session_.was_ours(stat.ephemeral_owner)) found_foreign();
}

void MemberRegistration::found_foreign() {
    if (engine_.config().group_instance_id.empty() || engine_.finished()) return;
    const Error error(errc::not_owner, "another process joined group " + engine_.group() + " with the group.instance.id " +
                                           session_.member_id() +
                                           "; this one is out of the group. Give each process an id of its own");
    engine_.note_end(EndReason::fenced, error);
    engine_.report(error);
    engine_.post(event::Fenced{});
}

}  // namespace kwire
