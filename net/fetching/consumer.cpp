#include <kwire/net/consumer.h>

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "consumer_impl.h"
#include "message_batch.h"

namespace kwire {
namespace {

std::uint64_t next_generation() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

void require(bool rule_holds, const std::string& key, std::int64_t value, const std::string& rule) {
    if (rule_holds) return;
    throw Error(errc::invalid_config, key + " = " + std::to_string(value) + ": must be " + rule);
}

void check(const FetchConfig& config) {
    require(config.fetch_bytes_min >= 0, "fetch.min.bytes", config.fetch_bytes_min, "at least 0");
    require(config.fetch_bytes_max > 0, "fetch.max.bytes", config.fetch_bytes_max, "at least 1");
    require(config.partition_fetch_bytes_max > 0, "max.partition.fetch.bytes",
            config.partition_fetch_bytes_max, "at least 1");
    require(config.fetch_wait_max.count() >= 0, "fetch.max.wait.ms", config.fetch_wait_max.count(),
            "at least 0");
    require(config.buffer_bytes_max >= config.partition_fetch_bytes_max, "buffer_bytes_max",
            config.buffer_bytes_max,
            "at least max.partition.fetch.bytes, " + std::to_string(config.partition_fetch_bytes_max));
    require(config.message_bytes_max > 0, "message_bytes_max", config.message_bytes_max, "at least 1");
    require(config.decompressed_bytes_max > 0, "decompressed_bytes_max",
            config.decompressed_bytes_max, "at least 1");
}

RecordReaderOptions reader_options(const FetchConfig& config) {
    RecordReaderOptions options;
    options.check_crc = config.check_crcs;
    options.decompressed_bytes_max = static_cast<std::size_t>(config.decompressed_bytes_max);
    return options;
}

}  // namespace

// ---- the inside

/// Holds a partition's place while its start is looked up; frees it again where that fails or is given up.
class Consumer::Impl::Reservation {
 public:
    Reservation(std::shared_ptr<Impl> impl, TopicPartition tp)
        : impl_(std::move(impl)), tp_(std::move(tp)) {
        const std::lock_guard lock(impl_->assigned_mutex_);
        if (impl_->closed()) throw Error(errc::closed, "the consumer is closed");
        if (!impl_->assigned_.emplace(tp_, nullptr).second) {
            throw Error(errc::invalid_config, "is assigned already: unassign it first",
                        {.topic = tp_.topic, .partition = tp_.partition});
        }
    }
    ~Reservation() {
        if (filled_) return;
        const std::lock_guard lock(impl_->assigned_mutex_);
        impl_->assigned_.erase(tp_);
    }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    void fill(const std::shared_ptr<FetchPartition>& partition) {
        const std::lock_guard lock(impl_->assigned_mutex_);
        impl_->queue_->add(partition);
        impl_->assigned_[tp_] = partition;
        filled_ = true;
    }

 private:
    const std::shared_ptr<Impl> impl_;
    const TopicPartition tp_;
    bool filled_ = false;
};

Consumer::Impl::Impl(std::shared_ptr<Cluster> cluster, FetchConfig config, Handlers handlers)
    : cluster_(std::move(cluster)),
      runtime_(cluster_->runtime()),
      config_(std::move(config)),
      handlers_(std::move(handlers)),
      routing_wanted_(*runtime_),
      readable_(*runtime_),
      watch_(*runtime_) {}

void Consumer::Impl::start() {
    const std::weak_ptr<Impl> weak = weak_from_this();
    const auto on_strand = [weak, executor = runtime_->executor()](auto action) {
        return [weak, executor, action](const auto&... arguments) {
            asio::post(executor, [weak, action, arguments...] {
                if (const auto self = weak.lock()) action(*self, arguments...);
            });
        };
    };
    budget_ = std::make_shared<BufferBudget>(config_.buffer_bytes_max,
                                             on_strand([](Impl& self) { self.wake_all(); }));
    queue_ = std::make_shared<FetchQueue>(
        budget_, reader_options(config_),
        on_strand([](Impl& self, const Error& error) {
            self.wake_all();
            self.report(error);
        }),
        on_strand([](Impl& self) { self.readable_.notify_all(); }), runtime_->time());
    runtime_->spawn(run_router(shared_from_this()));
    runtime_->spawn(run_watch(shared_from_this()));
}

void Consumer::Impl::close() {
    if (closed_.exchange(true)) return;
    queue_->close();
    asio::post(runtime_->executor(), [self = shared_from_this()] { self->wake_all(); });
}

void Consumer::Impl::wake_all() {
    for (const auto& [broker, fetcher] : fetchers_) fetcher->wake();
    if (!closed()) return;
    routing_wanted_.notify_all();
    readable_.notify_all();
    watch_.cancel();
}

void Consumer::Impl::report(const Error& error) {
    if (closed() || !handlers_.on_error) return;
    try {
        handlers_.on_error(error);
    } catch (...) {  // a program's own; there is nobody left to report it to
    }
}

void Consumer::Impl::note_trouble(FetchPartition& partition, Error reason, Trouble::Report how) {
    const TimePoint now = runtime_->now();
    partition.answered_at = TimePoint::min();
    partition.trouble.note(std::move(reason), now, how);
    if (const auto news = partition.trouble.news(now)) report(*news);
}

std::int64_t Consumer::Impl::request_bytes() const {
    // One answer on the way and three waiting, for each broker that is read.
    const auto busy = std::count_if(fetchers_.begin(), fetchers_.end(),
                                    [](const auto& entry) { return !entry.second->idle(); });
    return config_.buffer_bytes_max / 4 / std::max<std::int64_t>(busy, 1);
}

Task<std::shared_ptr<PartitionCursor>> Consumer::Impl::assign(TopicPartition tp, StartOffset start,
                                                              std::function<void()> on_progress) {
    Reservation reservation(shared_from_this(), tp);
    std::int64_t offset = start.value();
    if (start.is_lookup()) {
        const OffsetQuery query{tp, start.value()};
        offset = co_await look_up(query);
    }
    const auto partition = std::make_shared<FetchPartition>(
        std::make_shared<PartitionCursor>(tp, next_generation(), offset, std::move(on_progress), this),
        cluster_->jitter_seed());
    partition->fetch_offset = offset;
    partition->bytes_max = config_.partition_fetch_bytes_max;
    reservation.fill(partition);
    const auto view = cluster_->view();
    if (view->find(tp) != nullptr) {
        TopicNews news;
        place(partition, *view, news);
    } else {
        FetchPartitions one(1, partition);
        route(std::move(one));
    }
    co_return partition->cursor;
}

void Consumer::Impl::unassign(const std::shared_ptr<PartitionCursor>& cursor,
                              PartitionCursor::State state) {
    std::shared_ptr<FetchPartition> partition;
    {
        const std::lock_guard lock(assigned_mutex_);
        const auto found = assigned_.find(cursor->topic_partition());
        if (found != assigned_.end() && found->second && found->second->cursor == cursor) {
            partition = found->second;
            assigned_.erase(found);
            if (partition->paused) paused_count_.fetch_sub(1);
        }
    }
    if (!partition || !queue_->remove(partition, state)) cursor->set_state(state);
}

Task<MessageBatch> Consumer::Impl::async_poll(std::chrono::milliseconds timeout, std::stop_token abandoned) {
    struct Waiter {
        FetchQueue& queue;
        explicit Waiter(FetchQueue& q) : queue(q) { queue.add_async_waiter(); }
        ~Waiter() { queue.remove_async_waiter(); }
    };
    const auto queue = queue_;
    const Waiter waiter(*queue);
    const std::stop_callback wake(abandoned, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->runtime_->post([self] { self->readable_.notify_all(); });
    });
    const TimePoint deadline = runtime_->now() + std::min<std::chrono::milliseconds>(
                                                     timeout, std::chrono::hours(24 * 365));
    for (;;) {
        if (abandoned.stop_requested()) co_return MessageBatch{};
        MessageBatch batch = queue->try_take();
        if (!batch.empty() || runtime_->now() >= deadline) co_return batch;
        co_await readable_.wait_until(deadline);
    }
}

