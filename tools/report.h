// What the command reports on stderr: sentences, and a line of progress on a terminal.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace kwire::tools {

/// Writes `kwire: sentence` as one line, from any thread, control characters escaped: names and errors come from others. A
/// line of progress makes way for it.
void report(std::string_view sentence);

/// A line on the terminal that is rewritten a few times a second; nothing where stderr is no
/// terminal.
class Progress {
 public:
    /// other_output: what goes to stdout meanwhile; on the same terminal the two would mix, so
    /// nothing is shown then.
    explicit Progress(bool other_output);
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shows what line returns, if the last one is old enough. Cheap otherwise, but not free: not
    /// once a message.
    void update(const std::function<std::string()>& line);
    void clear();

 private:
    bool active_;
    std::chrono::steady_clock::time_point next_{};
};

}  // namespace kwire::tools
