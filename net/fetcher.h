// Reads all partitions of ours that one broker leads: one Fetch under way at a time, the next one sent as soon as the
// last answer's batch headers are known, before its records are handed over.
//
// How far it reads ahead: a partition with enough unread chunks is not asked for, and the whole stays within the budget.
// The partitions of a request should be all of them, because the broker waits (fetch.max.wait) where it has nothing to
// give, and who is left out waits along. So a request is held back for a moment while some partition has enough, and only
// if its reader does not get on in that time the others are read without it.
//
// Threads: the strand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/consumer.h>
#include <kwire/protocol/fetch.h>

#include "fetch_queue.h"

namespace kwire {

class Fetcher;

/// A partition as fetching sees it. Without a word: the strand's own.
struct FetchPartition : QueuedPartition {
    using QueuedPartition::QueuedPartition;

    const TopicPartition& tp() const { return cursor->topic_partition(); }
    bool over() const { return removed.load() || failed.load(); }

    const Fetcher* home = nullptr;  ///< Who reads it now; null: its leader is being looked up.
    bool just_fed = false;          ///< The answer being taken apart brought something of it.
    std::int64_t fetch_offset = 0;  ///< The next offset to ask for.
    bool restarts = false;          ///< fetch_offset was set anew since the last chunk.
    bool resetting = false;         ///< A new position is being looked up.
    bool stuck = false;             ///< What came last cannot be walked; its reader will say so.
    std::int32_t bytes_max = 0;     ///< Grows where a message does not fit (Fetch v2 and below).
    std::int32_t leader_epoch = -1;     ///< Of the leader asked now.
    std::int32_t fetched_epoch = -1;    ///< Of the last batch that was fetched.
    std::int32_t validated_epoch = -1;  ///< Under this leader epoch the position is known to be in the log.
    std::int32_t follower = -1;         ///< KIP-392: the replica to read from; -1: the leader.
    TimePoint retry_at{};
    int failures = 0;  ///< In a row; the backoff grows with them.
    std::optional<ErrorCode> reported;  ///< Told already, not to be told again until it works.
    std::atomic<std::int64_t> high_watermark{-1};  ///< Any thread.
};

/// What a fetcher needs of the consumer around it.
class FetchContext {
 public:
    virtual ~FetchContext() = default;
    virtual Cluster& cluster() = 0;
    virtual const FetchConfig& config() const = 0;
    virtual FetchQueue& queue() = 0;
    virtual const std::shared_ptr<BufferBudget>& budget() = 0;
    virtual bool closed() const = 0;
    /// What one answer of one broker should bring at most.
    virtual std::int64_t request_bytes() const = 0;
    /// Calls the partitions homeless: their leader is looked up again.
    virtual void route(std::vector<std::shared_ptr<FetchPartition>> partitions) = 0;
    /// The position is not in the log; move it as configured.
    virtual void reset_position(std::shared_ptr<FetchPartition> partition) = 0;
    virtual void report(const Error& error) = 0;
};

/// How long to wait after so many failures in a row: 100 ms, doubled up to a second.
Duration failure_backoff(int failures);

class Fetcher : public std::enable_shared_from_this<Fetcher> {
 public:
    Fetcher(FetchContext& context, std::int32_t broker);

    std::int32_t broker() const { return broker_; }
    bool idle() const { return partitions_.empty(); }
    void add(std::shared_ptr<FetchPartition> partition);
    /// Something changed: a partition came or went, bytes became free, the consumer closed.
    void wake() { changed_.notify_all(); }

    /// Runs until the consumer closes; keep is this, and keeps alive what context refers to.
    Task<void> run(std::shared_ptr<void> keep);

 private:
    using Partitions = std::vector<std::shared_ptr<FetchPartition>>;

    struct Plan {
        std::vector<std::string> topics;
        std::vector<Uuid> topic_ids;
        std::vector<Partitions> partitions;  // per topic, in the order of the request
        protocol::FetchRequest request;
        std::int64_t reserved = 0;
        bool leaves_out = false;
    };

    bool make_plan(Plan& plan, std::int16_t version, TimePoint& look_again_at);
    void fill_request(Plan& plan, std::int16_t version, const Partitions& chosen);
    bool reads_enough(const FetchPartition& partition) const;
    Task<std::optional<std::int16_t>> find_version();
    Task<void> validate_positions();
    Task<void> fetch(Plan plan, std::int16_t version);
    void take_apart(Plan& plan, protocol::FetchResponse response);
    void take_partition(const std::shared_ptr<FetchPartition>& partition,
                        protocol::FetchResponse::Partition& answer,
                        const std::shared_ptr<FrameShare>& share);
    void take_records(const std::shared_ptr<FetchPartition>& partition,
                      protocol::FetchResponse::Partition& answer,
                      const std::shared_ptr<FrameShare>& share);
    void grow_or_fail(const std::shared_ptr<FetchPartition>& partition, std::size_t needed_bytes);
    void take_error(const std::shared_ptr<FetchPartition>& partition, ErrorCode code);
    void take_epoch_end(const std::shared_ptr<FetchPartition>& partition, std::int64_t end_offset);
    /// Its leader, or the replica to read from, is to be looked up again.
    void send_home(const std::shared_ptr<FetchPartition>& partition);
    void drop_departed();
    void give_all_back(const Error& failure);
    void hand_over_soon();

    FetchContext& context_;
    const std::int32_t broker_;
    Event changed_;
    Partitions partitions_;  // in the order in which they are asked for
    std::vector<FetchQueue::Delivery> arrived_;
    Duration wait_max_;  // grows to the configured one while nothing changes
    std::optional<TimePoint> held_back_since_;
    int failures_ = 0;
    bool failure_reported_ = false;
    bool any_data_ = false;
};

}  // namespace kwire
