// What the next Fetch to a broker asks for: which partitions, how much of each, how long to wait there.
//
// How far it reads ahead: a partition with enough unread chunks is not asked for, and the whole stays within the budget.
// The partitions of a request should be all of them, because the broker waits (fetch.max.wait) where it has nothing to
// give, and who is left out waits along. So a request is held back for a moment while some partition has enough, and only
// if its reader does not get on in that time the others are read without it.
//
// Threads: the strand.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <kwire/protocol/fetch.h>

#include "fetch_context.h"

namespace kwire {

// So short is a request that somebody waits for with something better to do.
inline constexpr std::chrono::milliseconds first_wait{10};
// How long the others wait at the broker at most if some partition is left out.
inline constexpr std::chrono::milliseconds wait_max_without_some{50};

struct FetchPlan {
    protocol::FetchRequest request;
    std::int64_t reserved = 0;  // of the buffer
    Duration wait{};
};

class FetchPlanner {
 public:
    FetchPlanner(FetchContext& context, FetchSession& session);

    /// A partition was added: waits are short again, because its data is wanted soon and more may follow.
    void expect_more();
    /// A request was answered: the next one may wait longer.
    void wait_longer();

    /// Changes the session, and reserves of the buffer, if there is something to ask for now; else false, and the time to
    /// look again. wait_cap: no longer wait at the broker than that.
    bool make(FetchPlan& plan, const FetchPartitions& partitions, std::int16_t version, Duration wait_cap,
              TimePoint& look_again_at);

 private:
    bool choose(const FetchPartitions& partitions, TimePoint& look_again_at, bool& leaves_out);
    void fill_request(FetchPlan& plan, std::int16_t version, std::int32_t fair_bytes);
    Duration wait_at_broker(bool leaves_out, Duration wait_cap) const;
    bool reads_enough(const FetchPartition& partition) const;

    FetchContext& context_;
    FetchSession& session_;
    std::vector<const std::shared_ptr<FetchPartition>*> chosen_;  // for the request being made
    Duration wait_max_;  // grows to the configured one while nothing changes
    std::optional<TimePoint> held_back_since_;
};

}  // namespace kwire
