// Of Membership: a partition from the wish for it to its release, see Membership::Step.
#include <algorithm>
#include <utility>

#include "member_id.h"
#include "membership.h"

namespace kwire {

Membership::Span* Membership::find(SpanId id, std::initializer_list<Step> steps) {
    const auto name = span_names_.find(id);
    if (name == span_names_.end()) return nullptr;
    auto& span = spans_.at(name->second);
    return std::find(steps.begin(), steps.end(), span.step) == steps.end() ? nullptr : &span;
}

void Membership::on(const event::ClaimAnswered& e) {
    auto* span = find(e.span, {Step::claiming});
    if (span == nullptr) return;
    if (e.code == zk::Code::ok) {
        span->step = Step::claimed;
        set_holds_node(*span, true);
        span->may_hold_node = false;
        span->backoff = {};
    } else if (e.code == zk::Code::node_exists) {
        const auto& tp = span_names_.at(e.span);
        span->may_hold_node = false;
        if (adopted_.erase(tp) > 0) span->wanted = false;  // another member was faster
        span->step = Step::blocked;
        if (span->wanted) order(action::WatchOwner{span->id, tp});
    } else {
        span->step = Step::to_claim;
        span->may_hold_node = span->may_hold_node || outcome_unknown(e.code);
        back_off(span->not_before, span->backoff);
    }
}

void Membership::on(const event::OwnerGone& e) {
    if (auto* span = find(e.span, {Step::blocked})) {
        span->step = Step::to_claim;
        span->not_before = now_;
        span->backoff = {};
    }
}

void Membership::on(const event::OwnerUnreadable& e) {
    if (auto* span = find(e.span, {Step::blocked})) {
        span->step = Step::to_claim;
        back_off(span->not_before, span->backoff);
    }
}

void Membership::on(const event::Started& e) {
    if (auto* span = find(e.span, {Step::starting, Step::cancelling})) {
        span->step = Step::running;
        span->backoff = {};
    }
}

void Membership::on(const event::NotStarted& e) {
    if (auto* span = find(e.span, {Step::starting, Step::cancelling})) {
        span->step = span->step == Step::cancelling ? Step::to_release : Step::to_start;
        back_off(span->not_before, span->backoff);
        if (span->step == Step::to_release) span->not_before = now_;
    }
}

void Membership::on(const event::Drained& e) {
    if (auto* span = find(e.span, {Step::draining})) {
        span->drained = true;
        span->step = Step::to_finalize;
    }
}

void Membership::on(const event::Finalized& e) {
    if (auto* span = find(e.span, {Step::finalizing})) {
        span->step = Step::to_release;
        span->not_before = now_;
        span->backoff = {};
    }
}

void Membership::on(const event::Released& e) {
    auto* span = find(e.span, {Step::releasing});
    if (span == nullptr) return;
    const bool gone = e.code == zk::Code::ok || e.code == zk::Code::no_node || e.code == zk::Code::node_exists;
    if (!gone) {
        span->step = Step::to_release;
        set_holds_node(*span, false);
        span->may_hold_node = true;
        back_off(span->not_before, span->backoff);
        return;
    }
    set_holds_node(*span, false);
    span->may_hold_node = false;
    span->step = Step::to_claim;
    renew(TopicPartition(span_names_.at(e.span)), *span);
}

void Membership::revoke() {
    std::vector<TopicPartition> revoked;
    for (auto& [tp, span] : spans_) {
        // Also what was announced and has not begun: who was told of a partition is told that it goes.
        if (!span.wanted && std::exchange(span.announced, false)) revoked.push_back(tp);
    }
    if (!revoked.empty()) order(action::Revoked{revoked});
    for (auto& [tp, span] : spans_) {
        if (span.step != Step::running || span.wanted) continue;
        span.step = Step::draining;
        span.drain_deadline = now_ + drain_time_;
        order(action::Stop{span.id});
    }
}

void Membership::advance_spans() {
    for (auto entry = spans_.begin(); entry != spans_.end();) {
        auto& [tp, span] = *entry;
        if (advance(tp, span)) {
            ++entry;
        } else {
            set_holds_node(span, false);
            span_names_.erase(span.id);
            entry = spans_.erase(entry);
        }
    }
}

bool Membership::advance(const TopicPartition& tp, Span& span) {
    const bool may_act = live() && due(span.not_before);
    // Steps that need nothing from outside are passed through at once, in the order in which they follow each other.
    if (span.step == Step::blocked && !span.wanted) return false;
    if (span.step == Step::to_claim && !span.wanted) {
        if (!span.may_hold_node) return false;
        span.step = Step::to_release;
    }
    if ((span.step == Step::claimed || span.step == Step::to_start) && !span.wanted) {
        span.step = Step::to_release;
    }
    if (span.step == Step::draining && due(span.drain_deadline)) span.step = Step::to_finalize;
    // Our place is kept by the nodes that stand until the session ends.
    if (span.step == Step::to_release && closing_ && config_.keeps_place) return false;
    if (span.step == Step::to_release && span.wanted) {
        span.step = span.holds_node ? Step::claimed : Step::to_claim;
        renew(tp, span);
    }

    if (span.step == Step::starting && !span.wanted) {
        span.step = Step::cancelling;
        order(action::CancelStart{span.id});
    } else if (span.step == Step::to_claim && may_act) {
        span.step = Step::claiming;
        order(action::Claim{span.id, tp, owner_text(rule_, member_id_)});
    } else if (span.step == Step::to_start && may_act) {
        span.step = Step::starting;
        order(action::Start{span.id, tp});
    } else if (span.step == Step::to_finalize && live()) {
        span.step = Step::finalizing;
        order(action::Finalize{span.id, span.drained, now_ + config_.leave_timeout * 3 / 4});
    } else if (span.step == Step::to_release && may_act) {
        span.step = Step::releasing;
        order(action::Release{span.id, tp, span.may_hold_node && !span.holds_node});
    }
    return true;
}

void Membership::announce_claimed() {
    std::vector<TopicPartition> assigned;
    for (const auto& [tp, span] : spans_) {
        if (span.step == Step::claiming) return;  // answers arrive together: announce them together
        if (!span.wanted || span.announced) continue;
        // Running: it began in spite of being cancelled, and is wanted again.
        if (span.step == Step::claimed || span.step == Step::running) assigned.push_back(tp);
    }
    if (assigned.empty()) return;
    order(action::Assigned{assigned});
    for (const auto& tp : assigned) {
        Span& span = spans_.at(tp);
        span.announced = true;
        if (span.step == Step::claimed) span.step = Step::to_start;
    }
    advance_spans();
}

void Membership::set_holds_node(Span& span, bool holds) {
    if (std::exchange(span.holds_node, holds) != holds) ++owned_version_;
}

std::vector<TopicPartition> Membership::owned() const {
    std::vector<TopicPartition> result;
    for (const auto& [tp, span] : spans_) {
        if (span.holds_node) result.push_back(tp);
    }
    return result;
}

}  // namespace kwire
