#include "message_batch.h"

#include <algorithm>
#include <utility>

namespace kwire {

OwnedMessage Message::own() const {
    OwnedMessage owned;
    owned.topic = topic();
    owned.partition = partition();
    owned.offset = offset();
    owned.follows = follows_;
    owned.restarts = cursor_->restarts();
    owned.timestamp = timestamp();
    owned.timestamp_type = timestamp_type_;
    if (const auto k = key()) owned.key.emplace(*k);
    if (const auto v = value()) owned.value.emplace(*v);
    for (const RecordHeader& header : headers()) {
        auto& copy = owned.headers.emplace_back(std::string(header.key), std::nullopt);
        if (header.value) copy.second.emplace(*header.value);
    }
    owned.cursor = cursor_->shared_from_this();
    return owned;
}

// ---- the walk

void MessageBatch::State::begin() {
    released = false;
    at_end = false;
    PartitionCursor& cursor = *partition->cursor;
    message.cursor_ = &cursor;
    // What lies between was passed over by a new position, or holds nothing.
    if (chunk.position > cursor.handed_out()) cursor.skip_to(chunk.position);
    position = std::max(chunk.position, cursor.handed_out());
    aborted = AbortedTransactions(chunk.aborted);
    batches.emplace(chunk.records);
    reader.close();
}

bool MessageBatch::State::open_next_batch() {
    const RecordReaderOptions& options = queue->options();
    while (batches->next(batch)) {
        const BatchVerdict verdict = aborted.judge(batch, reader, options);
        if (verdict == BatchVerdict::corrupt) {
            fail(std::max(position, batch.base_offset), *reader.error());
            return false;
        }
        if (batch.next_offset() <= position) continue;
        // Opened even if nothing of it is read: the position moves by what its header says, so that must be true.
        if (!reader.open(batch, options)) {
            fail(std::max(position, batch.base_offset), *reader.error());
            return false;
        }
        if (verdict == BatchVerdict::skip) {
            reader.close();
            continue;
        }
        message.timestamp_type_ = batch.timestamp_type;
        return true;
    }
    if (batches->error()) {
        fail(position, *batches->error());
        return false;
    }
    if (chunk.next_offset > partition->cursor->handed_out()) {
        partition->cursor->skip_to(chunk.next_offset);
    }
    at_end = true;
    return false;
}

void MessageBatch::State::fail(std::int64_t offset, const DecodeError& reason) {
    at_end = true;
    const TopicPartition& tp = partition->cursor->topic_partition();
    queue->fail(partition,
                Error(errc::corrupt_batch,
                      "a record batch cannot be read (" + reason.message() +
                          "); reading of the partition stops here: assign it again behind the damage to go on",
                      {.topic = tp.topic, .partition = tp.partition, .offset = offset}));
}

void MessageBatch::State::release() {
    if (released) return;
    released = true;
    const bool has_rest = !at_end && position < chunk.next_offset;
    at_end = true;
    batches.reset();
    reader.close();  // it must not look at the bytes again, which may go now
    if (has_rest) chunk.position = std::max(chunk.position, position);
    queue->give_back(partition, has_rest ? &chunk : nullptr);
    chunk.records = {};
}

// ---- the handle

MessageBatch::MessageBatch(std::unique_ptr<State> state) : walk_(state.release()) {}

MessageBatch::State& MessageBatch::state() const { return *static_cast<State*>(walk_); }

const TopicPartition& MessageBatch::topic_partition() const {
    return state().partition->cursor->topic_partition();
}

std::int64_t MessageBatch::high_watermark() const { return state().chunk.high_watermark; }

const Message* MessageBatch::next_slowly() {
    State& s = state();
    while (!s.at_end) {
        // The first call comes with a record below the position in hand, or with none.
        while (s.reader.next(s.message.record_)) {
            if (s.message.record_.offset >= s.position) return hand_out();
        }
        if (s.reader.error()) {
            s.fail(std::max(s.position, s.batch.base_offset), *s.reader.error());
            break;
        }
        if (!s.open_next_batch()) break;
    }
    s.release();
    return nullptr;
}

bool MessageBatch::lapsed() const { return state().queue->lapsed(); }

const Message* MessageBatch::stop_early() {
    state().release();
    return nullptr;
}

void MessageBatch::give_back() {
    std::unique_ptr<State> taken(&state());
    walk_ = nullptr;
    taken->release();
    const auto queue = taken->queue;
    queue->recycle(std::move(taken));
}

}  // namespace kwire
