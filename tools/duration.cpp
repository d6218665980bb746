#include "duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

namespace kwire::tools {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, double>, 4> units{
        {{"ms", 1.0}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}}};
    constexpr double longest = 100.0 * 365 * 24 * 3600e3;
    double number = 0;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (problem != std::errc{} || !(number >= 0)) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& [name, milliseconds] : units) {
        if (unit != name) continue;
        const double span = number * milliseconds;
        if (!(span <= longest)) return std::nullopt;
        return std::chrono::milliseconds(std::llround(span));
    }
    return std::nullopt;
}

std::string show_duration(std::chrono::nanoseconds span) {
    const double seconds = std::chrono::duration<double>(span).count();
    char text[64];
    if (seconds < 10) {
        std::snprintf(text, sizeof text, "%.2f s", seconds);
    } else if (seconds < 100) {
        std::snprintf(text, sizeof text, "%.1f s", seconds);
    } else {
        const auto whole = static_cast<long long>(seconds);
        std::snprintf(text, sizeof text, "%lld m %02lld s", whole / 60, whole % 60);
    }
    return text;
}

}  // namespace kwire::tools
