#include "line_reader.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "interrupt.h"

namespace kwire::tools {

std::optional<std::string_view> LineReader::next() {
    for (;;) {
        const auto newline = buffer_.find('\n', scanned_);
        if (newline != std::string::npos) {
            const std::string_view line(buffer_.data() + begin_, newline - begin_);
            begin_ = scanned_ = newline + 1;
            return line;
        }
        scanned_ = buffer_.size();
        if (ended_ || !read_more()) break;
    }
    if (failure_ || interrupt_requested() || begin_ == buffer_.size()) return std::nullopt;
    const std::string_view line(buffer_.data() + begin_, buffer_.size() - begin_);
    begin_ = scanned_ = buffer_.size();
    return line;
}

bool LineReader::has_line() {
    const auto newline = buffer_.find('\n', scanned_);
    scanned_ = std::min(newline, buffer_.size());
    return newline != std::string::npos;
}

/// False at the end.
bool LineReader::read_more() {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    constexpr std::size_t at_once = 128 * 1024;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + at_once);
    ssize_t count = 0;
    do {
        count = ::read(descriptor_, buffer_.data() + before, at_once);
    } while (count < 0 && errno == EINTR && !interrupt_requested());
    if (count < 0 && errno != EINTR) failure_ = std::error_code(errno, std::generic_category());
    buffer_.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
    ended_ = count <= 0;
    return !ended_;
}

}  // namespace kwire::tools
