// Between the fetchers, which fill it, and the threads that read messages, which empty it: per partition a list of chunks.
//
// Purpose: hand out what was fetched, partition by partition in turn, each partition in one hand at a time and in order.
// Invariants: a partition's chunks are given out in the order they were fetched; while one is in a hand the others wait;
// the rest of a chunk that was given back is the next to be given out; nothing is given out of a partition that was
// removed or that failed. A failure comes after what was fetched before it.
// Threads: everything from any thread unless it says otherwise. One mutex, held for a few instructions.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/message.h>
#include <kwire/net/runtime.h>
#include <kwire/protocol/aborted_transactions.h>
#include <kwire/protocol/record_reader.h>

#include "buffer_budget.h"

namespace kwire {

/// What one Fetch answer brought of one partition.
struct FetchedChunk {
    Bytes records;
    std::vector<AbortedTransaction> aborted;
    std::int64_t position = 0;     ///< The first offset that is wanted of it.
    std::int64_t next_offset = 0;  ///< Where the fetch after it begins: what lies between and is not in it is nowhere.
    std::int64_t high_watermark = -1;
    bool restarts = false;  ///< The position was set anew, and may lie before what was handed out.
    std::uint32_t expected = 0;  ///< With restarts: so many of PartitionCursor::expect_restart end with it.
    std::shared_ptr<const Error> failure;  ///< The partition cannot be read beyond what came before; holds nothing else.
};

/// A partition as the queue knows it. Fields without a word on it are guarded by the queue's mutex.
struct QueuedPartition {
    explicit QueuedPartition(std::shared_ptr<PartitionCursor> c) : cursor(std::move(c)) {}

    const std::shared_ptr<PartitionCursor> cursor;  // constant
    std::deque<FetchedChunk> chunks;
    bool in_hand = false;
    bool predecessor_in_hand = false;  // with in_hand: not this one, but one whose place it took
    bool listed = false;  // stands in the list of partitions that can be read
    std::shared_ptr<QueuedPartition> successor;  // took its place while it was in hand, and waits until that ends

    // Any thread reads these; removed, failed and paused change under the mutex only.
    std::atomic<bool> removed{false};            ///< Taken away.
    std::atomic<bool> failed{false};             ///< Cannot be read further.
    std::atomic<bool> paused{false};             ///< Neither handed out nor fetched for now.
    std::atomic<std::int64_t> waiting_bytes{0};  ///< Of chunks in no hand; the fetcher counts what it made.
};

class FetchQueue : public std::enable_shared_from_this<FetchQueue> {
 public:
    /// on_failure is told, on the reading thread, of a partition that cannot be read further.
    /// on_readable is called when async waiters are to look again; on any thread.
    /// time is what hand_out_until goes by.
    FetchQueue(std::shared_ptr<BufferBudget> budget, RecordReaderOptions options,
               std::function<void(const Error&)> on_failure, std::function<void()> on_readable,
               std::shared_ptr<TimeSource> time = nullptr);
    ~FetchQueue();

    const RecordReaderOptions& options() const { return options_; }

    // ---- fetchers, on the strand

    struct Delivery {
        std::shared_ptr<QueuedPartition> partition;
        FetchedChunk chunk;
    };
    void push(std::vector<Delivery> deliveries);
    /// The position was set anew. The reader is told at once, with a chunk that holds nothing: what is stored must not stay
    /// beyond the log's end until something is written.
    void push_restart(const std::shared_ptr<QueuedPartition>& partition, std::int64_t position);
    /// The log is another one. First it is announced, then, when the position in it is known, pushed.
    void expect_restart(const std::shared_ptr<QueuedPartition>& partition);
    void push_expected_restart(const std::shared_ptr<QueuedPartition>& partition, std::int64_t position);
    /// Nothing more can be fetched of it. Reported when all that was fetched before has been read.
    void push_failure(const std::shared_ptr<QueuedPartition>& partition, Error failure);

    // ---- readers

