// The inside of a Consumer: which partition is read where, and what happens when that changes.
//
// Who refers to whom: the public Consumer and the running coroutines hold the Impl; it holds the fetchers and the queue;
// batches hold the queue only. close() ends the coroutines.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <kwire/net/consumer.h>

#include "fetcher.h"

namespace kwire {

struct Consumer::Impl : FetchContext, std::enable_shared_from_this<Consumer::Impl> {
    Impl(std::shared_ptr<Cluster> cluster, FetchConfig config, Handlers handlers);

    /// Topics that were found to be others in one turn: each is reported once.
    using TopicNews = std::set<std::string>;

    /// Starts the coroutines.
    void start();
    void close();

    Task<std::shared_ptr<PartitionCursor>> assign(TopicPartition tp, StartOffset start,
                                                  std::function<void()> on_progress);
    void unassign(const std::shared_ptr<PartitionCursor>& cursor, PartitionCursor::State state);
    Task<MessageBatch> async_poll(std::chrono::milliseconds timeout, std::stop_token abandoned);

    // FetchContext
    Runtime& runtime() override { return *runtime_; }
    const FetchConfig& config() const override { return config_; }
    FetchQueue& queue() override { return *queue_; }
    const std::shared_ptr<BufferBudget>& budget() override { return budget_; }
    bool closed() const override { return closed_.load(); }
    std::shared_ptr<const ClusterView> view() const override { return cluster_->view(); }
    Duration follower_lease() const override { return cluster_->config().metadata_max_age; }
    std::int64_t request_bytes() const override;
    void route(FetchPartitions partitions) override;
    void note_trouble(FetchPartition& partition, Error reason, Trouble::Report how) override;
    void report(const Error& error) override;
    std::shared_ptr<void> keep() override { return shared_from_this(); }

    void give_up_paused() override;

    class Reservation;
    void wake_all();

    // ---- consumer_control.cpp: partitions by name. Any thread
    /// Null if it is not assigned, or its start is still looked up.
    std::shared_ptr<FetchPartition> find(const TopicPartition& tp);
    /// Throws not_assigned. Needs assigned_mutex_.
    FetchPartitions find_all(const std::vector<TopicPartition>& partitions) const;
    static Error not_assigned(const TopicPartition& tp);
    std::shared_ptr<FetchPartition> successor_of(const FetchPartition& old, std::int64_t position);
    void route_soon(const std::shared_ptr<FetchPartition>& fresh);

    // ---- consumer_routing.cpp: finding the leaders of those that seek one
    static Task<void> run_router(std::shared_ptr<Impl> self);
    Task<void> refresh_and_place(FetchPartitions due);
    /// What view means to partition: it is placed, or goes on seeking, or something is done first.
    void place(const std::shared_ptr<FetchPartition>& partition, const ClusterView& view, TopicNews& news);
    void hand_to_fetcher(const std::shared_ptr<FetchPartition>& partition);
    void note_not_found(FetchPartition& partition, const ClusterView& view);
    void note_no_metadata(const Error& failure);
    /// Reports what has been wrong for some time.
    static Task<void> run_watch(std::shared_ptr<Impl> self);

    // ---- consumer_validation.cpp: is the position in the new leader's log?
    static Task<void> validate(std::shared_ptr<Impl> self, std::int32_t leader, FetchPartitions partitions);
    void take_epoch_end(const std::shared_ptr<FetchPartition>& partition, std::int64_t end_offset);

    // ---- consumer_reset.cpp: a new position
    static Task<void> reset_position(std::shared_ptr<Impl> self, std::shared_ptr<FetchPartition> partition);
    void begin_anew(const std::shared_ptr<FetchPartition>& partition, TopicNews& news);
    static Task<void> look_up_position(std::shared_ptr<Impl> self, std::shared_ptr<FetchPartition> partition, bool anew);

    // ---- consumer_positions.cpp
    /// The offset at an end of the log, or at a time. Those that are asked for in one turn of the strand are asked of a
    /// leader in one request: a group assigns its partitions one by one.
    Task<std::int64_t> look_up(OffsetQuery query);
    struct Lookup;
    using Lookups = std::vector<std::shared_ptr<Lookup>>;
    static Task<void> answer_lookups(std::shared_ptr<Impl> self);

    const std::shared_ptr<Cluster> cluster_;
    const std::shared_ptr<Runtime> runtime_;
    const FetchConfig config_;
    const Handlers handlers_;
    std::shared_ptr<BufferBudget> budget_;
    std::shared_ptr<FetchQueue> queue_;
    std::atomic<bool> closed_{false};

    // Any thread.
    std::mutex assigned_mutex_;
    std::map<TopicPartition, std::shared_ptr<FetchPartition>> assigned_;  // null while the start is looked up
    std::atomic<int> paused_count_{0};

    // The strand.
    std::map<std::int32_t, std::shared_ptr<Fetcher>> fetchers_;
    FetchPartitions seekers_;
    FetchPartitions to_validate_;  // found in this turn
    std::map<std::string, Uuid> recreated_;  // topics that were reported as made anew, with their new ids
    Lookups lookups_;  // of this turn
    Event routing_wanted_;
    Event readable_;
    Timer watch_;
    TimePoint next_refresh_{};
    std::optional<TimePoint> refresh_due_;  // when Metadata that is being asked for should have come
    Trouble metadata_trouble_;
};

}  // namespace kwire
