// The ZooKeeper session of a member, and for how long it is known to stand.
//
// Whether another member owns our partitions by now, only the ensemble knows, and it may have ended the session while this
// process, or its strand, stood still. So everything that must not happen then is bound to a time, which each answer of
// the ensemble extends; group/README.md has the argument.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <kwire/net/lease.h>
#include <kwire/zk/registry.h>

#include "engine.h"

namespace kwire {

class SessionKeeper {
 public:
    explicit SessionKeeper(Engine& engine);

    /// Throws what the session factory throws.
    static Task<void> open_first(std::shared_ptr<SessionKeeper> self);
    /// In place of the session there is, which is ended. Posts SessionOpened or SessionOpenFailed.
    static Task<void> open_next(std::shared_ptr<SessionKeeper> self, SessionNumber number);
    /// Posts SessionOpened for the session there is, and what has happened to it since.
    void post_opened();

    // ---- the session there is
    const std::shared_ptr<zk::Registry>& registry() const { return registry_; }
    SessionNumber number() const { return number_; }
    const std::string& member_id() const { return member_id_; }
    /// The id of a session that this member had before.
    bool was_ours(std::int64_t session_id) const { return former_.count(session_id) > 0; }
    /// Connected, and known to stand.
    bool live() const { return live_; }
    /// Until when it grants what an owner does. Every session has a lease of its own; that of an older one is ended.
    const std::shared_ptr<Lease>& lease() const { return lease_; }
    bool lease_holds() const { return live_ && lease_->holds(engine_.now()); }
    /// True once if the lease ran out since the last call: to the state machine that is a lost connection.
    bool lapsed();

    /// Called whenever the lease changes, with its end, and whenever the session was found to stand.
    void listen(std::function<void(TimePoint)> on_lease, std::function<void()> on_proven);

    /// Ends the session without waiting for it.
    void end_soon();
    /// Returns when the session is ended, or at deadline. static_member: it is left to its timeout.
    static Task<void> end(std::shared_ptr<SessionKeeper> self, bool static_member, TimePoint deadline);
    /// Stops asking the ensemble whether the session stands.
    void stop_proving() { proof_timer_.cancel(); }

 private:
    static Task<std::shared_ptr<zk::Session>> open(std::shared_ptr<SessionKeeper> self);
    static Task<TimePoint> prove(std::shared_ptr<zk::Session> session);
    static Task<void> run_proofs(std::shared_ptr<SessionKeeper> self);
    static Task<void> end_by(std::shared_ptr<zk::Session> session, TimePoint deadline);
    void adopt(std::shared_ptr<zk::Session> session, SessionNumber number, TimePoint proven);
    void on_state(SessionNumber number, zk::SessionState state);
    void extend_lease(TimePoint until);
    void end_lease();

    Engine& engine_;
    std::shared_ptr<zk::Registry> registry_;
    std::set<std::int64_t> former_;  // session ids
    std::shared_ptr<void> state_listener_;
    SessionNumber number_ = 0;
    std::string member_id_;
    bool connected_ = false;
    bool live_ = false;
    std::shared_ptr<Lease> lease_ = std::make_shared<Lease>();
    std::function<void(TimePoint)> on_lease_;
    std::function<void()> on_proven_;
    Timer proof_timer_;
};

}  // namespace kwire
