#include "whereabouts.h"

#include <algorithm>

namespace kwire {
namespace {

// A leader that cannot answer yet is asked again; after so many times in a row Metadata may know better.
constexpr int tries_at_one_leader = 3;

bool says_absent(const ClusterView& view, const TopicPartition& tp) {
    const auto refusal = view.topic_errors.find(tp.topic);
    return refusal != view.topic_errors.end() && refusal->second == ErrorCode::unknown_topic_or_partition;
}

}  // namespace

// ---- what the router finds out

Whereabouts::Found Whereabouts::found(const ClusterView& view, const TopicPartition& tp, TimePoint now) {
    const auto topic = view.topics.find(tp.topic);
    const PartitionView* partition = view.find(tp);
    if (topic == view.topics.end()) {
        if (known_ && says_absent(view, tp)) absent_ = true;
        pause_and_seek(now);
        return Found::nothing;
    }
    if (known_ && is_another(topic->second, partition)) {
        begin_anew(topic->second.id);
        return Found::recreated;
    }
    known_ = true;
    absent_ = false;
    if (!topic->second.id.is_zero()) topic_id_ = topic->second.id;
    if (partition == nullptr || partition->leader < 0) {
        pause_and_seek(now);
        return Found::nothing;
    }
    leader_ = partition->leader;
    leader_epoch_ = partition->leader_epoch;
    // A first leader, or records that know no epoch: there is nothing to compare.
    if (validated_epoch_ < 0 || read_epoch_ < 0 || leader_epoch_ < 0) validated_epoch_ = leader_epoch_;
    if (validated_epoch_ != leader_epoch_) {
        state_ = State::validating;
        return Found::to_validate;
    }
    state_ = State::at_leader;
    return Found::placed;
}

/// Topics have ids from 2.8 on. Before, one that was gone in between is another one, and so is one whose leader epoch went
/// back: views do not take that from a single broker that lags behind.
bool Whereabouts::is_another(const TopicView& topic, const PartitionView* partition) const {
    const bool both_have_ids = !topic.id.is_zero() && !topic_id_.is_zero();
    if (both_have_ids) return topic.id != topic_id_;
    if (absent_) return true;
    const bool neither_has = topic.id.is_zero() && topic_id_.is_zero();
    return neither_has && partition != nullptr && partition->leader_epoch >= 0 && partition->leader_epoch < leader_epoch_;
}

void Whereabouts::begin_anew(const Uuid& id) {
    topic_id_ = id;
    absent_ = false;
    leader_ = leader_epoch_ = validated_epoch_ = read_epoch_ = follower_ = -1;
    state_ = State::resetting;
}

void Whereabouts::validated() {
    validated_epoch_ = leader_epoch_;
    state_ = State::at_leader;
}

void Whereabouts::position_found() {
    read_epoch_ = -1;
    validated_epoch_ = -1;
    seek();
}

// ---- what whoever reads it finds out

bool Whereabouts::look_around(const ClusterView& view, const TopicPartition& tp, TimePoint now) {
    const auto topic = view.topics.find(tp.topic);
    bool leaves = false;
    if (topic == view.topics.end()) {
        // Left out of an answer, or refused: the leader knows better as long as it answers.
        if (says_absent(view, tp)) leaves = absent_ = true;
    } else if (is_another(topic->second, view.find(tp))) {
        leaves = true;
    } else if (topic_id_.is_zero()) {
        topic_id_ = topic->second.id;
    }
    if (state_ == State::at_follower && (now >= follower_until_ || !follower_is_replica(view, tp, follower_))) leaves = true;
    if (!leaves) return false;
    seek();
    due_ = std::max(due_, now);
    return true;
}

bool Whereabouts::follower_is_replica(const ClusterView& view, const TopicPartition& tp, std::int32_t replica) const {
    const PartitionView* partition = view.find(tp);
    if (partition == nullptr || !view.brokers.contains(replica)) return false;
    const auto& replicas = partition->replicas;
    return replicas.empty() || std::find(replicas.begin(), replicas.end(), replica) != replicas.end();
}

bool Whereabouts::prefer(std::int32_t replica, const ClusterView& view, const TopicPartition& tp, TimePoint until,
                         TimePoint now) {
    if (replica == leader_ || !follower_is_replica(view, tp, replica)) {
        pause_and_seek(now);
        return false;
    }
    // Not a success: a replica that was refused lately is not asked at once again.
    follower_ = replica;
    follower_until_ = until;
    state_ = State::at_follower;
    return true;
}

void Whereabouts::refused(LeaderErrorKind kind, TimePoint now) {
    switch (kind) {
        case LeaderErrorKind::retry:
        case LeaderErrorKind::fatal:
            if (state_ == State::at_leader && (backoff_.failures() + 1) % tries_at_one_leader != 0) return pause(now);
            // A follower decides nothing: what it refuses the leader answers.
            pause(now);
            return seek();
        case LeaderErrorKind::out_of_range: {
            const bool decided = state_ != State::at_follower;  // a follower may lag behind
            pause(now);
            seek();
            if (decided) state_ = State::resetting;
            return;
        }
        default:
            return pause_and_seek(now);
    }
}

// ---- waiting

void Whereabouts::pause(TimePoint now) {
    troubled_ = true;
    due_ = later(now, backoff_.next());
}

void Whereabouts::seek() {
    state_ = State::seeking;
    follower_ = -1;
}

/// The first time the leader has just moved: Metadata is asked at once. The router does that at a calm pace.
void Whereabouts::pause_and_seek(TimePoint now) {
    if (troubled_) {
        pause(now);
    } else {
        troubled_ = true;
        due_ = now;
    }
    seek();
}

void Whereabouts::recover() {
    troubled_ = false;
    backoff_.reset();
    due_ = TimePoint{};
}

}  // namespace kwire
