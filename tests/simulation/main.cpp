// Runs seeds of the simulation: --seeds N from --seed S on, on all cores; with --trace one seed, told step by step.
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "faults.h"

namespace {

using kwire::simulation::run_seed;

struct Options {
    std::uint64_t first = 1;
    std::uint64_t count = 1;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    bool trace = false;
};

template <class Number>
bool read(const char* text, Number& number) {
    const char* end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, number);
    return result.ec == std::errc{} && result.ptr == end;
}

bool read_options(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--trace") {
            options.trace = true;
            continue;
        }
        if (++i == argc) return false;
        const bool ok = name == "--seeds"  ? read(argv[i], options.count)
                        : name == "--seed" ? read(argv[i], options.first)
                        : name == "--jobs" ? read(argv[i], options.jobs) && options.jobs > 0
                                           : false;
        if (!ok) return false;
    }
    return true;
}

int trace_one(std::uint64_t seed) {
    const auto outcome = run_seed(seed, [](const std::string& line) { std::printf("%s\n", line.c_str()); });
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                outcome.broken.empty() ? "every promise held" : outcome.broken.c_str());
    return outcome.broken.empty() ? 0 : 1;
}

struct Totals {
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> faults{0};
    std::atomic<std::uint64_t> operations{0};
    std::atomic<std::uint64_t> duplicates{0};
    std::mutex mutex;
    std::vector<std::uint64_t> failed;
};

void work(const Options& options, Totals& totals) {
    while (true) {
        const std::uint64_t i = totals.next++;
        if (i >= options.count) return;
        const auto seed = options.first + i;
        const auto outcome = run_seed(seed);
        totals.faults += outcome.faults;
        totals.operations += outcome.operations;
        totals.duplicates += outcome.duplicates;
        if (outcome.broken.empty()) continue;
        const std::lock_guard lock(totals.mutex);
        totals.failed.push_back(seed);
        std::printf("seed %llu broke a promise %s\n", static_cast<unsigned long long>(seed), outcome.broken.c_str());
        std::printf("  to see it: tests/simulation/run --seed %llu --trace\n", static_cast<unsigned long long>(seed));
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (!read_options(argc, argv, options)) {
        std::fprintf(stderr, "usage: run [--seeds N] [--seed S] [--jobs J] [--trace]\n");
        return 2;
    }
    if (options.trace) return trace_one(options.first);
    const auto begun = std::chrono::steady_clock::now();
    Totals totals;
    std::vector<std::thread> threads;
    for (unsigned j = 0; j < options.jobs; ++j) threads.emplace_back([&] { work(options, totals); });
    for (auto& thread : threads) thread.join();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("%llu seeds from %llu, %llu faults, %llu ZooKeeper operations, %llu messages read twice after faults, "
                "%zu seeds broke a promise, %.1f s\n",
                static_cast<unsigned long long>(options.count), static_cast<unsigned long long>(options.first),
                static_cast<unsigned long long>(totals.faults.load()),
                static_cast<unsigned long long>(totals.operations.load()),
                static_cast<unsigned long long>(totals.duplicates.load()), totals.failed.size(), took);
    return totals.failed.empty() ? 0 : 1;
}
