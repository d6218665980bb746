// kwire bench: how fast a live broker is read, message by message through the public interface.
#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <kwire/group/consumer_group.h>
#include <kwire/net/consumer.h>
#include <kwire/net/error.h>

#include "connection.h"
#include "duration.h"
#include "group_offsets.h"
#include "interrupt.h"
#include "numbers.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr PropertyScopes scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::group;
constexpr std::chrono::seconds silence_max{20};  // a topic that holds too little is not waited for

struct BenchOptions {
    ConnectionOptions connection;
    std::string group;
    std::string topic;
    std::int64_t messages = 0;
    std::int32_t repeat = 1;
    bool json = false;
};

/// User and system time of all threads, and the most memory so far.
struct Usage {
    double cpu_seconds;
    std::int64_t peak_rss_bytes;

    static Usage now() {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
        };
        return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
                static_cast<std::int64_t>(usage.ru_maxrss) * 1024};
    }
};

/// What one run took. Joining lasts until the first message is there, reading from then on.
class Run {
 public:
    void first_message() {
        first_ = Clock::now();
        cpu_first_ = Usage::now().cpu_seconds;
    }
    void ended(std::int64_t messages, std::int64_t bytes) {
        last_ = Clock::now();
        const Usage usage = Usage::now();
        cpu_seconds_ = usage.cpu_seconds - cpu_first_;
        peak_rss_bytes_ = usage.peak_rss_bytes;
        messages_ = messages;
        bytes_ = bytes;
    }

    nlohmann::ordered_json json() const {
        return {{"messages", messages_},
                {"bytes", bytes_},
                {"seconds", seconds()},
                {"messages_per_second", rate()},
                {"cpu_seconds", cpu_seconds_},
                {"cpu_ns_per_message", cpu_per_message()},
                {"peak_rss_bytes", peak_rss_bytes_},
                {"join_seconds", join_seconds()}};
    }
    std::string text() const {
        return show_count(static_cast<std::uint64_t>(messages_)) + " messages (" +
               show_bytes(static_cast<std::uint64_t>(bytes_)) + ") in " +
               show_duration(last_ - first_) + ": " +
               show_count(static_cast<std::uint64_t>(rate())) + " messages/s, " +
               std::to_string(static_cast<int>(cpu_per_message())) + " ns of CPU each; peak " +
               show_bytes(static_cast<std::uint64_t>(peak_rss_bytes_)) + "; first message after " +
               show_duration(first_ - begun_);
    }

 private:
    double seconds() const { return std::chrono::duration<double>(last_ - first_).count(); }
    double join_seconds() const { return std::chrono::duration<double>(first_ - begun_).count(); }
    double rate() const { return seconds() > 0 ? static_cast<double>(messages_) / seconds() : 0; }
    double cpu_per_message() const {
        return messages_ > 0 ? cpu_seconds_ * 1e9 / static_cast<double>(messages_) : 0;
    }

    Clock::time_point begun_ = Clock::now();
    Clock::time_point first_{};
    Clock::time_point last_{};
    double cpu_first_ = 0;
    double cpu_seconds_ = 0;
    std::int64_t peak_rss_bytes_ = 0;
    std::int64_t messages_ = 0;
    std::int64_t bytes_ = 0;
};

/// Reads messages from poll, a function from a time to a batch, and gives each to processed.
template <class Poll, class Processed>
void read(Run& run, std::int64_t messages_max, Poll poll, Processed processed) {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    Progress progress(false);
    auto heard = Clock::now();
    while (messages < messages_max) {
        MessageBatch batch = poll(std::chrono::milliseconds(100));
        if (batch.empty()) {
            if (interrupt_requested()) throw Error(errc::closed, "interrupted");
            if (Clock::now() - heard < silence_max) continue;
            throw Error(errc::timed_out,
                        "only " + show_count(static_cast<std::uint64_t>(messages)) +
                            " messages came; does the topic hold " +
                            show_count(static_cast<std::uint64_t>(messages_max)) + "?");
        }
        heard = Clock::now();
        if (messages == 0) run.first_message();
        while (const Message* message = batch.next()) {
            const auto key = message->key();
            const auto value = message->value();
            bytes +=
                static_cast<std::int64_t>((key ? key->size() : 0) + (value ? value->size() : 0));
            processed(*message);
            if (++messages == messages_max) break;
        }
        progress.update(
            [&] { return show_count(static_cast<std::uint64_t>(messages)) + " messages"; });
    }
    run.ended(messages, bytes);
}

