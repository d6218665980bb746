#include "message_printer.h"

#include <algorithm>

#include "interrupt.h"
#include "message_text.h"

namespace kwire::tools {
namespace {

constexpr std::size_t flush_bytes = 128 * 1024;

}  // namespace

bool MessagePrinter::done() const {
    return output_.failure() || messages_ >= static_cast<std::uint64_t>(messages_max_);
}

std::optional<std::int64_t> MessagePrinter::printed(const TopicPartition& tp) const {
    const auto found = printed_.find(tp);
    return found == printed_.end() ? std::nullopt : std::optional(found->second);
}

bool MessagePrinter::print(MessageBatch& batch) {
    PartitionCursor* cursor = nullptr;
    auto left = static_cast<std::uint64_t>(messages_max_) - messages_;
    std::string& out = output_.buffer();
    while (left > 0 && !interrupt_requested()) {
        const Message* message = batch.next();
        if (message == nullptr) break;
        cursor = &message->cursor();
        const std::size_t begin = out.size();
        format_ == Format::json ? append_json(out, *message) : append_text(out, *message);
        output_.escape_for_terminal(begin);
        const std::size_t bytes = (message->key() ? message->key()->size() : 0) +
                                  (message->value() ? message->value()->size() : 0);
        unwritten_.push_back({out.size(), message->offset() + 1, bytes});
        --left;
        if (out.size() >= flush_bytes) {
            if (!flush(*cursor)) break;
        }
    }
    if (cursor == nullptr) return false;
    if (!unwritten_.empty()) flush(*cursor);
    return true;
}

bool MessagePrinter::flush(PartitionCursor& cursor) {
    const bool all = output_.flush();
    auto end = unwritten_.end();
    if (!all) {
        end = std::partition_point(
            unwritten_.begin(), unwritten_.end(),
            [this](const Printed& printed) { return printed.end <= output_.written(); });
    }
    if (end != unwritten_.begin()) {
        const bool ours = cursor.mark_processed(std::prev(end)->next);
        printed_[cursor.topic_partition()] = std::prev(end)->next;
        for (auto printed = unwritten_.begin(); printed != end; ++printed) bytes_ += printed->bytes;
        const auto count = static_cast<std::uint64_t>(end - unwritten_.begin());
        messages_ += count;
        if (!ours) messages_lost_ += count;
    }
    unwritten_.clear();
    return all;
}

}  // namespace kwire::tools
