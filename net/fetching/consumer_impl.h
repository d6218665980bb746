// The inside of a Consumer: which partition is read where, and what happens when that changes.
//
// Who refers to whom: the public Consumer and the running coroutines hold the Impl; it holds the fetchers and the queue;
// batches hold the queue only. close() ends the coroutines.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <kwire/net/consumer.h>

#include "fetcher.h"

namespace kwire {

struct Consumer::Impl : FetchContext, std::enable_shared_from_this<Consumer::Impl> {
    Impl(std::shared_ptr<Cluster> cluster, FetchConfig config, Handlers handlers);

    /// Starts the coroutines.
    void start();
    void close();

    Task<std::shared_ptr<PartitionCursor>> assign(TopicPartition tp, StartOffset start,
                                                  std::function<void()> on_progress);
    void unassign(const std::shared_ptr<PartitionCursor>& cursor, PartitionCursor::State state);
    Task<MessageBatch> async_poll(std::chrono::milliseconds timeout);

    // FetchContext
    Cluster& cluster() override { return *cluster_; }
    const FetchConfig& config() const override { return config_; }
    FetchQueue& queue() override { return *queue_; }
    const std::shared_ptr<BufferBudget>& budget() override { return budget_; }
    bool closed() const override { return closed_.load(); }
    std::int64_t request_bytes() const override;
    void route(std::vector<std::shared_ptr<FetchPartition>> partitions) override;
    void reset_position(std::shared_ptr<FetchPartition> partition) override;
    void report(const Error& error) override;
    std::shared_ptr<void> keep() override { return shared_from_this(); }

    class Reservation;
    void wake_all();

    // ---- consumer_routing.cpp
    /// Looks up the leaders of homeless partitions, with Metadata where the view does not know better.
    Task<void> run_router(std::shared_ptr<Impl> self);
    Task<void> refresh_and_place(std::vector<std::shared_ptr<FetchPartition>> due);
    bool place(const std::shared_ptr<FetchPartition>& partition, const ClusterView& view);
    Task<void> look_up_position(std::shared_ptr<Impl> self, std::shared_ptr<FetchPartition> partition);

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

    // The strand.
    std::map<std::int32_t, std::shared_ptr<Fetcher>> fetchers_;
    std::vector<std::shared_ptr<FetchPartition>> homeless_;
    Lookups lookups_;  // of this turn
    Event routing_wanted_;
    Event readable_;
    TimePoint next_refresh_{};
};

}  // namespace kwire
