// What the command writes to stdout: collected in one buffer, written by one call.
//
// A pipe whose reader is gone (`| head`) is an ordinary end, not a failure; SIGPIPE is ignored by
// the command.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace kwire::tools {

class Output {
 public:
    explicit Output(int descriptor);

    /// What is to be written next; append to it.
    std::string& buffer() { return buffer_; }
    /// Where a person reads: escapes the control characters of the buffer from there on, but for tabs and newlines, so that
    /// nobody's message moves the cursor. Elsewhere data passes as it is.
    void escape_for_terminal(std::size_t from) {
        if (terminal_) escape_controls(from);
    }
    void line(std::string_view text) { buffer_.append(text).push_back('\n'); }

    /// Writes the buffer. False if that failed, or was interrupted by a signal while the reader
    /// stood still; then written() bytes of it were written, and nothing is written any more.
    bool flush();
    std::size_t written() const { return written_; }

    /// Finds out without writing that the descriptor is closed, or that the reader of a pipe is gone.
    /// For when there is nothing to write for long.
    void look_for_reader();

    const std::error_code& failure() const { return failure_; }
    bool reader_gone() const { return failure_ == std::errc::broken_pipe; }
    /// Why it cannot be written, as a sentence.
    std::string complaint() const;
    bool interrupted() const { return failure_ == std::errc::interrupted; }

 private:
    void escape_controls(std::size_t from);

    int descriptor_;
    bool terminal_;
    std::string buffer_;
    std::size_t written_ = 0;
    std::error_code failure_;
};

/// Flushes; returns the exit code of a command that is done but for this. Reports why if it failed.
int finish(Output& output);

}  // namespace kwire::tools
