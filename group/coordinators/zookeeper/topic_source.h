// Where a member learns which partitions its topics have, and who leads them: from ZooKeeper, or from the brokers where
// no ZooKeeper knows them (Kafka 4, or bootstrap.servers given).
//
// Threads: only on the runtime's strand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
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
    /// changed. Without with_leaders each may be said to have none. Throws Error.
    virtual Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic, bool with_leaders,
                                                                   std::function<void()> on_change) = 0;
    /// The names of all topics. on_change is called, once at least, when one comes or goes. Throws Error.
    virtual Task<std::vector<std::string>> list(std::function<void()> on_change) = 0;
    /// Ends what runs by itself.
    virtual void close() {}
};

/// Reads through the registry of the session there is, and leaves watches there. Leaders cost an operation a partition
/// and are read only if they are asked for.
class ZookeeperTopics final : public TopicSource {
 public:
    explicit ZookeeperTopics(std::shared_ptr<zk::Registry> registry);
    Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic, bool with_leaders,
                                                           std::function<void()> on_change) override;
    Task<std::vector<std::string>> list(std::function<void()> on_change) override;

 private:
    const std::shared_ptr<zk::Registry> registry_;
};

/// Asks the brokers, now and then again: brokers tell nobody when a topic grows.
class MetadataTopics final : public TopicSource, public std::enable_shared_from_this<MetadataTopics> {
 public:
    /// Between two questions about the topics that are followed: growth is seen within this time.
    static constexpr std::chrono::seconds interval{4};
    /// Between two questions for the names of all topics, whose answer is as large as the cluster.
    static constexpr std::chrono::seconds names_interval{30};

    explicit MetadataTopics(std::shared_ptr<Cluster> cluster);
    Task<std::optional<std::vector<PartitionLeader>>> read(std::string topic, bool with_leaders,
                                                           std::function<void()> on_change) override;
    Task<std::vector<std::string>> list(std::function<void()> on_change) override;
    void close() override;

 private:
    struct Known {
        std::string topic;
        std::size_t partitions = 0;  // 0: missing
        std::function<void()> on_change;
    };
    static Task<void> poll(std::shared_ptr<MetadataTopics> self);
    std::optional<std::vector<std::string>> next_question();
    void compare(const ClusterView& view, bool all_topics);
    void begin_polling();

    const std::shared_ptr<Cluster> cluster_;
    std::vector<Known> known_;
    std::set<std::string> names_;
    std::function<void()> on_names_change_;  // null: nobody asked for all topics
    TimePoint names_due_{};
    Timer timer_;
    bool polling_ = false;
    bool closed_ = false;
};

}  // namespace kwire
