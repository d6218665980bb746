// Offsets that kwire stores are what Java's tools and consumers find, and the other way round.

#include <fstream>
#include <regex>

#include <gmock/gmock.h>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using ::testing::HasSubstr;

// Java's tools and consumers that speak to ZooKeeper: of the broker's release, or the last one that
// had them. Newer ones do not understand brokers older than themselves.
std::string zookeeper_java() {
    return shared_cluster().at_least("1.1.1") ? "1.1.1" : shared_cluster().version();
}

// A file of consumer properties; the releases differ in what else they take. With one message a
// poll the committed position is what was printed, not what was fetched.
std::string consumer_properties(const std::string& group) {
    auto file =
        testing::TempDir() + "kwire-" + shared_cluster().version() + "-" + group + ".properties";
    std::ofstream(file) << "group.id=" << group << "\nmax.poll.records=1\n";
    return file;
}

void produce_numbers(const std::string& topic, int first, int count) {
    std::vector<std::string> lines;
    for (int i = first; i < first + count; ++i) {
        lines.push_back(std::to_string(i));
    }
    shared_cluster().kcat_produce(topic, 0, "none", lines);
}

void consume(const std::string& group, const std::string& topic, int messages,
             const std::string& storage) {
    const auto result =
        run_process(consume_command(shared_cluster(), group, {topic},
                                    {"--offsets", storage, "--max-messages",
                                     std::to_string(messages), "--idle-timeout", "20s"}));
    ASSERT_TRUE(result.ok()) << result.describe();
    ASSERT_EQ(parse_records(result.out).size(), static_cast<std::size_t>(messages));
}

// What a console consumer printed of the messages; some releases print advice among them.
std::vector<std::string> numbers_in(const std::string& output) {
    auto lines = split_lines(output);
    std::erase_if(lines, [](const std::string& line) {
        return line.find_first_not_of("0123456789") != std::string::npos;
    });
    return lines;
}

// The tool of the releases before 1.0: it asks the coordinator first, then ZooKeeper, and gives up
// where a partition has no offset in either.
ProcessResult check_offsets(const std::string& group) {
    auto& cluster = shared_cluster();
    return cluster.tool("consumer-offset-checker",
                        {"--zookeeper", cluster.zookeeper(), "--group", group, "--topic", group});
}

// The row of a tool's table for partition 0 of a topic: the numbers after the partition.
std::vector<std::int64_t> numbers_in_row(const std::string& table, const std::string& topic) {
    std::smatch match;
    std::vector<std::int64_t> numbers;
    const std::regex row("\\b" + topic + "\\s+0\\s+(\\d+)\\s+(\\d+)\\s+(\\d+)");
    if (std::regex_search(table, match, row)) {
        for (std::size_t i = 1; i < match.size(); ++i) {
            numbers.push_back(std::stoll(match[i].str()));
        }
    }
    return numbers;
}

TEST(Offsets, in_zookeeper_are_what_javas_tool_shows) {
    auto& cluster = shared_cluster();
    if (!cluster.has_zookeeper_brokers()) {
        GTEST_SKIP() << "brokers without ZooKeeper: the tool finds none there";
    }
    cluster.create_topic("shown-zk", 1);
    produce_numbers("shown-zk", 0, 100);
    consume("shown-zk", "shown-zk", 30, "zookeeper");
    ProcessResult shown;
    if (cluster.at_least("1.0")) {
        shown =
            cluster.tool("consumer-groups",
                         {"--zookeeper", cluster.zookeeper(), "--describe", "--group", "shown-zk"},
                         zookeeper_java());
    } else {
        shown = check_offsets("shown-zk");
    }
    EXPECT_THAT(numbers_in_row(shown.out, "shown-zk"), testing::ElementsAre(30, 100, 70))
        << shown.describe();
}

