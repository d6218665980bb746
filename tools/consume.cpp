// kwire consume: a member of a group that prints what it reads, and commits exactly what it
// printed.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <kwire/group/consumer_group.h>
#include <kwire/net/error.h>

#include "connection.h"
#include "duration.h"
#include "event_log.h"
#include "idle_watch.h"
#include "interrupt.h"
#include "message_printer.h"
#include "numbers.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr PropertyScopes scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::group;

struct ConsumeOptions {
    ConnectionOptions connection;
    std::string group;
    std::vector<std::string> topics;
    std::string include;
    std::string exclude;
    std::string events;
    std::string initial;
    std::string offsets;
    std::string assignment;
    std::string format = "text";
    std::optional<std::int64_t> max_messages;
    std::optional<std::chrono::milliseconds> idle_timeout;
    bool reset_offsets = false;
    bool verbose = false;
};

/// Reports errors as they come, each sentence at most once in ten seconds, and remembers whether one
/// of them means that not all went well. The others are passing: reading goes on.
class Problems {
 public:
    void add(const Error& error) {
        const std::lock_guard lock(mutex_);
        const bool of_messages = error.where().offset >= 0;
        if (output_over_ && of_messages && error.condition() == errc::timed_out) return;
        switch (error.condition()) {
            case errc::unknown_topic:
                missing_.insert(error.where().topic);
                break;
            case errc::corrupt_batch:
            case errc::message_too_large:
            case errc::offset_out_of_range:
            case errc::bad_stored_offset:
                stopped_ = true;
                break;
            default:
                break;
        }
        const auto now = Clock::now();
        const auto [at, fresh] = told_.try_emplace(error.what(), now);
        if (!fresh && now - at->second < std::chrono::seconds(10)) return;
        at->second = now;
        if (told_.size() > 1000) told_.clear();
        report(error.what());
    }
    /// From now on it is no news that messages were handed out and not acknowledged: they could not
    /// be written.
    void expect_unwritten() {
        const std::lock_guard lock(mutex_);
        output_over_ = true;
    }
    void found(const std::vector<TopicPartition>& assigned) {
        const std::lock_guard lock(mutex_);
        for (const TopicPartition& tp : assigned) missing_.erase(tp.topic);
    }
    bool any() {
        const std::lock_guard lock(mutex_);
        return stopped_ || !missing_.empty();
    }

 private:
    std::mutex mutex_;
    std::map<std::string, Clock::time_point> told_;
    std::set<std::string> missing_;
    bool stopped_ = false;
    bool output_over_ = false;
};

std::string list(const std::vector<TopicPartition>& partitions) {
    std::string all;
    for (const TopicPartition& tp : partitions) {
        all += all.empty() ? "" : ", ";
        all += tp.topic + ":" + std::to_string(tp.partition);
    }
    return all.empty() ? "nothing" : all;
}

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug: ";
        case LogLevel::info:
            return "info: ";
        case LogLevel::warning:
            return "warning: ";
        case LogLevel::error:
            return "error: ";
    }
    return "";
}

GroupConfig group_config(const ConsumeOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    const auto set = [&config](std::string_view name, const std::string& value) {
        if (!value.empty()) config.group.set(name, value);
    };
    set("auto.offset.reset", options.initial);
    set("offsets.storage", options.offsets);
    set("partition.assignment.strategy", options.assignment);
    set("group.id", options.group);
    config.group.offsets.reset_offsets = options.reset_offsets;
    if (config.group.group_id.empty()) throw UsageError("--group is required");
    if (config.group.zookeeper.connect.empty()) throw UsageError("--zookeeper is required");
    return config.group;
}

void add_handlers(GroupConfig& config, const std::shared_ptr<Problems>& problems,
                  const std::shared_ptr<EventLog>& events, bool verbose) {
    config.on_error = [problems](const Error& error) { problems->add(error); };
    const auto told = [events, verbose](std::string_view what, const std::vector<TopicPartition>& partitions) {
        if (verbose) report(std::string(what) + ": " + list(partitions));
        if (events) events->partitions(what, partitions);
    };
    config.on_assigned = [problems, told](const std::vector<TopicPartition>& partitions) {
        problems->found(partitions);
        told("assigned", partitions);
    };
    config.on_revoked = [told](const auto& partitions) { told("revoked", partitions); };
    config.on_lost = [told](const auto& partitions) { told("lost", partitions); };
    if (events) {
        config.on_suspended = [events] { events->happened("suspended"); };
        config.on_resumed = [events] { events->happened("resumed"); };
        config.on_committed = [events](const auto& offsets) { events->committed(offsets); };
    }
    if (!verbose) return;
    config.logger = [](LogLevel level, std::string_view text) {
        if (level == LogLevel::error) return;  // on_error tells it
        report(std::string(level_name(level)).append(text));
    };
}

