// Lines of a file descriptor, of any length and content.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace kwire::tools {

class LineReader {
 public:
    explicit LineReader(int descriptor) : descriptor_(descriptor) {}

    /// The next line without its newline, valid until the next call. Nothing at the end, on an
    /// interrupt, or if reading failed. A last line without a newline counts.
    std::optional<std::string_view> next();

    /// Whether next() answers without reading.
    bool has_line();

    const std::error_code& failure() const { return failure_; }

 private:
    bool read_more();

    int descriptor_;
    std::string buffer_;
    std::size_t begin_ = 0;    // of the line that comes next
    std::size_t scanned_ = 0;  // no newline between begin_ and here
    bool ended_ = false;
    std::error_code failure_;
};

}  // namespace kwire::tools
