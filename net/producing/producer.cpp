#include <kwire/net/producer.h>

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "producer_impl.h"

namespace kwire {
namespace {

void require(bool rule_holds, const std::string& key, std::int64_t value, const std::string& rule) {
    if (rule_holds) return;
    throw Error(errc::invalid_config, key + " = " + std::to_string(value) + ": must be " + rule);
}

void check(const ProducerConfig& config) {
    require(config.acks >= -1 && config.acks <= 1, "acks", config.acks, "0, 1 or -1 (all)");
    require(config.batch_bytes_max > 0, "batch.size", config.batch_bytes_max, "at least 1");
    require(config.buffer_bytes_max > 0, "buffer.memory", config.buffer_bytes_max, "at least 1");
    require(config.linger.count() >= 0, "linger.ms", config.linger.count(), "at least 0");
    require(config.delivery_timeout.count() > 0, "delivery.timeout.ms", config.delivery_timeout.count(),
            "at least 1");
    require(config.retry_backoff.count() > 0, "retry.backoff.ms", config.retry_backoff.count(), "at least 1");
}

// What a record takes besides its bytes, roughly: its lengths on the wire and its place in our lists.
constexpr std::int64_t record_overhead_bytes = 32;

std::int64_t size_of(const ProducerRecord& record) {
    std::size_t bytes = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    for (const auto& [key, value] : record.headers) bytes += key.size() + (value ? value->size() : 0) + 10;
    return static_cast<std::int64_t>(bytes) + record_overhead_bytes;
}

std::int64_t wall_clock_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Producer::Impl::Impl(std::shared_ptr<Cluster> cluster, ProducerConfig config)
    : cluster_(std::move(cluster)), runtime_(cluster_->runtime()), config_(config), report_came_(*runtime_) {}

// ---- any thread

bool Producer::Impl::has_room(std::int64_t bytes) const {
    return closed_ || buffered_bytes_ == 0 || buffered_bytes_ + bytes <= config_.buffer_bytes_max;
}

bool Producer::Impl::send(Patience patience, ProducerRecord& record, Producer::Report& report) {
    const std::int64_t bytes = size_of(record);
    std::unique_lock lock(mutex_);
    if (!has_room(bytes) && runtime_->on_runtime()) {
        throw Error(errc::would_block_runtime,
                    "the producer's buffer is full, and the thread that empties it must not wait for that; use async_send");
    }
    const auto room = [&] { return has_room(bytes); };
    if (!patience) {
        reported_.wait(lock, room);
    } else if (!reported_.wait_for(lock, *patience, room)) {
        return false;
    }
    queue(std::move(lock), bytes, record, report);
    return true;
}

void Producer::Impl::queue(std::unique_lock<std::mutex> lock, std::int64_t bytes, ProducerRecord& record,
                           Producer::Report& report) {
    if (closed_) throw Error(errc::closed, "the producer is closed");
    Pending pending;
    pending.bytes = bytes;
    pending.timestamp_ms = record.timestamp_ms.value_or(wall_clock_ms());
    pending.deadline = runtime_->now() + config_.delivery_timeout;
    pending.record = std::move(record);
    pending.report = std::move(report);
    buffered_bytes_ += bytes;
    pending.epoch = epoch_;
    ++outstanding_[epoch_];
    incoming_.push_back(std::move(pending));
    if (std::exchange(sorting_, true)) return;
    lock.unlock();
    asio::post(runtime_->executor(), [self = shared_from_this()] { self->sort_incoming(); });
}

std::uint64_t Producer::Impl::begin_flush() {
    flushing_.fetch_add(1);
    asio::post(runtime_->executor(), [self = shared_from_this()] {
        for (const auto& [name, topic] : self->topics_) {
            for (const auto& [index, queue] : topic.partitions) queue->changed.notify_all();
        }
    });
    const std::lock_guard lock(mutex_);
    return epoch_++;
}

bool Producer::Impl::all_reported(std::uint64_t last_epoch) const {
    return outstanding_.empty() || outstanding_.begin()->first > last_epoch;
}

bool Producer::Impl::flush(Patience patience) {
    if (runtime_->on_runtime()) {
        throw Error(errc::would_block_runtime,
                    "flush waits for reports, which come on this very thread; use async_flush_within");
    }
    const std::uint64_t last = begin_flush();
    std::unique_lock lock(mutex_);
    const auto done = [&] { return all_reported(last); };
    bool all = true;
    if (patience) {
        all = reported_.wait_for(lock, *patience, done);
    } else {
        reported_.wait(lock, done);
    }
    flushing_.fetch_sub(1);
    return all;
}

bool Producer::Impl::begin_close() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return false;
    reported_.notify_all();
    return true;
}

void Producer::Impl::close(Patience patience) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
    }
    const bool done = flush(patience);
    begin_close();
    if (done) return;
    asio::post(runtime_->executor(), [self = shared_from_this()] { self->abandon(); });
    std::unique_lock lock(mutex_);
    reported_.wait(lock, [&] { return outstanding_.empty(); });
}

