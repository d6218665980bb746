// kwire and Java's high-level consumer as members of one group.

#include <csignal>
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

constexpr auto group = "mixed";
constexpr auto topic = "mixed";

std::vector<std::string> numbered(int first, int count) {
    std::vector<std::string> lines;
    for (int i = first; i < first + count; ++i) {
        lines.push_back("message " + std::to_string(i));
    }
    return lines;
}

// Both come to Java's rule: one is told to, the other sees who its peers are.
Process kwire_member(const std::string& id, const std::string& strategy) {
    return Process(consume_command(shared_cluster(), group, {topic},
                                   {"-X", "partition.assignment.strategy=" + strategy, "-X",
                                    "consumer.id=" + id, "-X", "auto.commit.interval.ms=500", "--verbose"}));
}

// It commits when it rebalances and when it leaves. Its commits by the clock are kept out of the way: they take no heed
// of a rebalance under way, and one that had gathered its offsets before may write them over newer ones.
Process java_member() {
    const auto file = testing::TempDir() + "kwire-mixed.properties";
    std::ofstream(file) << "group.id=" << group
                        << "\nauto.offset.reset=smallest\nauto.commit.interval.ms=600000\n";
    return Process(shared_cluster().tool_command(
        "console-consumer",
        {"--zookeeper", shared_cluster().zookeeper(), "--topic", topic, "--consumer.config", file},
        "1.1.1"));
}

std::vector<std::string> values_of(const Process& kwire) {
    std::vector<std::string> values;
    for (const auto& record : parse_records(kwire.out())) {
        values.push_back(record.value.value_or("(null)"));
    }
    return values;
}

// How many partitions each member has, largest first; empty while one has no owner.
// What kwire claimed before it saw that Java takes part bears its id without the number of a thread.
std::vector<int> shares() {
    std::map<std::string, int> by_member;
    for (const auto& [owner, count] : owners_of(shared_cluster(), group, topic)) {
        if (owner.empty()) {
            return {};
        }
        by_member[owner.ends_with("-0") ? owner.substr(0, owner.size() - 2) : owner] += count;
    }
    std::vector<int> counts;
    for (const auto& [member, count] : by_member) {
        counts.push_back(count);
    }
    std::sort(counts.rbegin(), counts.rend());
    return counts;
}

TEST(MixedGroup, two_kwire_members_and_a_java_member_read_each_message_once_across_a_leave) {
    auto& cluster = shared_cluster();
    cluster.create_topic(topic, 8);
    auto first = kwire_member("kwire-1", "auto");
    auto second = kwire_member("kwire-2", "range");
    auto java = java_member();
    ASSERT_TRUE(await(
        [] {
            return shares() == std::vector{3, 3, 2};
        },
        60s))
        << first.err() << second.err() << java.err();

    const auto read_so_far = [&] {
        return values_of(first).size() + values_of(second).size() + split_lines(java.out()).size();
    };
    cluster.kcat_produce(topic, -1, "none", numbered(0, 2000));
    ASSERT_TRUE(await([&] { return read_so_far() >= 1000 && !values_of(second).empty(); }, 60s))
        << read_so_far();

    // It leaves in the middle of reading; the others share what it had.
    second.signal(SIGTERM);
    cluster.kcat_produce(topic, -1, "none", numbered(2000, 2000));
    const auto left = second.wait(30s);
    EXPECT_TRUE(left.ok()) << left.describe();
    EXPECT_TRUE(await([] { return shares() == std::vector{4, 4}; }, 60s))
        << testing::PrintToString(owners_of(cluster, group, topic)) << first.err() << java.err();
    EXPECT_TRUE(await([&] { return read_so_far() >= 4000; }, 60s)) << read_so_far();

    // Java prints what it took before it ends; a kwire member commits it. Neither adds anything
    // now.
    java.signal(SIGTERM);
    const auto java_lines = split_lines(java.wait(30s).out);
    first.signal(SIGTERM);
    const auto first_left = first.wait(30s);
    EXPECT_TRUE(first_left.ok()) << first_left.describe();

    std::map<std::string, std::vector<std::string>> readers_of;
    const auto add = [&](const std::string& reader, const std::vector<std::string>& values) {
        EXPECT_FALSE(values.empty()) << reader;
        for (const auto& value : values) {
            readers_of[value].push_back(reader);
        }
    };
    add("kwire-1", values_of(first));
    add("kwire-2", values_of(second));
    add("java", java_lines);
    std::map<std::string, std::vector<std::string>> not_read_once;
    for (const auto& value : numbered(0, 4000)) {
        if (readers_of[value].size() != 1) {
            not_read_once[value] = readers_of[value];
        }
    }
    EXPECT_THAT(not_read_once, testing::IsEmpty()) << first_left.err << left.err;
    EXPECT_EQ(readers_of.size(), 4000u);
}

}  // namespace
}  // namespace kwire::real
