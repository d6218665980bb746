// Of Membership: a partition from the wish for it to its release, see Membership::Step.
#include <algorithm>
#include <utility>

#include "assignment/member_id.h"
#include "membership.h"

namespace kwire {

Membership::Span* Membership::find(SpanId id, std::initializer_list<Step> steps) {
    const auto name = span_names_.find(id);
    if (name == span_names_.end()) return nullptr;
    auto& span = spans_.at(name->second);
    touched_.insert(name->second);
    return std::find(steps.begin(), steps.end(), span.step) == steps.end() ? nullptr : &span;
}

template <class Visit>
void Membership::for_touched(Visit visit) {
    if (all_touched_) {
        for (auto& [tp, span] : spans_) visit(tp, span);
        return;
    }
    for (const auto& tp : touched_) {
        const auto found = spans_.find(tp);
        if (found != spans_.end()) visit(found->first, found->second);
    }
}

void Membership::on(const event::ClaimAnswered& e) {
    auto* span = find(e.span, {Step::claiming});
    if (span == nullptr) return;
    --claims_under_way_;
    if (e.code == zk::Code::ok) {
        span->step = Step::claimed;
        set_holds_node(*span, true);
        span->may_hold_node = false;
        span->backoff.reset();
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
        span->backoff.reset();
    }
}

void Membership::on(const event::OwnerUnreadable& e) {
    if (auto* span = find(e.span, {Step::blocked})) {
        span->step = Step::to_claim;
        back_off(span->not_before, span->backoff);
    }
}

void Membership::on(const event::OwnerPersistent& e) {
    if (find(e.span, {Step::blocked}) != nullptr) order(action::ReportBlocked{span_names_.at(e.span)});
}

void Membership::on(const event::ClaimSeen&) {}

void Membership::on(const event::Started& e) {
    if (auto* span = find(e.span, {Step::starting, Step::cancelling})) {
        span->step = Step::running;
        span->backoff.reset();
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
    }
}

void Membership::on(const event::RevokeReturned& e) {
    for (const auto id : e.spans) {
        const auto name = span_names_.find(id);
        if (name != span_names_.end()) spans_.at(name->second).revoking = false;
    }
}

void Membership::on(const event::Finalized& e) {
    if (auto* span = find(e.span, {Step::finalizing})) {
        span->step = Step::to_release;
        span->not_before = now_;
        span->backoff.reset();
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
    action::Revoked revoked;
    for_touched([&](const TopicPartition& tp, Span& span) {
        // Also what was announced and has not begun: who was told of a partition is told that it goes.
        if (span.wanted || !std::exchange(span.announced, false)) return;
        span.revoking = true;
        span.drain_deadline = later(now_, drain_time_);
        revoked.spans.push_back(span.id);
        revoked.partitions.push_back(tp);
    });
    if (!revoked.spans.empty()) order(std::move(revoked));
    for_touched([&](const TopicPartition&, Span& span) {
        if (span.step != Step::running || span.wanted) return;
        span.step = Step::draining;
        span.drain_deadline = later(now_, drain_time_);
        order(action::Stop{span.id});
    });
}

void Membership::advance_spans() {
    if (all_touched_) spans_timer_.reset();
    std::vector<TopicPartition> done_with;
    for_touched([&](const TopicPartition& tp, Span& span) {
        if (!advance(tp, span)) {
            done_with.push_back(tp);
            return;
        }
        const auto timer = timer_of(span);
        if (timer) spans_timer_ = std::min(spans_timer_.value_or(*timer), *timer);
    });
    for (const auto& tp : done_with) {
        const auto entry = spans_.find(tp);
        set_holds_node(entry->second, false);
        span_names_.erase(entry->second.id);
        spans_.erase(entry);
    }
}

/// What it was handed of the partition is not processed, or it has not heard yet that the partition goes.
bool Membership::held_by_program(const Span& span) const {
    if (due(span.drain_deadline)) return false;
    if (span.step == Step::draining) return span.revoking || !span.drained;
    return span.step == Step::to_release && span.revoking;  // it was announced and had not begun
}

/// When it goes on without an event of its own.
std::optional<TimePoint> Membership::timer_of(const Span& span) const {
    if (held_by_program(span)) return span.drain_deadline;
    const bool waits = span.step == Step::to_claim || span.step == Step::to_start || span.step == Step::to_release;
    if (!waits || !live()) return std::nullopt;
    return span.not_before;
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
    if (span.step == Step::draining && !held_by_program(span)) span.step = Step::to_finalize;
    // Our place is kept by the nodes that stand until the session ends.
    if (span.step == Step::to_release && closing_ && config_.static_member && !held_by_program(span)) return false;
    if (span.step == Step::to_release && span.wanted) {
        span.step = span.holds_node ? Step::claimed : Step::to_claim;
        renew(tp, span);
    }

    if (span.step == Step::starting && !span.wanted) {
        span.step = Step::cancelling;
        order(action::CancelStart{span.id});
    } else if (span.step == Step::to_claim && may_act) {
        span.step = Step::claiming;
        ++claims_under_way_;
        order(action::Claim{span.id, tp, owner_text(rule_, member_id_)});
    } else if (span.step == Step::to_start && may_act) {
        span.step = Step::starting;
        order(action::Start{span.id, tp});
    } else if (span.step == Step::to_finalize && live()) {
        span.step = Step::finalizing;
        order(action::Finalize{span.id, span.drained, now_ + config_.leave_timeout * 3 / 4});
    } else if (span.step == Step::to_release && may_act && !held_by_program(span)) {
        span.step = Step::releasing;
        order(action::Release{span.id, tp, span.may_hold_node && !span.holds_node});
    }
    return true;
}

void Membership::announce_claimed() {
    // Running: it began in spite of being cancelled, and is wanted again.
    const auto is_to_be_announced = [](const Span& span) {
        return span.wanted && !span.announced && (span.step == Step::claimed || span.step == Step::running);
    };
    for_touched([&](const TopicPartition& tp, const Span& span) {
        if (is_to_be_announced(span)) to_announce_.insert(tp);
    });
    if (to_announce_.empty() || claims_under_way_ > 0) return;  // answers arrive together: announce them together
    std::vector<TopicPartition> assigned;
    for (const auto& tp : std::exchange(to_announce_, {})) {
        const auto found = spans_.find(tp);
        if (found == spans_.end() || !is_to_be_announced(found->second)) continue;
        found->second.announced = true;
        if (found->second.step == Step::claimed) found->second.step = Step::to_start;
        touched_.insert(tp);
        assigned.push_back(tp);
    }
    if (assigned.empty()) return;
    order(action::Assigned{std::move(assigned)});
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
