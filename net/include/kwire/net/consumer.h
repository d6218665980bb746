// Reads partitions that are assigned by hand, as fast as the brokers send them. The group layer stands on this.
//
//     auto consumer = Consumer::create(cluster, {}, {});
//     consumer->assign({"clicks", 0}, StartOffset::oldest());
//     for (;;)
//         for (const Message& m : consumer->poll(100ms)) use(m);
//
// The way of the data: one Fetch in flight to each leader that has partitions of ours, the next one sent before the last
// one is handed over, as long as what is buffered and what is on the way stay within buffer_bytes_max. The runtime moves
// frames and looks at batch headers only; CRC, decompression and decoding are done by the thread that walks the batch.
// Invariants: offsets of one cursor strictly increase; a batch of one cursor is in one hand at a time; after a cursor was
// drained or retired nothing of it is handed out, whatever was in flight; a partition without a leader, or one that is
// broken, does not hold up the others; memory stays within buffer_bytes_max plus one message.
// Threads: any, several readers at once too; handlers run on the runtime. async_assign, async_poll and list_offsets keep the
// rules of async.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <kwire/net/async.h>
#include <kwire/net/cluster.h>
#include <kwire/net/message.h>

namespace kwire {

/// Where to begin: an offset, or an end of the log that is looked up (ListOffsets).
class StartOffset {
 public:
    /// Throws errc::invalid_config below 0: the ends of the log have constructors of their own.
    static StartOffset at(std::int64_t offset);
    static StartOffset oldest() { return StartOffset(-2); }
    static StartOffset newest() { return StartOffset(-1); }
    bool is_lookup() const { return value_ < 0; }
    std::int64_t value() const { return value_; }  ///< The offset, or ListOffsets' own number for the end.

 private:
    explicit StartOffset(std::int64_t value) : value_(value) {}
    std::int64_t value_;
};

enum class OutOfRange { oldest, newest, stop };  ///< auto.offset.reset; stop is Kafka's `none`.
enum class IsolationLevel : std::int8_t { read_uncommitted = 0, read_committed = 1 };

struct FetchConfig {
    std::int32_t fetch_bytes_min = 1;                       ///< fetch.min.bytes, >= 0
    std::int32_t fetch_bytes_max = 50 * 1024 * 1024;        ///< fetch.max.bytes, > 0
    std::int32_t partition_fetch_bytes_max = 1024 * 1024;   ///< max.partition.fetch.bytes, > 0
    std::chrono::milliseconds fetch_wait_max{500};          ///< fetch.max.wait.ms, >= 0
    /// What may be buffered and on the way together, queued.max.messages.kbytes' meaning; >= partition_fetch_bytes_max.
    std::int64_t buffer_bytes_max = 64 * 1024 * 1024;
    /// A single message may be this large; the limit of its partition grows up to here, then message_too_large.
    std::int32_t message_bytes_max = 128 * 1024 * 1024;
    std::int64_t decompressed_bytes_max = 256 * 1024 * 1024;  ///< Of one record batch.
    bool check_crcs = true;                                   ///< check.crcs
    IsolationLevel isolation = IsolationLevel::read_uncommitted;  ///< isolation.level
    OutOfRange out_of_range = OutOfRange::oldest;                 ///< auto.offset.reset
    std::string client_rack;                                      ///< client.rack (KIP-392)
};

/// How far the reading of one partition has come: by it an idle partition is told from one that cannot be read.
struct PartitionReading {
    std::int64_t position = -1;  ///< The next offset to ask for; what lies before it was fetched.
    /// As the last answer said: the high watermark, or under read_committed the last stable offset. -1: no answer yet.
    std::int64_t log_end = -1;
    bool buffered = false;  ///< Something that was fetched waits to be polled.
    bool failed = false;    ///< It is read no further; on_error had the reason.
    /// When a Fetch of it was last answered. Nothing: not yet, or the last try failed.
    std::optional<TimePoint> answered_at;
    std::optional<Error> trouble;  ///< Why the last try failed.

