// One process of a seed: a program that joins the group with the real ConsumerGroup, reads, acknowledges, and leaves.
//
// It has an executor of its own, so that it can stand still, and callbacks that report to the judge.
// Lifetimes: held by shared_ptr by the world and by what it has under way.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <asio/cancellation_signal.hpp>

#include <kwire/group/consumer_group.h>

#include "judge.h"
#include "process_executor.h"

namespace kwire::seeds {

class World;

class Process : public std::enable_shared_from_this<Process> {
 public:
    struct Plan {
        std::string instance;  ///< group.instance.id
        std::vector<std::string> topics;
        OffsetStorage storage = OffsetStorage::zookeeper;
        std::shared_ptr<OffsetManager> own_store;
        bool brokers_named = false;  ///< bootstrap.servers: topics are asked of the brokers.
    };
    enum class Phase { joining, reading, closing, ended };

    static std::shared_ptr<Process> start(World& world, ProcessId id, Plan plan);

    ProcessId id() const { return id_; }
    std::string name() const { return 'p' + std::to_string(id_); }
    const Plan& plan() const { return plan_; }
    Phase phase() const { return phase_; }
    bool reads() const { return phase_ == Phase::reading && !dropped_ && group_ && !group_->closed(); }
    bool stands() const { return stands_; }
    std::vector<TopicPartition> owned() const { return group_ ? group_->owned() : std::vector<TopicPartition>{}; }
    /// Since when it joins or closes.
    TimePoint phase_since() const { return phase_since_; }

    void subscribe(std::vector<std::string> topics);
    void close();
    void stand_still();
    void go_on();
    /// Cancels what it waits for, if it is of that kind.
    void cancel_join();
    void cancel_poll();
    void cancel_close();
    /// The program's last reference goes, without close.
    void drop();

    /// What is left of it, in words; empty: nothing. To be asked some time after it ended.
    std::string left_behind() const;

 private:
    using Self = std::shared_ptr<Process>;

    Process(World& world, ProcessId id, Plan plan);
    GroupConfig config();
    void set_callbacks(GroupConfig& config);
    void maybe_misbehave();
    static Task<void> join(Self self);
    static Task<void> run(Self self);
    static Task<MessageBatch> poll(std::shared_ptr<ConsumerGroup> group);
    static Task<void> process(Self self, std::shared_ptr<MessageBatch> batch);
    static Task<void> leave(Self self, std::shared_ptr<ConsumerGroup> group);
    void left(std::exception_ptr failure);
    static Task<void> flush(Self self, std::shared_ptr<ConsumerGroup> group);
    static Task<std::shared_ptr<zk::Session>> open_session(Self self);
    void joined(std::exception_ptr failure);
    void enter(Phase phase);
    void end();

    World& world_;
    const ProcessId id_;
    Plan plan_;
    ProcessExecutor executor_;
    ProcessExecutor callbacks_;
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<ConsumerGroup> group_;
    asio::cancellation_signal join_signal_;
    asio::cancellation_signal poll_signal_;
    asio::cancellation_signal close_signal_;
    bool polling_ = false;
    bool dropped_ = false;
    bool stands_ = false;
    bool close_cancelled_ = false;
    Phase phase_ = Phase::joining;
    TimePoint phase_since_{};
};

}  // namespace kwire::seeds