void tell_error(const Error& error) {
    report(error.what());
}

Run fetch_once(const BenchOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    if (config.group.bootstrap.empty()) throw UsageError("--bootstrap is required");
    const FetchConfig fetch = config.group.fetch;
    Run run;
    Connections connections(std::move(config));
    const auto partitions = partitions_of(connections, {options.topic});
    if (partitions.empty()) throw Error(errc::unknown_topic, "there is nothing to read");
    const auto consumer = Consumer::create(connections.cluster(), fetch, {tell_error});
    for (const TopicPartition& tp : partitions) consumer->assign(tp, StartOffset::oldest());
    read(
        run, options.messages, [&](std::chrono::milliseconds wait) { return consumer->poll(wait); },
        [](const Message&) {});
    consumer->close();
    return run;
}

Run group_once(const BenchOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    const std::string name = options.group.empty() ? config.group.group_id : options.group;
    if (name.empty()) throw UsageError("--group is required");
    if (config.group.zookeeper.connect.empty()) throw UsageError("--zookeeper is required");
    config.group.offsets.reset_offsets = true;
    config.group.on_error = tell_error;
    const std::string zookeeper = config.group.zookeeper.connect;
    Run run;
    const auto group =
        ConsumerGroup::join(name, {options.topic}, zookeeper, std::move(config.group));
    read(
        run, options.messages, [&](std::chrono::milliseconds wait) { return group->poll(wait); },
        [&group](const Message& message) { group->commit_upto(message); });
    const CloseReport left = group->close();
    if (!left.clean()) {
        throw Error(errc::unclean_close,
                    "not all was committed: " + left.uncommitted.front().reason);
    }
    return run;
}

int bench(const BenchOptions& options, Run (*once)(const BenchOptions&)) {
    if (options.messages < 1) throw UsageError("--messages is to be 1 or more");
    if (options.repeat < 1) throw UsageError("--repeat is to be 1 or more");
    for (std::int32_t i = 0; i < options.repeat; ++i) {
        const Run run = once(options);
        Output output(1);
        output.line(options.json ? run.json().dump() : run.text());
        const int code = finish(output);
        if (code != exit_ok) return code;
    }
    return exit_ok;
}

void add_shared(Command command, BenchOptions& options) {
    command.option("-t,--topic", options.topic, "TOPIC", "what to read").required();
    command.option("-n,--messages", options.messages, "N", "how many messages").required();
    command.option("--repeat", options.repeat, "N", "run so often, one line each (default: 1)");
    command.flag("--json", options.json, "one JSON object a run");
    add_properties(command, options.connection);
}

}  // namespace

void add_bench(Command root) {
    const auto options = std::make_shared<BenchOptions>();
    Command bench_command = root.subcommand("bench", "Measure how fast a live broker is read");
    bench_command.needs_subcommand();
    bench_command.notes("Examples",
                        {"kwire bench fetch -b localhost:9092 -t page-views -n 1000000 --json",
                         "kwire bench group -z localhost:2181 -g bench -t page-views -n 1000000"});

    Command fetch = bench_command.subcommand(
        "fetch", "Every partition from the start, message by message, without a group");
    add_bootstrap(fetch, options->connection, "brokers to begin with");
    add_shared(fetch, *options);
    fetch.notes("Examples",
                {"kwire bench fetch -b localhost:9092 -t page-views -n 1000000 --json"});
    fetch.runs([options] { return bench(*options, fetch_once); });

    Command group = bench_command.subcommand(
        "group", "The same as a member of a group, commit_upto on each message");
    add_zookeeper(group, options->connection);
    group.option("-g,--group", options->group, "GROUP", "the group to join");
    add_bootstrap(group, options->connection, "brokers; without it those that ZooKeeper lists");
    add_shared(group, *options);
    group.notes("Note", {"The group's stored offsets are deleted first."});
    group.notes("Examples",
                {"kwire bench group -z localhost:2181 -g bench -t page-views -n 1000000 --json"});
    group.runs([options] { return bench(*options, group_once); });
}

}  // namespace kwire::tools
