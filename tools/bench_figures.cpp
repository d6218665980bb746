#include "bench_figures.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "duration.h"
#include "numbers.h"
#include "table.h"

namespace kwire::tools {
namespace {

using Json = nlohmann::ordered_json;

Json value_of(const Figure& figure) {
    return std::visit([](const auto& value) { return Json(value); }, figure.value);
}

double number_of(const Figure& figure) {
    if (const auto* whole = std::get_if<std::int64_t>(&figure.value)) {
        return static_cast<double>(*whole);
    }
    const auto* number = std::get_if<double>(&figure.value);
    return number != nullptr ? *number : 0;
}

struct Spread {
    std::string name;
    double min;
    double median;
    double max;
};

/// Of what was measured. Every run has the same figures in the same order.
std::vector<Spread> spreads(const std::vector<Figures>& runs) {
    std::vector<Spread> all;
    for (std::size_t i = 0; i < runs.front().size(); ++i) {
        if (!runs.front()[i].measured) continue;
        std::vector<double> values;
        for (const Figures& run : runs) values.push_back(number_of(run[i]));
        std::sort(values.begin(), values.end());
        const std::size_t middle = values.size() / 2;
        const double median =
            values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
        all.push_back({runs.front()[i].name, values.front(), median, values.back()});
    }
    return all;
}

std::string show_number(double value) {
    if (value >= 1000) return show_count(static_cast<std::uint64_t>(value + 0.5));
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 10 ? "%.3f" : "%.1f", value);
    return text.data();
}

std::string show_runs(std::size_t runs, std::int32_t warm_up_runs) {
    return std::to_string(runs) + (runs == 1 ? " run" : " runs") +
           (warm_up_runs > 0 ? " after " + std::to_string(warm_up_runs) + " that did not count" : "");
}

}  // namespace

std::string json_line(const Figures& figures) {
    Json object;
    for (const Figure& figure : figures) object[figure.name] = value_of(figure);
    return object.dump();
}

std::string json_summary(const std::vector<Figures>& runs, std::int32_t warm_up_runs) {
    Json object;
    object["runs"] = runs.size();
    object["warm_up_runs"] = warm_up_runs;
    for (const Figure& figure : runs.front()) {
        if (!figure.measured) object[figure.name] = value_of(figure);
    }
    for (const Spread& spread : spreads(runs)) {
        object[spread.name] = {{"min", spread.min}, {"median", spread.median}, {"max", spread.max}};
    }
    return object.dump();
}

std::string text_summary(const std::vector<Figures>& runs, std::int32_t warm_up_runs) {
    Table table({show_runs(runs.size(), warm_up_runs), "min", "median", "max"});
    for (const Spread& spread : spreads(runs)) {
        table.row({spread.name, show_number(spread.min), show_number(spread.median),
                   show_number(spread.max)});
    }
    std::string text;
    table.append_to(text);
    return text;
}

namespace {

/// getrusage keeps the peak of the process that called exec, which may be a large one. VmHWM is of this program alone.
std::int64_t peak_of_this_process() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
    }
    return -1;
}

}  // namespace

Usage Usage::now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
            peak_of_this_process()};
}

void Transfer::first_message() {
    first_ = Clock::now();
    cpu_first_ = Usage::now().cpu_seconds;
}

void Transfer::ended(std::int64_t messages, std::int64_t bytes) {
    last_ = Clock::now();
    const Usage usage = Usage::now();
    cpu_seconds_ = usage.cpu_seconds - cpu_first_;
    peak_rss_bytes_ = usage.peak_rss_bytes;
    messages_ = messages;
    bytes_ = bytes;
}

BenchResult Transfer::result(bool with_join) const {
    const auto span = [](auto time) { return std::chrono::duration<double>(time).count(); };
    const double seconds = span(last_ - first_);
    const double rate = seconds > 0 ? static_cast<double>(messages_) / seconds : 0;
    const double cpu = messages_ > 0 ? cpu_seconds_ * 1e9 / static_cast<double>(messages_) : 0;
    BenchResult result;
    result.figures = {{"messages", messages_},
                      {"bytes", bytes_},
                      {"seconds", seconds},
                      {"messages_per_second", rate},
                      {"cpu_seconds", cpu_seconds_},
                      {"cpu_ns_per_message", cpu},
                      {"peak_rss_bytes", peak_rss_bytes_}};
    result.sentence = show_count(static_cast<std::uint64_t>(messages_)) + " messages (" +
                      show_bytes(static_cast<std::uint64_t>(bytes_)) + ") in " +
                      show_duration(last_ - first_) + ": " +
                      show_count(static_cast<std::uint64_t>(rate)) + " messages/s, " +
                      std::to_string(static_cast<int>(cpu)) + " ns of CPU each; peak " +
                      show_bytes(static_cast<std::uint64_t>(peak_rss_bytes_));
    if (with_join) {
        result.figures.push_back({"join_seconds", span(first_ - begun_)});
        result.sentence += "; first message after " + show_duration(first_ - begun_);
    }
    return result;
}

}  // namespace kwire::tools
