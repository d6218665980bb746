// kwire bench fetch and kwire bench group: from a topic's beginning, message by message.
#include <atomic>
#include <chrono>
#include <condition_variable>
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

[[noreturn]] void fail_for_silence(std::int64_t messages, std::int64_t wanted) {
    throw Error(errc::timed_out, "only " + show_count(static_cast<std::uint64_t>(messages)) +
                                     " messages came; does the topic hold " +
                                     show_count(static_cast<std::uint64_t>(wanted)) + "?");
}

/// Reads from poll, a function from a time to a batch, until all threads together have messages_max. With one thread it is
/// exactly that many.
template <class Poll>
void read(Reading& reading, std::int64_t messages_max, Poll poll) {
    Progress progress(false);
    auto heard = Clock::now();
    for (;;) {
        const std::int64_t before = reading.messages.load();
        if (before >= messages_max) return;
        MessageBatch batch = poll(std::chrono::milliseconds(100));
        if (batch.empty()) {
            if (Clock::now() - heard < silence_max || reading.messages >= messages_max) continue;
            fail_for_silence(before, messages_max);
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
    std::exception_ptr failure;
    std::mutex failure_mutex;
    std::vector<std::thread> others;
    const auto run = [&] {
        try {
            read(reading, options.messages, poll);
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

/// How many partitions have come to a member.
class Assigned {
 public:
    void add(std::size_t count) {
        const std::lock_guard lock(mutex_);
        count_ += count;
        changed_.notify_all();
    }
    void wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, silence_max, [&] { return count_ >= count; })) return;
        throw Error(errc::timed_out, "only " + std::to_string(count_) + " of " + std::to_string(count) +
                                         " partitions came; has the group other members?");
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
};

/// Closes a group that hands out nothing for a while: its messages() wait for ever.
class Watchdog {
 public:
    Watchdog(ConsumerGroup& group, const std::atomic<std::int64_t>& messages)
        : thread_([this, &group, &messages] { watch(group, messages); }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

 private:
    void watch(ConsumerGroup& group, const std::atomic<std::int64_t>& messages) {
        std::unique_lock lock(mutex_);
        for (std::int64_t before = -1; !over_;) {
            const std::int64_t now = messages.load(std::memory_order_relaxed);
            if (now == before) {
                group.close(std::chrono::milliseconds(0));
                return;
            }
            before = now;
            changed_.wait_for(lock, silence_max, [this] { return over_; });
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;  // the last: it uses the others
};

/// As a program does it that follows the README.
void read_messages(ConsumerGroup& group, Reading& reading, std::int64_t messages_max) {
    const Watchdog watchdog(group, reading.messages);
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    auto all = group.messages();
    auto message = all.begin();  // the first one is waited for
    reading.transfer.first_message();
    for (; message != all.end(); ++message) {
        const auto key = message->key();
        const auto value = message->value();
        bytes += static_cast<std::int64_t>((key ? key->size() : 0) + (value ? value->size() : 0));
        static_cast<void>(group.commit_upto(*message));
        reading.messages.store(++messages, std::memory_order_relaxed);
        if (messages == messages_max) break;
    }
    reading.bytes = bytes;
    if (messages < messages_max) fail_for_silence(messages, messages_max);
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
    const auto partitions = existing_partitions(connections, options.topic);
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
    std::size_t partitions = 0;
    {
        Connections connections(config);
        partitions = existing_partitions(connections, options.topic).size();
    }
    Assigned assigned;
    config.group.on_assigned = [&assigned](const std::vector<TopicPartition>& some) { assigned.add(some.size()); };
    Reading reading;
    const auto group =
        ConsumerGroup::join(name, {options.topic}, zookeeper, std::move(config.group));
    // As with fetch: who claims is not slowed down by who reads, nor the other way round.
    assigned.wait_for(partitions);
    read_messages(*group, reading, options.messages);
    reading.transfer.ended(reading.messages, reading.bytes);
    const CloseReport left = group->close();
    if (!left.clean()) {
        throw Error(errc::unclean_close,
                    "not all was committed: " + left.uncommitted.front().reason);
    }
    return result_of(reading, topic, 1);
}

}  // namespace kwire::tools
