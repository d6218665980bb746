// The registry against the nodes of real brokers of every line that keeps them in ZooKeeper.

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/zk/registry.h>

#include "kwire_command.h"

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

// Said by a client that may not, of a node that `kwire -X zookeeper.acl` made.
TEST(Registry, nodes_are_guarded_by_the_acl_that_was_asked_for) {
    auto& cluster = shared_cluster();
    const std::string topic = "guarded";
    cluster.create_topic(topic, 1);
    const auto set_offset = [&](const std::string& to, std::vector<std::string> more) {
        std::vector<std::string> arguments = {"offsets", "set", "--group", "guarded-group", "--topic", topic,
                                              "--zookeeper", cluster.zookeeper(), "--force", "--to", to};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_process(kwire_command(std::move(arguments)));
    };
    const std::vector<std::string> as_owner = {"-X", "zookeeper.auth=digest:us:secret"};
    auto guarded = as_owner;
    guarded.insert(guarded.end(), {"-X", "zookeeper.acl=auth::cdrwa,world:anyone:r"});
    const auto made = set_offset("7", guarded);
    ASSERT_TRUE(made.ok()) << made.describe();

    const auto refused = set_offset("8", {});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_NE(refused.err.find("no auth"), std::string::npos) << refused.describe();
    const auto stored = describe_group(cluster, "guarded-group", topic);
    ASSERT_TRUE(stored.contains(0));
    EXPECT_EQ(stored.at(0).offset, 7);
    const auto again = set_offset("9", as_owner);
    EXPECT_TRUE(again.ok()) << again.describe();
}

// A slip of the pen in the chroot is told, and leaves nothing behind.
TEST(Registry, a_mistyped_chroot_is_named_and_not_made) {
    auto& cluster = shared_cluster();
    const auto servers = cluster.zookeeper().substr(0, cluster.zookeeper().find('/'));
    for (const auto& command :
         {std::vector<std::string>{"topics", "list", "--zookeeper", servers + "/kafak"},
          std::vector<std::string>{"consume", "--group", "g", "--topic", "t", "--zookeeper", servers + "/kafak"}}) {
        const auto ended = run_process(kwire_command(command));
        EXPECT_NE(ended.exit_code, 0);
        EXPECT_NE(ended.err.find("no node /kafak"), std::string::npos) << ended.describe();
    }
    const auto runtime = Runtime::with_own_thread();
    zk::SessionConfig config;
    config.hosts = servers;
    const auto session = runtime->block_on(zk::open_session(runtime, config));
    EXPECT_EQ(runtime->block_on(session->exists("/kafak")).code, zk::Code::no_node);
    runtime->block_on(session->close());
}

}  // namespace
}  // namespace kwire::real
