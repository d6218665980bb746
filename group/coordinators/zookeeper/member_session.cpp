#include "coordinators/zookeeper/member_session.h"

#include <utility>

namespace kwire {

bool MemberSession::opened(const event::SessionOpened& e, Duration patience) {
    if (!opening()) return false;
    open_under_way_ = false;
    open_.backoff.reset();
    phase_ = Phase::live;
    register_by_ = turn_.now() + patience;
    member_id_ = e.member_id;
    return true;
}

void MemberSession::open_failed() {
    if (!opening()) return;
    open_under_way_ = false;
    open_.later(turn_);
}

bool MemberSession::suspended() {
    if (!live()) return false;
    phase_ = Phase::suspended;
    return true;
}

bool MemberSession::resumed() {
    if (phase_ != Phase::suspended) return false;
    phase_ = Phase::live;
    register_.connected_again(turn_);
    return true;
}

bool MemberSession::expired(Duration spread) {
    if (phase_ == Phase::opening || phase_ == Phase::ended) return false;
    phase_ = Phase::opening;
    registration_ = Registration::wanted;
    register_.reset(turn_);
    update_ = {.known = true, .again = false};  // the registration of the new session says it
    open_under_way_ = false;
    open_.not_before = turn_.now() + turn_.jitter(spread);
    return true;
}

void MemberSession::open_if_due() {
    if (!opening() || open_under_way_ || !turn_.due(open_.not_before)) return;
    ++number_;
    open_under_way_ = true;
    turn_.order(action::OpenSession{number_});
}

// ---- registration

void MemberSession::register_if_due(bool topics_known) {
    if (!live()) return;
    if (is_registered() && update_.begin(turn_)) turn_.order(action::UpdateRegistration{number_, subscription_});
    if (registration_ != Registration::wanted || !turn_.due(register_.not_before)) return;
    if (!topics_known && !turn_.due(register_by_)) return;
    registration_ = Registration::under_way;
    turn_.order(action::Register{number_, subscription_, !ever_registered_});
}

bool MemberSession::registered(zk::Code code) {
    if (registration_ != Registration::under_way) return false;
    if (code == zk::Code::ok) {
        registration_ = Registration::done;
        ever_registered_ = true;
        register_.backoff.reset();
        return true;
    }
    // Also if the name is taken: it may be our own node, of a session that is about to expire.
    registration_ = Registration::wanted;
    register_.later(turn_);
    return false;
}

void MemberSession::registration_gone() {
    registration_ = Registration::wanted;
    register_.later(turn_);
}

bool MemberSession::subscribe(const MemberSubscription& subscription) {
    if (subscription_ == subscription) return false;
    subscription_ = subscription;
    update_.ask_again(turn_);
    return true;
}

bool MemberSession::updated(zk::Code code) {
    if (!update_.end()) return false;
    if (code == zk::Code::ok) {
        update_.retry.backoff.reset();
        return true;
    }
    update_.failed(turn_);
    return false;
}

void MemberSession::deregister_if_due() {
    if (!is_registered() || !live() || !turn_.due(register_.not_before)) return;
    registration_ = Registration::deregistering;
    turn_.order(action::Deregister{number_});
}

void MemberSession::deregistered(zk::Code code) {
    if (registration_ != Registration::deregistering) return;
    // If it failed the node goes with the session, which is about to be closed.
    registration_ = outcome_unknown(code) ? Registration::done : Registration::gone;
    if (is_registered()) register_.later(turn_);
}

std::optional<TimePoint> MemberSession::next_timer(bool closing) const {
    if (opening()) return open_under_way_ || closing ? std::nullopt : std::optional(open_.not_before);
    if (!live()) return std::nullopt;
    std::optional<TimePoint> next;
    const auto consider = [&](TimePoint when) {
        if (!turn_.due(when)) next = earlier(next, when);
    };
    const bool wanted = registration_ == Registration::wanted;
    if (wanted || (closing && is_registered())) consider(register_.not_before);
    if (wanted) consider(register_by_);
    if (update_.waits() && is_registered()) consider(update_.retry.not_before);
    return next;
}

}  // namespace kwire
