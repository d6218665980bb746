#include <algorithm>
#include <limits>
#include <utility>

#include <kwire/net/backoff.h>
#include <kwire/net/topic_error.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/record_batch_builder.h>

#include "connecting/leader_errors.h"
#include "producer_impl.h"

namespace kwire {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

// A name that no broker knows is a wrong name sooner than a topic that is just being created.
constexpr std::chrono::seconds unknown_topic_patience{5};
/// Between two questions whether a topic has got the partition that it lacked.
constexpr std::chrono::seconds added_partitions_pause{1};
constexpr std::size_t no_limit = std::size_t{1} << 30;  // batches were cut to size before

std::int8_t magic_for(std::int16_t version) {
    if (version >= 3) return 2;
    return version == 2 ? 1 : 0;
}

template <class Builder, class... Headers>
void append_to(Builder& builder, const ProducerRecord& record, std::int64_t timestamp,
               const Headers&... headers) {
    builder.append(timestamp, record.key ? std::optional<std::string_view>(*record.key) : std::nullopt,
                   record.value ? std::optional<std::string_view>(*record.value) : std::nullopt, headers...);
}

}  // namespace

/// How long a failure to find a topic is taken for a passing one.
Duration Producer::Impl::patience_with(const Error& failure) const {
    switch (failure.condition()) {
        case errc::closed: return Duration::zero();
        case errc::unknown_topic: return std::min<Duration>(unknown_topic_patience, config_.delivery_timeout);
        case errc::broker_error: {
            const bool is_final = leader_error_kind(failure.broker_code()) == LeaderErrorKind::fatal;
            return is_final ? Duration::zero() : Duration(config_.delivery_timeout);
        }
        default: return config_.delivery_timeout;
    }
}

