// What a program may ask of, and change about, one partition.
#include <utility>

#include <asio/post.hpp>

#include "consumer_impl.h"

namespace kwire {

// ---- the inside

std::shared_ptr<FetchPartition> Consumer::Impl::find(const TopicPartition& tp) {
    const std::lock_guard lock(assigned_mutex_);
    const auto found = assigned_.find(tp);
    return found == assigned_.end() ? nullptr : found->second;
}

FetchPartitions Consumer::Impl::find_all(const std::vector<TopicPartition>& partitions) const {
    FetchPartitions all;
    for (const TopicPartition& tp : partitions) {
        const auto found = assigned_.find(tp);
        if (found == assigned_.end() || !found->second) throw not_assigned(tp);
        all.push_back(found->second);
    }
    return all;
}

Error Consumer::Impl::not_assigned(const TopicPartition& tp) {
    return Error(errc::not_owner, "the partition is not assigned to this consumer, or its start is still looked up",
                 {.topic = tp.topic, .partition = tp.partition});
}

/// Fetched of old, or under way, means nothing from now on: a partition that was not there before takes its place. So
/// nothing has to be called back from fetchers, sessions and lookups, whichever of them has it at the moment.
std::shared_ptr<FetchPartition> Consumer::Impl::successor_of(const FetchPartition& old, std::int64_t position) {
    const auto fresh = std::make_shared<FetchPartition>(old.cursor, cluster_->jitter_seed());
    fresh->fetch_offset = position;
    fresh->bytes_max = config_.partition_fetch_bytes_max;
    fresh->high_watermark = old.high_watermark.load();
    fresh->log_end = old.log_end.load();
    return fresh;
}

void Consumer::Impl::route_soon(const std::shared_ptr<FetchPartition>& fresh) {
    asio::post(runtime_->executor(), [self = shared_from_this(), fresh] {
        for (const auto& [broker, fetcher] : self->fetchers_) fetcher->wake();  // to drop the one before
        if (self->closed() || fresh->over()) return;
        TopicNews news;
        const auto view = self->cluster_->view();
        if (fresh->where.is_read() || view->find(fresh->tp()) == nullptr) {
            FetchPartitions one(1, fresh);
            self->route(std::move(one));
        } else {
            self->place(fresh, *view, news);
        }
    });
}

void Consumer::Impl::give_up_paused() {
    if (paused_count_.load() == 0) return;
    const std::lock_guard lock(assigned_mutex_);
    for (auto& [tp, partition] : assigned_) {
        if (!partition || !partition->paused || partition->waiting_bytes.load() <= 0 || partition->over()) continue;
        const auto fresh = successor_of(*partition, 0);
        fresh->where = partition->where;
        if (!queue_->give_up_fetched(partition, fresh, &fresh->fetch_offset)) continue;
        partition = fresh;
        route_soon(fresh);
    }
}

// ---- the face

void Consumer::pause(const std::vector<TopicPartition>& partitions) {
    const std::lock_guard lock(impl_->assigned_mutex_);  // against seek
    for (const auto& partition : impl_->find_all(partitions)) {
        if (impl_->queue_->pause(partition)) impl_->paused_count_.fetch_add(1);
    }
}

void Consumer::resume(const std::vector<TopicPartition>& partitions) {
    {
        const std::lock_guard lock(impl_->assigned_mutex_);
        for (const auto& partition : impl_->find_all(partitions)) {
            if (impl_->queue_->resume(partition)) impl_->paused_count_.fetch_sub(1);
        }
    }
    asio::post(impl_->runtime_->executor(), [impl = impl_] { impl->wake_all(); });
}

std::vector<TopicPartition> Consumer::paused() const {
    const std::lock_guard lock(impl_->assigned_mutex_);
    std::vector<TopicPartition> all;
    for (const auto& [tp, partition] : impl_->assigned_) {
        if (partition && partition->paused) all.push_back(tp);
    }
    return all;
}

void Consumer::seek(const TopicPartition& tp, std::int64_t offset) {
    if (offset < 0) {
        throw Error(errc::invalid_config, "seek to " + std::to_string(offset) + ": offsets begin at 0",
                    {.topic = tp.topic, .partition = tp.partition});
    }
    const std::lock_guard lock(impl_->assigned_mutex_);
    const auto found = impl_->assigned_.find(tp);
    if (found == impl_->assigned_.end() || !found->second) throw Impl::not_assigned(tp);
    const auto fresh = impl_->successor_of(*found->second, offset);
    if (!impl_->queue_->seek(found->second, fresh, offset)) throw Error(errc::closed, "the consumer is closed");
    found->second = fresh;
    impl_->route_soon(fresh);
}

std::optional<std::int64_t> Consumer::position(const TopicPartition& tp) const {
    const auto partition = impl_->find(tp);
    if (!partition) return std::nullopt;
    return partition->cursor->delivered();
}

std::optional<std::int64_t> Consumer::lag(const TopicPartition& tp) const {
    const auto partition = impl_->find(tp);
    if (!partition) return std::nullopt;
    const std::int64_t end = partition->log_end.load(std::memory_order_relaxed);
    if (end < 0) return std::nullopt;
    return std::max<std::int64_t>(end - partition->cursor->delivered(), 0);
}

std::optional<std::int64_t> Consumer::high_watermark(const TopicPartition& tp) const {
    const auto partition = impl_->find(tp);
    if (!partition) return std::nullopt;
    const auto mark = partition->high_watermark.load(std::memory_order_relaxed);
    if (mark < 0) return std::nullopt;
    return mark;
}

std::optional<PartitionReading> Consumer::reading(const TopicPartition& tp) const {
    const auto partition = impl_->find(tp);
    if (!partition) return std::nullopt;
    PartitionReading reading;
    reading.position = partition->fetch_offset;
    reading.log_end = partition->log_end;
    reading.buffered = partition->waiting_bytes.load() > 0;
    reading.failed = partition->failed.load();
    const TimePoint answered =
        partition->home != nullptr ? partition->home->answered_at(*partition) : partition->answered_at;
    const bool resetting = partition->where.state() == Whereabouts::State::resetting;
    if (answered != TimePoint::min() && !resetting) reading.answered_at = answered;
    reading.trouble = partition->trouble.reason();
    return reading;
}

}  // namespace kwire
