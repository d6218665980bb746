#include <algorithm>
#include <set>
#include <utility>

#include <kwire/net/topic_error.h>

#include "consumer_impl.h"

namespace kwire {
namespace {

// However many partitions lose their leader one after the other, Metadata is not asked for more often.
constexpr std::chrono::milliseconds refresh_interval_min{50};

/// Why tp has no place to be read at, after Metadata was asked for: failure, or what view says.
Error not_placed(const TopicPartition& tp, const ClusterView* view, const std::optional<Error>& failure) {
    const ErrorWhere where{.api = "Metadata", .topic = tp.topic, .partition = tp.partition};
    if (failure) return Error(failure->condition(), failure->what(), where);
    const auto topic = view->topics.find(tp.topic);
    if (topic == view->topics.end() || topic->second.partitions.empty()) return missing_topic(*view, tp.topic, where);
    if (!topic->second.partitions.contains(tp.partition)) {
        return Error(errc::unknown_topic, "the topic has no such partition; it is looked for again", where);
    }
    return Error(errc::no_leader, "the partition has no leader; it is looked for again", where);
}

}  // namespace

void Consumer::Impl::route(std::vector<std::shared_ptr<FetchPartition>> partitions) {
    for (auto& partition : partitions) {
        partition->home = nullptr;
        homeless_.push_back(std::move(partition));
    }
    routing_wanted_.notify_all();
}

Task<void> Consumer::Impl::run_router(std::shared_ptr<Impl> self) {
    while (!self->closed()) {
        std::erase_if(homeless_, [](const auto& partition) { return partition->over(); });
        if (homeless_.empty()) {
            co_await routing_wanted_.wait();
            continue;
        }
        TimePoint soonest = TimePoint::max();
        for (const auto& partition : homeless_) soonest = std::min(soonest, partition->retry_at);
        soonest = std::max(soonest, next_refresh_);
        const TimePoint now = runtime_->now();
        if (soonest > now) {
            co_await routing_wanted_.wait_until(soonest);
            continue;
        }
        next_refresh_ = now + refresh_interval_min;
        std::vector<std::shared_ptr<FetchPartition>> due;
        std::erase_if(homeless_, [&](const auto& partition) {
            if (partition->retry_at > now) return false;
            due.push_back(partition);
            return true;
        });
        co_await refresh_and_place(std::move(due));
    }
}

Task<void> Consumer::Impl::refresh_and_place(std::vector<std::shared_ptr<FetchPartition>> due) {
    std::set<std::string> names;
    for (const auto& partition : due) names.insert(partition->tp().topic);
    std::vector<std::string> topics(names.begin(), names.end());
    std::shared_ptr<const ClusterView> view;
    std::optional<Error> failure;
    try {
        view = co_await cluster_->refresh(std::move(topics));
    } catch (const Error& error) {
        failure = error;
    }
    const TimePoint now = runtime_->now();
    for (const auto& partition : due) {
        if (partition->over()) continue;
        if (view && place(partition, *view)) continue;
        ++partition->failures;
        partition->retry_at = now + failure_backoff(partition->failures);
        partition->read_failed(not_placed(partition->tp(), view.get(), failure));
        homeless_.push_back(partition);
        // Leaders move; it is news only if that takes long.
        if (partition->failures != 5) continue;
        report(*partition->trouble);
    }
}

bool Consumer::Impl::place(const std::shared_ptr<FetchPartition>& partition,
                           const ClusterView& view) {
    const PartitionView* known = view.find(partition->tp());
    if (known == nullptr || known->leader < 0) return false;
    std::int32_t broker = known->leader;
    if (partition->follower >= 0) {
        if (view.brokers.contains(partition->follower)) {
            broker = partition->follower;
        } else {
            partition->follower = -1;
        }
    }
    // A view that is older than the one we had from elsewhere must not bring back an old leader's epoch.
    if (known->leader_epoch >= 0 && known->leader_epoch < partition->leader_epoch) return false;
    partition->leader_epoch = known->leader_epoch;
    auto& fetcher = fetchers_[broker];
    if (!fetcher) {
        fetcher = std::make_shared<Fetcher>(*this, broker);
        runtime_->spawn(fetcher->run(shared_from_this()));
    }
    fetcher->add(partition);
    return true;
}

void Consumer::Impl::reset_position(std::shared_ptr<FetchPartition> partition) {
    const TopicPartition& tp = partition->tp();
    const ErrorWhere where{.api = "Fetch", .topic = tp.topic, .partition = tp.partition,
                           .offset = partition->fetch_offset};
    if (config_.out_of_range == OutOfRange::stop) {
        partition->stuck = true;
        queue_->push_failure(partition, Error(errc::offset_out_of_range,
                                      "the log does not hold this offset (any more), and auto.offset.reset is none; "
                                      "reading of the partition stops",
                                      where));
        return;
    }
    report(Error(ErrorCode::offset_out_of_range,
                 std::string("the log does not hold this offset (any more); reading goes on at its ") +
                     (config_.out_of_range == OutOfRange::oldest ? "oldest" : "newest") + " end",
                 where));
    partition->resetting = true;
    runtime_->spawn(look_up_position(shared_from_this(), std::move(partition)));
}

Task<void> Consumer::Impl::look_up_position(std::shared_ptr<Impl> self,
                                            std::shared_ptr<FetchPartition> partition) {
    const std::int64_t end = config_.out_of_range == OutOfRange::oldest ? -2 : -1;
    Timer timer(*runtime_);
    for (int failures = 0; !self->closed() && !partition->over(); ++failures) {
        if (failures > 0) co_await timer.wait_for(failure_backoff(failures));
        std::optional<std::int64_t> offset;
        const OffsetQuery query{partition->tp(), end};
        try {
            offset = co_await look_up(query);
        } catch (const Error& error) {
            partition->read_failed(error);
            if (failures == 0) report(error);
        }
        if (!offset) continue;
        partition->fetch_offset = *offset;
        partition->fetched_epoch = -1;
        partition->failures = 0;
        partition->resetting = false;
        queue_->push_restart(partition, *offset);
        wake_all();
        co_return;
    }
}

}  // namespace kwire