// ---- the face

StartOffset StartOffset::at(std::int64_t offset) {
    if (offset >= 0) return StartOffset(offset);
    throw Error(errc::invalid_config, "StartOffset::at(" + std::to_string(offset) +
                                          "): offsets begin at 0; the ends of the log are StartOffset::oldest() and newest()");
}

Consumer::Consumer() = default;

Consumer::~Consumer() { close(); }

std::shared_ptr<Consumer> Consumer::create(std::shared_ptr<Cluster> cluster, FetchConfig config,
                                           Handlers handlers) {
    check(config);
    std::shared_ptr<Consumer> consumer(new Consumer());
    consumer->impl_ =
        std::make_shared<Impl>(std::move(cluster), std::move(config), std::move(handlers));
    consumer->impl_->start();
    return consumer;
}

Task<std::shared_ptr<PartitionCursor>> Consumer::assigned(std::shared_ptr<Impl> impl, TopicPartition tp,
                                                         StartOffset start, std::function<void()> on_progress) {
    impl->runtime_->require_on_runtime("Consumer::async_assign");
    auto cursor = co_await impl->assign(std::move(tp), start, std::move(on_progress));
    co_return cursor;
}

void Consumer::drop(const std::shared_ptr<Impl>& impl, const std::shared_ptr<PartitionCursor>& cursor) {
    impl->unassign(cursor, PartitionCursor::State::retired);
}

std::shared_ptr<PartitionCursor> Consumer::assign(TopicPartition tp, StartOffset start) {
    return impl_->runtime_->block_on(assigned(impl_, std::move(tp), start, {}));
}

void Consumer::unassign(const std::shared_ptr<PartitionCursor>& cursor,
                        PartitionCursor::State state) {
    impl_->unassign(cursor, state);
}

void Consumer::suspend() { impl_->queue_->suspend(); }

void Consumer::resume() { impl_->queue_->resume(); }

void Consumer::hand_out_until(TimePoint until) { impl_->queue_->hand_out_until(until); }

MessageBatch Consumer::poll(std::chrono::milliseconds timeout) {
    if (impl_->runtime_->on_runtime()) {
        throw Error(errc::would_block_runtime,
                    "poll waits, and here it would wait for the thread it stands on: use async_poll");
    }
    return impl_->queue_->take(timeout);
}

Task<MessageBatch> Consumer::polled(std::shared_ptr<Impl> impl, std::chrono::milliseconds timeout,
                                    std::stop_token abandoned) {
    impl->runtime_->require_on_runtime("Consumer::async_poll");
    auto batch = co_await impl->async_poll(timeout, std::move(abandoned));
    co_return batch;
}

const std::shared_ptr<Runtime>& Consumer::runtime() const { return impl_->runtime_; }

std::int64_t Consumer::buffered_bytes() const { return impl_->budget_->used(); }

void Consumer::close() { impl_->close(); }

const void* Consumer::reader() const { return impl_.get(); }

}  // namespace kwire
