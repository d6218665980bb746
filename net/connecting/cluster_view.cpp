#include "cluster_view.h"

#include <algorithm>
#include <utility>

namespace kwire {
namespace {

using protocol::MetadataResponse;
using Topics = std::optional<std::set<std::string>>;

constexpr std::size_t faults_max = 10;
// A broker that lags behind names an older leader epoch once or twice. If it stays, the topic is another one.
constexpr int older_answers_max = 5;
constexpr std::size_t topic_name_max = 249;  // Kafka's class Topic
constexpr std::size_t host_name_max = 255;

void note(ClusterView& view, std::string fault) {
    if (view.faults.size() < faults_max) view.faults.push_back(std::move(fault));
}

std::string shortened(const std::string& name) {
    constexpr std::size_t most = 60;
    return name.size() <= most ? '\'' + name + '\'' : '\'' + name.substr(0, most) + "...'";
}

/// Broker ids without those that cannot be.
std::vector<std::int32_t> brokers_of(const std::vector<std::int32_t>& ids) {
    std::vector<std::int32_t> sound;
    for (const std::int32_t id : ids) {
        if (id >= 0) sound.push_back(id);
    }
    return sound;
}

PartitionView view_of(const MetadataResponse::Partition& partition) {
    PartitionView view;
    const bool has_leader =
        partition.error_code != ErrorCode::leader_not_available && partition.leader_id >= 0;
    view.leader = has_leader ? partition.leader_id : -1;
    view.leader_epoch = std::max(partition.leader_epoch, -1);
    view.replicas = brokers_of(partition.replica_nodes);
    view.isr = brokers_of(partition.isr_nodes);
    return view;
}

/// Fills view with what topic says; old is what was known before, or null. Returns what is wrong with topic, or nothing.
std::string merge_topic(TopicView& view, const TopicView* old, const MetadataResponse::Topic& topic) {
    view.id = topic.topic_id;
    view.internal = topic.is_internal;
    const bool same_topic = old && old->id == view.id;
    std::set<std::int32_t> seen;
    std::string wrong;
    for (const auto& partition : topic.partitions) {
        const std::int32_t id = partition.partition_index;
        if (id < 0 || id > partition_id_max) {
            wrong = "the broker's answer gives the topic a partition " + std::to_string(id) + ", which cannot be";
            continue;
        }
        if (!seen.insert(id).second) {
            wrong = "the broker's answer names partition " + std::to_string(id) + " of the topic twice";
            continue;
        }
        PartitionView now = view_of(partition);
        if (same_topic) {
            const auto before = old->partitions.find(id);
            if (before != old->partitions.end() && now.leader_epoch >= 0 &&
                before->second.leader_epoch > now.leader_epoch &&
                before->second.older_answers < older_answers_max) {
                now = before->second;
                ++now.older_answers;
            }
        }
        view.partitions.insert_or_assign(id, std::move(now));
    }
    return wrong;
}

void merge_brokers(ClusterView& view, const MetadataResponse& answer) {
    view.brokers.clear();
    for (const auto& broker : answer.brokers) {
        const std::string id = std::to_string(broker.node_id);
        if (broker.node_id < 0 || broker.host.empty() || broker.host.size() > host_name_max || broker.port < 1 ||
            broker.port > 65535) {
            note(view, "a broker cannot be connected to: id " + id + ", host " + shortened(broker.host) + ", port " +
                           std::to_string(broker.port));
            continue;
        }
        BrokerEndpoint endpoint{
            broker.node_id, {broker.host, static_cast<std::uint16_t>(broker.port)}, broker.rack};
        const auto [known, added] = view.brokers.try_emplace(broker.node_id, endpoint);
        if (!added && known->second != endpoint) note(view, "the answer lists broker " + id + " twice");
    }
}

/// Takes the topics of one answer into a view.
class TopicMerge {
 public:
    TopicMerge(const ClusterView& old, ClusterView& view, const Topics& asked)
        : old_(old), view_(view), asked_(asked) {}

    void take(const MetadataResponse::Topic& topic) {
        const std::string& name = topic.name ? *topic.name : no_name_;
        const bool wanted = asked_ ? asked_->contains(name) : !name.empty() && name.size() <= topic_name_max;
        if (!wanted) {
            return note(view_, "the answer has a topic that was not asked for: " + shortened(name));
        }
        if (!answered_.insert(name).second) {
            view_.topic_faults[name] = "the broker's answer names the topic twice";
            return;
        }
        const TopicView* known = known_before(name);
        // A topic in the middle of being made comes without its partitions, or without some of them.
        const bool incomplete = topic.error_code == ErrorCode::leader_not_available;
        if (topic.error_code != ErrorCode::none && !(incomplete && (known || !topic.partitions.empty()))) {
            view_.topic_errors[name] = topic.error_code;
            return;
        }
        TopicView now;
        if (incomplete && known) now = *known;
        const std::string wrong = merge_topic(now, known, topic);
        if (!wrong.empty()) view_.topic_faults[name] = wrong;
        view_.topics[name] = std::move(now);
    }

    /// Topics that were asked for and not answered.
    void finish(bool listed_all) {
        if (!asked_) return;
        for (const auto& name : *asked_) {
            if (answered_.contains(name)) continue;
            if (listed_all) {
                view_.topic_errors[name] = ErrorCode::unknown_topic_or_partition;
                continue;
            }
            view_.topic_faults[name] = "the broker's answer leaves the topic out, though it was asked for";
            if (const TopicView* known = known_before(name)) view_.topics[name] = *known;
        }
    }

 private:
    const TopicView* known_before(const std::string& name) const {
        const auto found = old_.topics.find(name);
        return found == old_.topics.end() ? nullptr : &found->second;
    }

    const ClusterView& old_;
    ClusterView& view_;
    const Topics& asked_;
    const std::string no_name_;
    std::set<std::string> answered_;
};

}  // namespace

const PartitionView* ClusterView::find(const TopicPartition& tp) const {
    const auto topic = topics.find(tp.topic);
    if (topic == topics.end()) return nullptr;
    const auto partition = topic->second.partitions.find(tp.partition);
    return partition == topic->second.partitions.end() ? nullptr : &partition->second;
}

ClusterView merged(const ClusterView& old, const MetadataResponse& answer, const Topics& topics,
                   bool listed_all) {
    ClusterView view;
    if (topics) {
        view = old;
        view.faults.clear();
        for (const auto& name : *topics) {
            view.topics.erase(name);
            view.topic_errors.erase(name);
            view.topic_faults.erase(name);
        }
    }
    if (answer.cluster_id) view.cluster_id = *answer.cluster_id;
    view.controller = std::max(answer.controller_id, -1);
    merge_brokers(view, answer);
    TopicMerge merge(old, view, topics);
    for (const auto& topic : answer.topics) {
        // Of a broker that was asked for all its topics only some may be wanted.
        if (listed_all && topics && topic.name && !topics->contains(*topic.name)) continue;
        merge.take(topic);
    }
    merge.finish(listed_all);
    return view;
}

}  // namespace kwire
