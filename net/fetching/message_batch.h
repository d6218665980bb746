// What is behind a MessageBatch. Its objects go round: the queue keeps those that no batch needs, with their
// decompression buffers, and lends them to the next batches.
#pragma once

#include <memory>
#include <optional>

#include <kwire/net/message.h>
#include <kwire/protocol/aborted_transactions.h>

#include "fetch_queue.h"

namespace kwire {

struct MessageBatch::State : MessageBatch::Walk {
    /// Begins to walk chunk. The partition must be in this hand.
    void begin();
    /// Opens the next record batch that has something to read; false at the end or at a failure, which is told.
    bool open_next_batch();
    /// The partition goes free; what was not read goes back. May be called again.
    void release();
    /// The partition stops before offset.
    void fail(std::int64_t offset, const DecodeError& reason);

    std::shared_ptr<FetchQueue> queue;
    std::shared_ptr<QueuedPartition> partition;
    FetchedChunk chunk;
    std::optional<RecordBatchCursor> batches;
    AbortedTransactions aborted;
    RecordBatch batch;
    bool at_end = false;   // nothing more comes of this walk
    bool released = true;  // the partition is in another hand, or in none
};

}  // namespace kwire