// ---- the strand: waiting

Task<bool> Producer::Impl::wait_for_reports(std::function<bool()> condition, TimePoint deadline) {
    struct Waiting {
        explicit Waiting(int& its_count) : count(its_count) { ++count; }
        ~Waiting() { --count; }
        Waiting(const Waiting&) = delete;
        int& count;
    };
    const Waiting waiting(report_waiters_);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (condition()) co_return true;
        }
        if (runtime_->now() >= deadline) co_return false;
        co_await report_came_.wait_until(deadline);
    }
}

Task<DeliveryReport> Producer::Impl::async_send(ProducerRecord record) {
    const std::int64_t bytes = size_of(record);
    std::function<bool()> room = [this, bytes] { return has_room(bytes); };
    co_await wait_for_reports(std::move(room), TimePoint::max());
    const auto outcome = std::make_shared<std::optional<DeliveryReport>>();
    Report report = [outcome](const DeliveryReport& its_report) { *outcome = its_report; };
    queue(std::unique_lock(mutex_), bytes, record, report);
    std::function<bool()> reported = [outcome] { return outcome->has_value(); };
    co_await wait_for_reports(std::move(reported), TimePoint::max());
    co_return std::move(**outcome);
}

Task<bool> Producer::Impl::async_flush(std::chrono::milliseconds patience) {
    const std::uint64_t last = begin_flush();
    std::function<bool()> done = [this, last] { return all_reported(last); };
    const bool all = co_await wait_for_reports(std::move(done), later(runtime_->now(), patience));
    flushing_.fetch_sub(1);
    co_return all;
}

Task<void> Producer::Impl::async_close(std::chrono::milliseconds patience) {
    const bool done = co_await async_flush(patience);
    if (!begin_close() || done) co_return;
    abandon();
    std::function<bool()> all = [this] { return outstanding_.empty(); };
    co_await wait_for_reports(std::move(all), TimePoint::max());
}

// ---- the strand: sorting

void Producer::Impl::sort_incoming() {
    std::vector<Pending> arrived;
    {
        const std::lock_guard lock(mutex_);
        sorting_ = false;
        arrived.swap(incoming_);
    }
    const auto view = cluster_->view();
    for (Pending& pending : arrived) {
        if (abandoned_) {
            const std::string topic = pending.record.topic;
            finish(pending, {{topic, -1}, -1, closed_early(topic, -1, false)});
            continue;
        }
        const std::string& name = pending.record.topic;
        Topic& topic = topics_[name];
        const auto known = view->topics.find(name);
        if (known != view->topics.end() && !known->second.partitions.empty() && topic.waiting.empty()) {
            sort(topic, known->second, std::move(pending));
            continue;
        }
        wait_for_metadata(topic, std::move(pending));
    }
}

void Producer::Impl::wait_for_metadata(Topic& topic, Pending pending) {
    const std::string name = pending.record.topic;
    topic.waiting.push_back(std::move(pending));
    if (!std::exchange(topic.looking_up, true)) runtime_->spawn(look_up_topic(shared_from_this(), name));
}

std::int32_t Producer::Impl::choose_partition(Topic& topic, const TopicView& view,
                                              const ProducerRecord& record) {
    const auto count = static_cast<std::int32_t>(view.partitions.size());
    if (record.partition) return *record.partition;
    if (record.key) return partition_for_key(*record.key, count);
    // Without a key one partition gets a whole batch, then comes the next one that has a leader.
    const auto has_open_batch = [&](std::int32_t index) {
        const auto queue = topic.partitions.find(index);
        return queue != topic.partitions.end() && !queue->second->batches.empty() &&
               !queue->second->batches.back().closed;
    };
    if (has_open_batch(topic.next_partition)) return topic.next_partition;
    for (std::int32_t tried = 0; tried < count; ++tried) {
        topic.next_partition = (topic.next_partition + 1) % count;
        const auto partition = view.partitions.find(topic.next_partition);
        if (partition != view.partitions.end() && partition->second.leader >= 0) break;
    }
    return topic.next_partition;
}

void Producer::Impl::sort(Topic& topic, const TopicView& view, Pending pending) {
    const std::int32_t index = choose_partition(topic, view, pending.record);
    if (view.partitions.contains(index)) {
        append(topic, index, std::move(pending));
        return;
    }
    if (runtime_->now() >= topic.look_again_at) return wait_for_metadata(topic, std::move(pending));
    DeliveryReport report;
    report.tp = {pending.record.topic, index};
    report.error.emplace(errc::unknown_topic, "the topic has no such partition",
                         ErrorWhere{.api = "Produce", .topic = report.tp.topic, .partition = index});
    finish(pending, report);
}

