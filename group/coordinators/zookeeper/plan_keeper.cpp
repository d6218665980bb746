#include "coordinators/zookeeper/plan_keeper.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

namespace kwire {
namespace {

constexpr int flips_until_dispute = 3;

std::map<std::string, std::size_t> partition_counts(const OwnerPlan& owners) {
    std::map<std::string, std::size_t> result;
    for (const auto& [tp, owner] : owners) {
        const bool same = !result.empty() && result.rbegin()->first == tp.topic;  // plans are sorted by topic
        if (same) {
            ++result.rbegin()->second;
        } else {
            result.emplace_hint(result.end(), tp.topic, 1);
        }
    }
    return result;
}

}  // namespace

// ---- reading

void PlanKeeper::begin_anew() {
    owners_.clear();
    reading_ = {};
    stands_ = frozen_ = write_under_way_ = false;
    version_ = -1;
    being_written_.clear();
    inputs_changed_ = true;
    write_at_.reset();
    next_at_ = {};
    patience_ = {};
    write_ = {};
    let_go_.clear();
    put_back_.clear();
}

void PlanKeeper::read_if_due(SessionNumber session) {
    if (reading_.begin(turn_)) turn_.order(action::ReadPlan{session});
}

std::optional<TimePoint> PlanKeeper::next_read() const {
    return reading_.waits() ? std::optional(reading_.retry.not_before) : std::nullopt;
}

void PlanKeeper::on(const event::PlanChanged&) { reading_.ask_again(turn_); }

bool PlanKeeper::on(const event::PlanRead& e) {
    using Trouble = event::PlanRead::Trouble;
    if (!reading_.end()) return false;
    if (!e.plan && e.trouble == Trouble::none) {
        reading_.failed(turn_);
        return false;
    }
    reading_.retry.backoff.reset();
    const bool first = !std::exchange(reading_.known, true);
    const bool same_node = !first && version_ == e.version;
    version_ = e.version;
    if (e.trouble != Trouble::none) {
        if (reported_version_ != e.version) turn_.order(action::ReportPlan{e.trouble, e.version, e.problem});
        reported_version_ = e.version;
        frozen_ = e.trouble == Trouble::unknown_version;
        if (stands_ || first) inputs_changed_ = true;
        stands_ = false;
        return true;
    }
    reported_version_.reset();
    const bool was_frozen = std::exchange(frozen_, false);
    // Somebody deleted it: what it said goes on to count, and is written again.
    const bool deleted = e.version < 0 && e.plan->empty() && !owners_.empty();
    if (deleted) {
        if (std::exchange(stands_, false)) inputs_changed_ = true;
        return true;
    }
    stands_ = e.version >= 0;
    const bool changed = !same_node || was_frozen || owners_ != *e.plan;
    if (owners_ != *e.plan) follow(*e.plan);
    return changed;
}

void PlanKeeper::follow(OwnerPlan owners) {
    if (!owners_.empty()) note_shapes(owners);
    for (const auto& tp : let_go_) {
        if (owners_.count(tp) == 0 && owners.count(tp) > 0) put_back_.insert(tp);
    }
    owners_ = std::move(owners);
}

void PlanKeeper::note_shapes(const OwnerPlan& owners) {
    const auto before = partition_counts(owners_);
    const auto now = partition_counts(owners);
    const auto count_in = [](const auto& all, const std::string& topic) {
        const auto found = all.find(topic);
        return found == all.end() ? 0 : found->second;
    };
    for (const auto& [topic, count] : before) {
        if (count_in(now, topic) < count) shapes_.try_emplace(topic);
    }
    for (auto& [topic, shape] : shapes_) {
        const auto was = count_in(before, topic);
        const auto is = count_in(now, topic);
        const bool flips = shape.shrank_last ? is > was : is < was;
        if (!flips) continue;
        shape.shrank_last = is < was;
        if (++shape.flips == flips_until_dispute) disputes_.push_back({topic, std::min(was, is), std::max(was, is)});
    }
}

// ---- writing

void PlanKeeper::replace_if_due(SessionNumber session, const TopicPartitions& partitions,
                                const std::vector<GroupMember>& members, const std::string& member_id) {
    if (write_under_way_ || frozen_ || members.empty()) return;
    if (inputs_changed_ || patience_ == Duration{}) patience_ = settings_.patience;
    const auto rank = std::count_if(members.begin(), members.end(), [&](const auto& m) { return m.id < member_id; });
    const bool at_once = rank == 0 && inputs_changed_;
    const auto wanted = at_once ? std::max(turn_.now(), next_at_) : turn_.now() + patience_ + rank * settings_.stagger;
    const auto at = std::max(wanted, write_.not_before);
    write_at_ = std::min(write_at_.value_or(at), at);
    if (!write_is_due()) return;
    // Not before it is time: in a large group every member looks at every step of the others.
    write_at_.reset();
    auto better = balance(partitions, members, owners_);
    inputs_changed_ = false;
    if (better == owners_ && (stands_ || better.empty())) return;
    write_under_way_ = true;
    // In a small group a plan costs little, and who joins need not wait.
    next_at_ = turn_.now() + settings_.pace * std::min<std::int64_t>(std::ssize(members), 50) / 50;
    patience_ = std::min(patience_ * 2, settings_.patience_max);
    being_written_ = better;
    turn_.order(action::WritePlan{session, std::move(better), version_});
}

bool PlanKeeper::on(const event::PlanWritten& e) {
    if (!std::exchange(write_under_way_, false)) return false;
    auto written = std::exchange(being_written_, {});
    if (e.code == zk::Code::ok) {
        // Its watch brings it once more, and that is enough.
        write_.backoff.reset();
        follow(std::move(written));
        stands_ = true;
        version_ = e.version;
        return true;
    }
    inputs_changed_ = true;
    const bool lost_race = e.code == zk::Code::bad_version || e.code == zk::Code::node_exists;
    if (lost_race) {
        write_.backoff.reset();
    } else {
        write_.later(turn_);
    }
    // What stands there now counts, whoever wrote it.
    reading_.ask_again(turn_);
    return true;
}

// ---- views that differ

std::vector<std::int32_t> PlanKeeper::partitions_of(const std::string& topic) const {
    std::vector<std::int32_t> result;
    for (auto entry = owners_.lower_bound({topic, INT32_MIN}); entry != owners_.end(); ++entry) {
        if (entry->first.topic != topic) break;
        result.push_back(entry->first.partition);
    }
    return result;
}

TopicPartitions PlanKeeper::with_planned(const std::map<std::string, GroupView::Topic>& topics) const {
    TopicPartitions result;
    for (const auto& [name, topic] : topics) {
        std::vector<PartitionLeader> partitions;
        if (topic.exists) partitions = topic.partitions;
        for (const auto partition : partitions_of(name)) {
            if (partition < 0 || topic.sees(partition)) continue;
            const TopicPartition tp{name, partition};
            if (topic.was_read && let_go_.count(tp) > 0 && put_back_.count(tp) == 0) continue;
            partitions.push_back({partition, -1});
        }
        if (!partitions.empty()) result.emplace_hint(result.end(), name, std::move(partitions));
    }
    return result;
}

bool PlanKeeper::let_go(const TopicPartition& tp) {
    if (put_back_.count(tp) > 0 || !let_go_.insert(tp).second) return false;
    return inputs_changed_ = true;
}

void PlanKeeper::view_changed(const std::string& topic) {
    const auto of_topic = [&](const TopicPartition& tp) { return tp.topic == topic; };
    std::erase_if(let_go_, of_topic);
    std::erase_if(put_back_, of_topic);
    shapes_.erase(topic);
}

}  // namespace kwire
