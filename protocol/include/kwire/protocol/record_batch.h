// Reading the records of a partition as brokers store and send them: message sets v0 and v1, record
// batches v2.
//
// Purpose: walk records in place. Nothing is allocated and nothing copied per record; keys, values
// and headers are views. A compressed batch is decompressed once, into a buffer that is used again
// for the next one.
//
//     RecordBatchCursor cursor(records);          // the `records` field of a Fetch response
//     RecordBatch batch;
//     RecordReader reader;                        // record_reader.h; keep it, its buffers are used again
//     while (cursor.next(batch)) {                // looks at headers only
//         if (batch.is_control) continue;         // its end still moves the position: batch.next_offset()
//         if (reader.open(batch, {}))             // checks the CRC, decompresses
//             for (Record r; reader.next(r);) use(r);
//         if (reader.error()) return *reader.error();    // after open and after the last record
//     }
//     if (cursor.error()) return *cursor.error();
//
// A batch may begin before the offset that was asked for (skip records below it), may have gaps,
// and may hold no record at all after compaction; next_offset() moves on in every case. What a
// message set calls messages: a run of uncompressed messages of one version and timestamp type
// counts as one batch here, so does one compressed message (a wrapper) with the messages inside it.
//
// Lifetimes: a RecordBatch views the bytes given to the cursor and does not own them. Record views:
// see record_reader.h. Threads: none of these objects may be used by two threads at once. Sources:
// KIP-32 (v1), KIP-98 (v2, control batches), Kafka's DefaultRecordBatch, AbstractLegacyRecordBatch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/decode_error.h>

namespace kwire {

enum class Compression : std::int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class TimestampType : std::int8_t { none = -1, create_time = 0, append_time = 1 };

/// `none`, `gzip`, `snappy`, `lz4`, `zstd` as in Kafka's configuration; `unknown` for other values.
std::string_view to_string(Compression compression);
/// The reverse; nothing for any other name.
std::optional<Compression> compression_from_string(std::string_view name);

/// What the header of a batch says. Nothing in it has been checked against the CRC:
/// RecordReader::open does that.
struct RecordBatch {
    std::string_view data;  ///< the whole batch, or the run of messages
    /// Bytes behind data that may be read too, though they say nothing: what follows in the same buffer. A reader that
    /// may look ahead needs no careful way for the last record.
    std::size_t readable_behind = 0;
    std::int64_t base_offset =
        -1;  ///< of the first record. A wrapper does not say it: then that of the last one
    std::int64_t last_offset = -1;
    std::int64_t base_timestamp = -1;  ///< v2: what the records' timestamps are relative to
    std::int64_t max_timestamp = -1;   ///< with append_time that of every record; -1 in v0
    std::int64_t producer_id = -1;
    std::int32_t base_sequence = -1;
    std::int32_t partition_leader_epoch = -1;
    std::int32_t record_count = 0;  ///< -1 for a wrapper, which does not say it
    std::uint32_t crc = 0;  ///< CRC-32C in v2, CRC-32 before; of a run that of the first message
    std::int16_t producer_epoch = -1;
    std::int8_t magic = 2;
    Compression compression = Compression::none;  ///< a value outside the enum is open()'s error
    TimestampType timestamp_type = TimestampType::create_time;
    bool is_transactional = false;
    bool is_control = false;

    /// The offset to go on with after this batch.
    std::int64_t next_offset() const { return last_offset + 1; }
    std::size_t size_bytes() const { return data.size(); }
};

/// Walks the batches of a `records` field, oldest first, reading headers only.
class RecordBatchCursor {
 public:
    /// Keeps records alive as long as the cursor lives.
    explicit RecordBatchCursor(Bytes records) : records_(std::move(records)) {}

    /// The next batch, or false: at the end, where the last batch is cut off (truncated_bytes()),
    /// at an error().
    bool next(RecordBatch& batch);

    /// The bytes of the batch, sharing ownership of the block it lies in. Precondition: this cursor
    /// gave the batch.
    Bytes slice(const RecordBatch& batch) const {
        return records_.slice(static_cast<std::size_t>(batch.data.data() - records_.data()),
                              batch.data.size());
    }

    /// How many bytes of a batch that does not end within the records were left over; 0 before the
    /// end is reached. A broker cuts the field at the size that was asked for, so this is normal.
    std::size_t truncated_bytes() const { return truncated_bytes_; }
    /// How large the batch cut off is, header included; 0 where even that was cut off or nothing
    /// was. A fetcher that got no whole batch must ask for this many bytes at least (before KIP-74
    /// it is given no more).
    std::size_t needed_bytes() const { return needed_bytes_; }

    /// A header that cannot be right: the partition cannot be read beyond it.
    const std::optional<DecodeError>& error() const { return error_; }

    /// Where the next batch begins, in bytes from the start.
    std::size_t position() const { return position_; }

 private:
    bool next_batch_v2(RecordBatch& batch, std::string_view data);
    bool next_message_run(RecordBatch& batch, std::size_t first_size);
    /// The whole size of the entry at `at`, or 0 after noting why there is none.
    std::size_t entry_size(std::size_t at);
    bool fail(std::size_t at, std::string what);

    Bytes records_;
    std::size_t position_ = 0;
    std::size_t truncated_bytes_ = 0;
    std::size_t needed_bytes_ = 0;
    std::optional<DecodeError> error_;
};

}  // namespace kwire