void Producer::Impl::append(Topic& topic, std::int32_t index, Pending pending) {
    auto& queue = topic.partitions[index];
    if (!queue) {
        queue = std::make_shared<PartitionQueue>(TopicPartition{pending.record.topic, index}, *runtime_);
    }
    if (queue->batches.empty() || queue->batches.back().closed) {
        queue->batches.emplace_back();
        queue->batches.back().send_at = runtime_->now() + config_.linger;
    }
    Batch& batch = queue->batches.back();
    batch.bytes += pending.bytes;
    batch.records.push_back(std::move(pending));
    if (batch.bytes >= config_.batch_bytes_max) {
        batch.closed = true;
        queue->changed.notify_all();
    }
    if (!std::exchange(queue->running, true)) {
        runtime_->spawn(run_partition(shared_from_this(), queue));
    }
}

Error Producer::Impl::closed_early(const std::string& topic, std::int32_t partition, bool was_sent) {
    return Error(errc::closed,
                 was_sent ? "the producer was closed before an acknowledgement came; the message may be stored or not"
                          : "the producer was closed before the message was sent",
                 {.api = "Produce", .topic = topic, .partition = partition});
}

void Producer::Impl::abandon() {
    abandoned_ = true;
    sort_incoming();
    for (auto& [name, topic] : topics_) {
        for (Pending& pending : std::exchange(topic.waiting, {})) {
            finish(pending, {{name, -1}, -1, closed_early(name, -1, false)});
        }
        for (const auto& [index, queue] : topic.partitions) {
            for (Batch& batch : std::exchange(queue->batches, {})) {
                fail(queue->tp, batch, closed_early(name, index, false));
            }
            queue->changed.notify_all();
        }
    }
    // Their coroutines find nothing left when they go on.
    for (Batch* batch : on_the_way_) {
        if (batch->records.empty()) continue;
        const std::string topic = batch->records.front().record.topic;
        fail({topic, batch->partition}, *batch, closed_early(topic, batch->partition, batch->sent));
    }
    troubles_.clear();
}

Task<std::vector<Error>> Producer::Impl::troubles(std::shared_ptr<Impl> self) {
    // A connection that is being made for so long is trouble, too.
    constexpr std::chrono::milliseconds patience{1'000};
    std::vector<Error> all = self->cluster_->unreachable(patience);
    for (const auto& [tp, error] : self->troubles_) all.push_back(error);
    co_return all;
}

// ---- the face

Producer::Producer() = default;

Producer::~Producer() {
    // Whoever wants the rest delivered calls close() or flush(); coroutines under way hold the inside until they end.
    const std::lock_guard lock(impl_->mutex_);
    impl_->closed_ = true;
}

std::shared_ptr<Producer> Producer::create(std::shared_ptr<Cluster> cluster, ProducerConfig config) {
    check(config);
    std::shared_ptr<Producer> producer(new Producer());
    producer->impl_ = std::make_shared<Impl>(std::move(cluster), config);
    return producer;
}

void Producer::send(ProducerRecord record, Report report) { impl_->send(std::nullopt, record, report); }

bool Producer::send_within(std::chrono::milliseconds patience, ProducerRecord& record, Report& report) {
    return impl_->send(patience, record, report);
}

void Producer::flush() { impl_->flush(std::nullopt); }

bool Producer::flush_within(std::chrono::milliseconds patience) { return impl_->flush(patience); }

void Producer::close() { impl_->close(std::nullopt); }

void Producer::close_within(std::chrono::milliseconds patience) { impl_->close(patience); }

std::vector<Error> Producer::troubles() { return impl_->runtime_->block_on(Impl::troubles(impl_)); }

const std::shared_ptr<Runtime>& Producer::runtime() const { return impl_->runtime_; }

Task<DeliveryReport> Producer::sent(std::shared_ptr<Impl> impl, ProducerRecord record) {
    DeliveryReport report = co_await impl->async_send(std::move(record));
    co_return report;
}

Task<bool> Producer::flushed(std::shared_ptr<Impl> impl, std::chrono::milliseconds patience) {
    const bool all = co_await impl->async_flush(patience);
    co_return all;
}

Task<void> Producer::closed(std::shared_ptr<Impl> impl, std::chrono::milliseconds patience) {
    co_await impl->async_close(patience);
}

Task<std::vector<Error>> Producer::found_troubles(std::shared_ptr<Impl> impl) { return Impl::troubles(std::move(impl)); }

}  // namespace kwire
