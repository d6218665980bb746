// Three brokers in racks (KIP-392): a reader in a follower's rack reads there, survives the leader's death, and loses nothing.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> numbered(int first, int count) {
    std::vector<std::string> lines;
    for (int i = first; i < first + count; ++i) lines.push_back("message " + std::to_string(i));
    return lines;
}

std::string address_of(const RealCluster& cluster, int broker) {
    std::vector<std::string> addresses;
    std::string rest = cluster.bootstrap();
    for (std::size_t comma = 0; (comma = rest.find(',')) != std::string::npos; rest = rest.substr(comma + 1)) {
        addresses.push_back(rest.substr(0, comma));
    }
    addresses.push_back(rest);
    return addresses.at(static_cast<std::size_t>(broker) - 1);
}

/// How many bytes of records each broker handed out, by its address, as the proxy between saw it.
std::map<std::string, std::size_t> bytes_by_broker(const std::string& exchanges) {
    std::map<std::string, std::size_t> bytes;
    for (const auto& line : split_lines(exchanges)) {
        const auto exchange = nlohmann::json::parse(line);
        if (exchange["api"] != "Fetch" || !exchange.contains("response")) continue;
        for (const auto& topic : exchange["response"].value("responses", nlohmann::json::array())) {
            for (const auto& partition : topic["partitions"]) {
                const auto size = partition.value("recordsSizeInBytes", std::size_t{0});
                if (size > 0) bytes[exchange["broker"]] += size;
            }
        }
    }
    return bytes;
}

TEST(Follower, in_the_readers_rack_is_read_and_the_leaders_death_loses_nothing) {
    RealCluster::Options options;
    options.brokers = 3;
    options.broker_settings = {"broker.rack=rack-{id}",
                               "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
                               "zookeeper.session.timeout.ms=3000", "broker.session.timeout.ms=3000",
                               "unclean.leader.election.enable=false"};
    const std::string version = std::getenv("KWIRE_KAFKA_VERSION");
    const RealCluster cluster(version, options);
    cluster.create_topic("racks", 1, 3);
    cluster.kcat_produce("racks", 0, "none", numbered(0, 1000), {"-X", "acks=all"});
    const int leader = cluster.leaders_of("racks").at(0);
    const int follower = leader % 3 + 1;

    // Below the ports that clusters take.
    const std::string listen = "127.0.0.1:" + std::to_string(version == "3.9.1" ? 22490 : 22510);
    Process proxy(kwire_command({"proxy", "--listen", listen, "--bootstrap", cluster.bootstrap(), "--format", "json",
                                 "--api", "Fetch"}));
    ASSERT_TRUE(await([&] { return proxy.err().find("listens on") != std::string::npos; }, 10s)) << proxy.err();
    Process reader(kwire_command({"consume", "--zookeeper", cluster.zookeeper(), "--bootstrap", listen, "--group", "racks",
                                  "--topic", "racks", "--initial", "oldest", "--format", "json", "-X",
                                  "client.rack=rack-" + std::to_string(follower), "-X", "auto.commit.interval.ms=200"}));
    ASSERT_TRUE(reader.await_lines(1000, 60s)) << reader.err();

    // New messages come by the follower now.
    cluster.kcat_produce("racks", 0, "none", numbered(1000, 1000), {"-X", "acks=all"});
    ASSERT_TRUE(reader.await_lines(2000, 60s)) << reader.err();
    const auto bytes = bytes_by_broker(proxy.out());
    EXPECT_THAT(bytes, testing::ElementsAre(testing::Pair(address_of(cluster, follower), testing::Gt(10'000U))))
        << "all was to be read at the follower, broker " << follower << "; the leader is broker " << leader;

    cluster.signal("broker-" + std::to_string(leader), "KILL");
    cluster.kcat_produce("racks", 0, "none", numbered(2000, 1000), {"-X", "acks=all", "-X", "message.timeout.ms=60000"});
    EXPECT_TRUE(reader.await_lines(3000, 60s)) << reader.err();
    const int next_leader = cluster.leaders_of("racks").at(0);
    EXPECT_NE(next_leader, leader);

    // So does the death of the broker that it reads from, whether that leads by now or not.
    cluster.restart("broker-" + std::to_string(leader));
    cluster.kcat_produce("racks", 0, "none", numbered(3000, 1000), {"-X", "acks=all"});
    ASSERT_TRUE(reader.await_lines(4000, 60s)) << reader.err();
    cluster.signal("broker-" + std::to_string(follower), "KILL");
    cluster.kcat_produce("racks", 0, "none", numbered(4000, 1000), {"-X", "acks=all", "-X", "message.timeout.ms=60000"});
    const auto expected = cluster.kcat_read_all_of("racks", 5000);
    EXPECT_TRUE(reader.await_lines(expected.size(), 60s)) << reader.err();

    reader.signal(SIGTERM);
    const auto left = reader.wait(30s);
    EXPECT_TRUE(left.ok()) << left.describe();
    EXPECT_EQ(parse_sorted_records(left.out), expected);
}

}  // namespace
}  // namespace kwire::real
