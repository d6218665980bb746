// One group that reads one topic, into which messages are written all the time, while something happens to it.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "observed.h"
#include "real_cluster.h"
#include "zookeeper_relay.h"

namespace kwire::faults {

constexpr int partitions = 6;

/// One member process, see member.cpp.
class Member {
 public:
    Member(const std::vector<std::string>& command, std::string name, const std::filesystem::path& events);

    /// Stops it and lets it go on after duration.
    void pause(std::chrono::milliseconds duration);
    void stop();
    void go_on();
    void kill();
    /// Waits for its end after SIGTERM; nothing if it is gone already.
    void leave();
    void order(const std::string& line) { process_->write(line + "\n"); }
    /// Its session is ended behind its back. Returns when it is over.
    void expire();
    /// Takes note of what it wrote since the last look.
    void look();
    std::size_t count(const std::string& what);
    /// What its clock says, in seconds since 1970.
    std::int64_t clock();

    const Observed& observed() const { return observed_; }

 private:
    const std::filesystem::path events_;
    std::unique_ptr<real::Process> process_;
    std::size_t read_ = 0;
    bool gone_ = false;
    Observed observed_;
    Clock::time_point stopped_at_{};
};

class Scene {
 public:
    Scene(const real::RealCluster& cluster, std::string name, int replication,
          std::chrono::milliseconds session_timeout);
    ~Scene();

    const real::RealCluster& cluster() const { return cluster_; }
    std::chrono::milliseconds session_timeout() const { return session_timeout_; }
    Member& add(const std::vector<std::string>& settings = {});
    Member& member(std::size_t i) { return *members_[i]; }

    /// Waits until a message that was written from now on came from every partition. False: not within the limit.
    bool flows(std::chrono::milliseconds limit);
    /// Members that are added from now on reach ZooKeeper by a relay that loses answers to writes, to the end.
    void lose_answers_of_zookeeper();
    /// Throws unless an answer to each of these kinds of write was lost.
    void require_lost_answers(const std::vector<std::string>& kinds) const;
    /// A proxy before the brokers that breaks Fetch by these rules of its own, to the end. Its address.
    std::string add_proxy(const std::vector<std::string>& rules);
    /// Throws unless each of these rules was applied.
    void require_applied(const std::vector<std::string>& rules) const;
    /// Members that are added from now on read a clock that set_clocks changes. Throws where there is no libfaketime.
    void fake_clocks();
    /// The time of day of all members goes on from so many seconds beside the right one. Returns when they see it.
    void set_clocks(std::chrono::seconds beside);
    /// From when on recovery counts, if that is not the end of the fault.
    void fault_is_over() { over_at_ = Clock::now(); }
    Clock::time_point over_at() const { return over_at_; }
    /// How long it took from `from` until a message written from then on came from every partition.
    std::optional<std::chrono::milliseconds> recovery_from(Clock::time_point from) const;
    /// For a producer that gave up: kcat does where a broker that just began says that there is no such topic.
    void write_anew();
    /// For faults of the topic itself.
    void make_topic_again();
    void delete_all_records();
    void write_to_each_partition(std::size_t value_bytes);
    /// Aborted transactions, the last of which is left open for so long.
    void write_aborted(std::chrono::milliseconds open);
    /// A replica that lacks what others had may lead the topic from now on.
    void allow_unclean_election();
    /// Waits until all partitions are led by this broker.
    void await_leader(int broker);
    /// So many more messages to partition 0 than to all others together.
    void make_first_partition_hot() { hot_ = true; }

    /// Stops writing, lets everything be read, lets everybody leave, and compares.
    Verdict end(const Promised& promised);

    void start_writing();
    /// Returns when all that was written is acknowledged.
    void stop_writing();

 private:
    void write(const std::stop_token& stop);
    void look();
    bool all_read(const std::vector<real::Record>& log) const;

    const real::RealCluster& cluster_;
    const std::string name_;
    const int replication_;
    const std::chrono::milliseconds session_timeout_;
    const std::filesystem::path folder_;
    Clock::time_point over_at_{};
    std::unique_ptr<ZooKeeperRelay> relay_;  // outlives the members
    std::vector<std::string> wrapper_;       // that members are started by
    std::vector<std::unique_ptr<Member>> members_;
    std::atomic<bool> hot_{false};
    std::unique_ptr<real::Process> proxy_;
    std::unique_ptr<real::Process> producer_;
    std::unique_ptr<real::Process> hot_producer_;
    std::jthread writer_;
};

}  // namespace kwire::faults
