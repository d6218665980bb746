// Of Membership: what keeps the subscription from being read as a whole.
#include <algorithm>

#include "membership.h"

namespace kwire {

std::map<TopicPartition, std::string> Membership::assigned_members() const {
    if (rule_ == Assignment::balanced) return plan_.owners;
    std::map<TopicPartition, std::string> members;
    for (const auto& [tp, who] : assign(rule_, known_partitions(), members_)) members[tp] = who.member;
    return members;
}

std::vector<Membership::Gap> Membership::gaps() const {
    using Kind = Gap::Kind;
    if (!live() || !registered() || !members_reading_.known) return {{Kind::not_ready, {"", -1}}};
    if (needs_all_topics() && !all_topics_reading_.known) return {{Kind::not_ready, {"", -1}}};
    std::vector<Gap> gaps;
    const auto assigned = assigned_members();
    const auto is_member = [this](const std::string& id) {
        return std::any_of(members_.begin(), members_.end(), [&id](const auto& member) { return member.id == id; });
    };
    for (const auto& [name, topic] : topics_) {
        if (!topic.ours) continue;
        if (!topic.was_read || !topic.exists || topic.partitions.empty()) {
            gaps.push_back({topic.was_read ? Kind::topic_missing : Kind::topic_unread, {name, -1}});
        }
        if (!topic.exists) continue;
        for (const auto& info : topic.partitions) {
            const TopicPartition tp{name, info.partition};
            const auto span = spans_.find(tp);
            if (span == spans_.end() || !span->second.wanted) {
                const auto who = assigned.find(tp);
                const bool has_owner = who != assigned.end() && who->second != member_id_ && is_member(who->second);
                if (!has_owner) gaps.push_back({Kind::unassigned, tp});
            } else if (span->second.step == Step::blocked) {
                gaps.push_back({Kind::blocked, tp});
            } else if (span->second.step == Step::to_start || span->second.step == Step::starting) {
                gaps.push_back({Kind::starting, tp});
            } else if (span->second.step != Step::running) {
                gaps.push_back({Kind::not_claimed, tp});
            }
        }
    }
    // Something changed that is not divided yet.
    if (gaps.empty() && (inputs_changed_ || plan_.write_under_way)) gaps.push_back({Kind::not_ready, {"", -1}});
    return gaps;
}

std::vector<TopicPartition> Membership::left_to_others() const {
    std::vector<TopicPartition> others;
    for (const auto& [name, topic] : topics_) {
        if (!topic.ours || !topic.exists) continue;
        for (const auto& info : topic.partitions) {
            const auto span = spans_.find({name, info.partition});
            if (span == spans_.end() || !span->second.wanted) others.push_back({name, info.partition});
        }
    }
    return others;
}

}  // namespace kwire
