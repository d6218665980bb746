// kwire offsets: what a group has stored, in ZooKeeper or in Kafka; shown and changed.
#include <memory>

#include <nlohmann/json.hpp>

#include <kwire/net/error.h>
#include <kwire/offsets/kafka_offset_manager.h>

#include "group_offsets.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"
#include "table.h"

namespace kwire::tools {
namespace {

struct OffsetsOptions {
    ConnectionOptions connection;
    std::string group;
    std::vector<std::string> topics;
    std::optional<std::int32_t> partition;
    std::string storage;
    std::string to;
    std::string format = "text";
    bool no_lag = false;
    bool force = false;
};

std::string show(const std::optional<std::int64_t>& number) {
    return number ? std::to_string(*number) : "-";
}

nlohmann::ordered_json json(const std::optional<std::int64_t>& number) {
    return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

void append(std::string& out, const OffsetsOptions& options,
            const std::vector<PartitionProgress>& partitions) {
    Table table({"TOPIC", "PARTITION", "OFFSET", "LOG-END", "LAG", "OWNER"});
    for (const PartitionProgress& entry : partitions) {
        if (options.partition && entry.tp.partition != *options.partition) continue;
        if (options.format == "json") {
            nlohmann::ordered_json line;
            line["group"] = options.group;
            line["topic"] = entry.tp.topic;
            line["partition"] = entry.tp.partition;
            line["offset"] = json(entry.offset);
            line["log_end"] = json(entry.log_end);
            line["lag"] = json(entry.lag());
            line["owner"] =
                entry.owner ? nlohmann::ordered_json(*entry.owner) : nlohmann::ordered_json();
            out += line.dump() + "\n";
        } else {
            table.row({entry.tp.topic, std::to_string(entry.tp.partition), show(entry.offset),
                       show(entry.log_end), show(entry.lag()), entry.owner.value_or("-")});
        }
    }
    if (options.format != "json") table.append_to(out);
}

int get(const OffsetsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    Connections connections(client_config(options.connection, scopes_of_tools));
    const Storage storage = storage_of(connections, options.storage);
    const GroupProgress progress =
        group_progress(connections, storage, options.group, options.topics, options.no_lag);
    if (progress.partitions.empty()) {
        report("group `" + options.group + "` has nothing stored there and owns nothing");
    }
    Output output(1);
    append(output.buffer(), options, progress.partitions);
    const int code = finish(output);
    return progress.complete ? code : exit_failure;
}

/// A group that runs would write over what is set here, or never look at it.
void refuse_running_group(Connections& connections, const OffsetsOptions& options) {
    if (options.force || !connections.has_zookeeper()) return;
    const auto members = connections.wait(connections.registry().member_ids(options.group));
    if (members.empty()) return;
    throw Error(
        errc::zookeeper_error,
        "group `" + options.group + "` has " + std::to_string(members.size()) +
            (members.size() == 1 ? " member" : " members") +
            " that would not look at new offsets and write over them; stop it, or add --force");
}

/// -2 oldest, -1 newest, or milliseconds: what list_offsets asks for.
std::optional<std::int64_t> timestamp_of(const std::string& to) {
    if (to == "oldest") return -2;
    if (to == "newest") return -1;
    if (to.empty() || to.front() != '@') return std::nullopt;
    std::int64_t milliseconds = 0;
    parse_value(milliseconds, std::string_view(to).substr(1));
    if (milliseconds < 0) throw UsageError("--to " + to + " lies before 1970");
    return milliseconds;
}

std::map<TopicPartition, std::int64_t> targets(Connections& connections,
                                               const OffsetsOptions& options) {
    std::set<TopicPartition> partitions = partitions_of(connections, options.topics);
    if (options.partition) {
        std::erase_if(partitions,
                      [&](const auto& tp) { return tp.partition != *options.partition; });
    }
    if (partitions.empty()) throw Error(errc::unknown_topic, "there is no such partition");
    std::map<TopicPartition, std::int64_t> offsets;
    if (const auto timestamp = timestamp_of(options.to)) {
        offsets = log_offsets(connections, partitions, *timestamp);
        if (*timestamp >= 0)
            offsets.merge(log_offsets(connections, partitions, -1));  // none that late
    } else {
        std::int64_t offset = 0;
        try {
            parse_value(offset, options.to);
        } catch (const UsageError& error) {
            throw UsageError("--to " + options.to +
                             " is to be an offset, oldest, newest, or @milliseconds since 1970");
        }
        if (offset < 0) throw UsageError("--to " + options.to + ": an offset is 0 or more");
        for (const TopicPartition& tp : partitions) offsets[tp] = offset;
    }
    for (const TopicPartition& tp : partitions) {
        if (offsets.contains(tp)) continue;
        throw Error(errc::no_leader,
                    tp.topic + ":" + std::to_string(tp.partition) +
                        " has no leader that could tell its offsets; nothing was set");
    }
    return offsets;
}

void store(Connections& connections, Storage storage, const std::string& group,
           const std::map<TopicPartition, std::int64_t>& offsets) {
    if (storage == Storage::kafka) {
        connections.wait(store_offsets(connections.cluster(), group, offsets));
        return;
    }
    connections.wait(connections.registry().create_group(group));
    for (const auto& [tp, next] : offsets) {
        connections.wait(connections.registry().set_offset(group, tp, next));
    }
}

void tell_stored(const OffsetsOptions& options,
                 const std::map<TopicPartition, std::int64_t>& offsets) {
    for (const auto& [tp, next] : offsets) {
        report("group `" + options.group + "`, " + tp.topic + ":" + std::to_string(tp.partition) +
               ": next offset " + std::to_string(next));
    }
}

int set(const OffsetsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    if (options.topics.empty()) throw UsageError("--topic is required");
    Connections connections(client_config(options.connection, scopes_of_tools));
    const Storage storage = storage_of(connections, options.storage);
    refuse_running_group(connections, options);
    const auto offsets = targets(connections, options);
    store(connections, storage, options.group, offsets);
    tell_stored(options, offsets);
    return exit_ok;
}

int reset(const OffsetsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    Connections connections(client_config(options.connection, scopes_of_tools));
    const Storage storage = storage_of(connections, options.storage);
    if (storage == Storage::zookeeper && !options.topics.empty()) {
        throw UsageError(
            "in ZooKeeper the offsets of all topics are forgotten at once; leave out --topic, or use "
            "`kwire offsets set --topic " + options.topics.front() + " --to oldest`");
    }
    refuse_running_group(connections, options);
    if (storage == Storage::zookeeper) {
        connections.wait(connections.registry().reset_offsets(options.group));
        report("group `" + options.group + "` has no stored offsets any more");
        return exit_ok;
    }
    std::set<TopicPartition> partitions;
    for (const auto& [tp, next] :
         stored_offsets(connections, storage, options.group, options.topics)) {
        partitions.insert(tp);
    }
    const auto offsets = log_offsets(connections, partitions, -2);
    store(connections, storage, options.group, offsets);
    tell_stored(options, offsets);
    return exit_ok;
}

void add_shared(Command command, OffsetsOptions& options) {
    command.option("-g,--group", options.group, "GROUP", "whose offsets").required();
    command.option("-t,--topic", options.topics, "TOPIC", "of which topic; several times");
    add_zookeeper(command, options.connection);
    add_bootstrap(command, options.connection, "brokers; without it those that ZooKeeper lists");
    command
        .option("--offsets", options.storage, "zookeeper|kafka",
                "where they are stored (default: ZooKeeper if --zookeeper is given)")
        .one_of({"zookeeper", "kafka"});
    add_properties(command, options.connection);
}

}  // namespace

void add_offsets(Command root) {
    const auto options = std::make_shared<OffsetsOptions>();
    Command offsets =
        root.subcommand("offsets", "Show and change the offsets that a group has stored");
    offsets.needs_subcommand();
    offsets.notes(
        "Examples",
        {"kwire offsets get --group clicks --zookeeper localhost:2181",
         "kwire offsets get --group clicks --bootstrap localhost:9092     (stored in Kafka)",
         "kwire offsets set --group clicks --topic page-views --to newest -z localhost:2181",
         "kwire offsets reset --group clicks --zookeeper localhost:2181"});

    Command get_command = offsets.subcommand("get", "Stored offsets, log ends, lag and owners");
    add_shared(get_command, *options);
    get_command.option("-p,--partition", options->partition, "P", "only this partition");
    get_command.flag("--no-lag", options->no_lag, "do not ask the brokers where the log ends");
    get_command.option("-f,--format", options->format, "text|json", "json: one object a partition")
        .one_of({"text", "json"});
    get_command.notes("Examples",
                      {"kwire offsets get -g clicks -z localhost:2181 --format json",
                       "kwire offsets get -g clicks -b localhost:9092 --topic page-views"});
    get_command.runs([options] { return get(*options); });

    Command set_command = offsets.subcommand("set", "Store where the group is to read next");
    add_shared(set_command, *options);
    set_command.option("-p,--partition", options->partition, "P",
                       "only this partition; without it all of the topics");
    set_command
        .option("--to", options->to, "OFFSET|oldest|newest|@MS",
                "the next offset to read; @MS: of the first message from then on, in milliseconds "
                "since 1970")
        .required();
    set_command.flag("--force", options->force, "although the group has members");
    set_command.notes("Examples",
                      {"kwire offsets set -g clicks -t page-views -p 0 --to 4711 -z localhost:2181",
                       "kwire offsets set -g clicks -t page-views --to oldest -b localhost:9092"});
    set_command.runs([options] { return set(*options); });

    Command reset_command =
        offsets.subcommand("reset",
                           "Forget what is stored in ZooKeeper; in Kafka, where nothing can be "
                           "removed, go back to the oldest");
    add_shared(reset_command, *options);
    reset_command.flag("--force", options->force, "although the group has members");
    reset_command.notes("Examples", {"kwire offsets reset -g clicks -z localhost:2181"});
    reset_command.runs([options] { return reset(*options); });
}

}  // namespace kwire::tools
