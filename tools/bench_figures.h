// What a benchmark found out: figures with names, of one run and over several.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace kwire::tools {

/// One figure of a run. What was measured differs from run to run; the others say what it was measured on.
struct Figure {
    std::string name;  ///< As in the JSON; the unit is its last word.
    std::variant<std::int64_t, double, bool, std::string> value;
    bool measured = true;
};
using Figures = std::vector<Figure>;

/// What one run found, and the same as a sentence.
struct BenchResult {
    Figures figures;
    std::string sentence;
};

/// One JSON object, in the order of figures.
std::string json_line(const Figures& figures);
/// One JSON object: how many runs, on what, and of what was measured minimum, median and maximum.
std::string json_summary(const std::vector<Figures>& runs, std::int32_t warm_up_runs);
/// The same for people.
std::string text_summary(const std::vector<Figures>& runs, std::int32_t warm_up_runs);

/// User and system time of all threads so far, and the most memory.
struct Usage {
    double cpu_seconds;
    std::int64_t peak_rss_bytes;

    static Usage now();
};

/// Times a transfer of messages. Joining lasts from the beginning to the first message, reading from then on.
class Transfer {
 public:
    using Clock = std::chrono::steady_clock;

    void first_message();
    void ended(std::int64_t messages, std::int64_t bytes);

    /// with_join: says how long joining took, too.
    BenchResult result(bool with_join) const;

 private:
    Clock::time_point begun_ = Clock::now();
    Clock::time_point first_{};
    Clock::time_point last_{};
    double cpu_first_ = 0;
    double cpu_seconds_ = 0;
    std::int64_t peak_rss_bytes_ = 0;
    std::int64_t messages_ = 0;
    std::int64_t bytes_ = 0;
};

}  // namespace kwire::tools
