#include "reading_check.h"

#include <algorithm>
#include <set>

#include <kwire/net/topic_error.h>

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

Task<ReadingState> ReadingCheck::run(std::shared_ptr<Member> member) {
    const std::shared_ptr<ReadingCheck> self(new ReadingCheck(member));
    ReadingState& state = self->state_;
    const auto gaps = member->membership().gaps();
    for (const auto& gap : gaps) co_await add_gap(self, gap);
    state.confirmed = member->now();
    std::set<TopicPartition> with_gap;
    for (const auto& gap : gaps) with_gap.insert(gap.tp);
    for (const auto& tp : member->membership().owned()) {
        if (!with_gap.contains(tp)) self->add_reading(tp);
    }
    if (state.obstacles.empty()) co_await add_unclaimed(self);
    if (state.troubled() && member->clients().cluster) {
        for (const Error& error : member->clients().cluster->unreachable(connect_patience)) {
            state.obstacles.push_back({{"", -1}, error.what()});
        }
    }
    co_return state;
}

std::string ReadingCheck::why_not_ready() const {
    auto& zookeeper = member_->zookeeper();
    if (!zookeeper.session().live()) return "ZooKeeper is disconnected";
    if (member_->membership().registered()) return "the partitions are still being divided among the members";
    const auto& failure = zookeeper.registration().failure();
    return "this member is not registered in ZooKeeper" + (failure ? ": " + failure->reason() : std::string());
}

Task<void> ReadingCheck::add_gap(std::shared_ptr<ReadingCheck> self, Membership::Gap gap) {
    using Kind = Membership::Gap::Kind;
    auto& zookeeper = self->member_->zookeeper();
    std::string what;
    switch (gap.kind) {
        case Kind::not_ready: what = self->why_not_ready(); break;
        case Kind::topic_unread: {
            what = "could not be looked up yet";
            const auto view = self->member_->clients().cluster->view();
            if (!zookeeper.topics().brokers_from_zookeeper() && !view->brokers.empty()) {
                what += ": " + why_missing(*view, gap.tp.topic);
            }
            break;
        }
        case Kind::topic_missing: what = "does not exist"; break;
        case Kind::unassigned: what = "is assigned to no member"; break;
        case Kind::not_claimed: what = "is not claimed yet"; break;
        case Kind::starting: what = self->why_not_begun(gap.tp); break;
        case Kind::blocked: {
            what = "is owned by another member, which has not released it";
            try {
                const auto owner = co_await zookeeper.session().registry()->owner(self->member_->group(), gap.tp);
                if (owner && !owner->id.empty()) what = "is owned by " + owner->id + ", which has not released it";
            } catch (const Error&) {
                what = "is owned by another member, which has not released it";
            }
            break;
        }
    }
    self->state_.obstacles.push_back({gap.tp, std::move(what)});
}

std::string ReadingCheck::why_not_begun(const TopicPartition& tp) const {
    const auto view = member_->clients().cluster->view();
    const PartitionView* known = view->find(tp);
    if (known != nullptr && known->leader < 0) return "has no leader at the moment";
    if (known == nullptr && view->topic_errors.contains(tp.topic)) {
        return "is not read yet: " + why_missing(*view, tp.topic);
    }
    if (const Error* failure = member_->partitions().why_not_started(tp)) return "is not read yet: " + failure->reason();
    return "is not read yet: the offset to begin at was asked for and not answered";
}

void ReadingCheck::add_reading(const TopicPartition& tp) {
    ReadingState& state = state_;
    const auto add = [&](std::string what, bool behind = false) {
        state.obstacles.push_back({tp, std::move(what), behind});
    };
    const auto reading = member_->consumer()->reading(tp);
    if (!reading) return add("is not read yet");
    state.progress += reading->position;
    if (reading->failed) return add("is read no further; the error was reported");
    if (reading->trouble) return add("cannot be read: " + reading->trouble->reason());
    if (!reading->answered_at) return add("is not read yet: no Fetch of it was answered");
    const Duration since = member_->now() - *reading->answered_at;
    if (since > member_->config().fetch.fetch_wait_max + answer_patience) {
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
Task<void> ReadingCheck::add_unclaimed(std::shared_ptr<ReadingCheck> self) {
    auto& into = self->state_.obstacles;
    const auto registry = self->member_->zookeeper().session().registry();
    std::map<std::string, std::set<std::int32_t>> owned;
    const auto others = self->member_->membership().left_to_others();
    for (const auto& tp : others) {
        if (!owned.contains(tp.topic)) {
            std::vector<std::int32_t> partitions;
            try {
                partitions = co_await registry->owned_partitions(self->member_->group(), tp.topic);
            } catch (const Error& error) {
                into.push_back({{tp.topic, -1}, std::string("its owners cannot be read: ") + error.what()});
            }
            owned[tp.topic] = {partitions.begin(), partitions.end()};
        }
        if (!owned[tp.topic].contains(tp.partition)) into.push_back({tp, "is not claimed by the member it is assigned to"});
    }
}

}  // namespace kwire
