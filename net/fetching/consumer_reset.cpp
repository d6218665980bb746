#include <utility>

#include "consumer_impl.h"

namespace kwire {
namespace {

std::string reset_in_words(OutOfRange policy) {
    return std::string("reading goes on at its ") + (policy == OutOfRange::oldest ? "oldest" : "newest") + " end";
}

}  // namespace

/// The position is not in the log: it moves as configured, unless the log is another one.
Task<void> Consumer::Impl::reset_position(std::shared_ptr<Impl> self, std::shared_ptr<FetchPartition> partition) {
    Timer timer(*self->runtime_);
    if (partition->where.due() > self->runtime_->now()) co_await timer.wait_until(partition->where.due());
    std::vector<std::string> topics(1, partition->tp().topic);
    try {
        co_await self->cluster_->refresh(std::move(topics), RefreshOptions{}, use_task);
    } catch (...) {
        // what is known has to do
    }
    if (self->closed() || partition->over()) co_return;
    const auto view = self->cluster_->view();
    if (partition->where.look_around(*view, partition->tp(), self->runtime_->now())) {
        FetchPartitions one(1, partition);
        self->route(std::move(one));
        co_return;
    }
    const ErrorWhere where = partition->place("Fetch");
    const std::string what = "the log does not hold this offset (any more)";
    if (self->config_.out_of_range == OutOfRange::stop) {
        partition->where.stop();
        self->queue_->push_failure(partition, Error(errc::offset_out_of_range,
                                                    what + ", and auto.offset.reset is none; reading of the partition stops",
                                                    where));
        co_return;
    }
    self->note_trouble(*partition, Error(ErrorCode::offset_out_of_range,
                                         what + "; " + reset_in_words(self->config_.out_of_range), where),
                       Trouble::Report::at_once);
    co_await look_up_position(self, partition, false);
}

/// The topic was deleted and made anew. What was read of the old one, and whatever was remembered of it, is void.
void Consumer::Impl::begin_anew(const std::shared_ptr<FetchPartition>& partition, TopicNews& news) {
    const TopicPartition& tp = partition->tp();
    queue_->expect_restart(partition);
    partition->trouble.over();
    partition->high_watermark.store(-1, std::memory_order_relaxed);
    if (handlers_.on_topic_recreated) {
        try {
            handlers_.on_topic_recreated(tp);
        } catch (...) {  // a program's own
        }
    }
    const std::string what = "the topic was deleted and made anew; offsets of the old one mean nothing now: ";
    if (config_.out_of_range == OutOfRange::stop) {
        partition->where.stop();
        queue_->push_failure(partition, Error(errc::topic_recreated,
                                              what + "auto.offset.reset is none, so reading of the partition stops",
                                              partition->place("Metadata")));
        return;
    }
    const Uuid& id = partition->where.topic_id();
    // The partitions find out one after the other, when their leaders answer; the topic is reported once.
    const bool is_news = id.is_zero() ? news.insert(tp.topic).second : std::exchange(recreated_[tp.topic], id) != id;
    if (is_news) {
        report(Error(errc::topic_recreated, what + reset_in_words(config_.out_of_range),
                     {.api = "Metadata", .topic = tp.topic}));
    }
    runtime_->spawn(look_up_position(shared_from_this(), partition, true));
}

Task<void> Consumer::Impl::look_up_position(std::shared_ptr<Impl> self, std::shared_ptr<FetchPartition> partition,
                                            bool anew) {
    const bool oldest = self->config_.out_of_range == OutOfRange::oldest;
    const OffsetQuery query{partition->tp(), oldest ? -2 : -1};
    Timer timer(*self->runtime_);
    Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(1), self->cluster_->jitter_seed());
    while (!self->closed() && !partition->over()) {
        std::optional<std::int64_t> offset;
        std::optional<Error> failure;
        try {
            offset = co_await self->look_up(query);
        } catch (...) {
            failure = as_error(std::current_exception());
        }
        if (self->closed() || partition->over()) break;
        if (failure) {
            self->note_trouble(*partition, *failure, Trouble::Report::at_once);
            co_await timer.wait_for(backoff.next());
            continue;
        }
        partition->fetch_offset = *offset;
        partition->bytes_max = self->config_.partition_fetch_bytes_max;
        partition->where.position_found();
        if (anew) {
            self->queue_->push_expected_restart(partition, *offset);
        } else {
            self->queue_->push_restart(partition, *offset);
        }
        // Not through Metadata again: its leader has just answered.
        const auto view = self->cluster_->view();
        TopicNews news;
        self->place(partition, *view, news);
        break;
    }
}

}  // namespace kwire
