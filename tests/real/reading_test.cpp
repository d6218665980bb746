// What kwire reads and writes is what kcat and Java read and write, on the broker of one release.

#include <gmock/gmock.h>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> numbered_lines(const std::string& label, int count) {
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        // Lengths differ, so that a wrong boundary shows; repetition gives the codecs something to
        // do.
        lines.push_back(label + " " + std::to_string(i) + " " +
                        std::string(static_cast<std::size_t>(i % 97), 'x'));
    }
    return lines;
}

std::vector<std::string> values_of(const std::vector<Record>& records) {
    std::vector<std::string> values;
    for (const auto& record : records) {
        values.push_back(record.value.value_or("(null)"));
    }
    return values;
}

ProcessResult consume(const std::string& group, const std::string& topic, std::size_t messages,
                      std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--max-messages", std::to_string(messages), "--idle-timeout", "20s"});
    return run_process(consume_command(shared_cluster(), group, {topic}, more));
}

TEST(Reading, equals_kcat_for_every_codec_that_kcat_writes) {
    auto& cluster = shared_cluster();
    for (const auto& codec : cluster.codecs()) {
        SCOPED_TRACE(codec);
        const auto topic = "kcat-" + codec;
        for (int partition = 0; partition < 4; ++partition) {
            cluster.kcat_produce(topic, partition, codec,
                                 numbered_lines("p" + std::to_string(partition), 300 + partition));
        }
        const auto expected = cluster.kcat_read_all_of(topic, 1206);
        ASSERT_EQ(expected.size(), 1206U);
        const auto result = consume("reads-" + topic, topic, expected.size());
        ASSERT_TRUE(result.ok()) << result.describe();
        EXPECT_EQ(parse_sorted_records(result.out), expected);
    }
}

TEST(Reading, equals_kcat_for_every_codec_that_java_writes) {
    auto& cluster = shared_cluster();
    for (const auto& codec : cluster.codecs()) {
        SCOPED_TRACE(codec);
        const auto topic = "java-" + codec;
        cluster.java_produce(topic, codec, numbered_lines("java", 500));
        const auto expected = cluster.kcat_read_all_of(topic, 500);
        ASSERT_EQ(expected.size(), 500U);
        const auto result = consume("reads-" + topic, topic, expected.size());
        ASSERT_TRUE(result.ok()) << result.describe();
        EXPECT_EQ(parse_sorted_records(result.out), expected);
    }
}

TEST(Reading, tells_null_from_empty_in_keys_and_values) {
    auto& cluster = shared_cluster();
    cluster.kcat_produce("nulls", 0, "none", {"key|value", "|value", "key|", "|", "k|two|bars"},
                         {"-K", "|", "-Z"});
    cluster.kcat_produce("nulls", 0, "none", {"no key"});
    const auto expected = cluster.kcat_read("nulls");
    ASSERT_EQ(expected.size(), 6U);
    EXPECT_EQ(expected.back().key, std::nullopt);
    const auto result = consume("nulls", "nulls", expected.size());
    ASSERT_TRUE(result.ok()) << result.describe();
    EXPECT_EQ(parse_sorted_records(result.out), expected);
}

TEST(Reading, keeps_a_megabyte_message_whole) {
    auto& cluster = shared_cluster();
    const std::vector<std::string> lines{"before", std::string(900'000, 'y'), "after"};
    cluster.kcat_produce("large", 0, "none", lines);
    const auto result =
        consume("large", "large", lines.size(), {"-X", "max.partition.fetch.bytes=10000"});
    ASSERT_TRUE(result.ok()) << result.describe();
    EXPECT_EQ(values_of(parse_records(result.out)), lines);
}

TEST(Reading, a_second_run_resumes_exactly_where_the_first_stopped) {
    auto& cluster = shared_cluster();
    cluster.kcat_produce("resumed", -1, "none", numbered_lines("line", 1000));
    const auto expected = cluster.kcat_read("resumed");
    std::vector<Record> read;
    for (const std::size_t count : {1U, 333U, 500U, 166U}) {
        const auto result = consume("resumed", "resumed", count);
        ASSERT_TRUE(result.ok()) << result.describe();
        const auto part = parse_records(result.out);
        ASSERT_EQ(part.size(), count);
        read.insert(read.end(), part.begin(), part.end());
    }
    std::sort(read.begin(), read.end());
    EXPECT_EQ(read, expected);
}

TEST(Writing, kcat_reads_what_kwire_writes_in_every_codec) {
    auto& cluster = shared_cluster();
    for (const auto& codec : cluster.codecs()) {
        SCOPED_TRACE(codec);
        const auto topic = "written-" + codec;
        const auto lines = numbered_lines(codec, 400);
        std::string input;
        for (const auto& line : lines) {
            input += line + "\n";
        }
        cluster.create_topic(topic, 4);
        const auto result =
            run_process(kwire_command({"produce", "--bootstrap", cluster.bootstrap(), "--topic",
                                       topic, "--partition", "2", "--compression", codec}),
                        input);
        ASSERT_TRUE(result.ok()) << result.describe();
        const auto records = cluster.kcat_read(topic);
        EXPECT_EQ(values_of(records), lines);
        for (const auto& record : records) {
            ASSERT_EQ(record.partition, 2);
        }
    }
}

TEST(Writing, a_topic_is_created_by_writing_to_it_as_by_javas_producer) {
    auto& cluster = shared_cluster();
    const auto written = run_process(
        kwire_command({"produce", "--bootstrap", cluster.bootstrap(), "--topic", "made-by-writing"}), "a\nb\nc\n");
    EXPECT_TRUE(written.ok()) << written.describe();
    EXPECT_EQ(cluster.kcat_read_all_of("made-by-writing", 3).size(), 3U);
}

TEST(Writing, no_topic_is_created_where_that_is_turned_off) {
    auto& cluster = shared_cluster();
    if (!cluster.at_least("0.11")) {
        GTEST_SKIP() << "brokers of before Metadata 4 cannot be told";
    }
    const auto refused = run_process(kwire_command({"produce", "--bootstrap", cluster.bootstrap(), "--topic", "not-made",
                                                    "-X", "allow.auto.create.topics=false"}),
                                     "a\n");
    EXPECT_EQ(refused.exit_code, 1) << refused.describe();
    EXPECT_THAT(refused.err, testing::HasSubstr("the topic does not exist"));
    const auto topics = run_process(kwire_command({"topics", "list", "--bootstrap", cluster.bootstrap()}));
    EXPECT_THAT(topics.out, testing::Not(testing::HasSubstr("not-made")));
}

TEST(WrongPort, the_error_says_what_answers_there) {
    auto& cluster = shared_cluster();
    const auto zookeeper = cluster.zookeeper().substr(0, cluster.zookeeper().find('/'));
    const auto brokers =
        run_process(kwire_command({"topics", "list", "--bootstrap", zookeeper}));
    EXPECT_FALSE(brokers.ok());
    EXPECT_THAT(brokers.err, testing::HasSubstr("ZooKeeper")) << brokers.describe();

    const auto ensemble =
        run_process(kwire_command({"group", "list", "--zookeeper", cluster.bootstrap(), "-X",
                                   "zookeeper.connection.timeout.ms=500"}));
    EXPECT_FALSE(ensemble.ok());
    EXPECT_THAT(ensemble.err, testing::HasSubstr("Kafka broker")) << ensemble.describe();
}

}  // namespace
}  // namespace kwire::real
