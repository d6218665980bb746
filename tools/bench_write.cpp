// kwire bench produce and kwire bench latency.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <kwire/net/consumer.h>
#include <kwire/net/error.h>
#include <kwire/net/producer.h>

#include "bench.h"
#include "duration.h"
#include "group_offsets.h"
#include "numbers.h"
#include "report.h"

namespace kwire::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr PropertyScopes scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::producer;
constexpr std::chrono::seconds silence_max{20};

/// Text that codecs find about as much in as in real events.
std::string event(std::int64_t number, std::int32_t size_bytes) {
    const auto mixed = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15ULL;
    std::string text = "{\"id\":" + std::to_string(number) +
                       ",\"user\":\"user-" + std::to_string(mixed >> 47) +
                       "\",\"event\":\"page_view\",\"ms\":" + std::to_string(mixed >> 20 & 0x7ffff) + "}";
    text.resize(static_cast<std::size_t>(size_bytes), ' ');
    return text;
}

/// What became of the messages that were sent; told on the runtime, asked in the sending thread.
class Reports {
 public:
    void add(const DeliveryReport& report) {
        if (!report.error) return;
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = report.error;
    }
    void check() const {
        const std::lock_guard lock(mutex_);
        if (failure_) throw Error(*failure_);
    }

 private:
    mutable std::mutex mutex_;
    std::optional<Error> failure_;
};

ClientConfig config_of(const BenchOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    set_property(config, scopes, "compression.type", options.compression);
    if (config.group.bootstrap.empty()) throw UsageError("--bootstrap is required");
    return config;
}

Figures described(const BenchOptions& options, const ProducerConfig& producer) {
    return {{"record_bytes", std::int64_t{options.size_bytes}, false},
            {"codec", options.compression, false},
            {"acks", std::int64_t{producer.acks}, false},
            {"linger_ms", std::int64_t{producer.linger.count()}, false}};
}

