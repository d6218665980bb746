// Reads all partitions of ours that one broker leads: one Fetch under way at a time, the next one sent as soon as the
// last answer's batch headers are known, before its records are handed over.
//
// How far it reads ahead: a partition with enough unread chunks is not asked for, and the whole stays within the budget.
// The partitions of a request should be all of them, because the broker waits (fetch.max.wait) where it has nothing to
// give, and who is left out waits along. So a request is held back for a moment while some partition has enough, and only
// if its reader does not get on in that time the others are read without it.
//
// A partition that comes while a request waits for data does not wait with it: another fetcher, on a connection of its
// own and without a session, reads the newcomers until that request has ended, and then hands them over.
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

#include "fetch_partition.h"
#include "fetch_session.h"

namespace kwire {

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
    /// What keeps all this alive.
    virtual std::shared_ptr<void> keep() = 0;
};

/// How long to wait after so many failures in a row: 100 ms, doubled up to a second.
Duration failure_backoff(int failures);

class Fetcher : public std::enable_shared_from_this<Fetcher> {
 public:
    /// residents: the fetcher that this one reads the newcomers for; it lives as long. Null: none.
    Fetcher(FetchContext& context, std::int32_t broker, Fetcher* residents = nullptr);

    std::int32_t broker() const { return broker_; }
    bool idle() const { return partitions_.empty() && (!newcomers_ || newcomers_->idle()); }
    void add(std::shared_ptr<FetchPartition> partition);
    /// When a Fetch that covers partition was last answered; min: none since the last failure.
    TimePoint answered_at(const FetchPartition& partition) const;
    /// Something changed: a partition came or went, bytes became free, the consumer closed.
    void wake();

    /// Runs until the consumer closes; keep is this, and keeps alive what context refers to.
    Task<void> run(std::shared_ptr<void> keep);

 private:
    using Partitions = std::vector<std::shared_ptr<FetchPartition>>;

    struct Plan {
        protocol::FetchRequest request;
        std::int64_t reserved = 0;  // of the buffer
        Duration wait{};
    };

    bool make_plan(Plan& plan, std::int16_t version, TimePoint& look_again_at);
    bool choose(TimePoint& look_again_at, bool& leaves_out);
    void fill_request(Plan& plan, std::int16_t version, std::int32_t fair_bytes);
    Duration wait_at_broker(bool leaves_out) const;
    bool reads_enough(const FetchPartition& partition) const;
    /// A request is under way that may be away for long.
    bool waits_for_data() const;
    bool hand_to_residents();
    void look_up_topic_ids();
    Task<std::optional<std::int16_t>> find_version();
    Task<void> validate_positions();
    Task<void> fetch(Plan plan, std::int16_t version);
    void take_apart(const Plan& plan, protocol::FetchResponse response);
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
    Fetcher* const residents_;
    std::shared_ptr<Fetcher> newcomers_;  // made when it is first needed
    FetchSession session_;
    Event changed_;
    Partitions partitions_;  // in the order in which they are asked for, where the broker does not remember one
    std::vector<const std::shared_ptr<FetchPartition>*> chosen_;  // of partitions_, for the request being made
    std::vector<FetchQueue::Delivery> arrived_;
    std::shared_ptr<const ClusterView> ids_from_;  // where the partitions' topic ids were looked up last
    bool all_have_ids_ = false;
    std::optional<Duration> wait_under_way_;  // of the request that was sent and not answered
    Duration wait_max_;  // grows to the configured one while nothing changes
    std::optional<TimePoint> held_back_since_;
    TimePoint answered_at_ = TimePoint::min();            // the last answer
    TimePoint session_answered_at_ = TimePoint::min();    // the last one that leaves out what has no news
    int failures_ = 0;
    bool failure_reported_ = false;
    bool any_data_ = false;
};

}  // namespace kwire
