// Reads a whole `records` field into values that own what they hold, for tests to compare.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_batch_builder.h>
#include <kwire/protocol/record_reader.h>

namespace kwire::test {

struct OwnedRecord {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;
    std::optional<std::string> key = {};
    std::optional<std::string> value = {};
    std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};

    bool operator==(const OwnedRecord&) const = default;
};

inline void PrintTo(const OwnedRecord& r, std::ostream* out) {
    *out << r.offset << '@' << r.timestamp << ' ' << r.key.value_or("(null)").substr(0, 40) << '='
         << r.value.value_or("(null)").substr(0, 40) << " +" << r.headers.size();
}

struct ReadRecords {
    std::vector<RecordBatch> batches;  // their data is gone
    std::vector<OwnedRecord> records;
    std::int64_t next_offset = -1;
    std::size_t truncated_bytes = 0;
    std::size_t needed_bytes = 0;
    std::optional<DecodeError> error;
};

inline OwnedRecord owned(const Record& record) {
    OwnedRecord r{record.offset, record.timestamp, {}, {}, {}};
    if (const auto key = record.key()) r.key.emplace(*key);
    if (const auto value = record.value()) r.value.emplace(*value);
    for (const RecordHeader& h : record.headers()) {
        r.headers.emplace_back(h.key, std::nullopt);
        if (h.value) r.headers.back().second.emplace(*h.value);
    }
    return r;
}

/// Copies data to a block of exactly its size first, so that a sanitizer sees every byte read
/// beyond it.
inline ReadRecords read_all(const std::string& data, const RecordReaderOptions& options = {}) {
    ReadRecords read;
    const std::shared_ptr<char[]> block(new char[data.size()]);
    data.copy(block.get(), data.size());
    RecordBatchCursor cursor(Bytes(block, {block.get(), data.size()}));
    RecordReader reader;
    RecordBatch batch;
    while (cursor.next(batch)) {
        if (reader.open(batch, options))
            for (Record r; reader.next(r);) read.records.push_back(owned(r));
        if (reader.error()) {
            read.error = reader.error();
            return read;
        }
        read.next_offset = batch.next_offset();
        batch.data = {};
        read.batches.push_back(batch);
    }
    read.error = cursor.error();
    read.truncated_bytes = cursor.truncated_bytes();
    read.needed_bytes = cursor.needed_bytes();
    return read;
}

}  // namespace kwire::test