TEST(Offsets, in_zookeeper_java_goes_on_where_kwire_stopped_and_the_other_way_round) {
    auto& cluster = shared_cluster();
    if (!cluster.has_zookeeper_brokers()) {
        GTEST_SKIP() << "Java's high-level consumer finds its brokers in ZooKeeper only";
    }
    produce_numbers("shared-zk", 0, 60);
    consume("shared-zk", "shared-zk", 20, "zookeeper");
    const auto java =
        cluster.tool("console-consumer",
                     {"--zookeeper", cluster.zookeeper(), "--topic", "shared-zk", "--max-messages",
                      "15", "--consumer.config", consumer_properties("shared-zk")},
                     zookeeper_java());
    const auto by_java = numbers_in(java.out);
    ASSERT_EQ(by_java.size(), 15U) << java.describe();
    EXPECT_EQ(by_java.front(), "20");
    EXPECT_EQ(by_java.back(), "34");
    const auto rest = run_process(consume_command(
        cluster, "shared-zk", {"shared-zk"}, {"--max-messages", "25", "--idle-timeout", "20s"}));
    const auto by_kwire = parse_records(rest.out);
    ASSERT_EQ(by_kwire.size(), 25U) << rest.describe();
    EXPECT_EQ(by_kwire.front().value, "35");
    EXPECT_EQ(by_kwire.back().value, "59");
}

// The consumer that stores offsets in Kafka, coordinated by the brokers: from 0.9 on.
ProcessResult java_consumes(const std::string& group, const std::string& topic, int messages) {
    auto& cluster = shared_cluster();
    std::vector<std::string> arguments{"--bootstrap-server",
                                       cluster.bootstrap(),
                                       "--topic",
                                       topic,
                                       "--max-messages",
                                       std::to_string(messages),
                                       "--consumer.config",
                                       consumer_properties(group)};
    if (!cluster.at_least("0.10.2")) {
        arguments.emplace_back("--new-consumer");
    }
    return cluster.tool("console-consumer", arguments);
}

TEST(Offsets, in_kafka_java_goes_on_where_kwire_stopped_and_the_other_way_round) {
    auto& cluster = shared_cluster();
    if (!cluster.at_least("0.9")) {
        GTEST_SKIP() << "0.8 has no such consumer";
    }
    produce_numbers("shared-kafka", 0, 60);
    consume("shared-kafka", "shared-kafka", 20, "kafka");
    const auto java = java_consumes("shared-kafka", "shared-kafka", 15);
    const auto by_java = numbers_in(java.out);
    ASSERT_EQ(by_java.size(), 15U) << java.describe();
    EXPECT_EQ(by_java.front(), "20");
    EXPECT_EQ(by_java.back(), "34");
    if (!cluster.at_least("0.10")) {
        return;  // that consumer commits all that it fetched, printed or not
    }
    const auto rest = run_process(
        consume_command(cluster, "shared-kafka", {"shared-kafka"},
                        {"--offsets", "kafka", "--max-messages", "25", "--idle-timeout", "20s"}));
    const auto by_kwire = parse_records(rest.out);
    ASSERT_EQ(by_kwire.size(), 25U) << rest.describe();
    EXPECT_EQ(by_kwire.front().value, "35");
    EXPECT_EQ(by_kwire.back().value, "59");
}

TEST(Offsets, in_kafka_are_what_javas_tool_of_the_release_shows) {
    auto& cluster = shared_cluster();
    cluster.create_topic("shown-kafka", 1);
    produce_numbers("shown-kafka", 0, 100);
    consume("shown-kafka", "shown-kafka", 30, "kafka");
    ProcessResult shown;
    if (cluster.at_least("0.10.2")) {
        shown = cluster.tool("consumer-groups", {"--bootstrap-server", cluster.bootstrap(),
                                                 "--describe", "--group", "shown-kafka"});
    } else {
        shown = check_offsets("shown-kafka");
    }
    EXPECT_THAT(numbers_in_row(shown.out, "shown-kafka"), testing::ElementsAre(30, 100, 70))
        << shown.describe();
}

