#include "cluster_view.h"

#include <utility>

namespace kwire {
namespace {

PartitionView view_of(const protocol::MetadataResponse::Partition& partition) {
    PartitionView view;
    const bool has_leader = partition.error_code != ErrorCode::leader_not_available;
    view.leader = has_leader ? partition.leader_id : -1;
    view.leader_epoch = partition.leader_epoch;
    view.replicas = partition.replica_nodes;
    view.isr = partition.isr_nodes;
    return view;
}

/// Fills view with what answer says of topic; old is what was known before, or null.
void merge_topic(TopicView& view, const TopicView* old,
                 const protocol::MetadataResponse::Topic& topic) {
    view.id = topic.topic_id;
    view.internal = topic.is_internal;
    const bool same_topic = old && old->id == view.id;
    for (const auto& partition : topic.partitions) {
        PartitionView now = view_of(partition);
        if (same_topic) {
            const auto before = old->partitions.find(partition.partition_index);
            if (before != old->partitions.end() && now.leader_epoch >= 0 &&
                before->second.leader_epoch > now.leader_epoch) {
                now = before->second;
            }
        }
        view.partitions.insert_or_assign(partition.partition_index, std::move(now));
    }
}

void merge_brokers(ClusterView& view, const protocol::MetadataResponse& answer) {
    view.brokers.clear();
    for (const auto& broker : answer.brokers) {
        if (broker.host.empty() || broker.port < 1 || broker.port > 65535) continue;
        view.brokers[broker.node_id] = {
            broker.node_id, {broker.host, static_cast<std::uint16_t>(broker.port)}, broker.rack};
    }
}

}  // namespace

const PartitionView* ClusterView::find(const TopicPartition& tp) const {
    const auto topic = topics.find(tp.topic);
    if (topic == topics.end()) return nullptr;
    const auto partition = topic->second.partitions.find(tp.partition);
    return partition == topic->second.partitions.end() ? nullptr : &partition->second;
}

ClusterView merged(const ClusterView& old, const protocol::MetadataResponse& answer,
                   const std::optional<std::set<std::string>>& topics) {
    ClusterView view;
    if (topics) {
        view = old;
        for (const auto& name : *topics) {
            view.topics.erase(name);
            view.topic_errors.erase(name);
        }
    }
    if (answer.cluster_id) view.cluster_id = *answer.cluster_id;
    view.controller = answer.controller_id;
    merge_brokers(view, answer);
    std::set<std::string> answered;
    for (const auto& topic : answer.topics) {
        if (!topic.name || (topics && !topics->contains(*topic.name))) continue;
        answered.insert(*topic.name);
        const auto before = old.topics.find(*topic.name);
        const TopicView* known = before == old.topics.end() ? nullptr : &before->second;
        // A topic in the middle of being made comes without its partitions, or without some of
        // them.
        const bool incomplete = topic.error_code == ErrorCode::leader_not_available;
        if (topic.error_code != ErrorCode::none &&
            !(incomplete && (known || !topic.partitions.empty()))) {
            view.topic_errors[*topic.name] = topic.error_code;
            continue;
        }
        TopicView now;
        if (incomplete && known) now = *known;
        merge_topic(now, known, topic);
        view.topics[*topic.name] = std::move(now);
    }
    if (topics) {
        for (const auto& name : *topics) {
            if (!answered.contains(name)) {
                view.topic_errors[name] = ErrorCode::unknown_topic_or_partition;
            }
        }
    }
    return view;
}

}  // namespace kwire
