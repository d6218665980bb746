// Reading the records of a partition as brokers store and send them: message sets v0 and v1, record batches v2.
//
// Purpose: walk records in place. Nothing is allocated and nothing copied per record; keys, values and headers are views.
// A compressed batch is decompressed once, into a buffer that is used again for the next one.
//
//     RecordBatchCursor cursor(records);                 // the `records` field of a Fetch response
//     RecordBatch batch;
//     RecordReader reader(decompressor);
//     while (cursor.next(batch))                         // looks at headers only
//         if (!reader.open(batch, {})) return reader.error();
//         else for (Record r; reader.next(r);) use(r);
//
// Lifetimes: a Record's views point into the batch's Bytes or into the reader's buffer. They are valid until the reader
// opens another batch, and only as long as the batch and the reader live.
// Threads: none of these objects may be used by two threads at once.
// Sources: KIP-32 (v1), KIP-98 (v2, control batches), Kafka's DefaultRecordBatch, AbstractLegacyRecordBatch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/decode_error.h>

namespace kwire {

enum class Compression : std::int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class TimestampType : std::int8_t { none = -1, create_time = 0, append_time = 1 };

}  // namespace kwire
