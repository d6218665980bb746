// Members of one group on real brokers and a real ZooKeeper: the behaviours that the original was tested for, and how
// long joining takes.

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/group/consumer_group.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

GroupConfig config_for(const RealCluster& cluster) {
    GroupConfig config;
    if (!cluster.has_zookeeper_brokers()) config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
    config.offsets.commit_interval = 1s;
    config.on_error = [](const Error& error) { std::cerr << "on_error: " << error.what() << '\n'; };
    return config;
}

std::shared_ptr<ConsumerGroup> join(const RealCluster& cluster, const std::string& group,
                                    std::vector<std::string> topics) {
    return ConsumerGroup::join(group, std::move(topics), cluster.zookeeper(), config_for(cluster));
}

std::vector<std::string> numbered(const std::string& prefix, int count) {
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) lines.push_back(prefix + std::to_string(i));
    return lines;
}

/// Reads and acknowledges until count messages came, or nothing more for ten seconds.
std::multiset<std::string> read(ConsumerGroup& group, std::size_t count) {
    std::multiset<std::string> values;
    while (values.size() < count) {
        MessageBatch batch = group.poll(10s);
        if (batch.empty()) break;
        for (const Message& message : batch) {
            values.emplace(message.value().value_or(""));
            EXPECT_TRUE(group.commit_upto(message));
            if (values.size() == count) break;
        }
    }
    return values;
}

void wait_until_owned(const ConsumerGroup& group, std::size_t count) {
    const auto deadline = Clock::now() + 20s;
    while (group.owned().size() != count && Clock::now() < deadline) std::this_thread::yield();
    ASSERT_EQ(group.owned().size(), count);
}

TEST(Group, joins_and_reads_at_once) {
    auto& cluster = shared_cluster();
    cluster.create_topic("quick", 4);
    cluster.kcat_produce("quick", 0, "none", numbered("q", 10));
    { const auto warm = join(cluster, "warm", {"quick"}); }
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
        const auto begin = Clock::now();
        const auto group = join(cluster, "quick" + std::to_string(i), {"quick"});
        const auto joined = Clock::now();
        MessageBatch batch = group->poll(10s);
        ASSERT_FALSE(batch.empty());
        const auto read_at = Clock::now();
        const double seconds = std::chrono::duration<double>(read_at - begin).count();
        std::cout << "join " << std::chrono::duration<double>(joined - begin).count()
                  << " s, first message after " << seconds << " s\n";
        best = std::min(best, seconds);
        batch = {};
        EXPECT_TRUE(group->close(0ms).clean());
    }
    RecordProperty("join_seconds", std::to_string(best));
}

TEST(Group, one_member_reads_two_topics) {
    auto& cluster = shared_cluster();
    cluster.create_topic("one-a", 4);
    cluster.create_topic("one-b", 1);
    cluster.kcat_produce("one-a", -1, "none", numbered("a", 200));
    cluster.kcat_produce("one-b", -1, "none", numbered("b", 100));
    const auto group = join(cluster, "one", {"one-a", "one-b"});
    const auto values = read(*group, 300);
    EXPECT_EQ(values.size(), 300U);
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), 300U);
    EXPECT_TRUE(group->close().clean());
}

TEST(Group, two_members_share_and_one_leaves) {
    auto& cluster = shared_cluster();
    cluster.create_topic("two", 4);
    const auto first = join(cluster, "two", {"two"});
    const auto second = join(cluster, "two", {"two"});
    wait_until_owned(*first, 2);
    wait_until_owned(*second, 2);
    for (int p = 0; p < 4; ++p) cluster.kcat_produce("two", p, "none", numbered(std::to_string(p) + "-", 50));
    auto values = read(*first, 100);
    values.merge(read(*second, 100));
    EXPECT_EQ(values.size(), 200U);
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), 200U);
    EXPECT_TRUE(first->close().clean());
    wait_until_owned(*second, 4);
    for (int p = 0; p < 4; ++p) cluster.kcat_produce("two", p, "none", numbered(std::to_string(p) + "+", 5));
    EXPECT_EQ(read(*second, 20).size(), 20U);
    EXPECT_TRUE(second->errors().empty());
    EXPECT_TRUE(second->close().clean());
}

TEST(Group, two_members_one_after_the_other) {
    auto& cluster = shared_cluster();
    cluster.create_topic("turns", 1);
    cluster.kcat_produce("turns", 0, "none", numbered("t", 20));
    auto values = [&] {
        const auto group = join(cluster, "turns", {"turns"});
        return read(*group, 10);
    }();
    EXPECT_EQ(values.size(), 10U);
    const auto group = join(cluster, "turns", {"turns"});
    values.merge(read(*group, 10));
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), 20U);
}

TEST(Group, reads_a_topic_that_appears_later_and_grows) {
    auto& cluster = shared_cluster();
    const auto group = join(cluster, "late", {"late"});
    const auto deadline = Clock::now() + 10s;
    std::vector<Error> errors;
    while (errors.empty() && Clock::now() < deadline) errors = group->errors();
    ASSERT_FALSE(errors.empty());
    EXPECT_EQ(errors[0].condition(), errc::unknown_topic);
    EXPECT_EQ(errors[0].where().partition, -1);
    cluster.create_topic("late", 2);
    wait_until_owned(*group, 2);
    cluster.kcat_produce("late", 1, "none", numbered("l", 5));
    EXPECT_EQ(read(*group, 5).size(), 5U);
    EXPECT_TRUE(group->close().clean());
}

TEST(Group, stores_offsets_in_kafka) {
    auto& cluster = shared_cluster();
    if (!cluster.at_least("0.8.2")) GTEST_SKIP();
    cluster.create_topic("stored", 1);
    cluster.kcat_produce("stored", 0, "none", numbered("s", 20));
    for (int turn = 0; turn < 2; ++turn) {
        auto config = config_for(cluster);
        config.offsets.storage = OffsetStorage::kafka;
        const auto group = ConsumerGroup::join("stored", {"stored"}, cluster.zookeeper(), config);
        const auto values = read(*group, 10);
        ASSERT_EQ(values.size(), 10U);
        EXPECT_EQ(values.count(turn == 0 ? "s0" : "s10"), 1U);
        EXPECT_TRUE(group->close().clean());
    }
}

}  // namespace
}  // namespace kwire::real