    /// Everything that was there at answered_at is handed out.
    bool at_end() const { return answered_at && !failed && !buffered && log_end >= 0 && position >= log_end; }
};

class Consumer : public std::enable_shared_from_this<Consumer> {
 public:
    struct Handlers {
        /// Something went wrong with a partition, or with a broker (then the topic is empty). Reading of others goes on;
        /// this one's too unless the error is corrupt_batch, message_too_large or offset_out_of_range.
        std::function<void(const Error&)> on_error;
        /// The topic of tp was deleted and made anew: what was handed out of it belongs to the old one, its marks count no
        /// more, and reading begins by out_of_range. Called before on_error reports it (errc::topic_recreated).
        std::function<void(const TopicPartition& tp)> on_topic_recreated = {};
    };

    static std::shared_ptr<Consumer> create(std::shared_ptr<Cluster> cluster, FetchConfig config,
                                            Handlers handlers);
    ~Consumer();

    /// Starts reading tp; on_progress as in PartitionCursor. Ends when the start offset is known, at once for
    /// StartOffset::at. Throws errc::invalid_config if tp is assigned already, closed, and what list_offsets throws; tp is
    /// not assigned then. Cancelled: tp is not assigned, or no longer once its start is known.
    template <class Token = asio::use_awaitable_t<>>
    auto async_assign(TopicPartition tp, StartOffset start, std::function<void()> on_progress = {},
                      Token&& token = Token()) {
        return detail::async_operation<std::shared_ptr<PartitionCursor>>(
            runtime(), assigned(impl_, std::move(tp), start, std::move(on_progress)), std::forward<Token>(token),
            std::stop_source(std::nostopstate),
            [impl = impl_](const std::shared_ptr<PartitionCursor>& cursor) { drop(impl, cursor); });
    }
    std::shared_ptr<PartitionCursor> assign(TopicPartition tp, StartOffset start);  // blocking

    /// Takes the partition away: stops fetching and drops what is buffered. state is draining or retired; a draining
    /// cursor is retired later with its own set_state.
    void unassign(const std::shared_ptr<PartitionCursor>& cursor, PartitionCursor::State state);

    /// Stops, or resumes, handing out messages of every cursor at once; fetching goes on within the buffer's bound.
    void suspend();
    void resume();

    // ---- partition control, as in Java's KafkaConsumer. Those that change something throw errc::not_owner, and change
    // nothing, if one of the partitions is not assigned or its start is still being looked up.

    /// Nothing of partitions is handed out from when this returns until they are resumed, also of a batch that is being
    /// walked, which ends after its message in hand. They keep their positions and are not fetched. Idempotent.
    void pause(const std::vector<TopicPartition>& partitions);
    void resume(const std::vector<TopicPartition>& partitions);
    std::vector<TopicPartition> paused() const;
    /// The next message of tp is the first at or after offset (>= 0, else errc::invalid_config). What was fetched before is
    /// dropped, a batch that is being walked ends after its message in hand, and marks of messages from before the seek
    /// count no more: its cursor's processed() is offset. An offset outside the log is moved as out_of_range says. A
    /// partition that failed is read again. A paused one stays paused.
    void seek(const TopicPartition& tp, std::int64_t offset);
    /// The offset of the next message to hand out; nothing if tp is not assigned.
    std::optional<std::int64_t> position(const TopicPartition& tp) const;
    /// How many offsets lie from position(tp) to the log's end, under read_committed to the last stable offset; 0 beyond
    /// it. Nothing if tp is not assigned, or no Fetch of it was answered yet.
    std::optional<std::int64_t> lag(const TopicPartition& tp) const;
    /// The log's end as the last answer of the leader told; nothing if none came yet.
    std::optional<std::int64_t> high_watermark(const TopicPartition& tp) const;

