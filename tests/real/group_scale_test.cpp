// Many members, many partitions, on real servers. What must hold is asserted; how long it took is printed.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <kwire/group/consumer_group.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

/// When the messages of each partition came, whichever member was handed them.
class Arrivals {
 public:
    void add(const Message& message) {
        const std::lock_guard lock(mutex_);
        times_[message.partition()].push_back(Clock::now());
        fresh_ = seen_.emplace(message.partition(), message.offset()).second && fresh_;
    }
    bool each_came_once() {
        const std::lock_guard lock(mutex_);
        return fresh_;
    }
    std::size_t partitions() {
        const std::lock_guard lock(mutex_);
        return times_.size();
    }
    /// The longest time without a message of one of partitions between from and to.
    double longest_silence(const std::set<int>& partitions, Clock::time_point from, Clock::time_point to) {
        const std::lock_guard lock(mutex_);
        Clock::duration longest{};
        for (const int partition : partitions) {
            auto last = from;
            for (const auto at : times_[partition]) {
                if (at < from || at > to) continue;
                longest = std::max(longest, at - last);
                last = at;
            }
            longest = std::max(longest, to - last);
        }
        return seconds(longest);
    }

 private:
    std::mutex mutex_;
    std::map<int, std::vector<Clock::time_point>> times_;
    std::set<std::pair<int, std::int64_t>> seen_;
    bool fresh_ = true;
};

class Reader {
 public:
    Reader(std::shared_ptr<ConsumerGroup> group, Arrivals& arrivals) : group_(std::move(group)) {
        thread_ = std::jthread([this, &arrivals] {
            for (const Message& message : group_->messages()) {
                arrivals.add(message);
                group_->commit_upto(message);
            }
        });
    }
    ~Reader() {
        group_->close();
        thread_.join();
    }
    std::set<int> owned() const {
        std::set<int> partitions;
        for (const auto& tp : group_->owned()) partitions.insert(tp.partition);
        return partitions;
    }

 private:
    std::shared_ptr<ConsumerGroup> group_;
    std::jthread thread_;
};

TEST(GroupScale, a_second_member_joins_sixty_four_partitions_under_load) {
    auto& cluster = shared_cluster();
    constexpr int partitions = 64;
    cluster.create_topic("scale-join", partitions);
    Process producer(cluster.kcat_command(
        {"-P", "-t", "scale-join", "-X", "linger.ms=2", "-X", "topic.partitioner=random", "-X",
         "sticky.partitioning.linger.ms=0"}));
    std::jthread writer([&producer](const std::stop_token& stop) {
        const std::string lines = [] {
            std::string text;
            for (int i = 0; i < 64; ++i) text += "message " + std::to_string(i) + "\n";
            return text;
        }();
        while (!stop.stop_requested()) {
            producer.write(lines);
            std::this_thread::sleep_for(5ms);
        }
    });
    GroupConfig config;
    if (!cluster.has_zookeeper_brokers()) config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
    const auto join = [&] { return ConsumerGroup::join("scale-join", {"scale-join"}, cluster.zookeeper(), config); };
    Arrivals arrivals;
    {
        Reader first(join(), arrivals);
        ASSERT_TRUE(await([&] { return arrivals.partitions() == partitions; }, 30s));
        std::this_thread::sleep_for(2s);
        const auto before = first.owned();
        const auto joined_at = Clock::now();
        Reader second(join(), arrivals);
        EXPECT_TRUE(await([&] { return second.owned().size() == partitions / 2; }, 20s));
        std::this_thread::sleep_for(2s);
        const auto end = Clock::now();
        const auto stayed = first.owned();
        const auto moved = second.owned();
        EXPECT_EQ(stayed.size(), partitions / 2U);
        std::cout << "longest silence before the join "
                  << arrivals.longest_silence(before, joined_at - 2s, joined_at) << " s; of a partition that stays "
                  << arrivals.longest_silence(stayed, joined_at, end) << " s, of one that moves "
                  << arrivals.longest_silence(moved, joined_at, end) << " s\n";
        writer.request_stop();
        writer.join();
    }
    EXPECT_TRUE(arrivals.each_came_once());
    EXPECT_TRUE(producer.wait(30s).ok());
}

TEST(GroupScale, fifty_members_join_within_a_second) {
    auto& cluster = shared_cluster();
    constexpr std::size_t members = 50;
    cluster.create_topic("scale-fifty", 200);
    GroupConfig config;
    config.runtime = Runtime::with_own_thread();
    if (!cluster.has_zookeeper_brokers()) config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
    std::vector<std::shared_ptr<ConsumerGroup>> groups(members);
    std::vector<std::jthread> joining;
    const auto begun = Clock::now();
    for (std::size_t i = 0; i < members; ++i) {
        joining.emplace_back([&, i] {
            groups[i] = ConsumerGroup::join("scale-fifty", {"scale-fifty"}, cluster.zookeeper(), config);
        });
        std::this_thread::sleep_for(10ms);
    }
    joining.clear();
    const auto joined = Clock::now();
    const bool settled = await([&] {
        return std::all_of(groups.begin(), groups.end(), [](const auto& group) { return group->owned().size() == 4; });
    }, 60s);
    std::cout << "50 members registered after " << seconds(joined - begun) << " s, each had its 4 of 200 partitions after "
              << seconds(Clock::now() - begun) << " s\n";
    EXPECT_TRUE(settled);
    std::set<TopicPartition> owned;
    for (const auto& group : groups) {
        for (const auto& tp : group->owned()) EXPECT_TRUE(owned.insert(tp).second) << tp.to_string();
        EXPECT_TRUE(group->errors().empty());
    }
    std::vector<std::jthread> leaving;
    for (auto& group : groups) leaving.emplace_back([&group] { EXPECT_TRUE(group->close().clean()); });
}

}  // namespace
}  // namespace kwire::real
