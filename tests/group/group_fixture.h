// A whole group in one thread: an ensemble and a Kafka cluster in memory, members on a virtual clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/group/consumer_group.h>
#include <kwire/zk/memory_session.h>

#include "fake_cluster.h"
#include "fake_logs.h"
#include "virtual_clock.h"

namespace kwire::test {

/// What is stored, shared by the stores of all members.
struct StoredOffsets {
    std::map<TopicPartition, std::int64_t> next;
    bool fails = false;
};

class GroupFixture : public testing::Test {
 protected:
    GroupFixture();
    ~GroupFixture() override;

    /// In Kafka and in the ensemble, with messages in each partition.
    void create_topic(const std::string& topic, int partitions, int messages = 0);
    /// They come back at other addresses, and say so in the ensemble.
    void move_brokers(const std::vector<std::string>& ids);
    void write_topic_node(const std::string& topic, int partitions);
    GroupConfig config();
    std::shared_ptr<ConsumerGroup> join(GroupConfig config, std::vector<std::string> topics = {"t"});
    std::shared_ptr<ConsumerGroup> join() { return join(config()); }
    void settle() { loop.advance(std::chrono::milliseconds(50)); }
    CloseReport close(const std::shared_ptr<ConsumerGroup>& group);
    std::int64_t session_of(const std::shared_ptr<ConsumerGroup>& group);

    /// Reads and acknowledges until nothing comes for a while. Values in the order of arrival.
    std::vector<std::string> read_all(const std::shared_ptr<ConsumerGroup>& group);
    /// The next message without acknowledging it; the rest of its batch is given back.
    std::optional<OwnedMessage> read_one(const std::shared_ptr<ConsumerGroup>& group);
    std::string owner_of(const std::string& topic, int partition);
    /// As ZooKeeper has it; for groups with the store that comes with it.
    std::string offset_of(const std::string& topic, int partition);
    std::vector<std::string> errors_of(const std::shared_ptr<ConsumerGroup>& group);

    VirtualLoop loop;
    FakeCluster kafka{loop};
    FakeLogs logs{kafka};
    zk::MemoryEnsemble ensemble{loop.runtime()};
    std::shared_ptr<StoredOffsets> stored = std::make_shared<StoredOffsets>();
};

}  // namespace kwire::test