    /// The next batch; empty if there is none now. Throws errc::closed.
    MessageBatch try_take();
    /// The same, waiting for one.
    MessageBatch take(std::chrono::milliseconds timeout);
    /// Whether on_readable is called: the number of coroutines that wait.
    void add_async_waiter() { async_waiters_.fetch_add(1); }
    void remove_async_waiter() { async_waiters_.fetch_sub(1); }

    /// Frees the partition for the next reader. rest: the part of the chunk that was not read, null at its end.
    void give_back(const std::shared_ptr<QueuedPartition>& partition, FetchedChunk* rest);
    /// The reader cannot get past here: what waits is dropped, and failure reported.
    void fail(const std::shared_ptr<QueuedPartition>& partition, const Error& failure);
    void recycle(std::unique_ptr<MessageBatch::State> state);
    /// The time that hand_out_until gave is over.
    bool lapsed() const {
        const auto until = hand_out_until_.load(std::memory_order_relaxed);
        return until != for_ever && time_->now().time_since_epoch().count() >= until;
    }

    // ---- the consumer

    void add(const std::shared_ptr<QueuedPartition>& partition);
    /// Takes the partition out and its cursor to state. False if it was out already.
    bool remove(const std::shared_ptr<QueuedPartition>& partition, PartitionCursor::State state);
    void suspend();
    void resume();
    /// False if that changes nothing.
    bool pause(const std::shared_ptr<QueuedPartition>& partition);
    bool resume(const std::shared_ptr<QueuedPartition>& partition);
    /// fresh, of the same cursor, takes the place of old: what was fetched of old, or is under way, never comes out, and
    /// fresh begins at position once old is in no hand. False if old was removed already.
    bool seek(const std::shared_ptr<QueuedPartition>& old, const std::shared_ptr<QueuedPartition>& fresh,
              std::int64_t position);
    /// The same, to have the memory of what was fetched; only if it waits in no hand. The position in *position.
    bool give_up_fetched(const std::shared_ptr<QueuedPartition>& old, const std::shared_ptr<QueuedPartition>& fresh,
                         std::int64_t* position);
    /// See Consumer::hand_out_until.
    void hand_out_until(TimePoint until);
    void close();

 private:
    static constexpr TimePoint::rep for_ever = TimePoint::max().time_since_epoch().count();
    using Lock = std::unique_lock<std::mutex>;

    void succeed_locked(const std::shared_ptr<QueuedPartition>& old, const std::shared_ptr<QueuedPartition>& fresh,
                        std::int64_t position, std::vector<FetchedChunk>& dropped);
    /// Whether messages of partition may be handed out now; and set for its cursor, unless that was taken away.
    bool flows_locked(const QueuedPartition& partition) const;
    void set_flow_locked(const QueuedPartition& partition);
    std::unique_ptr<MessageBatch::State> take_locked();
    /// The same, and reports the failures that were met; the lock is free in between.
    std::unique_ptr<MessageBatch::State> next_locked(Lock& lock);
    /// Fails partition if that is what comes next of it.
    bool fail_locked(QueuedPartition& partition);
    /// Reports what fail_locked found, without the lock.
    void report_failures(Lock& lock);
    void list_locked(const std::shared_ptr<QueuedPartition>& partition);
    void clear_locked(QueuedPartition& partition, std::vector<FetchedChunk>& dropped);
    void wake(Lock lock);
    MessageBatch open(std::unique_ptr<MessageBatch::State> state);

    const std::shared_ptr<BufferBudget> budget_;
    const RecordReaderOptions options_;
    const std::function<void(const Error&)> on_failure_;
    const std::function<void()> on_readable_;
    const std::shared_ptr<TimeSource> time_;
    std::atomic<TimePoint::rep> hand_out_until_{for_ever};

    std::mutex mutex_;
    std::condition_variable readable_;
    std::deque<std::shared_ptr<QueuedPartition>> ready_;
    std::vector<std::shared_ptr<QueuedPartition>> partitions_;
    std::vector<std::unique_ptr<MessageBatch::State>> idle_states_;
    std::vector<std::shared_ptr<const Error>> failures_;  // found, and not reported yet
    int sleepers_ = 0;
    bool suspended_ = false;
    bool closed_ = false;
    std::atomic<int> async_waiters_{0};
};

}  // namespace kwire
