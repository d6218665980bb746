// kwire topics: what topics there are, asked of the brokers or of ZooKeeper.
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include <kwire/net/admin.h>
#include <kwire/net/error.h>
#include <kwire/net/topic_error.h>

#include "connection.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"
#include "table.h"

namespace kwire::tools {
namespace {

struct TopicsOptions {
    ConnectionOptions connection;
    std::vector<std::string> topics;
    std::string format = "text";
    std::int32_t partitions = 1;
    std::int32_t replication = 1;
    std::vector<std::string> config;
};

struct Topic {
    std::map<std::int32_t, PartitionView> partitions;
    bool internal = false;
    std::map<std::string, std::string> config;  ///< Only ZooKeeper is asked for it.
};

using Topics = std::map<std::string, Topic>;

/// What was asked for: the topics that could be read, and why the others could not.
struct Found {
    Topics topics;
    std::map<std::string, std::string> missing;
};

Found topics_of_brokers(Connections& connections, const std::vector<std::string>& names) {
    const auto view = connections.wait(connections.cluster()->refresh(names));
    Found found;
    for (const auto& [name, topic] : view->topics) {
        found.topics[name] = {topic.partitions, topic.internal, {}};
    }
    for (const auto& [name, code] : view->topic_errors) found.missing[name] = topic_error_in_words(code);
    for (const std::string& name : names) {
        if (!found.topics.contains(name)) found.missing[name] = why_missing(*view, name);
    }
    for (const auto& [name, fault] : view->topic_faults) found.missing[name] = fault;
    return found;
}

Topic topic_of_zookeeper(Connections& connections, const std::string& name,
                         const zk::TopicAssignment& assignment) {
    Topic topic;
    topic.internal = name.starts_with("__");
    topic.config = connections.wait(connections.registry().topic_config(name));
    for (const auto& [partition, replicas] : assignment.replicas) {
        PartitionView& view = topic.partitions[partition];
        view.replicas = replicas;
        const auto state =
            connections.wait(connections.registry().partition_state(name, partition));
        if (!state) continue;
        view.leader = state->leader;
        view.leader_epoch = state->leader_epoch;
        view.isr = state->isr;
    }
    return topic;
}

/// A node that cannot be read costs its own topic alone.
Found topics_of_zookeeper(Connections& connections, std::vector<std::string> names) {
    if (names.empty()) names = connections.wait(connections.registry().topics());
    Found found;
    for (const std::string& name : names) {
        try {
            const auto assignment = connections.wait(connections.registry().topic(name));
            if (assignment) {
                found.topics[name] = topic_of_zookeeper(connections, name, *assignment);
            } else {
                found.missing[name] = "the topic does not exist";
            }
        } catch (const Error& error) {
            const auto condition = error.condition();
            if (condition != errc::bad_registration && condition != errc::zookeeper_error) throw;
            found.missing[name] = error.reason();
            connections.registry().take_warnings();  // the same
        }
        std::string unread;
        for (const auto& warning : connections.registry().take_warnings()) {
            unread += (unread.empty() ? "" : "; ") + ("the ZooKeeper node " + warning.path + " " + warning.what);
        }
        if (!unread.empty()) found.missing[name] = unread;
    }
    return found;
}

/// What is asked for; what could not be read is reported. False if there was any.
bool read_topics(Connections& connections, const std::vector<std::string>& names, Topics& topics) {
    Found found = connections.has_bootstrap() ? topics_of_brokers(connections, names)
                                              : topics_of_zookeeper(connections, names);
    for (const auto& [name, why] : found.missing) report("topic `" + name + "`: " + why);
    topics = std::move(found.topics);
    return found.missing.empty();
}

std::string join(const std::vector<std::int32_t>& ids) {
    std::string all;
    for (const auto id : ids) all += (all.empty() ? "" : ",") + std::to_string(id);
    return all.empty() ? "-" : all;
}

void append_json(std::string& out, const Topics& topics) {
    for (const auto& [name, topic] : topics) {
        nlohmann::ordered_json line;
        line["topic"] = name;
        line["internal"] = topic.internal;
        auto& partitions = line["partitions"] = nlohmann::ordered_json::array();
        for (const auto& [partition, view] : topic.partitions) {
            partitions.push_back({{"partition", partition},
                                  {"leader", view.leader},
                                  {"replicas", view.replicas},
                                  {"isr", view.isr}});
        }
        if (!topic.config.empty()) line["config"] = topic.config;
        out += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
}

void append_table(std::string& out, const Topics& topics) {
    Table table({"TOPIC", "PARTITION", "LEADER", "REPLICAS", "ISR"});
    for (const auto& [name, topic] : topics) {
        for (const auto& [partition, view] : topic.partitions) {
            table.row({name, std::to_string(partition),
                       view.leader < 0 ? "none" : std::to_string(view.leader), join(view.replicas),
                       join(view.isr)});
        }
    }
    table.append_to(out);
}

Connections connect(const TopicsOptions& options) {
    require_bootstrap_or_zookeeper(options.connection);
    return Connections(client_config(options.connection, scopes_of_tools));
}

int list(const TopicsOptions& options) {
    Connections connections = connect(options);
    Output output(1);
    if (options.format == "text" && !connections.has_bootstrap()) {  // saves reading every topic
        for (const auto& name : connections.wait(connections.registry().topics())) {
            output.line(name);
        }
        return finish(output);
    }
    Topics topics;
    const bool all = read_topics(connections, {}, topics);
    if (options.format == "json") {
        append_json(output.buffer(), topics);
    } else {
        for (const auto& [name, topic] : topics) output.line(name);
    }
    const int code = finish(output);
    return all ? code : exit_failure;
}

int describe(const TopicsOptions& options) {
    Connections connections = connect(options);
    Topics topics;
    const bool found = read_topics(connections, options.topics, topics);
    Output output(1);
    if (options.format == "json") {
        append_json(output.buffer(), topics);
    } else if (!topics.empty() || options.topics.empty()) {
        append_table(output.buffer(), topics);
    }
    const int code = finish(output);
    return found ? code : exit_failure;
}

std::map<std::string, std::string> topic_config(const std::vector<std::string>& texts) {
    std::map<std::string, std::string> config;
    for (const std::string& text : texts) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw UsageError("--config " + text + ": give key=value, such as retention.ms=60000");
        }
        config[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return config;
}

/// The controller acts on a new node in its own time; a topic is of use once its partitions have
/// leaders.
void await_leaders(Connections& connections, const std::string& name, std::int32_t partitions) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (std::int32_t partition = 0; partition < partitions;) {
        const auto state =
            connections.wait(connections.registry().partition_state(name, partition));
        if (state && state->leader >= 0) {
            ++partition;
            continue;
        }
        if (std::chrono::steady_clock::now() > deadline) {
            throw Error(errc::timed_out,
                        "the topic is registered in ZooKeeper, but after 30 s partition " +
                            std::to_string(partition) + " has no leader; is a controller running?");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

void create_one(Connections& connections, const TopicsOptions& options, const std::string& name) {
    const auto config = topic_config(options.config);
    if (connections.has_bootstrap()) {
        connections.wait(create_topic(connections.cluster(), name, options.partitions,
                                      static_cast<std::int16_t>(options.replication), config));
        return;
    }
    connections.wait(
        connections.registry().create_topic(name, options.partitions, options.replication, config));
    await_leaders(connections, name, options.partitions);
}

void delete_one(Connections& connections, const std::string& name) {
    if (connections.has_bootstrap()) {
        connections.wait(delete_topic(connections.cluster(), name));
    } else {
        connections.wait(connections.registry().delete_topic(name));
    }
}

/// Does one thing to each topic; a failure is reported, and the others are done all the same.
template <class Action>
int for_each_topic(const TopicsOptions& options, const std::string& done, Action action) {
    if (options.topics.empty()) throw UsageError("name at least one topic");
    Connections connections = connect(options);
    int code = exit_ok;
    for (const std::string& name : options.topics) {
        try {
            action(connections, name);
            report(done + " `" + name + "`");
        } catch (const Error& error) {
            code = exit_failure;
            std::string hint;
            if (error.condition() == errc::unsupported_version) {
                hint = "; this broker is too old to be asked, use --zookeeper";
            }
            report("`" + name + "`: " + error.what() + hint);
        }
    }
    return code;
}

int create(const TopicsOptions& options) {
    if (options.partitions < 1) throw UsageError("--partitions must be 1 or more");
    if (options.replication < 1 || options.replication > INT16_MAX) {
        throw UsageError("--replication-factor must be 1 to 32767");
    }
    return for_each_topic(options, "created",
                          [&options](Connections& connections, const std::string& name) {
                              create_one(connections, options, name);
                          });
}

int remove(const TopicsOptions& options) {
    return for_each_topic(options, "deleted", delete_one);
}

void add_connection(Command command, TopicsOptions& options) {
    add_bootstrap(command, options.connection, "ask the brokers; create and delete: from 0.10.1");
    add_zookeeper(command, options.connection);
    add_properties(command, options.connection);
}

void add_format(Command command, TopicsOptions& options) {
    command.option("-f,--format", options.format, "text|json", "json: one object a topic")
        .one_of({"text", "json"});
}

}  // namespace

void add_topics(Command root) {
    const auto options = std::make_shared<TopicsOptions>();
    Command topics = root.subcommand("topics", "List, describe, create and delete topics");
    topics.needs_subcommand();
    topics.notes("Examples",
                 {"kwire topics list --bootstrap localhost:9092",
                  "kwire topics describe page-views --zookeeper zk1,zk2/kafka --format json",
                  "kwire topics create page-views --partitions 8 -b localhost:9092",
                  "kwire topics delete page-views -b localhost:9092"});

    Command list_command = topics.subcommand("list", "The names of all topics");
    add_connection(list_command, *options);
    add_format(list_command, *options);
    list_command.notes("Examples", {"kwire topics list --bootstrap localhost:9092"});
    list_command.runs([options] { return list(*options); });

    Command describe_command =
        topics.subcommand("describe", "Partitions, leaders and replicas of all topics, or of some");
    describe_command.option("-t,--topic,TOPIC", options->topics, "", "which");
    add_connection(describe_command, *options);
    add_format(describe_command, *options);
    describe_command.notes("Examples", {"kwire topics describe a b --bootstrap localhost:9092"});
    describe_command.runs([options] { return describe(*options); });

    Command create_command = topics.subcommand("create", "Create topics");
    create_command.option("-t,--topic,TOPIC", options->topics, "", "what to create");
    create_command.option("-p,--partitions", options->partitions, "N", "of each (default: 1)");
    create_command.option("-r,--replication-factor", options->replication, "N",
                          "on how many brokers each partition is kept (default: 1)");
    create_command.option("-c,--config", options->config, "KEY=VALUE",
                          "a setting of the topic, such as retention.ms=60000; several times");
    add_connection(create_command, *options);
    create_command.notes(
        "Examples", {"kwire topics create a --partitions 8 --bootstrap localhost:9092",
                     "kwire topics create b -r 3 -c cleanup.policy=compact -z zk1:2181/kafka"});
    create_command.runs([options] { return create(*options); });

    Command delete_command = topics.subcommand("delete", "Delete topics and all that is in them");
    delete_command.option("-t,--topic,TOPIC", options->topics, "", "what to delete");
    add_connection(delete_command, *options);
    delete_command.notes("Examples", {"kwire topics delete a b --bootstrap localhost:9092"});
    delete_command.runs([options] { return remove(*options); });
}

}  // namespace kwire::tools
