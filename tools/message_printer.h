// Prints messages and marks as processed exactly those that were written out whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <kwire/net/message.h>

#include "output.h"

namespace kwire::tools {

class MessagePrinter {
 public:
    enum class Format { text, json };

    /// Prints at most messages_max.
    MessagePrinter(Output& output, Format format, std::int64_t messages_max)
        : output_(output), format_(format), messages_max_(messages_max) {}

    /// Prints batch to its end, or as far as it should. True if any message was in it. All that was
    /// printed is written out and marked when it returns.
    bool print(MessageBatch& batch);

    /// Nothing more is to be printed, or nothing can be.
    bool done() const;

    std::uint64_t messages() const { return messages_; }  ///< Written out whole.
    std::uint64_t bytes() const { return bytes_; }        ///< Of their keys and values.
    std::size_t partitions() const { return printed_.size(); }
    /// The offset after the last message of tp that was written out; nothing if none was.
    std::optional<std::int64_t> printed(const TopicPartition& tp) const;
    /// Written out, but their partition was no longer ours: another member prints them too.
    std::uint64_t messages_lost() const { return messages_lost_; }

 private:
    struct Printed {
        std::size_t end;    ///< In the output's buffer.
        std::int64_t next;  ///< What is to be marked once it is written.
        std::size_t bytes;
    };

    /// Writes the buffer, marks what was written. False if not all of it was.
    bool flush(PartitionCursor& cursor);

    Output& output_;
    const Format format_;
    const std::int64_t messages_max_;
    std::vector<Printed> unwritten_;  // in the order of the buffer; one partition's only
    std::uint64_t messages_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t messages_lost_ = 0;
    std::map<TopicPartition, std::int64_t> printed_;
};

}  // namespace kwire::tools
