// Knows what was promised, and says which promise a seed broke first. It is told what happens and never looks inside a member.
//
// Owners: the spans [on_assigned called, on_revoked returned] of two members never overlap beyond what a fault excuses.
// Deliveries: strictly increasing and without a gap within a claim, and never beyond what everybody has processed so far.
// Commits: never back, never beyond what is processed, none from a member that does not own the partition.
// Units: offsets are next offsets but for delivered() and acknowledged(). Times: the virtual clock's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <kwire/net/runtime.h>
#include <kwire/protocol/topic_partition.h>

namespace kwire::seeds {

/// A simulated process, from its start to its end. Never used again.
using ProcessId = int;

class Judge {
 public:
    /// now: the virtual clock. said: hears every line of a trace; may be empty.
    Judge(std::function<TimePoint()> now, std::function<void(const std::string&)> said)
        : now_(std::move(now)), said_(std::move(said)) {}

    /// The first broken promise; empty: all held.
    const std::string& broken() const { return broken_; }
    void fail(const std::string& what);
    void say(const std::string& what) const;
    bool traced() const { return static_cast<bool>(said_); }

    // ---- owners
    /// What callbacks tell comes late, so that it says nothing of who owns what at a moment.
    void callbacks_are_late() { callbacks_late_ = true; }
    void assigned(ProcessId process, const TopicPartition& tp);
    /// on_revoked has returned, or on_lost was called, or the process has ended.
    void gone(ProcessId process, const TopicPartition& tp);
    void ended(ProcessId process);
    /// From now on somebody else may own what process owns: it may deliver for `grace` longer.
    void excuse(ProcessId process, Duration grace);
    /// The same for the owner of a partition whose owner node a tool took away, however often; and that its node is there
    /// again when that time is over.
    void disturbed(ProcessId process, const TopicPartition& tp, Duration grace);
    void stands_again(ProcessId process, const TopicPartition& tp);
    void excuse(ProcessId process, const TopicPartition& tp, Duration grace);
    bool excused(ProcessId process, const TopicPartition& tp) const;
    bool owns(ProcessId process, const TopicPartition& tp) const;

    // ---- deliveries. claim: tells the spans of one process apart
    void delivered(ProcessId process, const TopicPartition& tp, std::uint64_t claim, std::int64_t offset);
    void acknowledged(const TopicPartition& tp, std::int64_t offset);
    /// Everything before it was acknowledged by somebody.
    std::int64_t processed(const TopicPartition& tp) const;
    std::size_t duplicates() const { return duplicates_; }
    std::size_t deliveries() const { return deliveries_; }

    // ---- commits
    /// legitimate: whether the writer owns tp at this moment, as the ensemble has it. late: the request was held up on its
    /// way by a fault, so that it may take effect after what a later owner wrote.
    void committed(ProcessId process, const std::string& store, const TopicPartition& tp, std::int64_t next,
                   bool legitimate, bool late);
    /// A tool deleted or spoiled what the store holds.
    void forget(const std::string& store, const TopicPartition& tp) { stored_.erase({store, tp}); }
    std::int64_t stored(const std::string& store, const TopicPartition& tp) const;

    std::uint64_t digest = 0;  ///< Of all that happened: the same for the same seed.

 private:
    struct Span {
        std::optional<TimePoint> excused_until;  ///< Somebody else may own it; nothing is delivered after it.
    };
    struct Claim {
        std::uint64_t number = 0;
        std::int64_t next = -1;
    };

    void note(const std::string& what);

    std::function<TimePoint()> now_;
    std::function<void(const std::string&)> said_;
    std::string broken_;
    bool callbacks_late_ = false;
    std::map<std::pair<ProcessId, TopicPartition>, Span> spans_;
    std::map<std::pair<ProcessId, TopicPartition>, Claim> claims_;
    std::map<TopicPartition, std::set<std::int64_t>> out_of_order_;  ///< Acknowledged beyond processed_.
    std::map<TopicPartition, std::int64_t> processed_;
    std::map<TopicPartition, std::int64_t> delivered_;  ///< The highest, next offset.
    std::map<std::pair<std::string, TopicPartition>, std::int64_t> stored_;
    std::size_t duplicates_ = 0;
    std::size_t deliveries_ = 0;
};

}  // namespace kwire::seeds
