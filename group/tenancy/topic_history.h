// Topics that were deleted and made anew: what was read, marked and stored of the old one is void.
//
// While a partition is read its consumer finds out. Where it was released in between, because the topic was gone, the next
// start compares the topic with the one under which this process started partitions before.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>

#include "engine.h"

namespace kwire {

class TopicHistory {
 public:
    explicit TopicHistory(Engine& engine) : engine_(engine), looked_(*engine.runtime()) {}
    void use(std::shared_ptr<Cluster> cluster) { cluster_ = std::move(cluster); }

    /// True if what is stored of tp may be of a topic that was deleted since.
    static Task<bool> is_another_topic(std::shared_ptr<TopicHistory> self, TopicPartition tp);
    /// The topic of tp is another one than what was stored of it belongs to. Tells the program.
    void begin_anew(const TopicPartition& tp);
    void note_missing(const std::string& topic);

 private:
    /// What partitions were started under.
    struct Known {
        Uuid id{};          // zero: the brokers have none
        bool gone = false;  // it did not exist once since then
        TimePoint looked_at{};
        std::optional<TimePoint> made_anew_at;
        std::set<std::int32_t> begun_anew;  // partitions, since then
    };
    bool note_id(const std::string& topic, const Uuid& id);
    /// One question about several topics, and its answer.
    struct Look {
        std::vector<std::string> topics;
        std::shared_ptr<const ClusterView> view;  // null: not answered yet
    };
    static Task<std::shared_ptr<const ClusterView>> look(std::shared_ptr<TopicHistory> self, std::string topic);
    static Task<void> run_looks(std::shared_ptr<TopicHistory> self);

    Engine& engine_;
    std::shared_ptr<Cluster> cluster_;
    std::map<std::string, Known> topics_;
    std::shared_ptr<Look> next_look_;  // what is asked next
    bool looking_ = false;
    Event looked_;
    std::vector<TopicPartition> news_;  // not reported by on_topic_recreated yet
};

}  // namespace kwire
