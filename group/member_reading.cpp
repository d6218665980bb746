// How far a member has come with reading, and what stands in its way.
#include <algorithm>
#include <set>

#include <kwire/net/topic_error.h>

#include "joined_member.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// Beyond the time that a Fetch may wait at the broker: its way there and back.
constexpr Duration answer_patience = 1s;
// A connection that is being made for so long is worth a word.
constexpr std::chrono::milliseconds connect_patience{1'000};

std::string seconds(Duration duration) {
    const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

std::string ReadingState::Obstacle::to_string() const {
    if (tp.topic.empty()) return what;
    return (tp.partition < 0 ? tp.topic : tp.to_string()) + " " + what;
}

bool ReadingState::troubled() const {
    return std::any_of(obstacles.begin(), obstacles.end(), [](const Obstacle& obstacle) { return !obstacle.behind; });
}

Task<ReadingState> JoinedMember::reading(Self self) {
    ReadingState state;
    const auto gaps = self->membership_.gaps();
    for (const auto& gap : gaps) co_await add_gap(self, gap, state.obstacles);
    state.confirmed = self->runtime_->now();
    for (const auto& tp : self->membership_.owned()) {
        const bool has_gap = std::any_of(gaps.begin(), gaps.end(), [&](const auto& gap) { return gap.tp == tp; });
        if (!has_gap) self->add_reading(tp, state);
    }
    if (state.obstacles.empty()) co_await add_unclaimed(self, state.obstacles);
    if (state.troubled() && self->cluster_) {
        for (const Error& error : self->cluster_->unreachable(connect_patience)) {
            state.obstacles.push_back({{"", -1}, error.what()});
        }
    }
    co_return state;
}

Task<void> JoinedMember::add_gap(Self self, Membership::Gap gap, std::vector<ReadingState::Obstacle>& into) {
    using Kind = Membership::Gap::Kind;
    std::string what;
    switch (gap.kind) {
        case Kind::not_ready:
            what = !self->session_live_              ? "ZooKeeper is disconnected"
                   : !self->membership_.registered() ? "this member is not registered in ZooKeeper"
                                                     : "the partitions are still being divided among the members";
            break;
        case Kind::topic_unread:
            what = "could not be looked up yet";
            if (!self->brokers_from_zookeeper_ && !self->cluster_->view()->brokers.empty()) {
                what += ": " + why_missing(*self->cluster_->view(), gap.tp.topic);
            }
            break;
        case Kind::topic_missing: what = "does not exist"; break;
        case Kind::unassigned: what = "is assigned to no member"; break;
        case Kind::not_claimed: what = "is not claimed yet"; break;
        case Kind::starting: what = self->why_not_begun(gap.tp); break;
        case Kind::blocked: {
            what = "is owned by another member, which has not released it";
            try {
                const auto owner = co_await self->registry_->owner(self->group(), gap.tp);
                if (owner) what = "is owned by " + owner->id + ", which has not released it";
            } catch (const Error&) {
                what = "is owned by another member, which has not released it";
            }
            break;
        }
    }
    into.push_back({gap.tp, std::move(what)});
}

std::string JoinedMember::why_not_begun(const TopicPartition& tp) const {
    const auto view = cluster_->view();
    const PartitionView* known = view->find(tp);
    if (known != nullptr && known->leader < 0) return "has no leader at the moment";
    if (known == nullptr && view->topic_errors.contains(tp.topic)) {
        return "is not read yet: " + why_missing(*view, tp.topic);
    }
    if (const auto failed = not_begun_.find(tp); failed != not_begun_.end()) {
        return "is not read yet: " + failed->second.reason();
    }
    return "is not read yet: the offset to begin at was asked for and not answered";
}

void JoinedMember::add_reading(const TopicPartition& tp, ReadingState& state) const {
    const auto add = [&](std::string what, bool behind = false) {
        state.obstacles.push_back({tp, std::move(what), behind});
    };
    const auto reading = consumer_->reading(tp);
    if (!reading) return add("is not read yet");
    state.progress += reading->position;
    if (reading->failed) return add("is read no further; the error was reported");
    if (reading->trouble) return add("cannot be read: " + reading->trouble->reason());
    if (!reading->answered_at) return add("is not read yet: no Fetch of it was answered");
    const Duration since = runtime_->now() - *reading->answered_at;
    if (since > settings_.config.fetch.fetch_wait_max + answer_patience) {
        return add("has had no answer to a Fetch for " + seconds(since));
    }
    if (!reading->at_end()) {
        return add("is read up to " + std::to_string(reading->position) + ", and its log ends at " +
                       std::to_string(reading->log_end),
                   true);
    }
    state.confirmed = std::min(state.confirmed, *reading->answered_at);
}

/// The assignment says whose a partition is; the owner's node, that it is there.
Task<void> JoinedMember::add_unclaimed(Self self, std::vector<ReadingState::Obstacle>& into) {
    std::map<std::string, std::set<std::int32_t>> owned;
    const auto others = self->membership_.left_to_others();
    for (const auto& tp : others) {
        if (!owned.contains(tp.topic)) {
            std::vector<std::int32_t> partitions;
            try {
                partitions = co_await self->registry_->owned_partitions(self->group(), tp.topic);
            } catch (const Error& error) {
                into.push_back({{tp.topic, -1}, std::string("its owners cannot be read: ") + error.what()});
            }
            owned[tp.topic] = {partitions.begin(), partitions.end()};
        }
        if (!owned[tp.topic].contains(tp.partition)) into.push_back({tp, "is not claimed by the member it is assigned to"});
    }
}

}  // namespace kwire
