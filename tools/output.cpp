#include "output.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "command_line.h"
#include "interrupt.h"
#include "numbers.h"
#include "report.h"

namespace kwire::tools {
namespace {

/// A descriptor that somebody set to not blocking is waited for here.
bool wait_writable(int descriptor) {
    pollfd waiting{descriptor, POLLOUT, 0};
    return ::poll(&waiting, 1, -1) >= 0 || (errno == EINTR && !interrupt_requested());
}

}  // namespace

Output::Output(int descriptor) : descriptor_(descriptor), terminal_(::isatty(descriptor) != 0) {}

void Output::escape_controls(std::size_t from) {
    const std::string text = buffer_.substr(from);
    buffer_.resize(from);
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of("\t\n", begin), text.size());
        buffer_ += printable(std::string_view(text).substr(begin, end - begin));
        if (end < text.size()) buffer_ += text[end];
        begin = end + 1;
    }
}

bool Output::flush() {
    written_ = 0;
    while (!failure_ && written_ < buffer_.size()) {
        const auto count =
            ::write(descriptor_, buffer_.data() + written_, buffer_.size() - written_);
        if (count >= 0) {
            written_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_writable(descriptor_))
                failure_ = std::make_error_code(std::errc::interrupted);
        } else if (errno != EINTR || interrupt_requested()) {
            failure_ = std::error_code(errno, std::generic_category());
        }
    }
    if (failure_) return false;
    buffer_.clear();
    return true;
}

void Output::look_for_reader() {
    const int flags = ::fcntl(descriptor_, F_GETFL);
    if (!failure_ && (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)) {
        failure_ = std::make_error_code(std::errc::bad_file_descriptor);
    }
    pollfd pipe{descriptor_, 0, 0};  // poll reports errors without being asked to
    if (failure_ || ::poll(&pipe, 1, 0) != 1 || (pipe.revents & POLLERR) == 0) return;
    failure_ = std::make_error_code(std::errc::broken_pipe);
}

std::string Output::complaint() const {
    if (failure_ == std::errc::bad_file_descriptor) return "cannot write to stdout: it is closed";
    return "cannot write to stdout: " + failure_.message();
}

int finish(Output& output) {
    output.escape_for_terminal(0);
    if (output.flush() || output.reader_gone()) return exit_ok;
    report(output.complaint());
    return exit_failure;
}

}  // namespace kwire::tools
