#include "line_reader.h"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

#include "interrupt.h"

namespace kwire::tools {

namespace {

/// False if an interrupt came first. A signal that comes right before poll does not end it, so it is short.
bool wait_readable(int descriptor) {
    constexpr int milliseconds = 200;
    pollfd waiting{descriptor, POLLIN, 0};
    int ready = descriptor < 0 ? 1 : 0;  // which poll passes over: reading it fails
    while (ready == 0 && !interrupt_requested()) {
        ready = ::poll(&waiting, 1, milliseconds);
        if (ready < 0 && errno == EINTR) ready = 0;
    }
    errno = EINTR;
    return ready != 0;
}

}  // namespace

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
    ssize_t count = -1;
    errno = EINTR;
    while (wait_readable(descriptor_)) {
        count = ::read(descriptor_, buffer_.data() + before, at_once);
        if (count >= 0 || (errno != EINTR && errno != EAGAIN)) break;
    }
    if (count < 0 && errno != EINTR) failure_ = std::error_code(errno, std::generic_category());
    buffer_.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
    ended_ = count <= 0;
    return !ended_;
}

}  // namespace kwire::tools
