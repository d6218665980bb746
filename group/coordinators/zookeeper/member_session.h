// A member's ZooKeeper session and its registration in it: opened, registered, updated, deregistered, and begun anew.
//
// Purpose: decides when to do each of these, as a function without I/O, clock or thread.
// Threads: one.
#pragma once

#include <optional>
#include <string>

#include "membership_protocol.h"
#include "turn.h"

namespace kwire {

class MemberSession {
 public:
    /// Begins where a first session is about to be opened.
    MemberSession(MemberSubscription subscription, Turn& turn) : turn_(turn), subscription_(std::move(subscription)) {}

    // Each returns false for an event that changes nothing.
    /// patience: how long to wait for the topics before registering.
    bool opened(const event::SessionOpened& e, Duration patience);
    void open_failed();
    bool suspended();
    bool resumed();
    /// The next one is opened within spread, so that many members do not do it at the same moment.
    bool expired(Duration spread);
    /// True if the registration stands now.
    bool registered(zk::Code code);
    /// True if the group must be read again, since our node in it changed.
    bool updated(zk::Code code);
    void deregistered(zk::Code code);
    /// The node is gone, though the session lives.
    void registration_gone();
    /// False if that is what we read already.
    bool subscribe(const MemberSubscription& subscription);
    void end() { phase_ = Phase::ended; }

    void open_if_due();
    void register_if_due(bool topics_known);
    void deregister_if_due();

    SessionNumber number() const { return number_; }
    const std::string& member_id() const { return member_id_; }
    const MemberSubscription& subscription() const { return subscription_; }
    bool live() const { return phase_ == Phase::live; }
    bool opening() const { return phase_ == Phase::opening; }
    bool is_registered() const { return registration_ == Registration::done; }
    /// Neither stands nor is about to.
    bool nothing_stands() const { return registration_ == Registration::wanted || registration_ == Registration::gone; }
    bool registering() const { return registration_ == Registration::under_way; }
    std::optional<TimePoint> next_timer(bool closing) const;

 private:
    enum class Phase { opening, live, suspended, ended };
    enum class Registration { wanted, under_way, done, deregistering, gone };

    void open_next();

    Turn& turn_;
    Phase phase_ = Phase::opening;
    SessionNumber number_ = 1;
    bool open_under_way_ = true;
    Retry open_;

    std::string member_id_;
    MemberSubscription subscription_;
    Registration registration_ = Registration::wanted;
    bool ever_registered_ = false;
    Retry register_;
    TimePoint register_by_{};  // with or without knowing the topics
    Reading update_{.known = true, .again = false};
};

}  // namespace kwire
