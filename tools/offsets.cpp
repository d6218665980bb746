// kwire offsets: what a group has stored, in ZooKeeper or in Kafka; shown and changed.
#include <memory>

#include <nlohmann/json.hpp>

#include <kwire/net/error.h>
#include <kwire/offsets/kafka_offset_store.h>

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

nlohmann::ordered_json json(const std::optional<std::int64_t>& number) {
    return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

void append_json(nlohmann::ordered_json& line, const PartitionProgress& entry) {
    line["offset"] = json(entry.stored.offset);
    line["log_end"] = json(entry.log_end.offset);
    line["lag"] = json(entry.lag());
    const std::string problem = entry.problem();
    line["problem"] = problem.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(problem);
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
            append_json(line, entry);
            line["owner"] =
                entry.owner ? nlohmann::ordered_json(*entry.owner) : nlohmann::ordered_json();
            out += line.dump() + "\n";
        } else {
            table.row({entry.tp.topic, std::to_string(entry.tp.partition), entry.show_stored(),
                       entry.show_log_end(), entry.show_lag(), entry.owner.value_or("-")});
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
    if (progress.partitions.empty() && progress.complete) {
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
            ", which would not read new offsets and would overwrite them; stop the group, or add --force");
}

/// -2 oldest, -1 newest, or milliseconds: what list_offsets asks for.
std::optional<std::int64_t> timestamp_of(const std::string& to) {
    if (to == "oldest") return -2;
    if (to == "newest") return -1;
    if (to.empty() || to.front() != '@') return std::nullopt;
    std::int64_t milliseconds = -1;
    try {
        parse_value(milliseconds, std::string_view(to).substr(1));
    } catch (const UsageError&) {
        milliseconds = -1;
    }
    if (milliseconds < 0) {
        throw UsageError("--to " + to + ": after @ come milliseconds since 1970, as in @1700000000000");
    }
    return milliseconds;
}

/// The partitions to set. Throws unless each topic has some: nothing is set by halves.
std::set<TopicPartition> target_partitions(Connections& connections, const OffsetsOptions& options) {
    std::map<std::string, std::string> missing;
    std::set<TopicPartition> partitions = partitions_of(connections, options.topics, missing);
    for (const auto& [topic, why] : missing) {
        throw Error(errc::unknown_topic, "topic `" + topic + "`: " + why + "; nothing was set");
    }
    if (options.partition) {
        std::erase_if(partitions,
                      [&](const auto& tp) { return tp.partition != *options.partition; });
    }
    if (partitions.empty()) {
        throw Error(errc::unknown_topic, "the topic has no partition " + std::to_string(*options.partition));
    }
    return partitions;
}

/// The offset that --to names.
std::int64_t offset_of(const std::string& to) {
    std::int64_t offset = 0;
    try {
        parse_value(offset, to);
    } catch (const UsageError&) {
        throw UsageError("--to " + to + ": give an offset, oldest, newest, or @milliseconds since 1970");
    }
    if (offset < 0) throw UsageError("--to " + to + ": an offset is 0 or more");
    return offset;
}

std::map<TopicPartition, std::int64_t> targets(Connections& connections,
                                               const OffsetsOptions& options) {
    const auto timestamp = timestamp_of(options.to);
    const std::int64_t fixed = timestamp ? -1 : offset_of(options.to);
    const auto partitions = target_partitions(connections, options);
    std::map<TopicPartition, std::int64_t> offsets;
    if (!timestamp) {
        for (const TopicPartition& tp : partitions) offsets[tp] = fixed;
        return offsets;
    }
    const auto found = log_offsets(connections, partitions, *timestamp);
    std::set<TopicPartition> without;  // no message is that late: the log's end
    for (const auto& [tp, looked_up] : found) {
        if (!looked_up.problem.empty()) {
            throw Error(errc::no_leader, tp.to_string() + ": " + looked_up.problem + "; nothing was set");
        }
        looked_up.offset ? void(offsets[tp] = *looked_up.offset) : void(without.insert(tp));
    }
    for (const auto& [tp, end] : log_offsets(connections, without, -1)) {
        if (!end.offset) throw Error(errc::no_leader, tp.to_string() + ": " + end.problem + "; nothing was set");
        offsets[tp] = *end.offset;
    }
    return offsets;
}

/// Reports each that was stored, or why not. False if one was not.
bool store(Connections& connections, Storage storage, const OffsetsOptions& options,
           const std::map<TopicPartition, std::int64_t>& offsets) {
    if (storage == Storage::kafka) {
        connections.wait(store_offsets(connections.cluster(), options.group, offsets));
    } else {
        connections.wait(connections.registry().create_group(options.group));
    }
    bool all = true;
    for (const auto& [tp, next] : offsets) {
        const std::string name = "group `" + options.group + "`, " + tp.to_string();
        try {
            if (storage == Storage::zookeeper) connections.wait(connections.registry().set_offset(options.group, tp, next));
            report(name + ": next offset " + std::to_string(next));
        } catch (const Error& error) {
            report(name + ": not set: " + error.what());
            all = false;
        }
    }
    return all;
}

int set(const OffsetsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    if (options.topics.empty()) throw UsageError("--topic is required");
    if (!timestamp_of(options.to)) offset_of(options.to);  // before anything is connected to
    Connections connections(client_config(options.connection, scopes_of_tools));
    const Storage storage = storage_of(connections, options.storage);
    refuse_running_group(connections, options);
    const auto offsets = targets(connections, options);
    return store(connections, storage, options, offsets) ? exit_ok : exit_failure;
}

/// Where a broker cannot remove offsets: what can be done instead.
int set_to_oldest(Connections& connections, const OffsetsOptions& options) {
    std::set<TopicPartition> partitions;
    for (const auto& [tp, stored] : stored_offsets(connections, Storage::kafka, options.group, options.topics)) {
        partitions.insert(tp);
    }
    std::map<TopicPartition, std::int64_t> offsets;
    bool all = true;
    for (const auto& [tp, oldest] : log_offsets(connections, partitions, -2)) {
        if (oldest.offset) {
            offsets[tp] = *oldest.offset;
        } else {
            report(tp.to_string() + ": " + oldest.problem);
            all = false;
        }
    }
    return store(connections, Storage::kafka, options, offsets) && all ? exit_ok : exit_failure;
}

int reset_in_kafka(Connections& connections, const OffsetsOptions& options) {
    try {
        if (options.topics.empty()) {
            connections.wait(delete_offsets(connections.cluster(), options.group));
            report("group `" + options.group + "` has no stored offsets any more");
            return exit_ok;
        }
        std::vector<TopicPartition> partitions;
        bool readable = true;
        for (const auto& [tp, stored] : stored_offsets(connections, Storage::kafka, options.group, options.topics)) {
            if (!stored.problem.empty()) report(tp.to_string() + ": " + stored.problem);
            readable = readable && stored.problem.empty();
            partitions.push_back(tp);
        }
        if (partitions.empty()) report("group `" + options.group + "` has nothing stored of these topics");
        const auto failures = connections.wait(delete_offsets(connections.cluster(), options.group, partitions));
        for (const TopicPartition& tp : partitions) {
            const auto failed = failures.find(tp);
            report(tp.to_string() + (failed == failures.end() ? ": removed" : std::string(": ") + failed->second.what()));
        }
        return failures.empty() && readable ? exit_ok : exit_failure;
    } catch (const Error& error) {
        if (error.condition() != errc::unsupported_version) throw;
        report(error.reason() + "; they are set to the oldest offsets instead");
    }
    return set_to_oldest(connections, options);
}

int reset(const OffsetsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    Connections connections(client_config(options.connection, scopes_of_tools));
    const Storage storage = storage_of(connections, options.storage);
    if (storage == Storage::zookeeper && !options.topics.empty()) {
        throw UsageError(
            "in ZooKeeper the offsets of all topics are removed at once; leave out --topic, or use "
            "`kwire offsets set --topic " + options.topics.front() + " --to oldest`");
    }
    refuse_running_group(connections, options);
    if (storage == Storage::zookeeper) {
        connections.wait(connections.registry().reset_offsets(options.group));
        report("group `" + options.group + "` has no stored offsets any more");
        return exit_ok;
    }
    return reset_in_kafka(connections, options);
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
    set_command.flag("--force", options->force, "even if the group has members");
    set_command.notes("Examples",
                      {"kwire offsets set -g clicks -t page-views -p 0 --to 4711 -z localhost:2181",
                       "kwire offsets set -g clicks -t page-views --to oldest -b localhost:9092"});
    set_command.runs([options] { return set(*options); });

    Command reset_command =
        offsets.subcommand("reset",
                           "Remove the stored offsets, of all topics or in Kafka also of some");
    add_shared(reset_command, *options);
    reset_command.flag("--force", options->force, "even if the group has members");
    reset_command.notes(
        "In Kafka",
        {"All offsets are removed with the group (DeleteGroups, Kafka 1.1 and later), those of some topics",
         "by themselves (OffsetDelete, 2.4 and later). Older brokers can remove none: there the offsets are",
         "set to the oldest ones, and the command says so."});
    reset_command.notes("Examples", {"kwire offsets reset -g clicks -z localhost:2181",
                                     "kwire offsets reset -g clicks -b localhost:9092 --topic page-views"});
    reset_command.runs([options] { return reset(*options); });
}

}  // namespace kwire::tools
