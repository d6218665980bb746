#include "coordinators/zookeeper/owner_sweep.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "assignment/subscribed_member.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

// So long after a change rounds follow each other quickly: a Java peer gives up after eight seconds.
constexpr Duration settles_after = 30s;
constexpr Duration idle_interval = 60s;

/// The members that look at owners, by id: those that run kwire. Nothing if that is not known.
std::vector<GroupMember> sweepers(const GroupView& view, const std::string& member_id) {
    std::vector<GroupMember> result;
    for (const auto& member : view.members()) {
        if (member.readable && (member.runs_kwire || member.kind == PeerKind::kwire)) result.push_back(member);
    }
    const bool known = std::any_of(result.begin(), result.end(), [&](const auto& m) { return m.id == member_id; });
    return known ? result : std::vector<GroupMember>();
}

}  // namespace

void OwnerSweep::begin(const GroupView& view, const std::string& member_id, const std::vector<std::string>& always) {
    const auto members = std::max<std::ptrdiff_t>(std::ssize(view.members()), 1);
    const auto rank = std::count_if(view.members().begin(), view.members().end(),
                                    [&](const auto& m) { return m.id < member_id; });
    const Duration list_time = Duration(1s) / lists_per_second;
    spacing_ = list_time * members;
    counts_.clear();
    suspects_.clear();
    choose_topics(view, member_id, always);
    if (next_topic_ >= topics_.size()) next_topic_ = 0;
    fresh_until_ = turn_.now() + settles_after;
    round_began_ = turn_.now() + interval_ + list_time * rank;
    next_round_topic_.reset();
    if (!topics_.empty()) next_round_topic_ = round_began_;
}

void OwnerSweep::choose_topics(const GroupView& view, const std::string& member_id,
                               const std::vector<std::string>& always) {
    topics_.clear();
    for (const auto& [name, topic] : view.topics()) {
        if (topic.ours) topics_.push_back(name);
    }
    const auto members = sweepers(view, member_id);
    const std::size_t all = members.empty() ? view.members().size() : members.size();
    lookers_ = std::max<std::size_t>(all, 1);
    if (members.empty() || topics_.empty()) return;
    const auto affordable = static_cast<std::size_t>(lists_per_second * (interval_ / 1s)) / topics_.size();
    lookers_ = std::clamp<std::size_t>(affordable, 1, members.size());
    if (lookers_ == members.size()) return;

    const bool all_alike = std::all_of(members.begin(), members.end(),
                                       [&](const auto& m) { return m.subscription == members.front().subscription; });
    const auto readers = subscribed(members);
    std::erase_if(topics_, [&](const std::string& topic) {
        if (std::find(always.begin(), always.end(), topic) != always.end()) return false;
        std::size_t count = 0;
        std::size_t own = 0;
        for (const auto& reader : readers) {
            if (!all_alike && reader.streams_of(topic) <= 0) continue;
            if (reader.id() == member_id) own = count;
            ++count;
        }
        const auto first = static_cast<std::uint32_t>(java_hash(topic)) % std::max<std::size_t>(count, 1);
        return count > lookers_ && (own + count - first) % count >= lookers_;
    });
}

void OwnerSweep::stop() {
    topics_.clear();
    suspects_.clear();
    counts_.clear();
    next_round_topic_.reset();
}

void OwnerSweep::list_if_due(SessionNumber session) {
    while (turn_.due(not_before_)) {
        std::optional<std::string> topic;
        if (const auto suspect = suspects_.next(); suspect && turn_.due(*suspect)) {
            topic = suspects_.take_first();
            suspects_.set(*topic, turn_.now() + interval_);
        } else if (next_round_topic_ && turn_.due(*next_round_topic_)) {
            const std::string& next = topics_[next_topic_];
            if (!suspects_.has(next)) topic = next;
            if (next_topic_ == 0) round_began_ = turn_.now();
            next_topic_ = (next_topic_ + 1) % topics_.size();
            if (next_topic_ == 0) {
                const auto pause = turn_.due(fresh_until_) ? std::max(idle_interval, interval_) : interval_;
                next_round_topic_ = std::max(turn_.now(), round_began_ + pause);
                if (next_round_topic_ == turn_.now()) next_round_topic_ = turn_.now() + spacing_;
            }
        } else {
            return;
        }
        if (!topic) continue;
        not_before_ = turn_.now() + spacing_;
        turn_.order(action::ListOwners{session, *topic});
    }
}

std::optional<TimePoint> OwnerSweep::next_timer() const {
    const auto next = earlier(next_round_topic_, suspects_.next());
    return next ? std::optional(std::max(*next, not_before_)) : std::nullopt;
}

int OwnerSweep::count(const TopicPartition& tp, bool suspicious) {
    if (suspicious) return ++counts_[tp];
    counts_.erase(tp);
    return 0;
}

void OwnerSweep::suspect(const std::string& topic, bool suspicious) {
    if (!suspicious) return suspects_.clear(topic);
    if (!suspects_.has(topic)) suspects_.set(topic, turn_.now() + interval_);
}

}  // namespace kwire
