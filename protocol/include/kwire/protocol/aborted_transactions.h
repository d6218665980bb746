// Which batches read_committed leaves out (KIP-98; Kafka's CompletedFetch).
//
// A Fetch response lists, for a partition, the transactions that were aborted and have records in
// the answer: producer and first offset. From that offset on the producer's transactional batches
// are skipped, until its abort marker comes by.
//
//     AbortedTransactions aborted(listed);               // one for each partition of each response
//     while (cursor.next(batch))
//         switch (aborted.judge(batch, reader, options)) {
//             case BatchVerdict::deliver: ...            // open it
//             case BatchVerdict::skip: break;            // the position moves on all the same
//             case BatchVerdict::corrupt: return *reader.error();
//         }
//
// Invariant: every batch of the response is judged once, in order. With read_uncommitted give it an
// empty list: then only control batches are skipped. Threads: one object, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>

namespace kwire {

struct AbortedTransaction {
    std::int64_t producer_id = -1;
    std::int64_t first_offset = -1;

    bool operator==(const AbortedTransaction&) const = default;
};

enum class BatchVerdict : std::uint8_t { deliver, skip, corrupt };

class AbortedTransactions {
 public:
    AbortedTransactions() = default;
    /// In any order.
    explicit AbortedTransactions(std::vector<AbortedTransaction> listed);

    /// Whether the batch is to be delivered. Opens it with reader only if it is a control batch of
    /// a producer that is being skipped: a marker that cannot be read would hide what the producer
    /// committed later, so it is an error.
    BatchVerdict judge(const RecordBatch& batch, RecordReader& reader,
                       const RecordReaderOptions& options) {
        if (!batch.is_control && (listed_.empty() || !batch.is_transactional)) [[likely]]
            return BatchVerdict::deliver;
        return judge_transactional(batch, reader, options);
    }

 private:
    BatchVerdict judge_transactional(const RecordBatch& batch, RecordReader& reader,
                                     const RecordReaderOptions& options);

    std::vector<AbortedTransaction> listed_;  // by first offset
    std::size_t begun_ = 0;                   // how many of them have begun
    std::vector<std::int64_t> skipped_producers_;
};

}  // namespace kwire
