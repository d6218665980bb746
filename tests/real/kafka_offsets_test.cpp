// Offsets in Kafka on real brokers of every line that can keep them.

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/kafka_offset_store.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(KafkaOffsets, are_kept_by_the_coordinator_and_read_by_the_next_owner) {
    auto& cluster = shared_cluster();
    cluster.create_topic("kept", 3);
    const auto runtime = Runtime::with_own_thread();
    const auto run = [&](auto task) { return runtime->block_on(std::move(task)); };
    ClusterConfig config;
    config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
    const auto kafka = Cluster::create(runtime, config);
    const std::string group = "kwire-offsets";
    const TopicPartition first{"kept", 0};
    const TopicPartition third{"kept", 2};

    // The very first question makes the broker create the topic that it keeps offsets in.
    const auto owner = make_offset_manager(kafka->runtime(), kafka_offset_store(kafka, group));
    EXPECT_EQ(run(owner->initialize_partition(first)), -1);
    EXPECT_EQ(run(owner->initialize_partition(third)), -1);
    EXPECT_TRUE(owner->mark_as_processed(first, 17));
    EXPECT_TRUE(owner->mark_as_processed(third, 4711));
    EXPECT_THAT(run(owner->flush()), IsEmpty());
    EXPECT_TRUE(owner->mark_as_processed(first, 18));
    EXPECT_FALSE(run(owner->finalize_partition(first, runtime->now() + 10s)));
    EXPECT_THAT(run(owner->close(runtime->now() + 10s)), IsEmpty());

    const auto next = make_offset_manager(kafka->runtime(), kafka_offset_store(kafka, group));
    EXPECT_EQ(run(next->initialize_partition(first)), 18);
    EXPECT_EQ(run(next->initialize_partition({"kept", 1})), -1);
    EXPECT_EQ(run(next->initialize_partition(third)), 4711);

    run(store_offsets(kafka, group, {{first, 3}}));
    const std::vector<TopicPartition> named{first, {"kept", 1}};
    EXPECT_THAT(run(fetch_offsets(kafka, group, named)), ElementsAre(Pair(first, 3)));
    if (cluster.at_least("0.10.2")) {
        EXPECT_THAT(run(fetch_offsets(kafka, group, std::nullopt)),
                    ElementsAre(Pair(first, 3), Pair(third, 4711)));
    }
    if (cluster.at_least("1.0")) {
        const auto told = cluster.tool(
            "consumer-groups",
            {"--bootstrap-server", cluster.bootstrap(), "--describe", "--group", group});
        EXPECT_THAT(told.out, HasSubstr("4711")) << told.describe();
    }
    kafka->close();
}

}  // namespace
}  // namespace kwire::real
