// Where one partition is read, and what has to happen before it can be.
//
//     seeking -> (validating ->) at_leader -> at_follower -> seeking ...
//                                at_leader -> resetting -> seeking
//     any of them -> stopped
//
// Purpose: every change of a partition's place is one of the verbs below, so that what must go with it does: whoever loses
// its leader loses the follower (KIP-392) too; a position is validated at the leader, by the router, before anybody reads
// on under a new leader epoch (KIP-320); what is remembered of a topic is forgotten with its id; and a try that half
// succeeds keeps its backoff: only what was read ends it.
// Pure: no clock, no Asio; each verb that needs the time is given it. One object, one thread at a time.
// Sources: KIP-320 (epochs), KIP-392 (followers), KIP-516 (topic ids).
#pragma once

#include <cstdint>

#include <kwire/net/backoff.h>
#include <kwire/net/cluster.h>

#include "connecting/leader_errors.h"

namespace kwire {

class Whereabouts {
 public:
    enum class State {
        seeking,      ///< Its leader is to be looked up, not before due().
        validating,   ///< Its leader is being asked whether the position is in its log.
        at_leader,    ///< Read at broker(), not before due().
        at_follower,  ///< The same, at the replica that the leader named.
        resetting,    ///< A new position is to be looked up, not before due().
        stopped,      ///< Not read any further.
    };

    explicit Whereabouts(std::uint64_t jitter_seed = 0) : backoff_(backoff_first, backoff_max, jitter_seed) {}

    State state() const { return state_; }
    bool is_read() const { return state_ == State::at_leader || state_ == State::at_follower; }
    /// Whom to fetch from if is_read(), else the leader as it was known last.
    std::int32_t broker() const { return state_ == State::at_follower ? follower_ : leader_; }
    std::int32_t leader() const { return leader_; }
    std::int32_t leader_epoch() const { return leader_epoch_; }
    /// Of the records that were read last; -1: they have none.
    std::int32_t read_epoch() const { return read_epoch_; }
    /// All zero: brokers that have no ids, or the topic was not found yet.
    const Uuid& topic_id() const { return topic_id_; }
    TimePoint due() const { return due_; }
    /// When the follower is to be given up; the end of time at a leader.
    TimePoint until() const { return state_ == State::at_follower ? follower_until_ : TimePoint::max(); }

    // ---- what the router finds out

    enum class Found {
        nothing,      ///< No leader: seeking goes on after a backoff.
        placed,       ///< At the leader.
        to_validate,  ///< A new leader epoch: validate first.
        recreated,    ///< The topic is another one: resetting, and all that was known of the old one is void.
    };
    Found found(const ClusterView& view, const TopicPartition& tp, TimePoint now);
    /// Nobody could be asked.
    void not_found(TimePoint now) { pause_and_seek(now); }
    /// The leader's log holds what was read, up to the position.
    void validated();
    void position_found();

    // ---- what whoever reads it finds out

    /// True if view, or the time, says that it is to be read elsewhere: then seeking.
    bool look_around(const ClusterView& view, const TopicPartition& tp, TimePoint now);
    /// The leader names the replica to read from. False: view does not list it among the replicas; then seeking.
    bool prefer(std::int32_t replica, const ClusterView& view, const TopicPartition& tp, TimePoint until, TimePoint now);
    /// By the broker that reads or validates it, by an error code or by an answer that is no answer. Not for corrupt.
    void refused(LeaderErrorKind kind, TimePoint now);
    /// The broker does not answer at all.
    void lost(TimePoint now) { pause_and_seek(now); }
    /// A Fetch was answered at a valid position: whatever was wrong is over.
    void answered() {
        if (troubled_) [[unlikely]] recover();
    }
    /// Records of that leader epoch were read.
    void read(std::int32_t epoch) {
        read_epoch_ = epoch;
        answered();
    }
    void stop() { state_ = State::stopped; }

 private:
    static constexpr std::chrono::milliseconds backoff_first{100};
    static constexpr std::chrono::milliseconds backoff_max{1'000};

    bool is_another(const TopicView& topic, const PartitionView* partition) const;
    void begin_anew(const Uuid& id);
    void pause(TimePoint now);
    void seek();
    void pause_and_seek(TimePoint now);
    void recover();
    bool follower_is_replica(const ClusterView& view, const TopicPartition& tp, std::int32_t replica) const;

    State state_ = State::seeking;
    TimePoint due_{};
    Backoff backoff_;
    bool troubled_ = false;  // something failed since a Fetch was answered

    Uuid topic_id_{};
    bool known_ = false;   // the topic was found once
    bool absent_ = false;  // and a broker said later that it does not exist
    std::int32_t leader_ = -1;
    std::int32_t leader_epoch_ = -1;
    std::int32_t validated_epoch_ = -1;  // under this leader epoch the position is known to be in the log
    std::int32_t read_epoch_ = -1;
    std::int32_t follower_ = -1;
    TimePoint follower_until_{};
};

}  // namespace kwire