/// Sends a message every so often, with the time of its sending in front.
void send_steadily(Producer& producer, const BenchOptions& options, std::int64_t count,
                   const std::shared_ptr<Reports>& reports, const std::atomic<bool>& stopped) {
    const auto begun = Clock::now();
    for (std::int64_t i = 0; i < count && !stopped; ++i) {
        std::this_thread::sleep_until(begun + i * std::chrono::nanoseconds(1'000'000'000) / options.rate);
        ProducerRecord record;
        record.topic = options.topic;
        record.value = event(i, std::max<std::int32_t>(options.size_bytes, sizeof(std::int64_t)));
        const std::int64_t now = Clock::now().time_since_epoch().count();
        std::memcpy(record.value->data(), &now, sizeof now);
        producer.send(std::move(record), [reports](const DeliveryReport& report) { reports->add(report); });
    }
    producer.flush();
}

/// Receives count messages; answers how long each had been on its way, in the order of arrival.
std::vector<std::chrono::nanoseconds> receive(Consumer& consumer, std::int64_t count, const Reports& reports) {
    std::vector<std::chrono::nanoseconds> spans;
    spans.reserve(static_cast<std::size_t>(count));
    auto heard = Clock::now();
    while (static_cast<std::int64_t>(spans.size()) < count) {
        MessageBatch batch = consumer.poll(std::chrono::milliseconds(100));
        const auto now = Clock::now();
        reports.check();
        if (batch.empty() && now - heard > silence_max) {
            throw Error(errc::timed_out, "what was written did not come back");
        }
        if (!batch.empty()) heard = now;
        for (const Message& message : batch) {
            std::int64_t sent = 0;
            const auto value = message.value().value_or("");
            if (value.size() < sizeof sent) continue;
            std::memcpy(&sent, value.data(), sizeof sent);
            spans.push_back(Clock::now() - Clock::time_point(Clock::duration(sent)));
        }
    }
    return spans;
}

double milliseconds(std::chrono::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

/// The span that a share of all does not exceed. sorted is not empty.
std::chrono::nanoseconds percentile(const std::vector<std::chrono::nanoseconds>& sorted, double share) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return sorted[std::min(place, sorted.size() - 1)];
}

void tell_error(const Error& error) {
    report(error.what());
}

}  // namespace

BenchResult bench_produce(const BenchOptions& options) {
    ClientConfig config = config_of(options);
    const ProducerConfig producer_config = config.producer;
    Connections connections(std::move(config));
    connections.wait(connections.cluster()->refresh({options.topic}));  // connects, outside of the time
    const auto producer = Producer::create(connections.cluster(), producer_config);
    const auto reports = std::make_shared<Reports>();
    Transfer transfer;
    transfer.first_message();
    for (std::int64_t i = 0; i < options.messages; ++i) {
        ProducerRecord record;
        record.topic = options.topic;
        record.value = event(i, options.size_bytes);
        producer->send(std::move(record), [reports](const DeliveryReport& report) { reports->add(report); });
    }
    producer->flush();
    transfer.ended(options.messages, options.messages * options.size_bytes);
    producer->close();
    reports->check();
    BenchResult result = transfer.result(false);
    for (Figure& figure : described(options, producer_config)) result.figures.push_back(std::move(figure));
    return result;
}

BenchResult bench_latency(const BenchOptions& options) {
    BenchOptions quick = options;
    quick.connection.properties.insert(quick.connection.properties.begin(), "linger.ms=0");
    ClientConfig config = config_of(quick);
    const ProducerConfig producer_config = config.producer;
    const FetchConfig fetch = config.group.fetch;
    // Two clients, as sender and receiver are in life: neither does the other's work.
    Connections sending(config);
    Connections connections(std::move(config));
    existing_partitions(sending, options.topic);  // connects, outside of the time
    const auto partitions = existing_partitions(connections, options.topic);
    const auto consumer = Consumer::create(connections.cluster(), fetch, {tell_error});
    for (const TopicPartition& tp : partitions) consumer->assign(tp, StartOffset::newest());
    const auto producer = Producer::create(sending.cluster(), producer_config);
    const auto reports = std::make_shared<Reports>();
    const std::int64_t settling = options.rate;  // the first second
    std::atomic<bool> stopped{false};
    std::thread sender([&] {
        try {
            send_steadily(*producer, options, settling + options.messages, reports, stopped);
        } catch (const Error& error) {
            reports->add({{options.topic, -1}, -1, error});
        }
    });
    std::vector<std::chrono::nanoseconds> spans;
    std::optional<Error> failure;
    const double cpu_before = Usage::now().cpu_seconds;
    try {
        spans = receive(*consumer, settling + options.messages, *reports);
    } catch (const Error& error) {
        failure = error;
        stopped = true;
    }
    const double cpu = Usage::now().cpu_seconds - cpu_before;
    sender.join();
    producer->close();
    consumer->close();
    if (failure) throw Error(*failure);
    spans.erase(spans.begin(), spans.begin() + settling);
    std::sort(spans.begin(), spans.end());
    BenchResult result;
    result.figures = {{"messages", options.messages},
                      {"latency_p50_ms", milliseconds(percentile(spans, 0.5))},
                      {"latency_p90_ms", milliseconds(percentile(spans, 0.9))},
                      {"latency_p99_ms", milliseconds(percentile(spans, 0.99))},
                      {"latency_max_ms", milliseconds(spans.back())},
                      {"cpu_seconds", cpu},
                      {"messages_per_second", std::int64_t{options.rate}, false},
                      {"partitions", static_cast<std::int64_t>(partitions.size()), false}};
    for (Figure& figure : described(options, producer_config)) result.figures.push_back(std::move(figure));
    const auto show = [](std::chrono::nanoseconds span) {
        return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(span).count()) + " us";
    };
    result.sentence = show_count(static_cast<std::uint64_t>(options.messages)) + " messages, sent to received: p50 " +
                      show(percentile(spans, 0.5)) + ", p90 " + show(percentile(spans, 0.9)) + ", p99 " +
                      show(percentile(spans, 0.99)) + ", max " + show(spans.back());
    return result;
}

}  // namespace kwire::tools
