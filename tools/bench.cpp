// kwire bench: how fast a live broker is read and written, message by message through the public interface.
#include "bench.h"

#include <memory>
#include <vector>

#include "output.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

void check(bool holds, const char* option) {
    if (!holds) throw UsageError(std::string(option) + " must be 1 or more");
}

void add_shared(Command command, BenchOptions& options, const char* topic_help) {
    command.option("-t,--topic", options.topic, "TOPIC", topic_help).required();
    command.option("-n,--messages", options.messages, "N", "how many messages").required();
    command.option("--repeat", options.repeat, "N", "run so often, one line each (default: 1)");
    command.option("--warm-up", options.warm_up, "N", "before that, run so often unseen (default: 0)");
    command.flag("--json", options.json, "one JSON object a run");
    command.flag("--summary", options.summary,
                 "minimum, median and maximum of all runs at the end (always so as text, if there are several)");
    add_properties(command, options.connection);
}

void add_reading(Command bench, const std::shared_ptr<BenchOptions>& options) {
    Command fetch = bench.subcommand(
        "fetch", "Every partition from the start, message by message, without a group");
    add_bootstrap(fetch, options->connection, "brokers to begin with");
    add_shared(fetch, *options, "what to read");
    fetch.option("--threads", options->threads, "N", "so many threads read (default: 1)");
    fetch.notes("Examples",
                {"kwire bench fetch -b localhost:9092 -t page-views -n 1000000 --json",
                 "kwire bench fetch -b localhost -t page-views -n 1000000 --warm-up 1 --repeat 7"});
    fetch.runs([options] { return run_bench(*options, bench_fetch); });

    Command group = bench.subcommand(
        "group", "The same as a member of a group, commit_upto on each message");
    add_zookeeper(group, options->connection);
    group.option("-g,--group", options->group, "GROUP", "the group to join");
    add_bootstrap(group, options->connection, "brokers; without it those that ZooKeeper lists");
    add_shared(group, *options, "what to read");
    group.notes("Note", {"The group's stored offsets are deleted first."});
    group.notes("Examples",
                {"kwire bench group -z localhost:2181 -g bench -t page-views -n 1000000 --json"});
    group.runs([options] { return run_bench(*options, bench_group); });
}

void add_writing(Command bench, const std::shared_ptr<BenchOptions>& options) {
    const auto add_size = [&](Command command) {
        command.option("--size", options->size_bytes, "BYTES", "of each value (default: 91)");
        command
            .option("--compression", options->compression, "CODEC",
                    "none (default), gzip, snappy, lz4 or zstd")
            .one_of({"none", "gzip", "snappy", "lz4", "zstd"});
    };
    Command produce = bench.subcommand("produce", "Write messages to a topic, until all are acknowledged");
    add_bootstrap(produce, options->connection, "brokers to begin with");
    add_shared(produce, *options, "where to write; the messages stay there");
    add_size(produce);
    produce.notes("Examples", {"kwire bench produce -b localhost:9092 -t scratch -n 1000000 --size 200"});
    produce.runs([options] { return run_bench(*options, bench_produce); });

    Command latency = bench.subcommand(
        "latency", "Write messages at a steady rate and read them: from send to receipt");
    add_bootstrap(latency, options->connection, "brokers to begin with");
    add_shared(latency, *options, "where to write, and read; the messages stay there");
    add_size(latency);
    latency.option("--rate", options->rate, "N", "messages a second (default: 1000)");
    latency.notes("Note", {"Nothing lingers (linger.ms=0) unless -X says so. The first second does not count."});
    latency.notes("Examples", {"kwire bench latency -b localhost:9092 -t scratch -n 10000 --rate 1000"});
    latency.runs([options] { return run_bench(*options, bench_latency); });
}

}  // namespace

int run_bench(const BenchOptions& options, BenchOnce once) {
    check(options.messages >= 1, "--messages");
    check(options.repeat >= 1, "--repeat");
    check(options.threads >= 1, "--threads");
    check(options.size_bytes >= 1, "--size");
    check(options.rate >= 1, "--rate");
    if (options.warm_up < 0) throw UsageError("--warm-up must be 0 or more");
    for (std::int32_t i = 0; i < options.warm_up; ++i) once(options);
    std::vector<Figures> runs;
    for (std::int32_t i = 0; i < options.repeat; ++i) {
        BenchResult result = once(options);
        Output output(1);
        output.line(options.json ? json_line(result.figures) : result.sentence);
        const int code = finish(output);
        if (code != exit_ok) return code;
        runs.push_back(std::move(result.figures));
    }
    if (!options.summary && (options.json || options.repeat == 1)) return exit_ok;
    Output output(1);
    if (options.json) {
        output.line(json_summary(runs, options.warm_up));
    } else {
        output.buffer() += text_summary(runs, options.warm_up);
    }
    return finish(output);
}

void add_bench(Command root) {
    const auto options = std::make_shared<BenchOptions>();
    Command bench = root.subcommand("bench", "Measure how fast a live broker is read and written");
    bench.needs_subcommand();
    bench.notes("Examples",
                {"kwire bench fetch -b localhost:9092 -t page-views -n 1000000 --json",
                 "kwire bench group -z localhost:2181 -g bench -t page-views -n 1000000"});
    add_reading(bench, options);
    add_writing(bench, options);
}

}  // namespace kwire::tools
