// Where a member learns which partitions its topics have, and who leads them: from ZooKeeper, or from the brokers where
// no ZooKeeper knows them (Kafka 4, or bootstrap.servers given).
//
// Threads: only on the runtime's strand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/group/assignment.h>
#include <kwire/net/cluster.h>
#include <kwire/zk/registry.h>

namespace kwire {

class TopicSource {
 public:
    virtual ~TopicSource() = default;
    /// The partitions of topic, nothing if there is no such topic. on_change is called, once at least, when that may have
    /// changed. Throws Error.
    virtual Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic,
                                                                   std::function<void()> on_change) = 0;
    /// Ends what runs by itself.
    virtual void close() {}
};

/// Reads through the registry of the session there is, and leaves watches there. Leaders cost an operation a partition
/// and are read only if they are asked for.
class ZookeeperTopics final : public TopicSource {
 public:
    ZookeeperTopics(std::shared_ptr<zk::Registry> registry, bool with_leaders);
    Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic,
                                                           std::function<void()> on_change) override;

 private:
    const std::shared_ptr<zk::Registry> registry_;
    const bool with_leaders_;
};

/// Asks the brokers, now and then again: brokers tell nobody when a topic grows.
class MetadataTopics final : public TopicSource, public std::enable_shared_from_this<MetadataTopics> {
 public:
    static constexpr std::chrono::milliseconds interval{5'000};
    static constexpr std::chrono::milliseconds interval_while_missing{1'000};

    explicit MetadataTopics(std::shared_ptr<Cluster> cluster);
    Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic,
                                                           std::function<void()> on_change) override;
    void close() override;

 private:
    struct Known {
        std::string topic;
        std::size_t partitions = 0;  // 0: missing
        std::function<void()> on_change;
    };
    static Task<void> poll(std::shared_ptr<MetadataTopics> self);
    void compare(const ClusterView& view);
    bool any_missing() const;

    const std::shared_ptr<Cluster> cluster_;
    std::vector<Known> known_;
    Timer timer_;
    bool polling_ = false;
    bool closed_ = false;
};

}  // namespace kwire