MemberSubscription subscription(const ConsumeOptions& options) {
    const int given = (options.topics.empty() ? 0 : 1) + (options.include.empty() ? 0 : 1) +
                      (options.exclude.empty() ? 0 : 1);
    if (given != 1) throw UsageError("one of --topic, --include and --exclude is required");
    if (!options.include.empty()) return MemberSubscription::white_list(options.include);
    if (!options.exclude.empty()) return MemberSubscription::black_list(options.exclude);
    return MemberSubscription::of_topics(options.topics);
}

std::string rate(std::uint64_t messages, Clock::duration took) {
    const double seconds = std::chrono::duration<double>(took).count();
    const double per_second = seconds > 0 ? static_cast<double>(messages) / seconds : 0;
    return show_count(static_cast<std::uint64_t>(per_second)) + " messages/s";
}

std::chrono::milliseconds look_interval(const ConsumeOptions& options) {
    using std::chrono::milliseconds;
    const milliseconds often_enough = options.idle_timeout ? *options.idle_timeout / 4 : milliseconds(500);
    return std::clamp(often_enough, milliseconds(50), milliseconds(500));
}

/// Reads until one of the ends that the options set, an interrupt, or the end of what can be
/// written. False if it ended though not all could be read; why is reported.
bool read(ConsumerGroup& group, const ConsumeOptions& options, Output& output,
          MessagePrinter& printer) {
    constexpr std::chrono::milliseconds longest_wait{100};  // how long an interrupt may go unseen
    Progress progress(true);
    const auto begun = Clock::now();
    IdleWatch watch(options.idle_timeout, begun);
    const auto interval = look_interval(options);
    auto next_look = begun + interval;
    bool trouble_reported = false;  // once as long as it lasts
    while (!printer.done() && !interrupt_requested() && !group.closed()) {
        MessageBatch batch = group.poll(std::min(longest_wait, interval));
        if (batch.empty()) {
            output.look_for_reader();
        } else if (printer.print(batch)) {
            watch.message(Clock::now());
        }
        batch = {};
        progress.update([&] {
            return show_count(printer.messages()) + " messages, " +
                   rate(printer.messages(), Clock::now() - begun);
        });
        if (Clock::now() < next_look || printer.done()) continue;
        next_look = Clock::now() + interval;
        const ReadingState state = group.reading();
        const auto verdict = watch.look(state, Clock::now());
        if (verdict == IdleWatch::Verdict::idle) return true;
        if (verdict == IdleWatch::Verdict::go_on) {
            const bool lasts = watch.in_trouble(Clock::now());
            if (lasts && !std::exchange(trouble_reported, true)) report("not all can be read: " + describe(state));
            if (!state.troubled()) trouble_reported = false;
            continue;
        }
        progress.clear();
        report("nothing came for " + show_duration(*options.idle_timeout) + ", but not all was read: " +
               describe(state));
        return false;
    }
    if (!interrupt_requested() || !watch.in_trouble(Clock::now())) return true;
    const ReadingState state = group.reading();
    if (!state.troubled()) return true;
    progress.clear();
    report("interrupted before all was read: " + describe(state));
    return false;
}

/// The sentence that consume ends with; true if all that was printed is committed.
bool summarize(const MessagePrinter& printer, const CloseReport& left, Clock::duration took) {
    std::string text =
        show_count(printer.messages()) + (printer.messages() == 1 ? " message (" : " messages (") +
        show_bytes(printer.bytes()) + ") of " + std::to_string(printer.partitions()) +
        (printer.partitions() == 1 ? " partition in " : " partitions in ") + show_duration(took) +
        ", " + rate(printer.messages(), took);
    bool committed = printer.messages_lost() == 0;
    std::string not_committed;
    for (const auto& partition : left.uncommitted) {
        const auto printed = printer.printed(partition.tp);
        if (!printed || *printed <= partition.committed) continue;  // handed out, never printed
        committed = false;
        not_committed.append(" ").append(list({partition.tp}));
        not_committed.append(" printed up to ").append(std::to_string(*printed - 1));
        not_committed.append(", committed ");
        if (partition.committed < 0) {
            not_committed.append("nothing");
        } else {
            not_committed.append("up to ").append(std::to_string(partition.committed - 1));
        }
        not_committed.append(" (").append(partition.reason).append(")");
    }
    if (committed) {
        text += "; committed";
    } else {
        text += "; NOT all committed:" + not_committed;
        if (printer.messages_lost() > 0) {
            text.append(" ").append(show_count(printer.messages_lost()));
            text.append(" printed when their partition was lost to another member");
        }
    }
    report(text);
    return committed;
}

