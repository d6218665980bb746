// The client alone: reads from a broker in the same process.
//
//     client_bound [SHAPE] [MESSAGES] [MODE]      SHAPE: plain (default) lz4 small v1 wide; one line of JSON
//
// MODE steady (default): one thread, on a clock that stands still, so that every run does the same and its instructions
// can be counted. MODE real: as a program has it, the runtime in a thread of its own. The broker's part is left out of the
// allocations, of the instructions (check.sh) and, where it is steady, of the time.
// With ALLOCATIONS=N in the environment it fails if there were more than so many per Fetch.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <string>

#include <asio/io_context.hpp>

#include <kwire/net/consumer.h>

#include "canned_broker.h"

namespace {

std::atomic<std::int64_t> allocations{0};
std::atomic<bool> counting{false};

void* counted(std::size_t size) {
    if (counting.load(std::memory_order_relaxed) && !kwire::bench::in_broker_part) {
        allocations.fetch_add(1, std::memory_order_relaxed);
    }
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" std::int64_t kwire_bench_measured_part(void* reading, std::int64_t messages);

namespace kwire::bench {
namespace {

/// Nothing is ever late, and nobody waits for a time.
class StandingClock final : public TimeSource {
 public:
    TimePoint now() const override { return TimePoint(std::chrono::hours(1)); }
    void arm(asio::steady_timer& timer, TimePoint when) override {
        timer.expires_at(when <= now() ? TimePoint::min() : TimePoint::max());
    }
    void disarm(asio::steady_timer& timer) override { timer.cancel(); }
};

struct Reading {
    explicit Reading(bool steady_mode)
        : steady(steady_mode),
          runtime(steady ? Runtime::on(io.get_executor(), std::make_shared<StandingClock>())
                         : Runtime::with_own_thread()) {}

    template <class T>
    T wait(Task<T> task) {
        if (!steady) return runtime->block_on(std::move(task));
        std::optional<T> outcome;
        start(runtime->executor(), keep_result(std::move(task), &outcome),
              [](std::exception_ptr failure) {
                  if (failure) std::rethrow_exception(failure);
              });
        while (!outcome) io.run_one();
        return std::move(*outcome);
    }

    const bool steady;
    asio::io_context io{1};
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<Consumer> consumer;
    std::int64_t bytes = 0;
};

/// A program's own function: not inlined.
__attribute__((noinline)) void use(const Message& message, std::int64_t& bytes) {
    bytes += static_cast<std::int64_t>(message.value().value_or("").size());
    message.cursor().mark_processed(message.offset() + 1);
}

std::int64_t read(Reading& reading, std::int64_t messages) {
    std::int64_t count = 0;
    while (count < messages) {
        MessageBatch batch = reading.consumer->poll(std::chrono::milliseconds(reading.steady ? 0 : 1000));
        if (batch.empty()) {
            if (reading.steady) reading.io.run_one();
            continue;
        }
        for (const Message& message : batch) {
            use(message, reading.bytes);
            ++count;
        }
        if (reading.steady) reading.io.poll();
    }
    return count;
}

const std::map<std::string, Shape> shapes = {
    {"plain", {}},
    {"lz4", {.compression = Compression::lz4}},
    {"small", {.records_in_batch = 10}},
    {"v1", {.magic = 1}},
    {"wide", {.partitions = 1000, .records_in_batch = 300, .answer_bytes = 24 * 1024}},
};

int run(const std::string& name, std::int64_t messages, const std::string& mode) {
    const auto shape = shapes.find(name);
    if (shape == shapes.end() || messages < 1 || (mode != "steady" && mode != "real")) {
        std::fprintf(stderr, "client_bound [plain|lz4|small|v1|wide] [MESSAGES] [steady|real]\n");
        return 2;
    }
    Reading reading(mode == "steady");
    const auto& runtime = reading.runtime;
    const auto served = std::make_shared<Served>();
    ClusterConfig config;
    config.bootstrap = {{"canned", 9092}};
    config.transport = canned_broker(runtime, shape->second, served);
    config.jitter_seed = 1;
    const auto cluster = Cluster::create(runtime, config);
    reading.wait(cluster->refresh({topic_name}));
    reading.consumer = Consumer::create(cluster, {}, {});
    for (std::int32_t p = 0; p < shape->second.partitions; ++p) {
        reading.wait(reading.consumer->async_assign({topic_name, p}, StartOffset::at(0), {}));
    }
    // What is made once is made now: buffers, decompression, idle states.
    read(reading, messages / 4);
    const Served before = *served;
    const auto begun = std::chrono::steady_clock::now();
    counting = true;
    const std::int64_t count = kwire_bench_measured_part(&reading, messages);
    counting = false;
    const std::int64_t of_broker = reading.steady ? served->nanoseconds - before.nanoseconds : 0;
    const std::int64_t span = (std::chrono::steady_clock::now() - begun).count() - of_broker;
    const auto batches = static_cast<double>(served->batches - before.batches);
    const auto fetches = static_cast<double>(served->fetches - before.fetches);
    std::printf("{\"shape\":\"%s\",\"messages\":%ld,\"ns_per_message\":%.2f,\"batches\":%.0f,\"fetches\":%.0f,"
                "\"allocations\":%ld,\"allocations_per_batch\":%.3f,\"allocations_per_fetch\":%.1f}\n",
                name.c_str(), count, static_cast<double>(span) / static_cast<double>(count), batches, fetches,
                allocations.load(), static_cast<double>(allocations) / batches,
                static_cast<double>(allocations) / fetches);
    std::fflush(stdout);
    reading.consumer->close();
    cluster->close();
    if (reading.steady) reading.io.poll();
    const char* allowed = std::getenv("ALLOCATIONS");
    if (allowed == nullptr || static_cast<double>(allocations) <= std::atof(allowed) * fetches) return 0;
    std::fprintf(stderr, "more than %s allocations per Fetch\n", allowed);
    return 1;
}

}  // namespace
}  // namespace kwire::bench

/// By its name callgrind counts it, and what it calls.
__attribute__((noinline)) std::int64_t kwire_bench_measured_part(void* reading, std::int64_t messages) {
    return kwire::bench::read(*static_cast<kwire::bench::Reading*>(reading), messages);
}

int main(int argc, char** argv) {
    return kwire::bench::run(argc > 1 ? argv[1] : "plain", argc > 2 ? std::atol(argv[2]) : 4'000'000,
                             argc > 3 ? argv[3] : "steady");
}
