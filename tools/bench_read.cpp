// kwire bench fetch and kwire bench group: from a topic's beginning, message by message.
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <kwire/group/consumer_group.h>
#include <kwire/net/consumer.h>
#include <kwire/net/error.h>

#include "bench.h"
#include "group_offsets.h"
#include "numbers.h"
#include "report.h"

namespace kwire::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr PropertyScopes scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::group;
constexpr std::chrono::seconds silence_max{20};  // a topic that holds too little is not waited for

/// What all reading threads of a run have read so far.
struct Reading {
    Transfer transfer;
    std::once_flag first;
    std::atomic<std::int64_t> messages{0};
    std::atomic<std::int64_t> bytes{0};
};

/// Reads from poll, a function from a time to a batch, and gives each message to processed, until all threads together
/// have messages_max. With one thread it is exactly that many.
template <class Poll, class Processed>
void read(Reading& reading, std::int64_t messages_max, Poll poll, Processed processed) {
    Progress progress(false);
    auto heard = Clock::now();
    for (;;) {
        const std::int64_t before = reading.messages.load();
        if (before >= messages_max) return;
        MessageBatch batch = poll(std::chrono::milliseconds(100));
        if (batch.empty()) {
            if (Clock::now() - heard < silence_max || reading.messages >= messages_max) continue;
            throw Error(errc::timed_out,
                        "only " + show_count(static_cast<std::uint64_t>(before)) +
                            " messages came; does the topic hold " +
                            show_count(static_cast<std::uint64_t>(messages_max)) + "?");
        }
        heard = Clock::now();
        std::call_once(reading.first, [&] { reading.transfer.first_message(); });
        const std::int64_t wanted = messages_max - before;
        std::int64_t messages = 0;
        std::int64_t bytes = 0;
        while (const Message* message = batch.next()) {
            const auto key = message->key();
            const auto value = message->value();
            bytes +=
                static_cast<std::int64_t>((key ? key->size() : 0) + (value ? value->size() : 0));
            processed(*message);
            if (++messages == wanted) break;
        }
        reading.bytes += bytes;
        reading.messages += messages;
        progress.update([&] {
            return show_count(static_cast<std::uint64_t>(reading.messages.load())) + " messages";
        });
    }
}

/// The same in several threads; what one of them throws ends all.
template <class Poll>
void read_in_threads(Reading& reading, const BenchOptions& options, Poll poll) {
    const auto processed = [](const Message&) {};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    std::vector<std::thread> others;
    const auto run = [&] {
        try {
            read(reading, options.messages, poll, processed);
        } catch (...) {
            const std::lock_guard lock(failure_mutex);
            failure = std::current_exception();
            reading.messages = options.messages;
        }
    };
    for (std::int32_t i = 1; i < options.threads; ++i) others.emplace_back(run);
    run();
    for (std::thread& thread : others) thread.join();
    if (failure) std::rethrow_exception(failure);
}

void tell_error(const Error& error) {
    report(error.what());
}

BenchResult result_of(const Reading& reading, const Figures& described, std::int32_t threads) {
    BenchResult result = reading.transfer.result(true);
    result.figures.push_back({"threads", std::int64_t{threads}, false});
    result.figures.insert(result.figures.end(), described.begin(), described.end());
    return result;
}

Figures described(const ClientConfig& config, const std::string& topic) {
    Connections connections(config);
    Figures figures = describe_topic(connections, topic);
    figures.push_back({"check_crcs", config.group.fetch.check_crcs, false});
    return figures;
}

}  // namespace

BenchResult bench_fetch(const BenchOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    if (config.group.bootstrap.empty()) throw UsageError("--bootstrap is required");
    const Figures topic = described(config, options.topic);
    const FetchConfig fetch = config.group.fetch;
    Reading reading;
    Connections connections(std::move(config));
    const auto partitions = partitions_of(connections, {options.topic});
    if (partitions.empty()) throw Error(errc::unknown_topic, "there is nothing to read");
    const auto consumer = Consumer::create(connections.cluster(), fetch, {tell_error});
    for (const TopicPartition& tp : partitions) consumer->assign(tp, StartOffset::oldest());
    read_in_threads(reading, options,
                    [&](std::chrono::milliseconds wait) { return consumer->poll(wait); });
    reading.transfer.ended(reading.messages, reading.bytes);
    consumer->close();
    return result_of(reading, topic, options.threads);
}

BenchResult bench_group(const BenchOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    const std::string name = options.group.empty() ? config.group.group_id : options.group;
    if (name.empty()) throw UsageError("--group is required");
    if (config.group.zookeeper.connect.empty()) throw UsageError("--zookeeper is required");
    const Figures topic = described(config, options.topic);
    config.group.offsets.reset_offsets = true;
    config.group.on_error = tell_error;
    const std::string zookeeper = config.group.zookeeper.connect;
    Reading reading;
    const auto group =
        ConsumerGroup::join(name, {options.topic}, zookeeper, std::move(config.group));
    read(
        reading, options.messages,
        [&](std::chrono::milliseconds wait) { return group->poll(wait); },
        [&group](const Message& message) { group->commit_upto(message); });
    reading.transfer.ended(reading.messages, reading.bytes);
    const CloseReport left = group->close();
    if (!left.clean()) {
        throw Error(errc::unclean_close,
                    "not all was committed: " + left.uncommitted.front().reason);
    }
    return result_of(reading, topic, 1);
}

}  // namespace kwire::tools
