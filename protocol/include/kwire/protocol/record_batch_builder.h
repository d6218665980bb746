// Writing records: record batches v2, and message sets v0 and v1 for brokers before 0.11.
//
//     RecordBatchBuilder builder({.compression = Compression::lz4});
//     builder.append(timestamp, key, value, headers);     // false: the batch is full, build it and append again
//     std::string batch = builder.build(compressor);      // the builder is empty again
//
// Invariant: what is built is what RecordReader reads, and what Kafka's validation accepts, for
// offsets that rise. Threads: one object, one thread at a time. Sources: KIP-98 (v2), KIP-32 (v1),
// Kafka's DefaultRecord, LegacyRecord and MemoryRecordsBuilder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <kwire/protocol/compressor.h>
#include <kwire/protocol/record.h>
#include <kwire/protocol/record_batch.h>

namespace kwire {

struct RecordBatchOptions {
    std::int64_t base_offset = 0;  ///< a producer's is 0: the broker gives the offsets
    Compression compression = Compression::none;
    std::optional<int> compression_level = std::nullopt;  ///< none: the codec's default
    std::optional<std::int64_t> append_time =
        std::nullopt;  ///< of the log, in milliseconds since 1970, as a broker stamps it
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    std::int32_t partition_leader_epoch = -1;
    bool is_transactional = false;
    bool is_control = false;
    std::optional<std::int64_t> last_offset =
        std::nullopt;  ///< where later records were compacted away; not below the last record's
    std::size_t size_bytes_max = 1 << 20;  ///< before compression, headers of the batch included
};

class RecordBatchBuilder {
 public:
    explicit RecordBatchBuilder(const RecordBatchOptions& options) : options_(options) {}

    /// Appends a record with the offset after the last one. timestamp: milliseconds since 1970.
    /// False, and nothing done, where the batch would exceed size_bytes_max; the first record of a
    /// batch always goes in. Precondition: key, value and headers have less than 2 GB together.
    bool append(std::int64_t timestamp, std::optional<std::string_view> key,
                std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});
    /// The same with an offset of the caller's, above the last one, as after compaction.
    bool append_at(std::int64_t offset, std::int64_t timestamp, std::optional<std::string_view> key,
                   std::optional<std::string_view> value,
                   std::span<const RecordHeader> headers = {});

    std::int32_t record_count() const { return record_count_; }
    bool empty() const { return record_count_ == 0; }
    /// Before compression.
    std::size_t size_bytes() const;

    /// The batch; afterwards the builder is empty, and the next batch begins where this one ended.
    std::string build(Compressor& compressor);

 private:
    std::string header(std::size_t whole_size) const;

    RecordBatchOptions options_;
    std::string records_;
    std::int32_t record_count_ = 0;
    std::int64_t next_offset_ = options_.base_offset;
    std::int64_t base_timestamp_ = -1;
    std::int64_t max_timestamp_ = -1;
};

/// A transaction's end, as a coordinator writes it: a control batch with one marker.
std::string build_control_batch(std::int64_t offset, std::int64_t timestamp,
                                std::int64_t producer_id, std::int16_t producer_epoch,
                                ControlRecord::Type type);

struct MessageSetOptions {
    std::int8_t magic = 1;  ///< 0 or 1
    std::int64_t base_offset = 0;
    Compression compression =
        Compression::none;  ///< not zstd, which has no place before v2 (KIP-110)
    std::optional<int> compression_level = std::nullopt;
    std::optional<std::int64_t> append_time = std::nullopt;  ///< v1 only
    std::size_t size_bytes_max = 1 << 20;                    ///< before compression
};

/// Messages one after the other, or, compressed, one wrapper with all of them inside.
class MessageSetBuilder {
 public:
    explicit MessageSetBuilder(const MessageSetOptions& options) : options_(options) {}

    /// As RecordBatchBuilder's. In v0 the timestamp is dropped.
    bool append(std::int64_t timestamp, std::optional<std::string_view> key,
                std::optional<std::string_view> value);
    bool append_at(std::int64_t offset, std::int64_t timestamp, std::optional<std::string_view> key,
                   std::optional<std::string_view> value);

    std::int32_t record_count() const { return record_count_; }
    bool empty() const { return record_count_ == 0; }
    std::size_t size_bytes() const { return messages_.size(); }

    std::string build(Compressor& compressor);

 private:
    MessageSetOptions options_;
    std::string messages_;
    std::int32_t record_count_ = 0;
    std::int64_t first_offset_ = options_.base_offset;
    std::int64_t next_offset_ = options_.base_offset;
    std::int64_t max_timestamp_ = -1;
};

}  // namespace kwire