TEST(Offsets, stored_in_both_places_agree) {
    auto& cluster = shared_cluster();
    produce_numbers("dual", 0, 50);
    consume("dual", "dual", 35, "dual");
    const auto in_zookeeper =
        run_process(kwire_command({"offsets", "get", "--group", "dual", "--topic", "dual",
                                   "--zookeeper", cluster.zookeeper()}));
    const auto in_kafka = run_process(kwire_command({"offsets", "get", "--group", "dual", "--topic",
                                                     "dual", "--bootstrap", cluster.bootstrap()}));
    EXPECT_THAT(in_zookeeper.out, HasSubstr("35")) << in_zookeeper.describe();
    EXPECT_THAT(in_kafka.out, HasSubstr("35")) << in_kafka.describe();
}

TEST(Offsets, reset_when_joining_are_read_from_the_start_again) {
    auto& cluster = shared_cluster();
    for (const std::string storage : {"zookeeper", "kafka", "dual"}) {
        const std::string group = "reset-" + storage;
        produce_numbers(group, 0, 50);
        consume(group, group, 35, storage);
        const auto again = run_process(
            consume_command(cluster, group, {group},
                            {"--offsets", storage, "--reset-offsets", "--max-messages", "20"}));
        const auto read = parse_records(again.out);
        ASSERT_EQ(read.size(), 20U) << storage << again.describe();
        EXPECT_EQ(read.front().value, "0") << storage;
        EXPECT_EQ(read.back().value, "19") << storage;
        // And what it committed then is where the next one begins.
        const auto rest = run_process(consume_command(
            cluster, group, {group}, {"--offsets", storage, "--max-messages", "30"}));
        const auto by_next = parse_records(rest.out);
        ASSERT_EQ(by_next.size(), 30U) << storage << rest.describe();
        EXPECT_EQ(by_next.front().value, "20") << storage;
    }
}

TEST(Offsets, in_kafka_are_removed_where_the_broker_can) {
    auto& cluster = shared_cluster();
    if (!cluster.at_least("0.10.2")) {
        GTEST_SKIP() << "cannot list what a group has stored";
    }
    const std::string group = "removed";
    for (const std::string topic : {"removed-a", "removed-b"}) {
        cluster.create_topic(topic, 1);
        produce_numbers(topic, 0, 5);
        consume(group, topic, 5, "kafka");
    }
    const auto offsets = [&] {
        return run_process(kwire_command({"offsets", "get", "-g", group, "-b", cluster.bootstrap(), "--format", "json"})).out;
    };
    EXPECT_THAT(offsets(), HasSubstr("\"topic\":\"removed-a\",\"partition\":0,\"offset\":5"));
    const auto one = run_process(
        kwire_command({"offsets", "reset", "-g", group, "-t", "removed-a", "-b", cluster.bootstrap()}));
    EXPECT_TRUE(one.ok()) << one.describe();
    EXPECT_THAT(offsets(), HasSubstr("\"topic\":\"removed-b\",\"partition\":0,\"offset\":5"));
    if (cluster.at_least("2.4")) {
        EXPECT_THAT(offsets(), testing::Not(HasSubstr("removed-a")));
    } else {
        EXPECT_THAT(one.err, HasSubstr("set to the oldest offsets instead"));
    }
    const auto all = run_process(kwire_command({"offsets", "reset", "-g", group, "-b", cluster.bootstrap()}));
    EXPECT_TRUE(all.ok()) << all.describe();
    if (cluster.at_least("1.1")) {
        EXPECT_EQ(offsets(), "");
    } else {
        EXPECT_THAT(offsets(), HasSubstr("\"topic\":\"removed-b\",\"partition\":0,\"offset\":0"));
    }
}

}  // namespace
}  // namespace kwire::real
