// Sends messages in batches.
//
// Purpose: what the kwire command and tests need of a producer: batching per partition (linger, batch size), Java's
// partitioner (murmur2), all codecs, acks 0, 1 and all, retries on retriable errors, and a report for every message.
// Not idempotent: a retry after a lost answer can store a batch twice.
// Threads: send and flush from any thread; reports arrive on the runtime.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

    /// Queues record; report is called exactly once, on the runtime. Blocks while the buffer is full.
    void send(ProducerRecord record, std::function<void(const DeliveryReport&)> report);
    /// Waits until every message sent before has its report.
    void flush();
    /// Flushes, then ends. Idempotent.
    void close();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
    Producer();
};

/// Java's murmur2 over key bytes (org.apache.kafka.common.utils.Utils), and the partition it chooses.
std::uint32_t murmur2(std::string_view key);
std::int32_t partition_for_key(std::string_view key, std::int32_t partition_count);

}  // namespace kwire
