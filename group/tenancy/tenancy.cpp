#include "tenancy/tenancy.h"

#include <algorithm>
#include <utility>

namespace kwire {

// ---- what the coordinator says

void Tenancy::want(const TopicPartition& tp) {
    const auto [entry, is_new] = spans_.try_emplace(tp);
    Span& span = entry->second;
    if (!is_new && span.wanted) return;
    span.wanted = true;
    touched_.insert(tp);
    if (!is_new) return;
    renew(tp, span);
    request(Request::Kind::acquire, tp, span);
}

void Tenancy::unwant(const TopicPartition& tp) {
    const auto entry = spans_.find(tp);
    if (entry == spans_.end() || !std::exchange(entry->second.wanted, false)) return;
    touched_.insert(tp);
}

void Tenancy::want_only(const std::set<TopicPartition>& wanted) {
    for (auto& [tp, span] : spans_) {
        if (wanted.count(tp) == 0 && std::exchange(span.wanted, false)) touched_.insert(tp);
    }
    for (const auto& tp : wanted) want(tp);
}

void Tenancy::granted(SpanId id) {
    Span* span = find(id, {Step::acquiring});
    if (span != nullptr) span->step = Step::granted;
}

void Tenancy::released(SpanId id) {
    if (find(id, {Step::releasing}) == nullptr) return;
    const TopicPartition tp = names_.at(id);
    Span& span = spans_.at(tp);
    if (!span.wanted) return erase(tp);
    renew(tp, span);
    span.step = Step::acquiring;
    request(Request::Kind::acquire, tp, span);
}

void Tenancy::withdrawn(SpanId id) {
    const auto name = names_.find(id);
    if (name == names_.end()) return;
    const TopicPartition tp = name->second;
    const Span span = spans_.at(tp);
    turn_.order(action::Lost{{{span.id, tp, span.announced}}});
    erase(tp);
    if (span.wanted) want(tp);
}

void Tenancy::lose_all() {
    std::vector<action::LostSpan> lost;
    for (const auto& [tp, span] : spans_) {
        if (span.step != Step::acquiring) lost.push_back({span.id, tp, span.announced});
    }
    spans_.clear();
    names_.clear();
    touched_.clear();
    to_announce_.clear();
    timers_.clear();
    requests_.clear();
    held_ = 0;
    if (!lost.empty()) turn_.order(action::Lost{std::move(lost)});
}

void Tenancy::set_suspended(bool suspended) {
    suspended_ = suspended;
    for (auto& [tp, span] : spans_) {
        if (!suspended) span.retry.connected_again(turn_);
        touched_.insert(tp);
    }
}

void Tenancy::close(Duration drain) {
    drain_time_ = drain;
    for (auto& [tp, span] : spans_) {
        span.wanted = false;
        span.drain_deadline = std::min(span.drain_deadline, later(turn_.now(), drain_time_));
        touched_.insert(tp);
    }
}

// ---- what the carrier says

void Tenancy::on(const event::Started& e) {
    if (auto* span = find(e.span, {Step::starting, Step::cancelling})) {
        span->step = Step::running;
        span->retry.backoff.reset();
    }
}

void Tenancy::on(const event::NotStarted& e) {
    auto* span = find(e.span, {Step::starting, Step::cancelling});
    if (span == nullptr) return;
    const bool cancelled = span->step == Step::cancelling;
    span->step = cancelled ? Step::to_release : Step::to_start;
    if (!cancelled) span->retry.later(turn_);
}

void Tenancy::on(const event::Drained& e) {
    if (auto* span = find(e.span, {Step::draining})) span->drained = true;
}

void Tenancy::on(const event::RevokeReturned& e) {
    for (const auto id : e.spans) {
        const auto name = names_.find(id);
        if (name == names_.end()) continue;
        spans_.at(name->second).revoking = false;
        touched_.insert(name->second);
    }
}

void Tenancy::on(const event::Finalized& e) {
    if (auto* span = find(e.span, {Step::finalizing})) span->step = Step::to_release;
}

// ---- what follows

void Tenancy::progress(bool grants_pending) {
    for (const auto& tp : timers_.take_due(turn_.now())) touched_.insert(tp);
    do {
        const auto touched = std::exchange(touched_, {});
        revoke(touched);
        for (const auto& tp : touched) {
            const auto entry = spans_.find(tp);
            if (entry == spans_.end()) continue;
            Span& span = entry->second;
            advance(tp, span);
            const bool held = is_held(span);
            if (std::exchange(span.held, held) != held) held ? ++held_ : --held_;
            timers_.set(tp, timer_of(span));
            if (is_to_be_announced(span)) to_announce_.insert(tp);
        }
        announce(grants_pending);
    } while (!touched_.empty());
}

void Tenancy::revoke(const std::set<TopicPartition>& touched) {
    action::Revoked revoked;
    std::vector<SpanId> to_stop;
    for (const auto& tp : touched) {
        const auto entry = spans_.find(tp);
        if (entry == spans_.end() || entry->second.wanted) continue;
        Span& span = entry->second;
        // Also what was announced and has not begun: on_revoked follows each on_assigned.
        if (std::exchange(span.announced, false)) {
            span.revoking = true;
            span.drain_deadline = later(turn_.now(), drain_time_);
            revoked.spans.push_back(span.id);
            revoked.partitions.push_back(tp);
        }
        if (span.step != Step::running) continue;
        span.step = Step::draining;
        span.drain_deadline = later(turn_.now(), drain_time_);
        to_stop.push_back(span.id);
    }
    if (!revoked.spans.empty()) turn_.order(std::move(revoked));
    for (const auto id : to_stop) turn_.order(action::Stop{id});
}

void Tenancy::advance(const TopicPartition& tp, Span& span) {
    // Steps that need nothing from outside are passed through at once, in the order in which they follow each other.
    if ((span.step == Step::granted || span.step == Step::to_start) && !span.wanted) span.step = Step::to_release;
    if (span.step == Step::draining && !is_held(span)) span.step = Step::to_finalize;
    const bool taken_back = (span.step == Step::to_release || span.step == Step::releasing) && span.wanted;
    if (taken_back) {
        renew(tp, span);
        span.step = Step::acquiring;
        request(Request::Kind::acquire, tp, span);
    }
    const bool to_release = span.step == Step::to_release && !is_held(span);
    if (to_release || (span.step == Step::acquiring && !span.wanted)) {
        span.step = Step::releasing;
        request(Request::Kind::release, tp, span);
    } else if (span.step == Step::starting && !span.wanted) {
        span.step = Step::cancelling;
        turn_.order(action::CancelStart{span.id});
    } else if (span.step == Step::to_start && !suspended_ && turn_.due(span.retry.not_before)) {
        span.step = Step::starting;
        turn_.order(action::Start{span.id, tp});
    } else if (span.step == Step::to_finalize && !suspended_) {
        span.step = Step::finalizing;
        turn_.order(action::Finalize{span.id, span.drained, turn_.now() + settings_.finalize_timeout});
    }
}

bool Tenancy::is_to_be_announced(const Span& span) {
    // Running: it began in spite of being cancelled, and is wanted again.
    return span.wanted && !span.announced && (span.step == Step::granted || span.step == Step::running);
}

void Tenancy::announce(bool grants_pending) {
    if (to_announce_.empty() || grants_pending) return;  // answers arrive together: announce them together
    std::vector<TopicPartition> assigned;
    for (const auto& tp : std::exchange(to_announce_, {})) {
        const auto entry = spans_.find(tp);
        if (entry == spans_.end() || !is_to_be_announced(entry->second)) continue;
        Span& span = entry->second;
        span.announced = true;
        if (span.step == Step::granted) span.step = Step::to_start;
        touched_.insert(tp);
        assigned.push_back(tp);
    }
    if (!assigned.empty()) turn_.order(action::Assigned{std::move(assigned)});
}

bool Tenancy::is_held(const Span& span) const {
    if (turn_.due(span.drain_deadline)) return false;
    if (span.step == Step::draining) return span.revoking || !span.drained;
    return span.step == Step::to_release && span.revoking;  // it was announced and had not begun
}

/// When it goes on without an input of its own.
std::optional<TimePoint> Tenancy::timer_of(const Span& span) const {
    if (is_held(span)) return span.drain_deadline;
    if (span.step == Step::to_start && !suspended_) return span.retry.not_before;
    return std::nullopt;
}

// ---- one span

Tenancy::Span* Tenancy::find(SpanId id, std::initializer_list<Step> steps) {
    const auto name = names_.find(id);
    if (name == names_.end()) return nullptr;
    Span& span = spans_.at(name->second);
    touched_.insert(name->second);
    return std::find(steps.begin(), steps.end(), span.step) == steps.end() ? nullptr : &span;
}

void Tenancy::renew(const TopicPartition& tp, Span& span) {
    names_.erase(span.id);
    span.id = next_span_++;
    span.retry.reset(turn_);
    span.drained = span.revoking = false;
    names_[span.id] = tp;
}

void Tenancy::request(Request::Kind kind, const TopicPartition& tp, const Span& span) {
    requests_.push_back({kind, span.id, tp});
}

void Tenancy::erase(const TopicPartition& tp) {
    const auto entry = spans_.find(tp);
    if (entry->second.held) --held_;
    names_.erase(entry->second.id);
    timers_.clear(tp);
    to_announce_.erase(tp);
    spans_.erase(entry);
}

bool Tenancy::wants(const TopicPartition& tp) const {
    const auto entry = spans_.find(tp);
    return entry != spans_.end() && entry->second.wanted;
}

Tenancy::Progress Tenancy::progress_of(const TopicPartition& tp) const {
    const auto entry = spans_.find(tp);
    if (entry == spans_.end()) return Progress::absent;
    switch (entry->second.step) {
        case Step::acquiring:
        case Step::granted: return Progress::acquiring;
        case Step::to_start:
        case Step::starting: return Progress::starting;
        case Step::running: return Progress::running;
        default: return Progress::leaving;
    }
}

}  // namespace kwire
