#include "coordinators/zookeeper/topic_source.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <kwire/net/topic_error.h>
#include <kwire/zk/gather.h>

namespace kwire {
namespace {

Task<std::int32_t> leader_of(std::shared_ptr<zk::Registry> registry, std::string topic,
                             std::int32_t partition) {
    const auto state = co_await registry->partition_state(std::move(topic), partition);
    co_return state ? state->leader : -1;
}

std::vector<PartitionLeader> partitions_in(const ClusterView& view, const std::string& topic) {
    std::vector<PartitionLeader> partitions;
    const auto found = view.topics.find(topic);
    if (found == view.topics.end()) return partitions;
    for (const auto& [partition, state] : found->second.partitions) {
        partitions.push_back({partition, state.leader});
    }
    return partitions;
}

}  // namespace

// ---- from ZooKeeper

ZookeeperTopics::ZookeeperTopics(std::shared_ptr<zk::Registry> registry) : registry_(std::move(registry)) {}

Task<std::vector<std::string>> ZookeeperTopics::list(std::function<void()> on_change) {
    const zk::Watch watch = [on_change = std::move(on_change)](const zk::WatchEvent& event) {
        if (event.type != zk::WatchEvent::Type::session) on_change();
    };
    auto names = co_await registry_->topics(watch);
    co_return names;
}

Task<std::optional<std::vector<PartitionLeader>>> ZookeeperTopics::read(
    std::string topic, bool with_leaders, std::function<void()> on_change) {
    const zk::Watch watch = [on_change = std::move(on_change)](const zk::WatchEvent& event) {
        if (event.type != zk::WatchEvent::Type::session) on_change();
    };
    const auto assignment = co_await registry_->topic(topic, watch);
    if (!assignment) co_return std::nullopt;
    std::vector<PartitionLeader> partitions;
    for (const auto& [partition, replicas] : assignment->replicas) partitions.push_back({partition, -1});
    if (!with_leaders) co_return partitions;

    std::vector<Task<std::int32_t>> reads;
    for (const auto& info : partitions) reads.push_back(leader_of(registry_, topic, info.partition));
    const std::vector<std::int32_t> leaders = co_await zk::gather(std::move(reads));
    for (std::size_t i = 0; i < leaders.size(); ++i) partitions[i].leader = leaders[i];
    co_return partitions;
}

// ---- from the brokers

MetadataTopics::MetadataTopics(std::shared_ptr<Cluster> cluster)
    : cluster_(std::move(cluster)), timer_(*cluster_->runtime()) {}

Task<std::optional<std::vector<PartitionLeader>>> MetadataTopics::read(std::string topic, bool,
                                                                       std::function<void()> on_change) {
    const auto self = shared_from_this();
    std::vector<std::string> asked;
    asked.push_back(topic);
    const auto view = co_await cluster_->refresh(std::move(asked));
    std::vector<PartitionLeader> partitions = partitions_in(*view, topic);

    const auto known = std::find_if(known_.begin(), known_.end(),
                                    [&](const Known& k) { return k.topic == topic; });
    Known now{topic, partitions.size(), std::move(on_change)};
    if (known == known_.end()) {
        known_.push_back(std::move(now));
    } else {
        *known = std::move(now);
    }
    begin_polling();
    if (!partitions.empty()) co_return partitions;
    const Error why = missing_topic(*view, topic);
    if (why.condition() != errc::unknown_topic) throw Error(why);  // refused, or not said: it may well exist
    co_return std::nullopt;
}

Task<std::vector<std::string>> MetadataTopics::list(std::function<void()> on_change) {
    const auto self = shared_from_this();
    const auto view = co_await cluster_->refresh({});
    names_.clear();
    for (const auto& [name, topic] : view->topics) names_.insert(name);
    on_names_change_ = std::move(on_change);
    names_due_ = cluster_->runtime()->now() + names_interval;
    begin_polling();
    co_return std::vector<std::string>(names_.begin(), names_.end());
}

void MetadataTopics::begin_polling() {
    if (!closed_ && !std::exchange(polling_, true)) cluster_->runtime()->spawn(poll(shared_from_this()));
}

Task<void> MetadataTopics::poll(std::shared_ptr<MetadataTopics> self) {
    while (!self->closed_) {
        co_await self->timer_.wait_for(interval);
        if (self->closed_) co_return;
        auto topics = self->next_question();
        if (!topics) continue;
        const bool all_topics = topics->empty();
        try {
            const auto view = co_await self->cluster_->refresh(std::move(*topics));
            if (!self->closed_) self->compare(*view, all_topics);
        } catch (...) {
            // No broker answers: the fetchers report that, and the next round asks again.
        }
    }
}

/// No names: all topics. Nothing: there is nothing to ask for.
std::optional<std::vector<std::string>> MetadataTopics::next_question() {
    std::vector<std::string> topics;
    const TimePoint now = cluster_->runtime()->now();
    if (on_names_change_ && now >= names_due_) {
        names_due_ = now + names_interval;
        return topics;
    }
    for (const auto& known : known_) topics.push_back(known.topic);
    if (topics.empty()) return std::nullopt;
    return topics;
}

void MetadataTopics::compare(const ClusterView& view, bool all_topics) {
    std::vector<std::function<void()>> changed;  // known_ may change while they are called
    for (auto& known : known_) {
        const std::size_t count = partitions_in(view, known.topic).size();
        if (count != std::exchange(known.partitions, count)) changed.push_back(known.on_change);
    }
    if (all_topics && on_names_change_) {
        std::set<std::string> names;
        for (const auto& [name, topic] : view.topics) names.insert(name);
        if (names != names_) changed.push_back(on_names_change_);
        names_ = std::move(names);
    }
    for (const auto& on_change : changed) on_change();
}

void MetadataTopics::close() {
    closed_ = true;
    known_.clear();
    on_names_change_ = nullptr;
    timer_.cancel();
}

}  // namespace kwire
