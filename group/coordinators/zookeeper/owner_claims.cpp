#include "coordinators/zookeeper/owner_claims.h"

#include <chrono>
#include <utility>

namespace kwire {
namespace {

// A persistent node in the way is looked at again so often, besides the watch on it.
constexpr std::chrono::seconds persistent_pause{30};
// A node that is gone sooner after it was claimed again is claimed with a growing pause.
constexpr std::chrono::seconds claim_settles{60};

}  // namespace

void OwnerClaims::acquire(SpanId span, const TopicPartition& tp) {
    const auto [entry, is_new] = claims_.try_emplace(tp);
    Claim& claim = entry->second;
    touched_.insert(tp);
    if (claim.span != claim.asked) names_.erase(claim.span);
    claim.span = span;
    names_[span] = tp;
    claim.wanted = true;
    if (is_new) return claim.retry.reset(turn_);
    if (claim.state == State::blocked) turn_.order(action::WatchOwner{span, tp});
    if (claim.state == State::to_release) {
        claim.state = claim.holds ? State::held : State::to_claim;
        claim.retry.at_once(turn_);
    }
    if (claim.state == State::held) held(tp, claim);
}

void OwnerClaims::release(SpanId span, const TopicPartition& tp) {
    const auto entry = claims_.find(tp);
    if (entry == claims_.end() || entry->second.span != span) return;
    Claim& claim = entry->second;
    claim.wanted = false;
    touched_.insert(tp);
    if (claim.state == State::held) {
        claim.state = State::to_release;
        claim.retry.reset(turn_);
    }
}

void OwnerClaims::look(const TopicPartition& tp) {
    const auto entry = claims_.find(tp);
    if (entry == claims_.end()) return;
    Claim& claim = entry->second;
    touched_.insert(tp);
    if (claim.state == State::held) {
        claim.look = true;
        claim.retry.at_once(turn_);
    } else if (claim.state == State::blocked) {
        claim.state = State::to_claim;  // a watch went astray
        claim.retry.at_once(turn_);
    }
}

void OwnerClaims::leave_nodes() {
    leave_nodes_ = true;
    for (const auto& [tp, claim] : claims_) touched_.insert(tp);
}

void OwnerClaims::set_live(bool live) {
    live_ = live;
    for (auto& [tp, claim] : claims_) {
        touched_.insert(tp);
        // A short cut says nothing against what failed before it, but for claims that went with the connection.
        if (live && claim.state != State::held && claim.state != State::blocked) claim.retry.connected_again(turn_);
    }
}

void OwnerClaims::clear() {
    if (!claims_.empty()) ++owned_version_;
    claims_.clear();
    names_.clear();
    adopted_.clear();
    touched_.clear();
    timers_.clear();
    outcomes_.clear();
    under_way_ = 0;
    live_ = true;
}

// ---- answers

void OwnerClaims::on(const event::ClaimAnswered& e) {
    Claim* claim = find(e.span, State::claiming);
    if (claim == nullptr) return;
    const TopicPartition tp = names_.at(e.span);
    claim->asked = 0;
    if (e.span != claim->span) names_.erase(e.span);
    if (!claim->holds) --under_way_;
    if (e.code == zk::Code::ok) {
        claim->may_hold = claim->reported = false;
        const bool again = claim->holds;
        set_holds(*claim, true);
        claim->state = claim->wanted ? State::held : State::to_release;
        claim->retry.at_once(turn_);
        if (!again) claim->retry.backoff.reset();
        if (claim->wanted) held(tp, *claim);
    } else if (e.code == zk::Code::node_exists) {
        blocked_by_another(tp, *claim);
    } else {
        claim->state = State::to_claim;
        claim->may_hold = claim->may_hold || outcome_unknown(e.code);
        claim->retry.later(turn_);
    }
}

void OwnerClaims::blocked_by_another(const TopicPartition& tp, Claim& claim) {
    claim.may_hold = false;
    if (claim.holds) return done(tp, Outcome::Kind::withdrawn);
    claim.state = State::blocked;
    if (!claim.wanted) return;
    if (adopted_.erase(tp) > 0) return tell(Outcome::Kind::refused, tp, claim);
    turn_.order(action::WatchOwner{claim.span, tp});
}

void OwnerClaims::held(const TopicPartition& tp, Claim& claim) {
    claim.look = false;
    turn_.order(action::WatchClaim{claim.span, tp});
    tell(Outcome::Kind::granted, tp, claim);
}

void OwnerClaims::on(const event::OwnerGone& e) {
    if (Claim* claim = find(e.span, State::blocked)) {
        claim->state = State::to_claim;
        claim->reported = false;
        claim->retry.reset(turn_);
    }
}

void OwnerClaims::on(const event::OwnerUnreadable& e) {
    if (Claim* claim = find(e.span, State::blocked)) {
        claim->state = State::to_claim;
        claim->retry.later(turn_);
    }
}

void OwnerClaims::on(const event::OwnerPersistent& e) {
    Claim* claim = find(e.span, State::blocked);
    if (claim == nullptr) return;
    const TopicPartition& tp = names_.at(e.span);
    if (!std::exchange(claim->reported, true)) turn_.order(action::ReportBlocked{tp});
    claim->look = true;
    claim->retry.not_before = turn_.now() + persistent_pause;
}

void OwnerClaims::on(const event::ClaimSeen& e) {
    using Seen = event::ClaimSeen::State;
    Claim* claim = find(e.span, State::held);
    if (claim == nullptr || claim->span != e.span || e.state == Seen::ours) return;
    if (e.state == Seen::foreign) return done(TopicPartition(names_.at(e.span)), Outcome::Kind::withdrawn);
    if (e.state == Seen::unreadable) {
        claim->look = true;
        return claim->retry.later(turn_);
    }
    claim->state = State::to_claim;
    const bool settled = !claim->claimed_again_at || turn_.due(*claim->claimed_again_at + claim_settles);
    if (settled) {
        claim->retry.reset(turn_);
    } else {
        claim->retry.later(turn_);
    }
    claim->claimed_again_at = turn_.now();
}

void OwnerClaims::on(const event::Released& e) {
    Claim* claim = find(e.span, State::releasing);
    if (claim == nullptr) return;
    const TopicPartition tp = names_.at(e.span);
    claim->asked = 0;
    if (e.span != claim->span) names_.erase(e.span);
    const bool gone = e.code == zk::Code::ok || e.code == zk::Code::no_node || e.code == zk::Code::node_exists;
    set_holds(*claim, false);
    claim->may_hold = !gone;
    claim->state = State::to_claim;  // if it is not wanted, that releases what it may hold
    if (gone) {
        claim->retry.reset(turn_);
    } else {
        claim->retry.later(turn_);
    }
}

// ---- what follows

void OwnerClaims::progress() {
    for (const auto& tp : timers_.take_due(turn_.now())) touched_.insert(tp);
    for (const auto& tp : std::exchange(touched_, {})) {
        const auto entry = claims_.find(tp);
        if (entry != claims_.end()) advance(tp, entry->second);
    }
}

void OwnerClaims::advance(const TopicPartition& tp, Claim& claim) {
    if (!claim.wanted && claim.state == State::blocked) return done(tp, Outcome::Kind::released);
    if (!claim.wanted && claim.state == State::to_claim) {
        if (!claim.may_hold) return done(tp, Outcome::Kind::released);
        claim.state = State::to_release;
    }
    if (claim.state == State::to_release && leave_nodes_) return done(tp, Outcome::Kind::released);
    const bool may_act = live_ && turn_.due(claim.retry.not_before);
    const bool waits = claim.state == State::to_claim || claim.state == State::to_release || claim.look;
    timers_.clear(tp);
    if (waits && live_ && !may_act) timers_.set(tp, claim.retry.not_before);
    if (!waits || !may_act) return;
    if (claim.state == State::to_claim) {
        claim.state = State::claiming;
        claim.asked = claim.span;
        if (!claim.holds) ++under_way_;
        turn_.order(action::Claim{claim.span, tp, owner_text_});
    } else if (claim.state == State::to_release) {
        claim.state = State::releasing;
        claim.asked = claim.span;
        turn_.order(action::Release{claim.span, tp, claim.may_hold});
    } else if (claim.state == State::held) {
        turn_.order(action::WatchClaim{claim.span, tp});
    } else if (claim.state == State::blocked) {
        turn_.order(action::WatchOwner{claim.span, tp});
    }
    claim.look = false;
}

OwnerClaims::Claim* OwnerClaims::find(SpanId id, State state) {
    const auto name = names_.find(id);
    if (name == names_.end()) return nullptr;
    Claim& claim = claims_.at(name->second);
    const bool of_operation = state == State::claiming || state == State::releasing;
    if (claim.state != state || (of_operation ? claim.asked : claim.span) != id) return nullptr;
    touched_.insert(name->second);
    return &claim;
}

void OwnerClaims::tell(Outcome::Kind kind, const TopicPartition& tp, const Claim& claim) {
    outcomes_.push_back({kind, claim.span, tp});
}

void OwnerClaims::done(const TopicPartition& tp, Outcome::Kind kind) {
    const auto entry = claims_.find(tp);
    Claim& claim = entry->second;
    tell(kind, tp, claim);
    set_holds(claim, false);
    names_.erase(claim.span);
    names_.erase(claim.asked);
    timers_.clear(tp);
    claims_.erase(entry);
}

void OwnerClaims::set_holds(Claim& claim, bool holds) {
    if (std::exchange(claim.holds, holds) != holds) ++owned_version_;
}

bool OwnerClaims::blocked(const TopicPartition& tp) const {
    const auto entry = claims_.find(tp);
    return entry != claims_.end() && entry->second.state == State::blocked;
}

std::vector<TopicPartition> OwnerClaims::owned() const {
    std::vector<TopicPartition> result;
    for (const auto& [tp, claim] : claims_) {
        if (claim.holds) result.push_back(tp);
    }
    return result;
}

}  // namespace kwire
