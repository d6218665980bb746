// The node by which a member is known to its peers, /consumers/G/ids/ID: made, changed and deleted.
//
// Threads: the strand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <kwire/zk/registry.h>

#include "coordinators/zookeeper/session_keeper.h"
#include "engine.h"

namespace kwire {

class MemberRegistration {
 public:
    MemberRegistration(Engine& engine, SessionKeeper& session);

    /// Called each time a registration stands in a session for the first time, before Registered is posted.
    void listen(std::function<void()> on_registered) { on_registered_ = std::move(on_registered); }

    /// Post Registered, RegistrationUpdated, Deregistered.
    static Task<void> enter(std::shared_ptr<MemberRegistration> self, action::Register a);
    static Task<void> update(std::shared_ptr<MemberRegistration> self, action::UpdateRegistration a);
    static Task<void> leave(std::shared_ptr<MemberRegistration> self, SessionNumber number);
    /// Whether the node is there and this session's.
    static Task<bool> stands(std::shared_ptr<MemberRegistration> self);

    /// The node of our id was read. Posts Fenced if it is another process's.
    void look_at_own(const zk::Stat& stat);

    /// Why the last try failed; nothing once one succeeded.
    const std::optional<Error>& failure() const { return failure_; }
    /// That failure will not pass by itself: an access list, a path that cannot be.
    bool refused() const { return refused_; }

 private:
    static Task<zk::Outcome> make(std::shared_ptr<MemberRegistration> self, action::Register a);
    zk::Registration registration_for(const MemberSubscription& subscription) const;
    void found_foreign();
    void note_answer(const zk::Outcome& made);
    void note_failure(Error error, bool refused);

    Engine& engine_;
    SessionKeeper& session_;
    std::function<void()> on_registered_;
    SessionNumber registered_in_ = 0;  // the last session in which a registration stood
    std::optional<Error> failure_;
    bool refused_ = false;
    std::optional<TimePoint> reported_at_;
};

}  // namespace kwire
