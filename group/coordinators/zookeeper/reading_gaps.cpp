// Of ZookeeperCoordinator: what keeps the subscription from being read as a whole.
#include "coordinators/zookeeper/zookeeper_coordinator.h"

namespace kwire {

std::vector<ReadingGap> ZookeeperCoordinator::gaps() const {
    using Kind = ReadingGap::Kind;
    if (!session_.live() || !registered() || !view_.lists_known()) return {{Kind::not_ready, {"", -1}}};
    std::vector<ReadingGap> gaps;
    const auto assigned = assigned_members();
    for (const auto& [name, topic] : view_.topics()) {
        if (!topic.ours) continue;
        if (!topic.was_read || !topic.exists || topic.partitions.empty()) {
            gaps.push_back({topic.was_read ? Kind::topic_missing : Kind::topic_unread, {name, -1}});
        }
        if (!topic.exists) continue;
        for (const auto& info : topic.partitions) add_gap({name, info.partition}, assigned, gaps);
    }
    // Something changed that is not divided yet.
    if (gaps.empty() && (inputs_changed_ || plan_.writing())) gaps.push_back({Kind::not_ready, {"", -1}});
    return gaps;
}

void ZookeeperCoordinator::add_gap(const TopicPartition& tp, const std::map<TopicPartition, std::string>& assigned,
                                   std::vector<ReadingGap>& gaps) const {
    using Kind = ReadingGap::Kind;
    if (!tenancy_.wants(tp)) {
        const auto who = assigned.find(tp);
        const bool has_owner =
            who != assigned.end() && who->second != session_.member_id() && view_.is_member(who->second);
        if (!has_owner) gaps.push_back({Kind::unassigned, tp});
    } else if (claims_.blocked(tp)) {
        gaps.push_back({Kind::blocked, tp});
    } else if (tenancy_.progress_of(tp) == Tenancy::Progress::starting) {
        gaps.push_back({Kind::starting, tp});
    } else if (tenancy_.progress_of(tp) != Tenancy::Progress::running) {
        gaps.push_back({Kind::not_claimed, tp});
    }
}

std::vector<TopicPartition> ZookeeperCoordinator::left_to_others() const {
    std::vector<TopicPartition> others;
    for (const auto& [name, topic] : view_.topics()) {
        if (!topic.ours || !topic.exists) continue;
        for (const auto& info : topic.partitions) {
            const TopicPartition tp{name, info.partition};
            if (!tenancy_.wants(tp)) others.push_back(tp);
        }
    }
    return others;
}

}  // namespace kwire
