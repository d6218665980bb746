// A member's claims on owner nodes: how partitions are granted if ZooKeeper coordinates.
//
// Purpose: decides when to claim, to watch, to look again and to release, as a function without I/O, clock or thread.
//
// How it works: one Claim for each partition that is to be acquired or is not released yet. acquire() and release() set
// whether it is wanted; the rest follows from answers.
// A node of ours that is gone is claimed again while reading goes on; a foreign one in its place withdraws the
// partition.
// Invariants: a node that may be ours is released, or left to the end of the session; nothing is ordered of ZooKeeper
// while the session is suspended; claims that fail wait longer each time, also if the node is taken away again and
// again.
// Threads: one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "membership_protocol.h"
#include "schedule.h"
#include "turn.h"

namespace kwire {

class OwnerClaims {
 public:
    struct Outcome {
        /// refused: somebody else has what was to be adopted.
        enum class Kind { granted, released, withdrawn, refused };
        Kind kind;
        SpanId span;
        TopicPartition tp;
    };

    explicit OwnerClaims(Turn& turn) : turn_(turn) {}

    void acquire(SpanId span, const TopicPartition& tp);
    void release(SpanId span, const TopicPartition& tp);
    /// Refuse tp rather than wait for it, if it has an owner.
    void adopt(const TopicPartition& tp) { adopted_.insert(tp); }
    void forget_adoptions() { adopted_.clear(); }
    /// The list of owners contradicts what we believe of tp: look at its node.
    void look(const TopicPartition& tp);
    /// What is to be written into owner nodes.
    void set_owner_text(std::string text) { owner_text_ = std::move(text); }
    /// Nodes are left to the session's end in place of being released.
    void leave_nodes();
    void suspend() { set_live(false); }
    void resume() { set_live(true); }
    /// The session is gone, and with it every node.
    void clear();

    void on(const event::ClaimAnswered& e);
    void on(const event::OwnerGone& e);
    void on(const event::OwnerUnreadable& e);
    void on(const event::OwnerPersistent& e);
    void on(const event::ClaimSeen& e);
    void on(const event::Released& e);

    void progress();
    std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }
    /// First claims without an answer.
    bool under_way() const { return under_way_ > 0; }
    std::optional<TimePoint> next_timer() const { return timers_.next(); }
    bool blocked(const TopicPartition& tp) const;
    bool has(const TopicPartition& tp) const { return claims_.count(tp) > 0; }
    std::vector<TopicPartition> owned() const;
    std::uint64_t owned_version() const { return owned_version_; }

 private:
    enum class State { to_claim, claiming, blocked, held, to_release, releasing };
    struct Claim {
        SpanId span = 0;   // whose grant it is
        SpanId asked = 0;  // under which the operation under way was ordered
        State state = State::to_claim;
        bool wanted = true;
        bool holds = false;     // the node is ours; in to_claim and claiming: it is gone, and claimed again
        bool may_hold = false;  // a claim or release without a known outcome
        bool look = false;      // order another look, when it is due
        bool reported = false;  // as blocked by a persistent node
        Retry retry;
        std::optional<TimePoint> claimed_again_at;
    };

    /// The claim that the answer to id is about, if it is in state; touches it.
    Claim* find(SpanId id, State state);
    void advance(const TopicPartition& tp, Claim& claim);
    void tell(Outcome::Kind kind, const TopicPartition& tp, const Claim& claim);
    void done(const TopicPartition& tp, Outcome::Kind kind);
    void blocked_by_another(const TopicPartition& tp, Claim& claim);
    void held(const TopicPartition& tp, Claim& claim);
    void set_holds(Claim& claim, bool holds);
    void set_live(bool live);

    Turn& turn_;
    std::string owner_text_;
    bool live_ = true;
    bool leave_nodes_ = false;
    std::map<TopicPartition, Claim> claims_;
    std::map<SpanId, TopicPartition> names_;
    std::set<TopicPartition> adopted_;
    std::set<TopicPartition> touched_;
    Schedule<TopicPartition> timers_;
    std::vector<Outcome> outcomes_;
    int under_way_ = 0;
    std::uint64_t owned_version_ = 0;
};

}  // namespace kwire