Task<std::optional<Error>> Producer::Impl::find_topic(std::string name) {
    std::vector<std::string> names(1, name);
    const RefreshOptions options{config_.allow_auto_topic_creation};
    std::optional<Error> failure;
    try {
        const auto view = co_await cluster_->refresh(std::move(names), options, use_task);
        const auto topic = view->topics.find(name);
        const bool found = topic != view->topics.end() && !topic->second.partitions.empty();
        if (!found) failure = missing_topic(*view, name, {.api = "Metadata", .topic = name});
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    co_return failure;
}

Task<void> Producer::Impl::look_up_topic(std::shared_ptr<Impl> self, std::string name) {
    const TimePoint begun = runtime_->now();
    Timer timer(*runtime_);
    Backoff backoff(config_.retry_backoff, 10 * config_.retry_backoff, cluster_->jitter_seed());
    std::optional<Error> failure;
    for (;;) {
        failure = co_await find_topic(name);
        if (!failure || abandoned_) break;
        troubles_.insert_or_assign(TopicPartition{name, -1}, *failure);
        if (runtime_->now() >= begun + patience_with(*failure)) break;
        co_await timer.wait_for(backoff.next());
    }
    troubles_.erase({name, -1});
    Topic& topic = topics_[name];
    topic.looking_up = false;
    topic.look_again_at = runtime_->now() + added_partitions_pause;
    std::vector<Pending> waiting;
    waiting.swap(topic.waiting);
    const auto view = cluster_->view();
    for (Pending& pending : waiting) {
        if (!failure && view->topics.contains(name)) {
            sort(topic, view->topics.at(name), std::move(pending));
        } else if (failure) {
            finish(pending, {{name, -1}, -1, failure});
        } else {  // gone from the view since it was found there
            wait_for_metadata(topic, std::move(pending));
        }
    }
    self.reset();
}

Task<void> Producer::Impl::run_partition(std::shared_ptr<Impl> self,
                                         std::shared_ptr<PartitionQueue> queue) {
    while (!queue->batches.empty()) {
        const Batch& front = queue->batches.front();
        if (!front.closed && !flushing() && front.send_at > runtime_->now()) {
            co_await queue->changed.wait_until(front.send_at);
            continue;
        }
        Batch batch = std::move(queue->batches.front());
        queue->batches.pop_front();
        co_await deliver(queue, std::move(batch));
    }
    queue->running = false;
    self.reset();
}

Task<void> Producer::Impl::deliver(std::shared_ptr<PartitionQueue> queue, Batch batch) {
    Timer timer(*runtime_);
    batch.partition = queue->tp.partition;
    const OnTheWay entry(*this, batch);
    std::optional<Error> failure;
    try {
        co_await deliver_until_over(queue, batch, timer);
    } catch (...) {  // out of memory, most likely; the batches behind it go on
        failure = as_error(std::current_exception());
    }
    if (failure) fail(queue->tp, batch, *failure);
    troubles_.erase(queue->tp);
}

Task<void> Producer::Impl::deliver_until_over(std::shared_ptr<PartitionQueue> queue, Batch& batch, Timer& timer) {
    Backoff backoff(config_.retry_backoff, 10 * config_.retry_backoff, cluster_->jitter_seed());
    while (!batch.records.empty()) {
        std::optional<Error> reason = co_await try_to_deliver(queue, batch);
        if (!reason || batch.records.empty()) co_return;
        troubles_.insert_or_assign(queue->tp, *reason);
        const TimePoint again = runtime_->now() + backoff.next();
        if (reason->condition() == errc::closed || again >= batch.records.front().deadline) {
            fail(queue->tp, batch, *reason);
            co_return;
        }
        co_await timer.wait_until(again);
        const auto missing = co_await find_topic(queue->tp.topic);
        if (missing) troubles_.insert_or_assign(queue->tp, *missing);
    }
}

Task<std::optional<Error>> Producer::Impl::try_to_deliver(std::shared_ptr<PartitionQueue> queue,
                                                          Batch& batch) {
    const TopicPartition tp = queue->tp;
    const ErrorWhere where{.api = "Produce", .topic = tp.topic, .partition = tp.partition};
    const auto view = cluster_->view();
    const PartitionView* partition = view->find(tp);
    if (partition == nullptr || partition->leader < 0) {
        if (!view->topics.contains(tp.topic)) co_return missing_topic(*view, tp.topic, where);
        co_return Error(errc::no_leader, "the partition has no leader at the moment", where);
    }
    const Uuid topic_id = view->topics.at(tp.topic).id;
    Cluster::CallOptions options;
    if (topic_id.is_zero()) options.version_max = 12;
    options.no_answer = config_.acks == 0;
    const auto make = [this, &batch, tp, topic_id](std::int16_t version) {
        return make_request(version, tp, topic_id, batch);
    };
    ProduceResponse response;
    std::optional<Error> failure;
    try {
        response = co_await cluster_->call(partition->leader, make, options, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    if (failure && (failure->condition() == errc::unsupported_version ||
                    failure->condition() == errc::message_not_encodable)) {
        fail(tp, batch, *failure);
        co_return std::nullopt;
    }
    if (failure) co_return failure;
    if (config_.acks == 0) {
        stored(tp, batch, -1);
        co_return std::nullopt;
    }
    co_return take_answer(*queue, topic_id, batch, response);
}

ProduceRequest Producer::Impl::make_request(std::int16_t version, const TopicPartition& tp, const Uuid& topic_id,
                                            Batch& batch) {
    const ErrorWhere where{.api = "Produce", .topic = tp.topic, .partition = tp.partition};
    if (config_.compression == Compression::zstd && version < 7) {
        throw Error(errc::unsupported_version, "the broker takes zstd from version 7 of Produce on (Kafka 2.1)", where);
    }
    const std::int8_t magic = magic_for(version);
    if (magic < 2) refuse_headers(tp, batch);
    if (batch.records.empty()) throw Error(errc::message_not_encodable, "nothing is left to send", where);
    batch.sent = true;
    ProduceRequest request;
    request.acks = config_.acks;
    request.timeout_ms = static_cast<std::int32_t>(cluster_->config().request_timeout.count());
    ProduceRequest::Partition data;
    data.index = tp.partition;
    data.records = Bytes::own(encode(batch, magic));
    ProduceRequest::Topic topic;
    topic.name = tp.topic;
    topic.topic_id = topic_id;
    topic.partition_data.push_back(std::move(data));
    request.topic_data.push_back(std::move(topic));
    return request;
}

void Producer::Impl::stored(const TopicPartition& tp, Batch& batch, std::int64_t base_offset) {
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
        finish(batch.records[i], {tp, base_offset < 0 ? -1 : base_offset + static_cast<std::int64_t>(i), {}});
    }
    batch.records.clear();
}

std::optional<Error> Producer::Impl::take_answer(PartitionQueue& queue, const Uuid& topic_id, Batch& batch,
                                                 const ProduceResponse& response) {
    const TopicPartition& tp = queue.tp;
    const ErrorWhere where{.api = "Produce", .topic = tp.topic, .partition = tp.partition};
    const ProduceResponse::Partition* found = nullptr;
    for (const auto& topic : response.responses) {
        // By name up to version 12, by id from 13 on.
        if (topic.name != tp.topic && (topic_id.is_zero() || topic.topic_id != topic_id)) continue;
        for (const auto& answer : topic.partition_responses) {
            if (answer.index == tp.partition) found = &answer;
        }
    }
    if (found == nullptr) {
        return Error(errc::broken_frame, "the broker's answer leaves out the partition; whether it stored the batch is not known",
                     where);
    }
    const ErrorCode code = found->error_code;
    if (code == ErrorCode::none) {
        stored(tp, batch, found->base_offset);
        return std::nullopt;
    }
    const bool too_large = code == ErrorCode::message_too_large || code == ErrorCode::record_list_too_large;
    if (too_large && batch.records.size() > 1) {
        split(queue, batch);
        return std::nullopt;
    }
    const std::string reason = found->error_message.value_or("");
    Error error = too_large ? Error(errc::message_too_large, "the broker does not take a message of this size", where)
                            : Error(code, "the broker did not store the batch" + (reason.empty() ? "" : ": " + reason),
                                    where);
    const auto kind = leader_error_kind(code);
    const bool may_pass = kind == LeaderErrorKind::retry || kind == LeaderErrorKind::refresh ||
                          kind == LeaderErrorKind::corrupt;
    if (may_pass && !too_large) return error;
    fail(tp, batch, error);
    return std::nullopt;
}

void Producer::Impl::refuse_headers(const TopicPartition& tp, Batch& batch) {
    std::vector<Pending> kept;
    for (Pending& pending : batch.records) {
        if (pending.record.headers.empty()) {
            kept.push_back(std::move(pending));
            continue;
        }
        DeliveryReport report;
        report.tp = tp;
        report.error.emplace(errc::message_not_encodable, "this broker is too old for record headers (before 0.11)",
                             ErrorWhere{.api = "Produce", .topic = tp.topic, .partition = tp.partition});
        finish(pending, report);
    }
    batch.records = std::move(kept);
}

std::string Producer::Impl::encode(const Batch& batch, std::int8_t magic) {
    if (magic < 2) {
        MessageSetOptions options;
        options.magic = magic;
        options.compression = config_.compression;
        options.size_bytes_max = no_limit;
        MessageSetBuilder builder(options);
        for (const Pending& pending : batch.records) append_to(builder, pending.record, pending.timestamp_ms);
        return builder.build(compressor_);
    }
    RecordBatchOptions options;
    options.compression = config_.compression;
    options.size_bytes_max = no_limit;
    RecordBatchBuilder builder(options);
    std::vector<RecordHeader> headers;
    for (const Pending& pending : batch.records) {
        headers.clear();
        for (const auto& [key, value] : pending.record.headers) {
            RecordHeader header;
            header.key = key;
            if (value) header.value.emplace(*value);
            headers.push_back(header);
        }
        append_to(builder, pending.record, pending.timestamp_ms, std::span<const RecordHeader>(headers));
    }
    return builder.build(compressor_);
}

void Producer::Impl::split(PartitionQueue& queue, Batch& batch) {
    const auto middle = batch.records.begin() + static_cast<std::ptrdiff_t>(batch.records.size() / 2);
    Batch second;
    second.closed = true;
    second.records.assign(std::make_move_iterator(middle), std::make_move_iterator(batch.records.end()));
    batch.records.erase(middle, batch.records.end());
    batch.closed = true;
    queue.batches.push_front(std::move(second));
    queue.batches.push_front(std::move(batch));
    batch.records.clear();
}

void Producer::Impl::fail(const TopicPartition& tp, Batch& batch, const Error& error) {
    for (Pending& pending : batch.records) finish(pending, {tp, -1, error});
    batch.records.clear();
}

void Producer::Impl::finish(Pending& pending, const DeliveryReport& report) {
    try {
        if (pending.report) pending.report(report);
    } catch (...) {
        // The program's own failure; the other messages are delivered all the same.
    }
    const std::lock_guard lock(mutex_);
    buffered_bytes_ -= pending.bytes;
    const auto outstanding = outstanding_.find(pending.epoch);
    if (--outstanding->second == 0) outstanding_.erase(outstanding);
    reported_.notify_all();
    if (report_waiters_ > 0) report_came_.notify_all();
}

}  // namespace kwire
