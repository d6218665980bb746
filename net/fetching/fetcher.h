// Reads all partitions of ours that are read at one broker: one Fetch under way at a time, the next one sent as soon as the
// last answer's batch headers are known, before its records are handed over.
//
// A partition that comes while a request waits for data does not wait with it: another fetcher, on a connection of its
// own and without a session, reads the newcomers until that request has ended, and then hands them over.
//
// What a request asks for: fetch_planner.h; what its answer means: fetch_answer.h.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "fetch_answer.h"
#include "fetch_context.h"
#include "fetch_planner.h"

namespace kwire {

class Fetcher : public std::enable_shared_from_this<Fetcher> {
 public:
    /// residents: the fetcher that this one reads the newcomers for; it lives as long. Null: none.
    Fetcher(FetchContext& context, std::shared_ptr<Cluster> cluster, std::int32_t broker, Fetcher* residents = nullptr);

    bool idle() const { return partitions_.empty() && (!newcomers_ || newcomers_->idle()); }
    void add(std::shared_ptr<FetchPartition> partition);
    /// When a Fetch that covers partition was last answered; min: none since the last failure.
    TimePoint answered_at(const FetchPartition& partition) const;
    /// Something changed: a partition came or went, bytes became free, the consumer closed.
    void wake();
    /// What is to be reported of the broker at this time.
    std::optional<Error> news(TimePoint now);

    /// Runs until the consumer closes; keep is this, and keeps alive what context refers to.
    Task<void> run(std::shared_ptr<void> keep);

 private:
    /// A request that was sent and not answered, or the way to one.
    struct UnderWay {
        TimePoint answer_due;
        Duration wait;
    };

    /// The next Fetch, or the wait for a reason to send one.
    Task<void> one_turn();
    /// A request is under way that may be away for long.
    bool waits_for_data() const;
    bool hand_to_residents();
    void look_around();
    Task<std::optional<std::int16_t>> find_version();
    Task<std::optional<Error>> refuse_guess();
    Task<void> fetch(FetchPlan plan, std::int16_t version);
    void take(protocol::FetchResponse response, const FetchPlan& plan, TimePoint sent);
    void send_off_departed();
    void keep_pace(const FetchPlan& plan, TimePoint sent);
    void drop_departed();
    void give_all_back(const Error& failure);
    void hand_over_soon(std::vector<FetchQueue::Delivery> arrived);
    CallOptions call_options() const;
    TimePoint now() const { return context_.runtime().now(); }

    FetchContext& context_;
    const std::shared_ptr<Cluster> cluster_;
    const std::int32_t broker_;
    Fetcher* const residents_;
    std::shared_ptr<Fetcher> newcomers_;  // made when it is first needed
    FetchSession session_;
    FetchPlanner planner_;
    FetchAnswerReader answers_;
    Event changed_;
    FetchPartitions partitions_;  // in the order in which they are asked for, where the broker does not remember one
    std::shared_ptr<const ClusterView> seen_;  // when they looked around last
    TimePoint look_around_at_ = TimePoint::max();
    bool all_have_ids_ = false;
    std::optional<UnderWay> under_way_;
    Trouble trouble_;        // the broker's
    int hasty_answers_ = 0;  // in a row that brought nothing before their time
    TimePoint not_before_{};
    TimePoint session_answered_at_ = TimePoint::min();  // when all of the session that was left out had no news
};

}  // namespace kwire
