#include "coordinators/zookeeper/adoption.h"

#include <functional>
#include <utility>

namespace kwire {

void Adoption::begin(const std::string& member_id) {
    member_id_ = member_id;
    std::vector<std::string> always;
    for (const auto& [name, topic] : parts_.view.topics()) {
        if (balanced() && parts_.plan.has_shrunk(name)) always.push_back(name);
    }
    sweep_.begin(parts_.view, member_id, always);
}

bool Adoption::judge(const event::OwnersListed& e) {
    const auto* topic = parts_.view.find(e.topic);
    if (topic == nullptr || !topic->ours || !e.partitions) return false;
    const std::set<std::int32_t> owned(e.partitions->begin(), e.partitions->end());
    std::vector<TopicPartition> unowned;
    bool suspicious = false;
    for (const auto& info : topic->exists ? topic->partitions : std::vector<PartitionLeader>()) {
        const TopicPartition tp{e.topic, info.partition};
        const bool is_owned = owned.count(info.partition) > 0;
        if (!is_owned) parts_.claims.look(tp);  // it contradicts what we believe of a node that is ours, or in our way
        const bool is_unowned = !is_owned && !parts_.claims.has(tp);
        suspicious = suspicious || is_unowned;
        if (sweep_.count(tp, is_unowned) >= looks_) unowned.push_back(tp);
    }
    Unseen unseen;
    if (balanced() && topic->was_read) unseen = judge_unseen(e.topic, *topic, owned);
    sweep_.suspect(e.topic, suspicious || unseen.unsettled);
    adopt(unowned);
    return unseen.changes_plan;
}

void Adoption::adopt(const std::vector<TopicPartition>& unowned) {
    if (unowned.empty()) return;
    // Those who look at the topic see the same list at about the same time: each begins elsewhere and takes its share.
    const std::size_t share = (unowned.size() + sweep_.lookers() - 1) / sweep_.lookers();
    const std::size_t first = std::hash<std::string>{}(member_id_) % unowned.size();
    for (std::size_t i = 0; i < share; ++i) {
        const auto& tp = unowned[(first + i) % unowned.size()];
        parts_.claims.adopt(tp);
        parts_.tenancy.want(tp);
    }
}

/// Of partitions that the plan has and we do not see: if one has an owner, that member sees it and we may never; if none has
/// one for twice as long as it takes to adopt it, nobody sees it.
Adoption::Unseen Adoption::judge_unseen(const std::string& name, const GroupView::Topic& topic,
                                        const std::set<std::int32_t>& owned) {
    Unseen result;
    const auto planned = parts_.plan.partitions_of(name);
    bool any_owned = false;
    for (const auto partition : planned) {
        if (topic.sees(partition)) continue;
        const bool is_owned = owned.count(partition) > 0;
        any_owned = any_owned || is_owned;
        const TopicPartition tp{name, partition};
        const int seen_unowned = sweep_.count(tp, !is_owned);
        if (seen_unowned >= 2 * looks_ && parts_.plan.let_go(tp)) result.changes_plan = true;
        result.unsettled = result.unsettled || (!is_owned && seen_unowned < 2 * looks_);
    }
    const int seen_owned = sweep_.count({name, -1}, any_owned);
    if (any_owned && seen_owned >= looks_) report(name, topic, planned.size());
    result.unsettled = result.unsettled || (any_owned && seen_owned < looks_);
    return result;
}

void Adoption::report_disputes() {
    for (const auto& dispute : parts_.plan.take_disputes()) {
        const auto* topic = parts_.view.find(dispute.topic);
        if (topic == nullptr || !topic->was_read) continue;
        const bool ours_is_larger = topic->exists && topic->partitions.size() >= dispute.larger;
        report(dispute.topic, *topic, ours_is_larger ? dispute.smaller : dispute.larger);
    }
}

void Adoption::report(const std::string& name, const GroupView::Topic& topic, std::size_t planned) {
    const std::size_t seen = topic.exists ? topic.partitions.size() : 0;
    if (seen == planned || std::exchange(reported_[name], planned) == planned) return;
    turn_.order(action::ReportDisagreement{name, static_cast<std::int32_t>(seen), static_cast<std::int32_t>(planned)});
}

}  // namespace kwire
