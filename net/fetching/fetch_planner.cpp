#include "fetch_planner.h"

#include <algorithm>
#include <limits>

namespace kwire {
namespace {

using protocol::FetchRequest;

// How long a reader that has enough of one partition may hold up the others.
constexpr std::chrono::milliseconds hold_back_max{20};
// Chunks of a partition that lie ready before no more are asked for.
constexpr std::int64_t chunks_ahead = 2;
constexpr std::int64_t request_bytes_min = 64 * 1024;
constexpr std::int64_t partition_bytes_min = 4 * 1024;

std::int32_t to_int32(std::int64_t value) {
    return static_cast<std::int32_t>(
        std::min<std::int64_t>(value, std::numeric_limits<std::int32_t>::max()));
}

/// fair: the partition's part of a request that has no limit of its own. It has grown where a message did not fit.
std::int32_t bytes_to_ask_for(const FetchPartition& partition, std::int32_t fair, const FetchConfig& config) {
    const bool grown = partition.bytes_max > config.partition_fetch_bytes_max;
    return grown ? partition.bytes_max : std::min(partition.bytes_max, fair);
}

}  // namespace

FetchPlanner::FetchPlanner(FetchContext& context, FetchSession& session)
    : context_(context), session_(session), wait_max_(first_wait) {}

void FetchPlanner::expect_more() { wait_max_ = first_wait; }

void FetchPlanner::wait_longer() {
    wait_max_ = std::min<Duration>(2 * wait_max_, context_.config().fetch_wait_max);
}

bool FetchPlanner::reads_enough(const FetchPartition& partition) const {
    // After wait_for_progress(): the reader, who does the reverse, sees the wish or we see the progress.
    return partition.waiting_bytes.load(std::memory_order_seq_cst) >=
           chunks_ahead * context_.config().partition_fetch_bytes_max;
}

bool FetchPlanner::choose(const FetchPartitions& partitions, TimePoint& look_again_at, bool& leaves_out) {
    const TimePoint now = context_.runtime().now();
    chosen_.clear();
    bool some_have_enough = false;
    for (const auto& partition : partitions) {
        if (partition->over() || partition->paused.load()) continue;
        if (partition->where.due() > now) {
            look_again_at = std::min(look_again_at, partition->where.due());
            leaves_out = true;
        } else if (reads_enough(*partition)) {
            some_have_enough = true;
            leaves_out = true;
        } else {
            chosen_.push_back(&partition);
        }
    }
    if (chosen_.empty()) return false;
    if (!some_have_enough) {
        held_back_since_.reset();
        return true;
    }
    if (!held_back_since_) held_back_since_ = now;
    if (now >= *held_back_since_ + hold_back_max) return true;
    look_again_at = std::min<TimePoint>(look_again_at, *held_back_since_ + hold_back_max);
    return false;
}

bool FetchPlanner::make(FetchPlan& plan, const FetchPartitions& partitions, std::int16_t version, Duration wait_cap,
                        TimePoint& look_again_at) {
    bool leaves_out = false;
    if (!choose(partitions, look_again_at, leaves_out)) {
        // Readers may have taken something meanwhile, which is told from here on only.
        context_.budget()->wait_for_progress();
        if (!choose(partitions, look_again_at, leaves_out)) return false;
    }
    const FetchConfig& config = context_.config();
    const std::int64_t share = std::max(context_.request_bytes(), request_bytes_min);
    // Before version 3 a request has no limit of its own: the partitions' limits must add up to it.
    const auto count = static_cast<std::int64_t>(chosen_.size());
    const std::int32_t fair = version >= 3 ? std::numeric_limits<std::int32_t>::max()
                                           : to_int32(std::max(share / count, partition_bytes_min));
    const std::int64_t bytes_max = std::min<std::int64_t>(config.fetch_bytes_max, share);
    for (const auto* partition : chosen_) plan.reserved += bytes_to_ask_for(**partition, fair, config);
    if (version >= 3) plan.reserved = std::min(plan.reserved, bytes_max);
    if (!context_.budget()->reserve(plan.reserved)) {
        context_.give_up_paused();
        context_.budget()->wait_for_room(plan.reserved);
        if (!context_.budget()->reserve(plan.reserved)) return false;
    }
    plan.wait = wait_at_broker(leaves_out, wait_cap);
    plan.request.max_bytes = to_int32(bytes_max);
    // From here on it is sent: the session changes.
    fill_request(plan, version, fair);
    return true;
}

Duration FetchPlanner::wait_at_broker(bool leaves_out, Duration wait_cap) const {
    Duration wait = std::min<Duration>(context_.config().fetch_wait_max, wait_max_);
    if (leaves_out) wait = std::min<Duration>(wait, wait_max_without_some);
    return std::min(wait, wait_cap);
}

void FetchPlanner::fill_request(FetchPlan& plan, std::int16_t version, std::int32_t fair_bytes) {
    const FetchConfig& config = context_.config();
    FetchRequest& request = plan.request;
    session_.begin(version);
    FetchRequest::Partition asked;
    for (const auto* partition : chosen_) {
        const FetchPartition& p = **partition;
        asked.partition = p.tp().partition;
        asked.current_leader_epoch = p.where.leader_epoch();
        asked.fetch_offset = p.fetch_offset;
        asked.partition_max_bytes = bytes_to_ask_for(p, fair_bytes, config);
        session_.want(*partition, asked);
    }
    session_.finish(request);
    request.min_bytes = config.fetch_bytes_min;
    request.max_wait_ms =
        to_int32(std::chrono::duration_cast<std::chrono::milliseconds>(plan.wait).count());
    request.isolation_level = static_cast<std::int8_t>(config.isolation);
    if (version >= 11) request.rack_id = config.client_rack;
}

}  // namespace kwire