    /// Nothing is handed out from `until` on, by the runtime's clock, unless a later time is given before or after. The
    /// reading threads look at the clock themselves, so that this holds though the process or its strand stood still: a
    /// walk hands out at most 31 messages more. Never called: there is no such time. On the strand.
    void hand_out_until(TimePoint until);

    /// The next batch, or an empty one when timeout has passed. Throws errc::closed once close() was called.
    MessageBatch poll(std::chrono::milliseconds timeout);
    /// The same; the batch may be moved to any thread. Cancelled: nothing is taken, or what was taken is given back.
    template <class Token = asio::use_awaitable_t<>>
    auto async_poll(std::chrono::milliseconds timeout, Token&& token = Token()) {
        std::stop_source abandoned;
        return detail::async_operation<MessageBatch>(runtime(), polled(impl_, timeout, abandoned.get_token()),
                                                     std::forward<Token>(token), abandoned);
    }

    /// What is buffered and on the way, bytes.
    std::int64_t buffered_bytes() const;

    /// Nothing if tp is not assigned, or its start is still being looked up. On the strand.
    std::optional<PartitionReading> reading(const TopicPartition& tp) const;

    /// PartitionCursor::reader of every partition that is assigned to this consumer.
    const void* reader() const;

    /// Ends reading; a poll that waits throws errc::closed. Does not close the cluster. Idempotent.
    void close();

 private:
    struct Impl;
    // The operations themselves, on the strand.
    static Task<std::shared_ptr<PartitionCursor>> assigned(std::shared_ptr<Impl> impl, TopicPartition tp,
                                                           StartOffset start, std::function<void()> on_progress);
    static void drop(const std::shared_ptr<Impl>& impl, const std::shared_ptr<PartitionCursor>& cursor);
    static Task<MessageBatch> polled(std::shared_ptr<Impl> impl, std::chrono::milliseconds timeout,
                                     std::stop_token abandoned);
    const std::shared_ptr<Runtime>& runtime() const;

    std::shared_ptr<Impl> impl_;
    Consumer();
};

/// The offset of the first message at or after time, of the oldest message (-2) or the log's end (-1), for each
/// partition, asked at the leaders.
struct OffsetQuery {
    TopicPartition tp;
    std::int64_t timestamp_ms = -1;  ///< Milliseconds since 1970, or -1 newest, -2 oldest.
};
struct OffsetAnswer {
    TopicPartition tp;
    std::int64_t offset = -1;    ///< -1: no message that late, or an error.
    std::optional<Error> error;  ///< Why there is no answer; never set by list_offsets.
};
namespace detail {
Task<std::vector<OffsetAnswer>> look_up_offsets(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries,
                                                IsolationLevel isolation, bool each);
}

/// One answer a query, in order. Asks again while leaders move, until the request timeout of cluster; a topic that does
/// not exist is given 3 s. The first failure is thrown. With read_committed the log's end (-1) is the last stable offset
/// (KIP-98). Cancelled: the answers are dropped.
template <class Token = asio::use_awaitable_t<>>
auto list_offsets(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries,
                  IsolationLevel isolation = IsolationLevel::read_uncommitted, Token&& token = Token()) {
    auto runtime = cluster->runtime();
    return detail::async_operation<std::vector<OffsetAnswer>>(
        std::move(runtime), detail::look_up_offsets(std::move(cluster), std::move(queries), isolation, false),
        std::forward<Token>(token));
}
/// The same, and each failure stays with its partition.
template <class Token = asio::use_awaitable_t<>>
auto list_offsets_each(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries,
                       IsolationLevel isolation = IsolationLevel::read_uncommitted, Token&& token = Token()) {
    auto runtime = cluster->runtime();
    return detail::async_operation<std::vector<OffsetAnswer>>(
        std::move(runtime), detail::look_up_offsets(std::move(cluster), std::move(queries), isolation, true),
        std::forward<Token>(token));
}

}  // namespace kwire
