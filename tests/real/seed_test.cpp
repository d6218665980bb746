// The four behaviours that the Go original shows on a real cluster, through the library: one member
// and two topics, two members side by side, two members one after the other. (How many partitions
// each gets is tested in tests/group.)

#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include <kwire/group/consumer_group.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

using Position = std::pair<std::string, std::pair<int, std::int64_t>>;  // topic, partition, offset

std::shared_ptr<ConsumerGroup> join(const std::string& group,
                                    const std::vector<std::string>& topics) {
    auto& cluster = shared_cluster();
    std::map<std::string, std::string> properties{{"auto.offset.reset", "smallest"},
                                                  {"auto.commit.interval.ms", "200"}};
    if (!cluster.has_zookeeper_brokers()) {
        properties["bootstrap.servers"] = cluster.bootstrap();
    }
    return ConsumerGroup::join(group, topics, cluster.zookeeper(),
                               GroupConfig::from_properties(properties));
}

void produce(const std::string& topic, int count) {
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        lines.push_back(topic + " " + std::to_string(i));
    }
    shared_cluster().kcat_produce(topic, -1, "none", lines);
}

// Reads, acknowledging each, until there are as many or nothing came for the time.
std::vector<Position> read(ConsumerGroup& group, std::size_t count,
                           std::chrono::milliseconds patience = 30s) {
    std::vector<Position> read;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (read.size() < count && std::chrono::steady_clock::now() < deadline) {
        auto batch = group.poll(200ms);
        if (batch.empty()) {
            continue;
        }
        for (const Message& message : batch) {
            read.push_back({message.topic(), {message.partition(), message.offset()}});
            EXPECT_TRUE(group.commit_upto(message));
            if (read.size() == count) {
                break;
            }
        }
    }
    return read;
}

// Offsets of a partition come in order and without a gap.
void expect_in_order(const std::vector<Position>& positions) {
    std::map<std::pair<std::string, int>, std::int64_t> last;
    for (const auto& [topic, at] : positions) {
        const auto [it, first] = last.try_emplace({topic, at.first}, at.second);
        if (!first) {
            EXPECT_EQ(at.second, it->second + 1) << topic << ":" << at.first;
            it->second = at.second;
        }
    }
}

TEST(Seed, one_member_reads_two_topics) {
    auto& cluster = shared_cluster();
    cluster.create_topic("seed-one", 1);
    cluster.create_topic("seed-four", 4);
    produce("seed-one", 100);
    produce("seed-four", 200);
    const auto group = join("seed-single", {"seed-one", "seed-four"});
    EXPECT_TRUE(group->instance_registered());
    const auto positions = read(*group, 300);
    EXPECT_EQ(std::set<Position>(positions.begin(), positions.end()).size(), 300U);
    expect_in_order(positions);
    EXPECT_TRUE(group->close().clean());
    EXPECT_TRUE(group->closed());
    EXPECT_THAT(group->errors(), testing::IsEmpty());
    EXPECT_TRUE(group->close().clean()) << "a second close returns the report of the first";
}

TEST(Seed, two_members_share_the_messages) {
    shared_cluster().create_topic("seed-shared", 4);
    const auto first = join("seed-pair", {"seed-shared"});
    const auto second = join("seed-pair", {"seed-shared"});
    ASSERT_TRUE(
        await([&] { return first->owned().size() == 2 && second->owned().size() == 2; }, 30s));
    produce("seed-shared", 200);

    std::mutex mutex;
    std::vector<Position> all;
    const auto take = [&](ConsumerGroup& group) {
        for (const auto deadline = std::chrono::steady_clock::now() + 30s;
             std::chrono::steady_clock::now() < deadline;) {
            const auto part = read(group, 50, 300ms);
            const std::lock_guard lock(mutex);
            all.insert(all.end(), part.begin(), part.end());
            if (all.size() >= 200) {
                return;
            }
        }
    };
    std::jthread other([&] { take(*second); });
    take(*first);
    other.join();
    EXPECT_TRUE(first->close().clean());
    EXPECT_TRUE(second->close().clean());
    EXPECT_EQ(all.size(), 200U);
    EXPECT_EQ(std::set<Position>(all.begin(), all.end()).size(), 200U);
}

TEST(Seed, a_member_goes_on_where_the_one_before_stopped) {
    shared_cluster().create_topic("seed-turns", 1);
    produce("seed-turns", 20);
    const auto first = join("seed-turns", {"seed-turns"});
    auto positions = read(*first, 10);
    // The batch goes before its end: what was not handed out is the next member's.
    EXPECT_TRUE(first->close().clean());
    const auto second = join("seed-turns", {"seed-turns"});
    const auto rest = read(*second, 10);
    EXPECT_TRUE(second->close().clean());
    positions.insert(positions.end(), rest.begin(), rest.end());
    ASSERT_EQ(positions.size(), 20U);
    expect_in_order(positions);
    EXPECT_EQ(positions.back().second.second, 19);
}

}  // namespace
}  // namespace kwire::real
