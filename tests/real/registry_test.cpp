// The registry against the nodes of real brokers of every line that keeps them in ZooKeeper.

#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include <kwire/zk/registry.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

TEST(Registry, reads_what_brokers_wrote_and_they_read_what_it_wrote) {
    auto& cluster = shared_cluster();
    const auto runtime = Runtime::with_own_thread();
    zk::SessionConfig config;
    config.hosts = cluster.zookeeper();
    const auto session = runtime->block_on(zk::open_session(runtime, config));
    zk::Registry registry(session);
    const auto brokers = runtime->block_on(registry.brokers());
    ASSERT_EQ(brokers.size(), 1U);
    EXPECT_EQ(brokers[0].address.to_string(), cluster.bootstrap());

    const std::string topic = "made-by-registry";
    runtime->block_on(registry.create_topic(topic, 5, 1, {{"retention.ms", "123456"}}));
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (cluster.leaders_of(topic).size() != 5U && std::chrono::steady_clock::now() < deadline) {
    }
    const auto leaders = cluster.leaders_of(topic);
    ASSERT_EQ(leaders.size(), 5U);
    EXPECT_EQ(runtime->block_on(registry.controller()), brokers[0].id);
    EXPECT_EQ(runtime->block_on(registry.topic(topic))->replicas.size(), 5U);
    EXPECT_EQ(runtime->block_on(registry.topic_config(topic)).at("retention.ms"), "123456");
    for (const auto& [partition, leader] : leaders) {
        const auto state = runtime->block_on(registry.partition_state(topic, partition));
        ASSERT_TRUE(state);
        EXPECT_EQ(state->leader, leader);
    }

    std::promise<void> gone;
    runtime->block_on(registry.topics([&](const zk::WatchEvent&) { gone.set_value(); }));
    runtime->block_on(registry.delete_topic(topic));
    EXPECT_EQ(gone.get_future().wait_for(30s), std::future_status::ready);
    EXPECT_TRUE(registry.take_warnings().empty());
    runtime->block_on(session->close());
}

}  // namespace
}  // namespace kwire::real
