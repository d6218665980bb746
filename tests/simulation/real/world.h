// What the processes of a seed live in: an ensemble and brokers in memory, a virtual clock, the judge, and what goes wrong.
//
// Threads: one. Everything follows from the seed and the scenarios that are on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/zk/memory_session.h>

#include "brokers.h"
#include "judge.h"
#include "process.h"
#include "random.h"
#include "scenario.h"

namespace kwire::seeds {

inline constexpr Duration session_timeout = std::chrono::seconds(6);
inline constexpr std::chrono::milliseconds processing_timeout{1'000};

class World {
    struct SessionInfo {
        ProcessId process = 0;
        std::string password;
        std::weak_ptr<zk::Session> session;
        std::optional<TimePoint> silent_since;
        bool over = false;  ///< On the server.
    };

    // Before the loop, at whose end something may still run that reaches for them.
    Scenarios scenarios_;
    std::map<std::int64_t, SessionInfo> sessions_;
    std::map<TopicPartition, TimePoint> disturbed_until_;  ///< Whose owner node a tool has taken away.
    std::map<TopicPartition, std::int64_t> seen_offsets_;  ///< mzxid of the node
    std::optional<std::int64_t> writer_;  ///< The session of the operation that was looked at last.
    std::multimap<TimePoint, std::function<void()>> put_off_;
    std::deque<std::pair<TimePoint, std::string>> errors_;
    std::uint64_t operations_ = 0;
    bool factory_failing_ = false;
    bool peace_ = false;
    bool wrote_ = false;  ///< The operation that was looked at last may have changed the tree.
    std::string unreadable_;

 public:
    World(std::uint64_t seed, Scenarios allowed, std::function<void(const std::string&)> said);
    ~World();

    /// In small steps, between which sessions run out and what was put off is done.
    void run_for(Duration duration);
    void after(Duration delay, std::function<void()> action);
    bool on(Scenario scenario) const { return has(scenarios_, scenario); }
    const Scenarios& scenarios() const { return scenarios_; }

    Process& start(Process::Plan plan);
    void create_topic(const std::string& topic, int partitions);
    /// In the brokers, and in ZooKeeper if so wanted.
    void grow_topic(const std::string& topic, int partitions, bool in_zookeeper = true);
    void write_topic_node(const std::string& topic, int partitions);
    std::vector<TopicPartition> partitions() const;

    // ---- ZooKeeper
    void session_opened(ProcessId process, std::int64_t id, std::string password, std::weak_ptr<zk::Session> session);
    /// The session of process that was opened last.
    std::optional<std::int64_t> session_of(ProcessId process) const;
    void expire(ProcessId process);
    void disconnect(ProcessId process);
    void reconnect(ProcessId process);
    /// It stands still: connected, but heard of no more. The other: it pings again.
    void fall_silent(ProcessId process);
    void speak_again(ProcessId process);
    /// The owner node of tp is about to be deleted: whoever owns it may be succeeded.
    void disturb(const TopicPartition& tp);
    /// Nobody can read path until it is made empty again.
    void make_unreadable(std::string path) { unreadable_ = std::move(path); }
    /// No new faults of ZooKeeper's operations.
    void peace();
    bool troubled() const { return !peace_; }
    void program_commits(ProcessId process, const TopicPartition& tp, std::int64_t next);
    /// Before and after a tool edits the tree: what it does to offsets is nobody's commit.
    void tool(const std::string& what, const std::function<void()>& edit);
    Duration latency();
    bool factory_fails() { return factory_failing_ && random.chance(0.7); }
    std::string owner_path(const TopicPartition& tp) const;
    std::string offset_path(const TopicPartition& tp) const;

    void heard_error(const std::string& text) { errors_.emplace_back(loop.now(), text); }
    std::uint64_t operations() const { return operations_; }
    /// What lives on at the ensemble of a process that has ended, in words.
    std::string left_behind(ProcessId process);

    Random random;
    Judge judge;
    double lost_answers = 0;    ///< The chance of it, for each operation of ZooKeeper.
    double late_answers = 0;
    double expiring = 0;
    void set_factory_failing(bool failing) { factory_failing_ = failing; }

    std::vector<std::shared_ptr<Process>> processes;
    std::map<std::string, int> topics;
    test::VirtualLoop loop;
    Brokers brokers;
    zk::MemoryEnsemble ensemble{loop.runtime()};

 private:
    zk::Fault operation(const zk::MemoryOperation& operation);
    void tick();
    void watch_silence();
    void watch_processes();
    void session_over(SessionInfo& info, Duration grace);
    void look_at_offsets();
    Process* process_of(const std::string& client);
    bool may_commit(ProcessId process, const TopicPartition& tp) const;
};

}  // namespace kwire::seeds
