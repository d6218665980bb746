#include "fetcher.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <asio/post.hpp>

#include <kwire/protocol/offset_for_leader_epoch.h>

#include "connecting/leader_errors.h"

namespace kwire {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;

// Fetch has a connection of its own: a broker works off one request at a time per connection, and whatever came behind a
// Fetch that waits for data would wait along.
constexpr std::int8_t fetch_lane = 1;
constexpr std::int8_t newcomers_lane = 2;

// Who has just got a partition wants to see it soon, and more may come in the next moments: the first waits are short.
constexpr std::chrono::milliseconds first_wait{10};
// How long a reader that has enough of one partition may hold up the others, and how long these then wait at most.
constexpr std::chrono::milliseconds hold_back_max{20};
constexpr std::chrono::milliseconds wait_max_without_some{50};
// Chunks of a partition that lie ready before no more are asked for.
constexpr std::int64_t chunks_ahead = 2;
// So little is not worth holding back until the next request is written: its reader waits for just that.
constexpr std::size_t handed_over_at_once_bytes = 16 * 1024;
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

Duration failure_backoff(int failures) {
    if (failures <= 0) return Duration::zero();
    return std::min<Duration>(std::chrono::milliseconds(100) * (1 << std::min(failures - 1, 4)),
                              std::chrono::seconds(1));
}

Fetcher::Fetcher(FetchContext& context, std::int32_t broker, Fetcher* residents)
    : context_(context),
      broker_(broker),
      residents_(residents),
      session_(residents != nullptr),
      changed_(*context.cluster().runtime()),
      wait_max_(first_wait) {}

void Fetcher::wake() {
    changed_.notify_all();
    if (newcomers_) newcomers_->wake();
}

// ---- coming and going

void Fetcher::add(std::shared_ptr<FetchPartition> partition) {
    wait_max_ = first_wait;
    if (waits_for_data()) {
        if (!newcomers_) {
            newcomers_ = std::make_shared<Fetcher>(context_, broker_, this);
            context_.cluster().runtime()->spawn(newcomers_->run(context_.keep()));
        }
        newcomers_->add(std::move(partition));
        return;
    }
    partition->home = this;
    partitions_.push_back(std::move(partition));
    ids_from_.reset();
    wake();
}

bool Fetcher::waits_for_data() const {
    return residents_ == nullptr && wait_under_way_ && *wait_under_way_ > wait_max_without_some;
}

bool Fetcher::hand_to_residents() {
    if (residents_ == nullptr || residents_->waits_for_data()) return false;
    Partitions leaving;
    leaving.swap(partitions_);
    for (auto& partition : leaving) residents_->add(std::move(partition));
    return true;
}

void Fetcher::drop_departed() {
    const auto gone = std::erase_if(partitions_, [this](const auto& partition) {
        return partition->over() || partition->home != this;
    });
    if (gone > 0) ids_from_.reset();
}

Task<void> Fetcher::run(std::shared_ptr<void> keep) {
    Runtime& runtime = *context_.cluster().runtime();
    while (!context_.closed()) {
        drop_departed();
        const bool any = !partitions_.empty() && !hand_to_residents();
        if (!any) {
            co_await changed_.wait();
            continue;
        }
        const std::optional<std::int16_t> version = co_await find_version();
        if (!version) continue;
        co_await validate_positions();
        if (partitions_.empty()) continue;
        Plan plan;
        TimePoint look_again_at = TimePoint::max();
        if (make_plan(plan, *version, look_again_at)) {
            co_await fetch(std::move(plan), *version);
        } else if (look_again_at == TimePoint::max()) {
            co_await changed_.wait();
        } else if (look_again_at > runtime.now()) {
            co_await changed_.wait_until(look_again_at);
        }
    }
    keep.reset();
}

void Fetcher::hand_over_soon() {
    if (arrived_.empty()) return;
    std::size_t bytes = 0;
    for (const FetchQueue::Delivery& delivery : arrived_) bytes += delivery.chunk.records.size();
    if (bytes < handed_over_at_once_bytes) {
        context_.queue().push(std::exchange(arrived_, {}));
        return;
    }
    // Posted twice: this coroutine has asked for the next request then, and the connection has written it. A reader that
    // wakes up may take the processor away from us, and the broker would wait with it. But not kept until that request: if
    // this leader is gone by then, another fetcher would hand over what follows before this.
    const auto executor = context_.cluster().runtime()->executor();
    asio::post(executor, [executor, queue = context_.queue().shared_from_this(), arrived = std::move(arrived_)]() mutable {
        asio::post(executor, [queue = std::move(queue), arrived = std::move(arrived)]() mutable {
            queue->push(std::move(arrived));
        });
    });
    arrived_.clear();
}

// ---- asking

void Fetcher::look_up_topic_ids() {
    const auto view = context_.cluster().view();
    if (view == ids_from_) return;
    ids_from_ = view;
    all_have_ids_ = true;
    for (const auto& partition : partitions_) {
        const auto topic = view->topics.find(partition->tp().topic);
        partition->topic_id = topic == view->topics.end() ? Uuid{} : topic->second.id;
        if (partition->topic_id.is_zero()) all_have_ids_ = false;
    }
}

Task<std::optional<std::int16_t>> Fetcher::find_version() {
    Cluster::CallOptions options;
    options.lane = residents_ == nullptr ? fetch_lane : newcomers_lane;
    // From version 13 on topics are named by their ids, which Metadata must have told.
    look_up_topic_ids();
    if (!all_have_ids_) options.version_max = 12;
    std::optional<Error> failure;
    std::optional<std::int16_t> version;
    try {
        version = co_await context_.cluster().version_for(broker_, ApiKey::fetch, options);
    } catch (const Error& error) {
        failure = error;
    }
    if (failure) give_all_back(*failure);
    co_return version;
}

bool Fetcher::reads_enough(const FetchPartition& partition) const {
    // After wait_for_progress(): the reader, who does the reverse, sees the wish or we see the progress.
    return partition.waiting_bytes.load(std::memory_order_seq_cst) >=
           chunks_ahead * context_.config().partition_fetch_bytes_max;
}

bool Fetcher::choose(TimePoint& look_again_at, bool& leaves_out) {
    const TimePoint now = context_.cluster().runtime()->now();
    chosen_.clear();
    bool some_have_enough = false;
    for (const auto& partition : partitions_) {
        if (partition->over() || partition->stuck) continue;
        if (partition->resetting) {
            leaves_out = true;
        } else if (partition->retry_at > now) {
            look_again_at = std::min(look_again_at, partition->retry_at);
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

bool Fetcher::make_plan(Plan& plan, std::int16_t version, TimePoint& look_again_at) {
    // Topics may have got, or lost, their ids since the version was chosen.
    look_up_topic_ids();
    if (version >= 13 && !all_have_ids_) {
        look_again_at = context_.cluster().runtime()->now();
        return false;
    }
    bool leaves_out = false;
    if (!choose(look_again_at, leaves_out)) {
        // Readers may have taken something meanwhile, which is told from here on only.
        context_.budget()->wait_for_progress();
        if (!choose(look_again_at, leaves_out)) return false;
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
        context_.budget()->wait_for_room(plan.reserved);
        if (!context_.budget()->reserve(plan.reserved)) return false;
    }
    plan.wait = wait_at_broker(leaves_out);
    plan.request.max_bytes = to_int32(bytes_max);
    // From here on it is sent: the session changes.
    fill_request(plan, version, fair);
    return true;
}

Duration Fetcher::wait_at_broker(bool leaves_out) const {
    Duration wait = std::min<Duration>(context_.config().fetch_wait_max, wait_max_);
    if (leaves_out) wait = std::min<Duration>(wait, wait_max_without_some);
    // Newcomers are to be taken over soon, and who reads them must be free to take others.
    const bool some_are_new = residents_ != nullptr || (newcomers_ && !newcomers_->idle());
    return some_are_new ? std::min<Duration>(wait, first_wait) : wait;
}

void Fetcher::fill_request(Plan& plan, std::int16_t version, std::int32_t fair_bytes) {
    const FetchConfig& config = context_.config();
    FetchRequest& request = plan.request;
    session_.begin(version);
    FetchRequest::Partition asked;
    for (const auto* partition : chosen_) {
        const FetchPartition& p = **partition;
        asked.partition = p.tp().partition;
        asked.current_leader_epoch = p.leader_epoch;
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

Task<void> Fetcher::fetch(Plan plan, std::int16_t version) {
    Cluster::CallOptions options;
    options.lane = residents_ == nullptr ? fetch_lane : newcomers_lane;
    options.version_min = options.version_max = version;
    options.timeout = context_.config().fetch_wait_max + context_.cluster().config().request_timeout;
    std::optional<Error> failure;
    FetchResponse response;
    FetchRequest request = std::move(plan.request);
    wait_under_way_ = plan.wait;
    try {
        response = co_await context_.cluster().call(broker_, std::move(request), options);
    } catch (const Error& error) {
        failure = error;
    }
    wait_under_way_.reset();
    if (newcomers_ && !newcomers_->idle()) newcomers_->wake();
    if (failure) {
        session_.lost();
        context_.budget()->release(plan.reserved);
        give_all_back(*failure);
        co_return;
    }
    failures_ = 0;
    failure_reported_ = false;
    wait_max_ = std::min<Duration>(2 * wait_max_, context_.config().fetch_wait_max);
    take_apart(plan, std::move(response));
}

Task<void> Fetcher::validate_positions() {
    OffsetForLeaderEpochRequest request;
    Partitions doubtful;
    for (const auto& partition : partitions_) {
        if (partition->over() || partition->resetting || partition->leader_epoch < 0) continue;
        // A first leader, or records that know no epoch: there is nothing to compare.
        const bool comparable = partition->validated_epoch >= 0 && partition->fetched_epoch >= 0;
        if (!comparable) partition->validated_epoch = partition->leader_epoch;
        if (partition->validated_epoch == partition->leader_epoch) continue;
        const TopicPartition& tp = partition->tp();
        if (request.topics.empty() || request.topics.back().topic != tp.topic) {
            request.topics.push_back({tp.topic, {}});
        }
        request.topics.back().partitions.push_back(
            {tp.partition, partition->leader_epoch, partition->fetched_epoch});
        doubtful.push_back(partition);
    }
    if (doubtful.empty()) co_return;
    request.replica_id = -1;
    std::optional<Error> failure;
    OffsetForLeaderEpochResponse response;
    try {
        response = co_await context_.cluster().call(broker_, std::move(request), Cluster::CallOptions{});
    } catch (const Error& error) {
        failure = error;
    }
    if (failure && failure->condition() != errc::unsupported_version) {
        give_all_back(*failure);
        co_return;
    }
    if (failure) {  // before 0.11: an offset out of range is all that tells
        for (const auto& partition : doubtful) partition->validated_epoch = partition->leader_epoch;
    }
    for (const auto& topic : response.topics) {
        for (const auto& answer : topic.partitions) {
            const auto found = std::find_if(doubtful.begin(), doubtful.end(), [&](const auto& partition) {
                return partition->tp().partition == answer.partition && partition->tp().topic == topic.topic;
            });
            if (found == doubtful.end() || (*found)->over()) continue;
            if (answer.error_code != ErrorCode::none) {
                take_error(*found, answer.error_code);
            } else {
                take_epoch_end(*found, answer.end_offset);
            }
        }
    }
    drop_departed();
}

void Fetcher::take_epoch_end(const std::shared_ptr<FetchPartition>& partition,
                             std::int64_t end_offset) {
    partition->validated_epoch = partition->leader_epoch;
    if (end_offset >= partition->fetch_offset) return;
    const TopicPartition& tp = partition->tp();
    const ErrorWhere where{.api = "OffsetForLeaderEpoch", .topic = tp.topic, .partition = tp.partition,
                           .offset = partition->fetch_offset};
    if (end_offset < 0) {  // the new leader knows nothing of that epoch
        context_.reset_position(partition);
        return;
    }
    const std::string what = "the new leader's log ends at " + std::to_string(end_offset) +
                             ", before what was already read (an unclean election): ";
    if (context_.config().out_of_range == OutOfRange::stop) {
        partition->stuck = true;
        context_.queue().push_failure(partition, Error(errc::offset_out_of_range,
                                                       what + "reading of the partition stops", where));
        return;
    }
    context_.report(Error(ErrorCode::offset_out_of_range, what + "reading goes on from there", where));
    partition->fetch_offset = end_offset;
    context_.queue().push_restart(partition, end_offset);
}

// ---- taking the answer apart

void Fetcher::take_apart(const Plan& plan, FetchResponse response) {
    std::int64_t bytes = 0;
    for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partitions) {
            if (partition.records) bytes += static_cast<std::int64_t>(partition.records->size());
        }
    }
    // From here on the frame counts with what it brought instead of what it might have brought.
    auto share = std::make_shared<FrameShare>(context_.budget(), plan.reserved);
    share->settle(bytes);
    const bool leaves_out_what_has_no_news = session_.established();
    switch (session_.take(response)) {
        case FetchSession::Outcome::good:
            break;
        case FetchSession::Outcome::renewed:
            return;
        case FetchSession::Outcome::refused:
            give_all_back(Error(response.error_code, "the broker refuses to fetch", {.api = "Fetch"}));
            return;
    }
    any_data_ = false;
    answered_at_ = context_.cluster().runtime()->now();
    if (leaves_out_what_has_no_news) session_answered_at_ = answered_at_;
    for (auto& topic : response.responses) {
        FetchSession::Topic* asked = session_.find(topic.topic, topic.topic_id);
        if (asked == nullptr) continue;
        for (auto& answer : topic.partitions) {
            const auto* partition = session_.find(*asked, answer.partition_index);
            if (partition != nullptr) take_partition(*partition, answer, share);
        }
    }
    hand_over_soon();
    if (!any_data_ || session_.established()) return;
    // Brokers fill an answer in the order of the request: who got something goes behind those who did not.
    std::stable_partition(partitions_.begin(), partitions_.end(), [](const auto& partition) {
        return !std::exchange(partition->just_fed, false);
    });
}

void Fetcher::take_partition(const std::shared_ptr<FetchPartition>& partition,
                             FetchResponse::Partition& answer,
                             const std::shared_ptr<FrameShare>& share) {
    if (partition->over()) return;
    if (answer.error_code != ErrorCode::none) {
        take_error(partition, answer.error_code);
        return;
    }
    partition->failures = 0;
    partition->reported.reset();
    partition->trouble.reset();
    partition->answered_at = answered_at_;
    const bool committed_only = context_.config().isolation == IsolationLevel::read_committed;
    partition->log_end =
        committed_only && answer.last_stable_offset >= 0 ? answer.last_stable_offset : answer.high_watermark;
    partition->high_watermark.store(answer.high_watermark, std::memory_order_relaxed);
    if (answer.preferred_read_replica >= 0 && answer.preferred_read_replica != broker_) {
        partition->follower = answer.preferred_read_replica;  // KIP-392; such an answer has no records
        send_home(partition);
        return;
    }
    if (answer.records && !answer.records->empty()) take_records(partition, answer, share);
}

void Fetcher::take_records(const std::shared_ptr<FetchPartition>& partition,
                           FetchResponse::Partition& answer,
                           const std::shared_ptr<FrameShare>& share) {
    std::int64_t next_offset = partition->fetch_offset;
    RecordBatchCursor batches(*answer.records);
    RecordBatch batch;
    bool any_batch = false;
    while (batches.next(batch)) {
        any_batch = true;
        next_offset = std::max(next_offset, batch.next_offset());
        partition->fetched_epoch = batch.partition_leader_epoch;
    }
    // A header that cannot be right stops the partition, but only when its reader has come so far.
    partition->stuck = batches.error().has_value();
    if (!partition->stuck && next_offset == partition->fetch_offset) {
        grow_or_fail(partition, any_batch ? 0 : batches.needed_bytes());
        return;
    }
    partition->bytes_max = context_.config().partition_fetch_bytes_max;
    FetchedChunk chunk;
    chunk.records = FrameShare::hold(share, *answer.records);
    if (context_.config().isolation == IsolationLevel::read_committed && answer.aborted_transactions) {
        for (const auto& aborted : *answer.aborted_transactions) {
            chunk.aborted.push_back({aborted.producer_id, aborted.first_offset});
        }
    }
    chunk.position = partition->fetch_offset;
    chunk.next_offset = next_offset;
    chunk.high_watermark = answer.high_watermark;
    partition->waiting_bytes.fetch_add(static_cast<std::int64_t>(chunk.records.size()),
                                       std::memory_order_relaxed);
    partition->fetch_offset = next_offset;
    partition->just_fed = true;
    any_data_ = true;
    arrived_.push_back({partition, std::move(chunk)});
}

void Fetcher::grow_or_fail(const std::shared_ptr<FetchPartition>& partition,
                           std::size_t needed_bytes) {
    const std::int64_t most = context_.config().message_bytes_max;
    const auto needed = static_cast<std::int64_t>(needed_bytes);
    if (partition->bytes_max < most && needed <= most) {
        const std::int64_t doubled = 2 * static_cast<std::int64_t>(partition->bytes_max);
        partition->bytes_max = to_int32(std::min(most, std::max(doubled, needed)));
        return;
    }
    const TopicPartition& tp = partition->tp();
    const std::string size = needed > 0 ? "has " + std::to_string(needed) + " bytes" : "is larger than that";
    partition->stuck = true;
    context_.queue().push_failure(
        partition, Error(errc::message_too_large,
                         "message_bytes_max allows " + std::to_string(most) + " bytes and the message " + size +
                             "; reading of the partition stops here",
                         {.topic = tp.topic, .partition = tp.partition, .offset = partition->fetch_offset}));
}

void Fetcher::send_home(const std::shared_ptr<FetchPartition>& partition) {
    partition->home = nullptr;
    context_.route({partition});
}

void Fetcher::take_error(const std::shared_ptr<FetchPartition>& partition, ErrorCode code) {
    const TopicPartition& tp = partition->tp();
    const ErrorWhere where{.api = "Fetch", .topic = tp.topic, .partition = tp.partition,
                           .offset = partition->fetch_offset};
    const TimePoint now = context_.cluster().runtime()->now();
    ++partition->failures;
    partition->read_failed(Error(code, "the partition cannot be read", where));
    switch (leader_error_kind(code)) {
        case LeaderErrorKind::none:
            return;
        case LeaderErrorKind::retry:
            partition->retry_at = now + failure_backoff(partition->failures);
            break;
        case LeaderErrorKind::refresh:
            partition->retry_at = now + failure_backoff(partition->failures - 1);
            send_home(partition);
            break;
        case LeaderErrorKind::out_of_range:
            if (partition->follower >= 0) {  // a follower may lag behind: the leader decides
                partition->follower = -1;
                send_home(partition);
                return;
            }
            context_.reset_position(partition);
            return;
        case LeaderErrorKind::corrupt:
            partition->stuck = true;
            context_.queue().push_failure(partition, Error(errc::corrupt_batch,
                                                   "the broker cannot read its own log here; reading of the "
                                                   "partition stops",
                                                   where));
            return;
        case LeaderErrorKind::fatal:
            partition->retry_at = now + std::chrono::seconds(1);
            break;
    }
    // The first refusals are how a leader moves and are no news; one that stays is told, once.
    const bool is_news = leader_error_kind(code) == LeaderErrorKind::fatal || partition->failures == 5;
    if (!is_news || partition->reported == code) return;
    partition->reported = code;
    context_.report(Error(code, "the partition cannot be read; it is tried again", where));
}

TimePoint Fetcher::answered_at(const FetchPartition& partition) const {
    const bool in_session = partition.member != nullptr && partition.member->session == &session_;
    if (!in_session || partition.answered_at == TimePoint::min()) return partition.answered_at;
    return std::max(partition.answered_at, session_answered_at_);
}

void Fetcher::give_all_back(const Error& failure) {
    if (context_.closed()) return;
    ++failures_;
    const TimePoint now = context_.cluster().runtime()->now();
    if (!failure_reported_) context_.report(failure);
    failure_reported_ = true;
    Partitions homeless;
    homeless.swap(partitions_);
    for (const auto& partition : homeless) {
        partition->home = nullptr;
        partition->read_failed(failure);
        partition->failures = std::max(partition->failures, failures_);
        partition->retry_at = now + failure_backoff(partition->failures);
        partition->follower = -1;
    }
    context_.route(std::move(homeless));
}

}  // namespace kwire
