// Many members, many partitions, on real servers. What must hold is asserted; how long it took is printed.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <kwire/group/consumer_group.h>
#include <kwire/net/cluster.h>
#include <kwire/net/producer.h>

#include "kwire_command.h"
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
    Clock::time_point newest(int partition) {
        const std::lock_guard lock(mutex_);
        const auto& times = times_[partition];
        return times.empty() ? Clock::time_point{} : times.back();
    }
    /// The end of time where there was none.
    Clock::time_point first_since(int partition, Clock::time_point since) {
        const std::lock_guard lock(mutex_);
        const auto& times = times_[partition];
        const auto found = std::lower_bound(times.begin(), times.end(), since);
        return found == times.end() ? Clock::time_point::max() : *found;
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
                static_cast<void>(group_->commit_upto(message));
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

/// A message in every partition of a topic every 100 ms, until it is stopped: no partition is silent by chance, and the
/// broker, which takes each as a request of its own, is not overrun.
class Load {
 public:
    Load(const RealCluster& cluster, std::string topic, int partitions)
        : producer_(Producer::create(cluster_of(cluster), ProducerConfig{})), topic_(std::move(topic)) {
        writer_ = std::jthread([this, partitions](const std::stop_token& stop) { write(stop, partitions); });
    }
    void stop() {
        writer_.request_stop();
        writer_.join();
        producer_->close();
        EXPECT_EQ(failed_, 0);
    }

 private:
    static std::shared_ptr<Cluster> cluster_of(const RealCluster& cluster) {
        ClusterConfig config;
        config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
        return Cluster::create(Runtime::with_own_thread(), std::move(config));
    }
    void write(const std::stop_token& stop, int partitions) {
        for (auto next = Clock::now(); !stop.stop_requested(); next += 100ms) {
            std::this_thread::sleep_until(next);
            for (int partition = 0; partition < partitions; ++partition) {
                ProducerRecord record;
                record.topic = topic_;
                record.partition = partition;
                record.value = "message";
                producer_->send(std::move(record), [this](const DeliveryReport& report) { failed_ += report.error ? 1 : 0; });
            }
        }
    }

    std::atomic<int> failed_{0};
    std::shared_ptr<Producer> producer_;
    const std::string topic_;
    std::jthread writer_;
};

GroupConfig config_for(const RealCluster& cluster) {
    GroupConfig config;
    if (!cluster.has_zookeeper_brokers()) config.bootstrap = HostPort::parse_list(cluster.bootstrap(), 9092);
    return config;
}

TEST(GroupScale, from_joining_to_the_first_message) {
    auto& cluster = shared_cluster();
    cluster.create_topic("scale-first", 4);
    for (int partition = 0; partition < 4; ++partition) cluster.kcat_produce("scale-first", partition, "none", {"message"});
    std::vector<double> took;
    for (int i = 0; i < 20; ++i) {
        const auto begun = Clock::now();
        const auto group = ConsumerGroup::join("scale-first-" + std::to_string(i), {"scale-first"}, cluster.zookeeper(),
                                               config_for(cluster));
        ASSERT_FALSE(group->poll(10s).empty());
        took.push_back(seconds(Clock::now() - begun));
    }
    std::sort(took.begin(), took.end());
    std::cout << "from joining to the first message: " << took.front() << " s at best, " << took[took.size() / 2]
              << " s in the middle, " << took.back() << " s at worst of " << took.size() << "\n";
}

TEST(GroupScale, a_member_is_killed_and_its_session_takes_two_seconds_to_end) {
    auto& cluster = shared_cluster();
    constexpr int partitions = 16;
    cluster.create_topic("scale-killed", partitions);
    Load load(cluster, "scale-killed", partitions);
    Arrivals arrivals;
    {
        Reader survivor(ConsumerGroup::join("scale-killed", {"scale-killed"}, cluster.zookeeper(), config_for(cluster)),
                        arrivals);
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(await([&] { return survivor.owned().size() == partitions; }, 30s));
            Process victim(consume_command(cluster, "scale-killed", {"scale-killed"},
                                           {"-X", "zookeeper.session.timeout.ms=2000"}));
            ASSERT_TRUE(await([&] { return survivor.owned().size() == partitions / 2; }, 30s));
            ASSERT_TRUE(victim.await_lines(100, 30s));
            const auto kept = survivor.owned();
            victim.signal(SIGKILL);
            const auto killed = Clock::now();
            const auto flow_again = [&] {
                for (int p = 0; p < partitions; ++p) {
                    if (kept.count(p) == 0 && arrivals.newest(p) < killed) return false;
                }
                return true;
            };
            ASSERT_TRUE(await(flow_again, 30s));
            auto last = killed;
            for (int p = 0; p < partitions; ++p) {
                if (kept.count(p) == 0) last = std::max(last, arrivals.first_since(p, killed));
            }
            std::cout << "all partitions of a killed member flow after " << seconds(last - killed) << " s\n";
        }
        load.stop();
    }
}

TEST(GroupScale, a_second_member_joins_sixty_four_partitions_under_load) {
    auto& cluster = shared_cluster();
    constexpr int partitions = 64;
    cluster.create_topic("scale-join", partitions);
    Load load(cluster, "scale-join", partitions);
    const GroupConfig config = config_for(cluster);
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
        load.stop();
    }
    EXPECT_TRUE(arrivals.each_came_once());
}

TEST(GroupScale, fifty_members_join_within_a_second) {
    auto& cluster = shared_cluster();
    constexpr std::size_t members = 50;
    cluster.create_topic("scale-fifty", 200);
    GroupConfig config = config_for(cluster);
    config.runtime = Runtime::with_own_thread();
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
