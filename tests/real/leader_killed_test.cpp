// Three brokers, one of them killed: reading goes on, and nothing is lost.

#include <csignal>

#include <gmock/gmock.h>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> numbered(int first, int count) {
    std::vector<std::string> lines;
    for (int i = first; i < first + count; ++i) {
        lines.push_back("message " + std::to_string(i));
    }
    return lines;
}

TEST(LeaderKilled, reading_goes_on_and_nothing_is_lost) {
    RealCluster::Options options;
    options.brokers = 3;
    options.chroot = "/three";
    // The cluster notices the death when the broker's session ends.
    options.broker_settings = {"zookeeper.session.timeout.ms=3000",
                               "broker.session.timeout.ms=3000",
                               "unclean.leader.election.enable=false"};
    const RealCluster cluster(std::getenv("KWIRE_KAFKA_VERSION"), options);
    cluster.create_topic("replicated", 6, 3);
    cluster.kcat_produce("replicated", -1, "lz4", numbered(0, 3000), {"-X", "acks=all"});

    Process reader(consume_command(cluster, "survivors", {"replicated"},
                                   {"-X", "auto.commit.interval.ms=200"}));
    ASSERT_TRUE(reader.await_lines(3000, 60s)) << reader.err();

    const int victim = cluster.leaders_of("replicated").at(0);
    cluster.signal("broker-" + std::to_string(victim), "KILL");
    // Written while one third of the partitions has no leader; kcat waits for the new ones.
    cluster.kcat_produce("replicated", -1, "lz4", numbered(3000, 3000),
                         {"-X", "acks=all", "-X", "message.timeout.ms=60000"});
    const auto expected = cluster.kcat_read_all_of("replicated", 6000);
    EXPECT_TRUE(reader.await_lines(expected.size(), 60s)) << reader.err();

    // It comes back, and may lead again; nothing is read twice for that.
    cluster.restart("broker-" + std::to_string(victim));
    cluster.kcat_produce("replicated", -1, "lz4", numbered(6000, 1000), {"-X", "acks=all"});
    const auto in_the_end = cluster.kcat_read_all_of("replicated", 7000);
    EXPECT_TRUE(reader.await_lines(in_the_end.size(), 60s)) << reader.err();

    reader.signal(SIGTERM);
    const auto left = reader.wait(30s);
    EXPECT_TRUE(left.ok()) << left.describe();
    EXPECT_EQ(parse_sorted_records(left.out), in_the_end);
    for (const auto& [partition, state] : describe_group(cluster, "survivors", "replicated")) {
        EXPECT_EQ(state.lag, 0) << partition;
        EXPECT_EQ(state.owner, "") << partition;
    }
}

}  // namespace
}  // namespace kwire::real
