// kwire group: the groups that ZooKeeper knows, their members, who owns what, and what is wrong with it.
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include <kwire/net/error.h>

#include "group_health.h"
#include "group_offsets.h"
#include "interrupt.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"
#include "table.h"

namespace kwire::tools {
namespace {

struct GroupOptions {
    ConnectionOptions connection;
    std::string group;
    std::string storage;
    std::string format = "text";
    std::chrono::milliseconds interval{1000};
    std::int64_t rounds = 0;
    bool no_lag = false;
};

Connections connect(const GroupOptions& options) {
    if (options.connection.zookeeper.empty()) throw UsageError("--zookeeper is required");
    return Connections(client_config(options.connection, scopes_of_tools));
}

/// ZooKeeper's nodes may have any bytes for a name; what is not UTF-8 is replaced.
std::string dump(const nlohmann::ordered_json& json) {
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// What is wrong with one group hides no other.
int list(const GroupOptions& options) {
    Connections connections = connect(options);
    Output output(1);
    Table table({"GROUP", "MEMBERS"});
    int code = exit_ok;
    for (const auto& group : connections.wait(connections.registry().groups())) {
        std::optional<std::vector<std::string>> members;
        try {
            members = connections.wait(connections.registry().member_ids(group));
        } catch (const Error& error) {
            report("group `" + group + "`: its members cannot be read: " + error.what());
            code = exit_failure;
        }
        if (options.format == "json") {
            nlohmann::ordered_json line{{"group", group}};
            line["members"] = members ? nlohmann::ordered_json(*members) : nlohmann::ordered_json();
            output.line(dump(line));
        } else {
            table.row({group, members ? std::to_string(members->size()) : "unreadable"});
        }
    }
    if (options.format != "json") table.append_to(output.buffer());
    const int written = finish(output);
    return code == exit_ok ? written : code;
}

std::vector<zk::Member> members_of(Connections& connections, const std::string& group) {
    std::vector<zk::Member> members;
    for (const auto& id : connections.wait(connections.registry().member_ids(group))) {
        auto member = connections.wait(connections.registry().member(group, id));
        if (member) members.push_back(std::move(*member));
    }
    return members;
}

std::vector<TopicPartition> owned_by(const GroupProgress& progress, const std::string& member) {
    std::vector<TopicPartition> owned;
    for (const PartitionProgress& entry : progress.partitions) {
        if (entry.owner && belongs_to(*entry.owner, member)) owned.push_back(entry.tp);
    }
    return owned;
}

std::optional<std::int64_t> total_lag(const GroupProgress& progress) {
    std::int64_t total = 0;
    for (const PartitionProgress& entry : progress.partitions) {
        if (!entry.lag()) return std::nullopt;
        total += *entry.lag();
    }
    return total;
}

nlohmann::ordered_json json(const std::optional<std::int64_t>& number) {
    return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

nlohmann::ordered_json json(const zk::Member& member, const std::string& group,
                            const GroupProgress& progress) {
    nlohmann::ordered_json object;
    object["id"] = member.id;
    object["host"] = host_of(member, group);
    object["client"] = client_of(member, group);
    object["since_ms"] = member.stat.ctime;
    object["rule"] = member.registration ? member.registration->rule : "";
    object["subscription"] = nlohmann::ordered_json::object();
    if (member.registration) object["subscription"] = member.registration->subscription;
    object["problem"] =
        member.registration ? nlohmann::ordered_json() : nlohmann::ordered_json(member.problem);
    auto& partitions = object["partitions"] = nlohmann::ordered_json::array();
    for (const TopicPartition& tp : owned_by(progress, member.id)) {
        partitions.push_back({{"topic", tp.topic}, {"partition", tp.partition}});
    }
    return object;
}

void append_json(std::string& out, const GroupOptions& options,
                 const std::vector<zk::Member>& members, const GroupProgress& progress) {
    nlohmann::ordered_json group;
    group["group"] = options.group;
    auto& list_of_members = group["members"] = nlohmann::ordered_json::array();
    for (const auto& member : members) list_of_members.push_back(json(member, options.group, progress));
    auto& partitions = group["partitions"] = nlohmann::ordered_json::array();
    for (const PartitionProgress& entry : progress.partitions) {
        nlohmann::ordered_json object;
        object["topic"] = entry.tp.topic;
        object["partition"] = entry.tp.partition;
        object["owner"] =
            entry.owner ? nlohmann::ordered_json(*entry.owner) : nlohmann::ordered_json();
        object["generation"] =
            entry.owner ? nlohmann::ordered_json(entry.generation) : nlohmann::ordered_json();
        object["offset"] = json(entry.stored.offset);
        object["log_end"] = json(entry.log_end.offset);
        object["lag"] = json(entry.lag());
        const std::string problem = entry.problem();
        object["problem"] = problem.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(problem);
        partitions.push_back(std::move(object));
    }
    group["lag"] = json(total_lag(progress));
    out += dump(group) + "\n";
}

std::string show_time(std::int64_t milliseconds) {
    const std::time_t seconds = milliseconds / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

std::string show_subscription(const zk::Member& member) {
    if (!member.registration) return "unreadable: " + member.problem;
    std::string all;
    for (const auto& [topic, streams] : member.registration->subscription) {
        all += (all.empty() ? "" : ",") + topic;
    }
    using Pattern = zk::SubscriptionPattern;
    if (member.registration->pattern == Pattern::white_list) return "like " + all;
    if (member.registration->pattern == Pattern::black_list) return "unlike " + all;
    return all;
}

void append_text(std::string& out, const std::string& group,
                 const std::vector<zk::Member>& members, const GroupProgress& progress) {
    Table member_table({"MEMBER", "HOST", "CLIENT", "SINCE", "OWNS", "SUBSCRIBES TO"});
    for (const auto& member : members) {
        member_table.row({member.id, host_of(member, group), client_of(member, group),
                          show_time(member.stat.ctime),
                          std::to_string(owned_by(progress, member.id).size()),
                          show_subscription(member)});
    }
    member_table.append_to(out);
    out += '\n';
    Table table({"TOPIC", "PARTITION", "OFFSET", "LOG-END", "LAG", "GENERATION", "OWNER"});
    for (const PartitionProgress& entry : progress.partitions) {
        table.row({entry.tp.topic, std::to_string(entry.tp.partition), entry.show_stored(),
                   entry.show_log_end(), entry.show_lag(),
                   entry.owner ? std::to_string(entry.generation) : "-", entry.owner.value_or("-")});
    }
    table.append_to(out);
}

int describe(const GroupOptions& options) {
    Connections connections = connect(options);
    if (!connections.wait(connections.registry().group_exists(options.group))) {
        report("there is no group `" + options.group + "` in ZooKeeper");
        return exit_failure;
    }
    const auto members = members_of(connections, options.group);
    const GroupProgress progress = group_progress(
        connections, storage_of(connections, options.storage), options.group, {}, options.no_lag);
    Output output(1);
    if (options.format == "json") {
        append_json(output.buffer(), options, members, progress);
    } else {
        append_text(output.buffer(), options.group, members, progress);
    }
    const int code = finish(output);
    return progress.complete ? code : exit_failure;
}

/// The same table again and again: drawn over the one before where stdout is a terminal.
int watch(const GroupOptions& options) {
    install_interrupts();
    Connections connections = connect(options);
    const Storage storage = storage_of(connections, options.storage);
    connections.registry();
    receive_interrupts();
    Output output(1);
    const bool terminal = isatty(1) != 0;
    bool complete = true;
    for (std::int64_t round = 0; !interrupt_requested(); ++round) {
        const auto members = members_of(connections, options.group);
        const GroupProgress progress =
            group_progress(connections, storage, options.group, {}, options.no_lag);
        complete = progress.complete;
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        if (terminal) output.buffer() += "\x1b[H\x1b[2J";
        const std::size_t begin = output.buffer().size();
        if (options.format == "json") {
            append_json(output.buffer(), options, members, progress);
        } else {
            output.line(options.group + " at " +
                        show_time(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) + ", lag " +
                        (total_lag(progress) ? std::to_string(*total_lag(progress)) : "-"));
            append_text(output.buffer(), options.group, members, progress);
            output.line("");
        }
        output.escape_for_terminal(begin);
        if (!output.flush()) break;
        if (options.rounds > 0 && round + 1 >= options.rounds) break;
        const auto next = std::chrono::steady_clock::now() + options.interval;
        while (!interrupt_requested() && std::chrono::steady_clock::now() < next) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }
    const int code = finish(output);
    return complete ? code : exit_failure;
}

int doctor(const GroupOptions& options) {
    Connections connections = connect(options);
    if (!connections.wait(connections.registry().group_exists(options.group))) {
        report("there is no group `" + options.group + "` in ZooKeeper");
        return exit_failure;
    }
    const auto snapshot =
        take_snapshot(connections, storage_of(connections, options.storage), options.group);
    const auto problems = problems_of(snapshot);
    Output output(1);
    for (const auto& problem : problems) output.line(problem);
    if (problems.empty()) {
        output.line("nothing is wrong with group " + options.group + ": " + std::to_string(snapshot.members.size()) +
                    " members, " + std::to_string(snapshot.owners.size()) + " partitions owned");
    }
    const int code = finish(output);
    return problems.empty() ? code : exit_failure;
}

void add_format(Command command, GroupOptions& options, const std::string& help) {
    command.option("-f,--format", options.format, "text|json", help).one_of({"text", "json"});
}

}  // namespace

void add_group(Command root) {
    const auto options = std::make_shared<GroupOptions>();
    Command group = root.subcommand("group", "Look at groups: members, owners, offsets, lag");
    group.needs_subcommand();
    group.notes("Examples", {"kwire group list --zookeeper localhost:2181",
                             "kwire group describe clicks --zookeeper localhost:2181",
                             "kwire group doctor clicks --zookeeper localhost:2181"});

    Command list_command = group.subcommand("list", "All groups that ZooKeeper knows");
    add_zookeeper(list_command, options->connection);
    add_format(list_command, *options, "json: one object a group");
    add_properties(list_command, options->connection);
    list_command.notes("Examples", {"kwire group list --zookeeper localhost:2181/kafka"});
    list_command.runs([options] { return list(*options); });

    Command describe_command =
        group.subcommand("describe", "Members, and each partition's owner, offset and lag");
    describe_command.option("-g,--group,GROUP", options->group, "", "which").required();
    add_zookeeper(describe_command, options->connection);
    add_bootstrap(describe_command, options->connection,
                  "brokers; without it those that ZooKeeper lists");
    describe_command
        .option("--offsets", options->storage, "zookeeper|kafka",
                "where its offsets are stored (default: zookeeper)")
        .one_of({"zookeeper", "kafka"});
    describe_command.flag("--no-lag", options->no_lag, "do not ask the brokers where the log ends");
    add_format(describe_command, *options, "json: one object");
    add_properties(describe_command, options->connection);
    describe_command.notes(
        "Examples", {"kwire group describe clicks --zookeeper localhost:2181",
                     "kwire group describe clicks -z localhost:2181 --format json | jq .lag"});
    describe_command.runs([options] { return describe(*options); });

    Command watch_command = group.subcommand("watch", "The same as describe, again and again");
    watch_command.option("-g,--group,GROUP", options->group, "", "which").required();
    add_zookeeper(watch_command, options->connection);
    add_bootstrap(watch_command, options->connection, "brokers; without it those that ZooKeeper lists");
    watch_command
        .option("--offsets", options->storage, "zookeeper|kafka",
                "where its offsets are stored (default: zookeeper)")
        .one_of({"zookeeper", "kafka"});
    watch_command.option("--interval", options->interval, "TIME", "how often (default: 1s)");
    watch_command.option("-n,--rounds", options->rounds, "N", "end after N tables");
    watch_command.flag("--no-lag", options->no_lag, "do not ask the brokers where the log ends");
    add_format(watch_command, *options, "json: one object a round");
    add_properties(watch_command, options->connection);
    watch_command.notes("Examples", {"kwire group watch clicks --zookeeper localhost:2181"});
    watch_command.runs([options] { return watch(*options); });

    Command doctor_command = group.subcommand(
        "doctor", "Report what is wrong with a group; the exit code is 0 if nothing is");
    doctor_command.option("-g,--group,GROUP", options->group, "", "which").required();
    add_zookeeper(doctor_command, options->connection);
    add_bootstrap(doctor_command, options->connection, "brokers; without it those that ZooKeeper lists");
    doctor_command
        .option("--offsets", options->storage, "zookeeper|kafka",
                "where its offsets are stored (default: zookeeper)")
        .one_of({"zookeeper", "kafka"});
    add_properties(doctor_command, options->connection);
    doctor_command.notes(
        "What it finds",
        {"Partitions without an owner, registrations that cannot be read, claims of sessions that are gone,",
         "members that divide partitions by different rules, offsets outside the log, topics that do not exist."});
    doctor_command.notes("Examples", {"kwire group doctor clicks --zookeeper localhost:2181"});
    doctor_command.runs([options] { return doctor(*options); });
}

}  // namespace kwire::tools
