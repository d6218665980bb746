#include "report.h"

#include <mutex>

#include <unistd.h>

#include "numbers.h"

namespace kwire::tools {
namespace {

std::mutex stderr_mutex;
bool line_shown = false;

void write_all(std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(STDERR_FILENO, text.data(), text.size());
        if (count <= 0) return;  // nobody is left to read it
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

constexpr std::string_view erase_line = "\r\x1b[K";

}  // namespace

void report(std::string_view sentence) {
    const std::lock_guard lock(stderr_mutex);
    std::string text;
    if (line_shown) text += erase_line;
    line_shown = false;
    text.append("kwire: ").append(printable(sentence)).append("\n");
    write_all(text);
}

Progress::Progress(bool other_output)
    : active_(::isatty(STDERR_FILENO) != 0 && !(other_output && ::isatty(STDOUT_FILENO) != 0)) {}

void Progress::update(const std::function<std::string()>& line) {
    if (!active_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    const std::string text = std::string(erase_line) + line();
    const std::lock_guard lock(stderr_mutex);
    line_shown = true;
    write_all(text);
}

void Progress::clear() {
    const std::lock_guard lock(stderr_mutex);
    if (!active_ || !line_shown) return;
    line_shown = false;
    write_all(erase_line);
}

}  // namespace kwire::tools