int consume(const ConsumeOptions& options) {
    if (options.max_messages && *options.max_messages < 0) {
        throw UsageError("--max-messages must be 0 or more");
    }
    GroupConfig config = group_config(options);
    const auto problems = std::make_shared<Problems>();
    const auto events = options.events.empty() ? nullptr : std::make_shared<EventLog>(options.events);
    add_handlers(config, problems, events, options.verbose);
    Output output(1);
    output.look_for_reader();
    if (output.failure()) return finish(output);  // before it joins: what it prints would be lost
    const std::string name = config.group_id;
    const std::string zookeeper = config.zookeeper.connect;

    install_interrupts();
    const auto begun = Clock::now();
    const auto group = ConsumerGroup::join(name, subscription(options), zookeeper, std::move(config));
    receive_interrupts();
    MessagePrinter printer(
        output,
        options.format == "json" ? MessagePrinter::Format::json : MessagePrinter::Format::text,
        options.max_messages.value_or(INT64_MAX));
    if (options.verbose) report("joined as " + group->member_id());
    const bool all_read = read(*group, options, output, printer);
    // What was handed out but could not be written is not waited for: nobody will acknowledge it.
    if (output.failure()) problems->expect_unwritten();
    const CloseReport left =
        output.failure() ? group->close(std::chrono::milliseconds(0)) : group->close();
    bool well = summarize(printer, left, Clock::now() - begun);
    if (output.failure() && !output.reader_gone() && !output.interrupted()) {
        report(output.complaint());
        well = false;
    }
    if (events && events->failed()) well = false;
    return well && all_read && !problems->any() ? exit_ok : exit_failure;
}

}  // namespace

void add_consume(Command root) {
    const auto options = std::make_shared<ConsumeOptions>();
    Command command = root.subcommand("consume", "Join a group and print what it reads");
    add_zookeeper(command, options->connection);
    command.option("-g,--group", options->group, "GROUP", "the group to join");
    command
        .option("-t,--topic", options->topics, "TOPIC", "what to read; may be given several times");
    command.option("--include", options->include, "EXPRESSION",
                   "read every topic, now and later, whose whole name it matches; a comma is an or");
    command.option("--exclude", options->exclude, "EXPRESSION",
                   "read every topic, now and later, whose name it does not match");
    add_bootstrap(command, options->connection,
                  "brokers; without it those that ZooKeeper lists (Kafka 4: needed)");
    command
        .option("--initial", options->initial, "oldest|newest",
                "where to begin without a stored offset (default: oldest)")
        .one_of({"oldest", "newest"});
    command
        .option("--offsets", options->offsets, "zookeeper|kafka|dual",
                "where offsets are stored (default: zookeeper)")
        .one_of({"zookeeper", "kafka", "dual"});
    command.option("--assignment", options->assignment, "STRATEGY",
                   "how partitions are divided: auto (default), as the other members do; balanced, "
                   "original, java-range, java-roundrobin, java-roundrobin-0.8");
    command.option("-n,--max-messages", options->max_messages, "N", "end after N messages");
    command.option("--idle-timeout", options->idle_timeout, "TIME",
                   "end once all partitions were read to their ends and nothing came for so long, such as 5s, "
                   "500ms, 2m; if they cannot be read, end with exit code 1 and the reason");
    command.flag("--reset-offsets", options->reset_offsets,
                 "remove the group's stored offsets first");
    command
        .option("-f,--format", options->format, "text|json",
                "text: the value and a newline (default); json: one object a line")
        .one_of({"text", "json"});
    command.option("--events", options->events, "FILE",
                   "append partition events, a JSON line each: assigned, revoked, lost, "
                   "committed, suspended, resumed");
    command.flag("-v,--verbose", options->verbose, "report on stderr what the group does");
    add_properties(command, options->connection);
    command.notes(
        "How it ends",
        {"After N messages, after the idle time, on SIGINT or SIGTERM, or when its output is no",
         "longer read: it commits what it printed, leaves, and sums up on stderr. A second",
         "signal ends it at once. The exit code is 1 if, at the idle time or a signal, partitions",
         "could not be read (no leader, no answer, a foreign owner, ...)."});
    command.notes(
        "Examples",
        {"kwire consume --zookeeper localhost:2181 --group clicks --topic page-views",
         "kwire consume -z zk1,zk2,zk3/kafka -g clicks -t a -t b --format json --idle-timeout 5s",
         "kwire consume -z localhost -b localhost:9092 -g g -t t --offsets kafka -n 10",
         "kwire consume -z localhost -g g --include 'clicks-.*' --events events.jsonl",
         "kwire consume -z localhost -g g -t t -X isolation.level=read_committed"});
    command.runs([options] { return consume(*options); });
}

}  // namespace kwire::tools
