// Real members, a real ZooKeeper of three servers and three brokers, and one fault after the other. See usage().
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "faults.h"

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

struct Options {
    int runs = 1;
    bool small = false;
    milliseconds session_timeout{4000};
    std::optional<milliseconds> recovery;  ///< Within which all is to flow; absent: what is promised.
    std::string version = "3.9.1";
    std::vector<std::string> names;
};

struct Row {
    int runs = 0;
    milliseconds worst{0};
    Verdict sum;
    std::string broken;
};

void add(Row& row, const Verdict& verdict) {
    row.sum.written += verdict.written;
    row.sum.lost += verdict.lost + verdict.skipped;
    row.sum.duplicates += verdict.duplicates;
    row.sum.disorder += verdict.disorder;
    row.sum.overlaps += verdict.overlaps;
    row.sum.late += verdict.late;
    row.sum.commits += verdict.commits;
    row.sum.slowest_close = std::max(row.sum.slowest_close, verdict.slowest_close);
    row.sum.peak_megabytes = std::max(row.sum.peak_megabytes, verdict.peak_megabytes);
    row.sum.percent_of_a_core = std::max(row.sum.percent_of_a_core, verdict.percent_of_a_core);
    if (row.broken.empty()) row.broken = verdict.broken;
}

void run_once(const Fault& fault, const real::RealCluster& cluster, const std::string& name, const Options& options,
              Row& row) {
    Scene scene(cluster, name, options.small ? 1 : 3, options.session_timeout);
    if (fault.prepare) fault.prepare(scene);
    scene.add(fault.settings);
    scene.add(fault.settings);
    // A program that was just started, and brokers whose code is not compiled yet, take their time on a busy machine.
    if (!scene.flows(60s)) throw std::runtime_error("the group did not begin to read");
    fault.happen(scene);
    scene.fault_is_over();
    const auto flows = scene.flows(60s);
    ++row.runs;
    const auto recovery = scene.recovery_from(scene.over_at()).value_or(60s);
    row.worst = std::max(row.worst, recovery);
    add(row, scene.end(fault.promised));
    if (!row.broken.empty()) return;
    if (!flows || recovery > options.recovery.value_or(options.session_timeout + 5s))
        row.broken = "partitions did not flow again in time";
}

void print(const std::string& name, const Row& row) {
    std::printf("%-40s %4d %6lld ms %9zu %6zu %10zu %8zu %6zu %8zu %7zu %5lld ms %3lld MB %3d %%  %s\n", name.c_str(),
                row.runs, static_cast<long long>(row.worst.count()), row.sum.written, row.sum.lost, row.sum.duplicates,
                row.sum.overlaps, row.sum.late, row.sum.disorder, row.sum.commits,
                static_cast<long long>(row.sum.slowest_close.count()), static_cast<long long>(row.sum.peak_megabytes),
                row.sum.percent_of_a_core, row.broken.empty() ? "ok" : ("BROKEN: " + row.broken).c_str());
    std::fflush(stdout);
}

bool chosen(const Fault& fault, const Options& options) {
    if (options.names.empty()) return !fault.takes_long && (fault.small || !options.small);
    return std::find(options.names.begin(), options.names.end(), fault.name) != options.names.end();
}

int run(const Options& options) {
    real::RealCluster::Options size;
    size.brokers = options.small ? 1 : 3;
    size.zookeepers = options.small ? 1 : 3;
    // Else the producer would make a topic that was deleted again, with other partitions.
    size.broker_settings = {"auto.create.topics.enable=false"};
    const real::RealCluster cluster(options.version, size);
    std::printf("%-40s %4s %9s %9s %6s %10s %8s %6s %8s %7s %8s %6s %5s\n", "fault", "runs", "recovery", "messages",
                "lost", "duplicates", "overlaps", "late", "disorder", "commits", "close", "memory", "core");
    bool well = true;
    int scenes = 0;
    for (const auto& fault : all_faults()) {
        if (!chosen(fault, options)) continue;
        Row row;
        for (int i = 0; i < options.runs; ++i) {
            try {
                run_once(fault, cluster, "faults" + std::to_string(scenes++), options, row);
            } catch (const std::exception& error) {
                row.broken = error.what();
            }
        }
        print(fault.name, row);
        well = well && row.broken.empty();
    }
    return well ? 0 : 1;
}

int usage() {
    std::fprintf(
        stderr,
        "usage: run [--runs N] [--small] [--session-timeout MS] [--recovery MS] [--version RELEASE] [FAULT...]\n"
        "Each fault hits a group of two members that read six partitions under load.\n"
        "--small: one broker and one ZooKeeper server, and only the faults that need no more.\n"
        "--session-timeout: of the members, 4000 ms. --recovery: what is allowed; without it that and 5 s.\n"
        "recovery: from the fault's end until new messages came from every partition, the worst of the runs.\n"
        "lost: messages that nobody was handed, or that were passed over. overlaps: handed out after another\n"
        "member had the partition; late: the same by a member that stood still, as far as it had them in hand.\n"
        "disorder: offsets that do not rise within a claim. commits: that go back, are of what nobody was\n"
        "handed, or of what is another's. close, memory, core: the most that a member that left needed. Faults:\n");
    for (const auto& fault : all_faults()) {
        std::fprintf(stderr, "  %s%s\n", fault.name.c_str(), fault.takes_long ? " (takes minutes: only if named)" : "");
    }
    return 2;
}

bool is_fault(const std::string& name) {
    const auto faults = all_faults();
    return std::any_of(faults.begin(), faults.end(), [&](const auto& fault) { return fault.name == name; });
}

bool read_number(const char* text, int& number) {
    const auto end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, number);
    return result.ec == std::errc{} && result.ptr == end && number > 0;
}

bool read_value(const std::string& name, const char* value, Options& options) {
    int number = 0;
    if (name == "--version") {
        options.version = value;
    } else if (!read_number(value, number)) {
        return false;
    } else if (name == "--runs") {
        options.runs = number;
    } else if (name == "--session-timeout") {
        options.session_timeout = milliseconds(number);
    } else {
        options.recovery = milliseconds(number);
    }
    return true;
}

bool read_options(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--small") {
            options.small = true;
        } else if (word == "--runs" || word == "--session-timeout" || word == "--recovery" || word == "--version") {
            if (++i == argc || !read_value(word, argv[i], options)) return false;
        } else if (is_fault(word)) {
            options.names.push_back(word);
        } else {
            if (!word.starts_with("-")) std::fprintf(stderr, "there is no fault named %s\n", word.c_str());
            return false;
        }
    }
    return true;
}

}  // namespace
}  // namespace kwire::faults

int main(int argc, char** argv) {
    kwire::faults::Options options;
    if (!kwire::faults::read_options(argc, argv, options)) return kwire::faults::usage();
    return kwire::faults::run(options);
}
