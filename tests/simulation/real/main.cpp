// Runs seeds of the simulation of the real group. Each job is a process of its own, so that a crash or a hang costs one seed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "story.h"

namespace {

using kwire::seeds::Outcome;
using kwire::seeds::run_seed;
using kwire::seeds::Scenarios;

constexpr unsigned seconds_a_seed = 60;  // of real time, after which it counts as hanging
constexpr std::uint64_t seeds_a_process = 25;

struct Options {
    std::uint64_t first = 1;
    std::uint64_t count = 1;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    bool trace = false;
    Scenarios scenarios = kwire::seeds::all_scenarios();
    std::string switches;  // as they were given, to be given again
};

template <class Number>
bool read(const char* text, Number& number) {
    const char* end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, number);
    return result.ec == std::errc{} && result.ptr == end;
}

/// names: separated by commas.
bool set_all(Scenarios& scenarios, const std::string& names, bool value) {
    for (std::size_t begin = 0; begin <= names.size();) {
        const auto end = std::min(names.find(',', begin), names.size());
        const auto name = names.substr(begin, end - begin);
        const auto scenario = kwire::seeds::scenario_of(name);
        if (!scenario && name != "all") {
            std::fprintf(stderr, "there is no scenario '%s'; --list names them\n", name.c_str());
            return false;
        }
        if (scenario) {
            scenarios.set(static_cast<std::size_t>(*scenario), value);
        } else {
            value ? scenarios.set() : scenarios.reset();
        }
        begin = end + 1;
    }
    return true;
}

bool read_options(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--trace") {
            options.trace = true;
            continue;
        }
        if (++i == argc) return false;
        bool ok = false;
        if (name == "--seeds") ok = read(argv[i], options.count);
        if (name == "--seed") ok = read(argv[i], options.first);
        if (name == "--jobs") ok = read(argv[i], options.jobs) && options.jobs > 0;
        if (name == "--with" || name == "--without" || name == "--only") {
            if (name == "--only") options.scenarios.reset();
            ok = set_all(options.scenarios, argv[i], name != "--without");
            options.switches += ' ' + name + ' ' + argv[i];
        }
        if (!ok) return false;
    }
    return true;
}

int trace_one(const Options& options) {
    const auto outcome = run_seed(options.first, options.scenarios, [](const std::string& line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    });
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.first),
                outcome.broken.empty() ? "every promise held" : outcome.broken.c_str());
    return outcome.broken.empty() ? 0 : 1;
}

/// One line to the parent before a seed and one after it: what is missing tells which one crashed.
void work(const Options& options, std::uint64_t first, std::uint64_t count, int to) {
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        dprintf(to, "begin %llu\n", static_cast<unsigned long long>(seed));
        alarm(seconds_a_seed);
        std::string broken;
        Outcome outcome;
        try {
            outcome = run_seed(seed, options.scenarios);
        } catch (const std::exception& e) {
            outcome.broken = std::string("an exception left the group: ") + e.what();
        }
        dprintf(to, "end %llu %llu %llu %llu %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(outcome.deliveries), static_cast<unsigned long long>(outcome.duplicates),
                static_cast<unsigned long long>(outcome.operations), outcome.broken.c_str());
    }
}

class Runner {
 public:
    explicit Runner(const Options& options) : options_(options), next_(options.first) {}

    std::size_t run() {
        const std::uint64_t end = options_.first + options_.count;
        while (next_ < end || !workers_.empty()) {
            while (next_ < end && workers_.size() < options_.jobs) {
                const auto count = std::min(seeds_a_process, end - next_);
                start(next_, count);
                next_ += count;
            }
            reap();
        }
        return failed_.size();
    }
    void report(double seconds) const {
        std::printf("%llu seeds from %llu, %llu messages handed out, %llu of them twice, %llu ZooKeeper operations, "
                    "%zu seeds broke a promise, %.1f s\n",
                    static_cast<unsigned long long>(options_.count), static_cast<unsigned long long>(options_.first),
                    static_cast<unsigned long long>(deliveries_), static_cast<unsigned long long>(duplicates_),
                    static_cast<unsigned long long>(operations_), failed_.size(), seconds);
    }

 private:
    struct Worker {
        std::uint64_t end = 0;
        std::FILE* from = nullptr;
    };

    void start(std::uint64_t first, std::uint64_t count) {
        int ends[2];
        if (pipe(ends) != 0) std::exit(2);
        std::fflush(stdout);
        const pid_t child = fork();
        if (child < 0) std::exit(2);
        if (child == 0) {
            close(ends[0]);
            work(options_, first, count, ends[1]);
            _exit(0);
        }
        close(ends[1]);
        workers_[child] = {first + count, fdopen(ends[0], "r")};
    }

    void reap() {
        int status = 0;
        const pid_t child = wait(&status);
        const auto found = workers_.find(child);
        if (found == workers_.end()) return;
        const Worker worker = found->second;
        workers_.erase(found);
        std::uint64_t under_way = 0;
        char line[4096];
        while (std::fgets(line, sizeof line, worker.from) != nullptr) read_line(line, under_way);
        std::fclose(worker.from);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        fail(under_way, WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                            ? "hangs: it has not ended after " + std::to_string(seconds_a_seed) + " s"
                            : "ended the process: " + std::string(WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit"));
        if (under_way + 1 < worker.end) start(under_way + 1, worker.end - under_way - 1);
    }

    void read_line(const char* line, std::uint64_t& under_way) {
        unsigned long long seed = 0;
        unsigned long long deliveries = 0;
        unsigned long long duplicates = 0;
        unsigned long long operations = 0;
        int used = 0;
        if (std::sscanf(line, "begin %llu", &seed) == 1) under_way = seed;
        if (std::sscanf(line, "end %llu %llu %llu %llu %n", &seed, &deliveries, &duplicates, &operations, &used) < 4) return;
        deliveries_ += deliveries;
        duplicates_ += duplicates;
        operations_ += operations;
        std::string broken = line + used;
        if (!broken.empty() && broken.back() == '\n') broken.pop_back();
        if (!broken.empty()) fail(seed, "broke a promise " + broken);
    }

    void fail(std::uint64_t seed, const std::string& how) {
        failed_.push_back(seed);
        std::printf("seed %llu %s\n  to see it: tests/simulation/run --real --seed %llu --trace%s\n",
                    static_cast<unsigned long long>(seed), how.c_str(), static_cast<unsigned long long>(seed),
                    options_.switches.c_str());
        std::fflush(stdout);
    }

    const Options& options_;
    std::uint64_t next_;
    std::map<pid_t, Worker> workers_;
    std::vector<std::uint64_t> failed_;
    std::uint64_t deliveries_ = 0;
    std::uint64_t duplicates_ = 0;
    std::uint64_t operations_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
        for (std::size_t i = 0; i < kwire::seeds::scenario_count; ++i) {
            const std::string name(kwire::seeds::scenario_names[i]);
            std::printf("%s\n", name.c_str());
        }
        return 0;
    }
    Options options;
    if (!read_options(argc, argv, options)) {
        std::fprintf(stderr, "usage: run --real [--seeds N] [--seed S] [--jobs J] [--trace] [--list] "
                             "[--with|--without|--only SCENARIO,...|all]\n");
        return 2;
    }
    if (options.trace) return trace_one(options);
    const auto begun = std::chrono::steady_clock::now();
    Runner runner(options);
    const auto failed = runner.run();
    runner.report(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    return failed == 0 ? 0 : 1;
}
