#include "coordinators/zookeeper/claims.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace kwire {

Task<void> Claims::claim(std::shared_ptr<Claims> self, action::Claim a) {
    zk::Outcome claimed{zk::Code::other};
    const auto registry = self->session_.registry();
    const std::string group = self->engine_.group();
    const std::string member = self->session_.member_id();
    const TopicPartition tp = a.tp;
    try {
        if (self->engine_.config().group_instance_id.empty()) {
            claimed = co_await registry->claim(group, member, tp, a.owner_text);
        } else {
            claimed = co_await registry->claim_again(group, member, tp, a.owner_text);
        }
        self->report_refusal("claiming the partition at", claimed, tp);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->engine_.report(error);
    }
    self->engine_.post(event::ClaimAnswered{a.span, claimed.code});
}

void Claims::report_refusal(const char* doing, const zk::Outcome& outcome, const TopicPartition& tp) {
    if (!zk::permanent(outcome.code) && outcome.code != zk::Code::other) return;
    engine_.report(zk::refusal(doing, outcome).at({.topic = tp.topic, .partition = tp.partition}));
}

Task<void> Claims::watch_owner(std::shared_ptr<Claims> self, action::WatchOwner a) {
    const zk::Watch watch = [weak = std::weak_ptr(self), span = a.span](const zk::WatchEvent& e) {
        const auto me = weak.lock();
        // Whatever happened to the node: to claim it is how to find out.
        if (me && e.type != zk::WatchEvent::Type::session) me->engine_.post(event::OwnerGone{span});
    };
    bool unreadable = false;
    std::optional<zk::Owner> owner;
    try {
        owner = co_await self->session_.registry()->owner(self->engine_.group(), a.tp, watch);
    } catch (...) {
        unreadable = true;  // the connection; anything else the next claim reports
    }
    if (unreadable) {
        self->engine_.post(event::OwnerUnreadable{a.span});
    } else if (!owner) {
        self->engine_.post(event::OwnerGone{a.span});
    } else if (owner->stat.ephemeral_owner == 0) {
        self->engine_.post(event::OwnerPersistent{a.span});
    } else {
        self->engine_.log(LogLevel::info, a.tp.to_string() + " is still owned by " + owner->id);
    }
}

// ---- our own nodes

Task<void> Claims::watch_claim(std::shared_ptr<Claims> self, action::WatchClaim a) {
    self->watched_.try_emplace(a.span, false);
    co_await look(self, a);
}

/// One watch a node is enough, however often it is looked at.
zk::Watch Claims::claim_watch(const action::WatchClaim& a) {
    const auto watched = watched_.find(a.span);
    if (watched == watched_.end() || watched->second) return nullptr;
    watched->second = true;
    return [weak = std::weak_ptr(engine_.hold(*this)), a](const zk::WatchEvent& e) {
        const auto me = weak.lock();
        if (!me || e.type == zk::WatchEvent::Type::session) return;
        const auto fired = me->watched_.find(a.span);
        if (fired == me->watched_.end()) return;  // released, or lost
        fired->second = false;
        me->engine_.spawn(look(me, a));
    };
}

Task<void> Claims::look(std::shared_ptr<Claims> self, action::WatchClaim a) {
    using State = event::ClaimSeen::State;
    const auto registry = self->session_.registry();
    zk::Watch watch = self->claim_watch(a);
    const bool sets_watch = watch != nullptr;
    State state = State::unreadable;
    std::optional<zk::Owner> owner;
    bool read = false;
    try {
        owner = co_await registry->owner(self->engine_.group(), a.tp, std::move(watch));
        read = true;
    } catch (...) {
        read = false;  // the connection; what it comes to is the session's to say
    }
    if (read && !owner) state = State::gone;
    if (read && owner) state = owner->stat.ephemeral_owner == registry->session()->id() ? State::ours : State::foreign;
    const auto watched = self->watched_.find(a.span);
    // A node that is not there, or could not be read, left no watch.
    if (watched != self->watched_.end() && sets_watch && (!read || !owner)) watched->second = false;
    if (watched != self->watched_.end()) self->engine_.post(event::ClaimSeen{a.span, state});
}

Task<void> Claims::release(std::shared_ptr<Claims> self, action::Release a) {
    self->forget(a.span);
    zk::Outcome released{zk::Code::other};
    const std::string group = self->engine_.group();
    const std::string member = self->session_.member_id();
    try {
        released = co_await self->session_.registry()->release(group, member, a.tp, a.claim_unknown);
        self->report_refusal("releasing the partition at", released, a.tp);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->engine_.report(error);
    }
    self->engine_.post(event::Released{a.span, released.code});
}

}  // namespace kwire
