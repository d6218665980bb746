// The files that a broker keeps beside a segment's records: indexes of offsets and times, aborted
// transactions, states of producers.
//
// Purpose: read them as Kafka's OffsetIndex, TimeIndex, TransactionIndex and ProducerStateManager
// write them; the records themselves are read by RecordBatchCursor. Input never makes it throw:
// what is wrong is said with its place, and what came before it is given. Threads: the functions
// keep no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/decode_error.h>

namespace kwire {

enum class SegmentFile {
    records,  ///< .log, and KRaft's .checkpoint
    offset_index,
    time_index,
    transaction_index,
    producer_snapshot,
};

/// What a file is by the end of its name; `.deleted`, `.cleaned` and `.swap` behind it do not
/// count. Nothing for names that no broker gives to such files.
std::optional<SegmentFile> segment_file_of(std::string_view file_name);
/// The offset that the file's name begins with; nothing where it is none.
std::optional<std::int64_t> base_offset_of(std::string_view file_name);

/// Where the batch that begins at `at` ends by its own size, whatever else its header says. Nothing
/// where the segment is shorter or no batch can have that size. Precondition: at <= segment.size().
std::optional<std::size_t> end_of_batch(std::string_view segment, std::size_t at);

/// Finds batches in a segment's records where the one before does not say where they begin. A batch
/// counts whose header can be right and whose CRC fits. All that one object does reads the segment a few
/// times over at most, whatever is in it; after that it finds nothing. Lifetimes: views the segment.
class BatchSearch {
 public:
    explicit BatchSearch(std::string_view segment);
    /// Whether a batch begins at this place.
    bool begins_at(std::size_t at);
    /// The first place from `from` on at which one begins.
    std::optional<std::size_t> next(std::size_t from);

 private:
    std::string_view segment_;
    std::size_t may_read_;
};

/// What was read of a file.
template <class Entry>
struct SegmentEntries {
    std::vector<Entry> entries;
    /// Zeros at the end: a broker makes its newest index as large as it may become.
    std::size_t unused_bytes = 0;
    std::optional<DecodeError> error;
};

struct OffsetIndexEntry {
    std::int64_t offset = 0;
    std::int32_t position =
        0;  ///< in the .log file, of a batch that begins at the offset or before
};
struct TimeIndexEntry {
    std::int64_t timestamp = 0;  ///< the largest so far, in milliseconds
    std::int64_t offset = 0;
};
struct TransactionIndexEntry {
    std::int16_t version = 0;
    std::int64_t producer_id = 0;
    std::int64_t first_offset = 0;
    std::int64_t last_offset = 0;
    std::int64_t last_stable_offset = 0;
};
struct ProducerSnapshotEntry {
    std::int64_t producer_id = 0;
    std::int16_t epoch = 0;
    std::int32_t last_sequence = 0;
    std::int64_t last_offset = 0;
    std::int32_t offset_delta = 0;
    std::int64_t timestamp = 0;
    std::int32_t coordinator_epoch = 0;
    std::int64_t current_txn_first_offset = 0;  ///< -1: no transaction is open
};

/// Offsets and positions that do not ascend are an error: a broker would rebuild the index.
SegmentEntries<OffsetIndexEntry> read_offset_index(std::string_view file, std::int64_t base_offset);
SegmentEntries<TimeIndexEntry> read_time_index(std::string_view file, std::int64_t base_offset);
SegmentEntries<TransactionIndexEntry> read_transaction_index(std::string_view file);
/// Of version 1, the only one there is; its CRC is checked.
SegmentEntries<ProducerSnapshotEntry> read_producer_snapshot(std::string_view file);

}  // namespace kwire
