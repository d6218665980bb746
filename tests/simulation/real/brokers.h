// The Kafka side of a seed: topics with their logs, the group's offsets, and brokers that answer late, wrongly or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <kwire/protocol/error_code.h>
#include <kwire/protocol/topic_partition.h>

#include "fake_cluster.h"
#include "fake_logs.h"
#include "random.h"

namespace kwire::seeds {

class Brokers {
 public:
    /// Is called with each offset that takes effect, and with the client id of who wrote it. late: it was held up.
    using Committed = std::function<void(const std::string& client, const TopicPartition& tp, std::int64_t next, bool late)>;

    Brokers(test::VirtualLoop& loop, Random& random, Committed committed);

    void create_topic(const std::string& topic, int partitions);
    void append(const TopicPartition& tp, int count) { logs_.append(tp, count); }
    std::int64_t end(const TopicPartition& tp) const { return logs_.end(tp); }
    test::FakeCluster& cluster() { return cluster_; }
    int partitions(const std::string& topic) const;

    /// The chance that an answer fails, and that it comes late.
    void set_trouble(double failing, double late) {
        failing_ = failing;
        late_ = late;
    }
    /// What the coordinator answers to everything about offsets; none: it does its work.
    void set_coordinator_error(ErrorCode error) { coordinator_error_ = error; }

 private:
    void answer_fetch(const test::Exchange& exchange) const;
    void answer_commit(const test::Exchange& exchange);
    std::string name_of(const std::string& name, const Uuid& id) const;
    ErrorCode refusal() const { return coordinator_error_; }

    Random& random_;
    Committed committed_;
    test::FakeCluster cluster_;
    test::FakeLogs logs_;
    std::map<TopicPartition, std::int64_t> stored_;
    double failing_ = 0;
    double late_ = 0;
    ErrorCode coordinator_error_ = ErrorCode::none;
};

}  // namespace kwire::seeds
