// Sends messages in batches.
//
// Purpose: what the kwire command and tests need of a producer: batching per partition (linger, batch size), Java's
// partitioner (murmur2), all codecs, acks 0, 1 and all, retries on retriable errors, and a report for every message.
// Not idempotent: a retry after a lost answer can store a batch twice.
// Threads: everything from any thread, except that what blocks must not be called on the runtime; reports arrive there. The
// async_ operations keep the rules of async.h, and may be used on the runtime.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kwire/net/async.h>
#include <kwire/net/cluster.h>
#include <kwire/protocol/record_batch.h>

namespace kwire {

struct ProducerConfig {
    std::int16_t acks = -1;                          ///< acks: 0, 1 or -1 (all)
    Compression compression = Compression::none;     ///< compression.type
    std::int32_t batch_bytes_max = 1024 * 1024;      ///< batch.size
    std::int64_t buffer_bytes_max = 32 * 1024 * 1024;  ///< buffer.memory: send() waits while it is full.
    std::chrono::milliseconds linger{5};             ///< linger.ms
    std::chrono::milliseconds delivery_timeout{120'000};  ///< delivery.timeout.ms
    std::chrono::milliseconds retry_backoff{100};         ///< retry.backoff.ms
    /// allow.auto.create.topics: a topic that does not exist may be created by asking for it, if the broker's
    /// auto.create.topics.enable allows that.
    bool allow_auto_topic_creation = true;
};

struct ProducerRecord {
    std::string topic;
    std::optional<std::int32_t> partition;  ///< Absent: murmur2 of the key, else round robin by batch.
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::optional<std::int64_t> timestamp_ms;  ///< Absent: now.
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

struct DeliveryReport {
    TopicPartition tp;
    std::int64_t offset = -1;  ///< -1 with acks = 0.
    std::optional<Error> error;
};

class Producer {
 public:
    static std::shared_ptr<Producer> create(std::shared_ptr<Cluster> cluster, ProducerConfig config);
    ~Producer();

    using Report = std::function<void(const DeliveryReport&)>;

    /// Queues record; report is called exactly once, on the runtime. Blocks while the buffer is full. What report throws
    /// is dropped.
    void send(ProducerRecord record, Report report);
    /// The same, but gives up where the buffer stays full for patience: false, and record and report are as they were.
    bool send_within(std::chrono::milliseconds patience, ProducerRecord& record, Report& report);
    /// Queues record once the buffer has room, and ends with its report: report.error is the failure of delivery, an
    /// exception says that it was never queued (errc::closed). Records of one partition are sent in the order in which they
    /// were begun as long as the buffer has room. Cancelled: the record is sent all the same.
    template <class Token = asio::use_awaitable_t<>>
    auto async_send(ProducerRecord record, Token&& token = Token()) {
        return begin(sent(impl_, std::move(record)), std::forward<Token>(token));
    }

    /// Waits until every message sent before has its report.
    void flush();
    /// The same for at most patience: false if some have none yet.
    bool flush_within(std::chrono::milliseconds patience);
    /// Cancelled: what is queued is sent without waiting for linger, as a flush does.
    template <class Token = asio::use_awaitable_t<>>
    auto async_flush_within(std::chrono::milliseconds patience, Token&& token = Token()) {
        return begin(flushed(impl_, patience), std::forward<Token>(token));
    }
    /// Flushes, then ends. Idempotent.
    void close();
    /// Flushes for at most patience. What is left is reported as failed with errc::closed and not sent any more; what was
    /// on the way may be stored all the same, which the report says. Returns once all have their reports.
    void close_within(std::chrono::milliseconds patience);
    /// Cancelled: it closes all the same.
    template <class Token = asio::use_awaitable_t<>>
    auto async_close_within(std::chrono::milliseconds patience, Token&& token = Token()) {
        return begin(closed(impl_, patience), std::forward<Token>(token));
    }

    /// What keeps messages from being delivered at the moment: of each topic or partition that is tried again, the last
    /// failure; of each broker that cannot be reached, why. Blocking, not on the runtime.
    std::vector<Error> troubles();
    template <class Token = asio::use_awaitable_t<>>
    auto async_troubles(Token&& token = Token()) {
        return begin(found_troubles(impl_), std::forward<Token>(token));
    }

 private:
    struct Impl;

    // The operations themselves, on the strand.
    static Task<DeliveryReport> sent(std::shared_ptr<Impl> impl, ProducerRecord record);
    static Task<bool> flushed(std::shared_ptr<Impl> impl, std::chrono::milliseconds patience);
    static Task<void> closed(std::shared_ptr<Impl> impl, std::chrono::milliseconds patience);
    static Task<std::vector<Error>> found_troubles(std::shared_ptr<Impl> impl);
    const std::shared_ptr<Runtime>& runtime() const;

    template <class T, class Token>
    auto begin(Task<T> task, Token&& token) {
        return detail::async_operation<T>(runtime(), std::move(task), std::forward<Token>(token));
    }

    std::shared_ptr<Impl> impl_;
    Producer();
};

/// Java's murmur2 over key bytes (org.apache.kafka.common.utils.Utils), and the partition it chooses.
std::uint32_t murmur2(std::string_view key);
std::int32_t partition_for_key(std::string_view key, std::int32_t partition_count);

}  // namespace kwire
