// kwire and Java's high-level consumer as members of one group.

#include <csignal>
#include <fstream>
#include <map>
#include <set>

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

// A group reads the topic of its own name. Both members come to Java's rule: one is told to, the other sees who its peers are.
Process kwire_member(const std::string& group, const std::string& id, const std::string& strategy) {
    return Process(consume_command(shared_cluster(), group, {group},
                                   {"-X", "partition.assignment.strategy=" + strategy, "-X",
                                    "consumer.id=" + id, "-X", "auto.commit.interval.ms=500", "--verbose"}));
}

// It commits when it rebalances and when it leaves. Its commits by the clock are kept out of the way: they take no heed
// of a rebalance under way, and one that had gathered its offsets before may write them over newer ones.
// It refuses to begin with the smallest offset where the group has stored some.
Process java_member(const std::string& group, const std::string& reset = "smallest") {
    const auto file = testing::TempDir() + "kwire-" + group + ".properties";
    std::ofstream(file) << "group.id=" << group
                        << "\nauto.offset.reset=" << reset << "\nauto.commit.interval.ms=600000\n";
    return Process(shared_cluster().tool_command(
        "console-consumer",
        {"--zookeeper", shared_cluster().zookeeper(), "--topic", group, "--consumer.config", file},
        "1.1.1"));
}

std::vector<std::string> values_of(const Process& kwire) {
    std::vector<std::string> values;
    for (const auto& record : parse_records(kwire.out())) {
        values.push_back(record.value.value_or("(null)"));
    }
    return values;
}

std::set<std::string> as_set(const std::vector<std::string>& values) { return {values.begin(), values.end()}; }

// How many partitions each member has, largest first; empty while one has no owner.
// What kwire claimed before it saw that Java takes part bears its id without the number of a thread.
std::vector<int> shares(const std::string& group) {
    std::map<std::string, int> by_member;
    for (const auto& [owner, count] : owners_of(shared_cluster(), group, group)) {
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
    const std::string group = "mixed";
    auto& cluster = shared_cluster();
    cluster.create_topic(group, 8);
    auto first = kwire_member(group, "kwire-1", "auto");
    auto second = kwire_member(group, "kwire-2", "range");
    auto java = java_member(group);
    ASSERT_TRUE(await([&] { return shares(group) == std::vector{3, 3, 2}; }, 60s))
        << first.err() << second.err() << java.err();

    const auto read_so_far = [&] {
        return values_of(first).size() + values_of(second).size() + split_lines(java.out()).size();
    };
    cluster.kcat_produce(group, -1, "none", numbered(0, 2000));
    ASSERT_TRUE(await([&] { return read_so_far() >= 1000 && !values_of(second).empty(); }, 60s))
        << read_so_far();

    // It leaves in the middle of reading; the others share what it had.
    second.signal(SIGTERM);
    cluster.kcat_produce(group, -1, "none", numbered(2000, 2000));
    const auto left = second.wait(30s);
    EXPECT_TRUE(left.ok()) << left.describe();
    EXPECT_TRUE(await([&] { return shares(group) == std::vector{4, 4}; }, 60s))
        << testing::PrintToString(owners_of(cluster, group, group)) << first.err() << java.err();
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

TEST(MixedGroup, a_kill_of_either_kind_and_who_joins_later_lose_nothing) {
    const std::string group = "mixed-kills";
    auto& cluster = shared_cluster();
    cluster.create_topic(group, 8);
    auto first = kwire_member(group, "kwire-1", "auto");
    auto second = kwire_member(group, "kwire-2", "range");
    auto java = java_member(group);
    const auto divided = [&](const std::vector<int>& expected) {
        return await([&] { return shares(group) == expected; }, 90s);
    };
    std::set<std::string> gone;  // what members read that are no more
    int produced = 0;
    const auto all_is_read = [&](std::initializer_list<const Process*> kwires, const Process* other) {
        cluster.kcat_produce(group, -1, "none", numbered(produced, 500));
        produced += 500;
        return await(
            [&] {
                auto read = gone;
                for (const auto* kwire : kwires) read.merge(as_set(values_of(*kwire)));
                if (other != nullptr) read.merge(as_set(split_lines(other->out())));
                return read.size() == static_cast<std::size_t>(produced);
            },
            60s);
    };
    const auto what_is_told = [&] {
        return testing::PrintToString(owners_of(cluster, group, group)) + first.err() + java.err();
    };
    ASSERT_TRUE(divided({3, 3, 2})) << what_is_told();
    ASSERT_TRUE(all_is_read({&first, &second}, &java)) << what_is_told();

    second.signal(SIGKILL);
    EXPECT_FALSE(second.wait(30s).ok());
    gone.merge(as_set(values_of(second)));
    ASSERT_TRUE(divided({4, 4})) << "its session ended: " << what_is_told();
    ASSERT_TRUE(all_is_read({&first}, &java)) << what_is_told();

    java.signal(SIGKILL);
    EXPECT_FALSE(java.wait(30s).ok());
    gone.merge(as_set(split_lines(java.out())));
    ASSERT_TRUE(divided({8})) << what_is_told();
    ASSERT_TRUE(all_is_read({&first}, nullptr)) << what_is_told();

    auto late_java = java_member(group, "largest");
    auto third = kwire_member(group, "kwire-3", "auto");
    ASSERT_TRUE(divided({3, 3, 2})) << what_is_told() << late_java.err() << third.err();
    ASSERT_TRUE(all_is_read({&first, &third}, &late_java)) << what_is_told() << late_java.err() << third.err();
    for (auto* member : {&first, &third}) {
        member->signal(SIGTERM);
        const auto left = member->wait(30s);
        EXPECT_TRUE(left.ok()) << left.describe();
    }
}

}  // namespace
}  // namespace kwire::real
