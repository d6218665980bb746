// A message as it is handed to the program, and the batch of messages it comes in.
//
// Lifetimes: a Message is a view. It is valid until the next one of its batch is asked for, or the batch goes. To keep
// one, own() it (a copy), or keep the batch.
// Threads: a MessageBatch may be moved to another thread, and belongs to one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/net/partition_cursor.h>
#include <kwire/protocol/record_reader.h>

namespace kwire {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// A message that owns what it holds. It may be kept, and acknowledged, as long as the program likes.
struct OwnedMessage {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t follows = 0;  ///< See Message::follows().
    std::uint32_t restarts = 0;  ///< Of cursor, as it was read: offsets of before the last one count no more.
    Timestamp timestamp{};
    TimestampType timestamp_type = TimestampType::none;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    std::shared_ptr<PartitionCursor> cursor;
};

class Message {
 public:
    const std::string& topic() const { return cursor_->topic_partition().topic; }
    std::int32_t partition() const { return cursor_->topic_partition().partition; }
    std::int64_t offset() const { return record_.offset; }
    /// The position of the reader before this message: offsets from there up to offset() - 1 hold nothing to read.
    std::int64_t follows() const { return follows_; }
    /// Milliseconds since 1970; -1 ms where the format has none (v0).
    Timestamp timestamp() const { return Timestamp(std::chrono::milliseconds(record_.timestamp)); }
    TimestampType timestamp_type() const { return timestamp_type_; }
    /// Absent is not the same as empty: Kafka tells null from "".
    std::optional<std::string_view> key() const { return record_.key(); }
    std::optional<std::string_view> value() const { return record_.value(); }
    /// A range of (key, nullable value), parsed while it is walked.
    RecordHeaders headers() const { return record_.headers(); }

    OwnedMessage own() const;
    PartitionCursor& cursor() const { return *cursor_; }

 private:
    friend class MessageBatch;
    Record record_{};
    std::int64_t follows_ = 0;
    PartitionCursor* cursor_ = nullptr;
    TimestampType timestamp_type_ = TimestampType::none;
};

/// What one fetch brought of one partition, decoded while it is walked:
///
///     for (const Message& m : batch) ...
///
/// A batch that goes before its end was reached gives the rest back: the next poll begins there. A walk ends early when
/// the partition is taken away. A record batch that does not decode ends the walk too; the consumer's error handler
/// names the offset, and the partition stops.
class MessageBatch {
 public:
    /// What is behind a batch; it is used again for later ones. Private to net (message_batch.h).
    struct State;

    MessageBatch() = default;
    explicit MessageBatch(std::unique_ptr<State> state);
    MessageBatch(MessageBatch&& other) noexcept : walk_(std::exchange(other.walk_, nullptr)) {}
    MessageBatch& operator=(MessageBatch&& other) noexcept {
        MessageBatch taken(std::move(other));
        std::swap(walk_, taken.walk_);
        return *this;
    }
    ~MessageBatch() {
        if (walk_ != nullptr) give_back();
    }

    /// True for the batch that poll returns when time ran out.
    bool empty() const { return walk_ == nullptr; }
    /// Precondition: !empty(). The reference stays valid as long as the cursor does.
    const TopicPartition& topic_partition() const;
    /// The log's end (high watermark) as the fetch saw it; -1 if the broker did not say.
    std::int64_t high_watermark() const;

    /// Moves on to the next message; null at the end. Once it returned null the partition is free for the next poll, of
    /// any thread, and the batch stays at its end.
    const Message* next() {
        if (walk_ == nullptr) [[unlikely]] return nullptr;
        if (walk_->reader.next(walk_->message.record_)) [[likely]] {
            if (walk_->message.record_.offset >= walk_->position) [[likely]] return hand_out();
        }
        return next_slowly();
    }

    class iterator {
     public:
        using value_type = Message;
        using difference_type = std::ptrdiff_t;
        using reference = const Message&;
        iterator() = default;
        explicit iterator(MessageBatch& batch) : batch_(&batch), message_(batch.next()) {}
        reference operator*() const { return *message_; }
        const Message* operator->() const { return message_; }
        iterator& operator++() {
            message_ = batch_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return message_ == nullptr; }

     private:
        MessageBatch* batch_ = nullptr;
        const Message* message_ = nullptr;
    };
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

 private:
    /// The part of State that every message touches.
    struct Walk {
        RecordReader reader;  // walks the record batch that is open; nothing is open at first
        Message message;
        std::int64_t position = 0;  // the next offset that is wanted
    };

    // How often a walk looks at the clock: every that many messages, a power of two, and at each record batch's last one.
    static constexpr std::int32_t messages_between_looks = 32;

    const Message* hand_out() {
        if ((walk_->reader.records_left() & (messages_between_looks - 1)) == 0) [[unlikely]] {
            if (lapsed()) return stop_early();
        }
        Message& message = walk_->message;
        message.follows_ = walk_->position;
        const std::int64_t next = message.record_.offset + 1;
        if (!message.cursor_->begin_delivery(next)) [[unlikely]] return stop_early();
        walk_->position = next;
        return &message;
    }
    /// Opens the next record batch, skips what lies before the position, control and aborted batches.
    const Message* next_slowly();
    const Message* stop_early();
    bool lapsed() const;  // see Consumer::hand_out_until
    void give_back();
    State& state() const;

    Walk* walk_ = nullptr;
};

}  // namespace kwire
