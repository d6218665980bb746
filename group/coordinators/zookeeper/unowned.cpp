// Of ZookeeperCoordinator: what the lists of owners show, and what keeps the subscription from being read as a whole.
#include <algorithm>
#include <functional>
#include <utility>

#include "coordinators/zookeeper/zookeeper_coordinator.h"

namespace kwire {

// ---- partitions that nobody owns

void ZookeeperCoordinator::begin_sweep() {
    std::vector<std::string> always;
    for (const auto& [name, topic] : view_.topics()) {
        if (balanced() && plan_.has_shrunk(name)) always.push_back(name);
    }
    sweep_.begin(view_, session_.member_id(), always);
}

void ZookeeperCoordinator::on(const event::OwnersListed& e) {
    const auto* topic = view_.find(e.topic);
    if (topic == nullptr || !topic->ours || !e.partitions || !inputs_known()) return;
    const std::set<std::int32_t> owned(e.partitions->begin(), e.partitions->end());
    std::vector<TopicPartition> unowned;
    bool suspicious = false;
    for (const auto& info : topic->exists ? topic->partitions : std::vector<PartitionLeader>()) {
        const TopicPartition tp{e.topic, info.partition};
        const bool is_owned = owned.count(info.partition) > 0;
        if (!is_owned) claims_.look(tp);  // it contradicts what we believe of a node that is ours, or in our way
        const bool is_unowned = !is_owned && !claims_.has(tp);
        suspicious = suspicious || is_unowned;
        if (sweep_.count(tp, is_unowned) >= config_.sweeps_before_adoption) unowned.push_back(tp);
    }
    if (balanced()) suspicious = judge_unseen(e.topic, owned) || suspicious;
    sweep_.suspect(e.topic, suspicious);
    adopt(unowned);
}

void ZookeeperCoordinator::adopt(const std::vector<TopicPartition>& unowned) {
    if (unowned.empty()) return;
    // Those who look at the topic see the same list at about the same time: each begins elsewhere and takes its share.
    const std::size_t share = (unowned.size() + sweep_.lookers() - 1) / sweep_.lookers();
    const std::size_t first = std::hash<std::string>{}(session_.member_id()) % unowned.size();
    for (std::size_t i = 0; i < share; ++i) {
        const auto& tp = unowned[(first + i) % unowned.size()];
        claims_.adopt(tp);
        tenancy_.want(tp);
    }
}

/// Of partitions that the plan has and we do not see: if one has an owner, that member sees it and we may never; if none has
/// one for twice as long as it takes to adopt it, nobody sees it. True if that is not settled yet.
bool ZookeeperCoordinator::judge_unseen(const std::string& name, const std::set<std::int32_t>& owned) {
    const auto& topic = *view_.find(name);
    if (!topic.was_read) return false;
    const int enough = 2 * config_.sweeps_before_adoption;
    const auto planned = plan_.partitions_of(name);
    bool any_owned = false;
    bool unsettled = false;
    for (const auto partition : planned) {
        if (topic.sees(partition)) continue;
        const bool is_owned = owned.count(partition) > 0;
        any_owned = any_owned || is_owned;
        const TopicPartition tp{name, partition};
        const int looks = sweep_.count(tp, !is_owned);
        if (looks >= enough && plan_.let_go(tp)) inputs_changed_ = true;
        unsettled = unsettled || (!is_owned && looks < enough);
    }
    const TopicPartition all{name, -1};
    const int disagreed = sweep_.count(all, any_owned);
    if (any_owned && disagreed >= config_.sweeps_before_adoption) report_disagreement(name, planned.size());
    return unsettled || (any_owned && disagreed < config_.sweeps_before_adoption);
}

void ZookeeperCoordinator::report_disagreement(const std::string& name, std::size_t planned) {
    const auto* topic = view_.find(name);
    const std::size_t seen = topic->exists ? topic->partitions.size() : 0;
    if (seen == planned || std::exchange(reported_[name], planned) == planned) return;
    turn_.order(action::ReportDisagreement{name, static_cast<std::int32_t>(seen), static_cast<std::int32_t>(planned)});
}

// ---- what is not read

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
        for (const auto& info : topic.partitions) add_gap(name, info.partition, assigned, gaps);
    }
    // Something changed that is not divided yet.
    if (gaps.empty() && (inputs_changed_ || plan_.writing())) gaps.push_back({Kind::not_ready, {"", -1}});
    return gaps;
}

void ZookeeperCoordinator::add_gap(const std::string& topic, std::int32_t partition,
                                   const std::map<TopicPartition, std::string>& assigned,
                                   std::vector<ReadingGap>& gaps) const {
    using Kind = ReadingGap::Kind;
    const TopicPartition tp{topic, partition};
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
