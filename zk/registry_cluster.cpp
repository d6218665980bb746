// The part of the registry that is about brokers and topics.
#include <algorithm>
#include <utility>

#include <kwire/zk/gather.h>
#include <kwire/zk/registry.h>

#include "node_json.h"
#include "node_operations.h"

namespace kwire::zk {

Task<std::vector<BrokerEndpoint>> Registry::brokers(Watch watch) {
    const std::vector<std::string> names =
        co_await list(session_, "/brokers/ids", std::move(watch));
    std::vector<std::string> paths;
    for (const std::string& each : names) paths.push_back("/brokers/ids/" + each);
    const std::vector<Reply<Node>> nodes = co_await read_all(session_, paths);
    std::vector<BrokerEndpoint> brokers;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (nodes[i].code == Code::no_auth) warn(paths[i], unreadable_node(nodes[i].code));
        if (!nodes[i].ok()) continue;
        const auto id = read_offset(names[i]);
        if (!id || *id > INT32_MAX) {
            warn(paths[i], "is not the id of a broker");
            continue;
        }
        Read<std::vector<BrokerEndpoint>> endpoints =
            read_broker(static_cast<std::int32_t>(*id), nodes[i].value.data);
        if (endpoints.value) {
            std::ranges::move(*endpoints.value, std::back_inserter(brokers));
        } else {
            warn(paths[i], endpoints.problem);
        }
    }
    std::ranges::stable_sort(brokers, {}, &BrokerEndpoint::id);
    co_return brokers;
}

Task<std::optional<std::int32_t>> Registry::controller() {
    const std::optional<Node> node = co_await read(session_, "/controller");
    if (!node) co_return std::nullopt;
    Read<std::int32_t> id = read_controller(node->data);
    if (!id.value) warn("/controller", id.problem);
    co_return id.value;
}

Task<std::vector<std::string>> Registry::topics(Watch watch) {
    std::vector<std::string> names = co_await list(session_, "/brokers/topics", std::move(watch));
    co_return names;
}

Task<std::optional<TopicAssignment>> Registry::topic(std::string topic, Watch watch) {
    require_path_part("the topic", topic);
    const std::string path = "/brokers/topics/" + topic;
    const std::optional<Node> node = co_await read(session_, path, std::move(watch));
    if (!node) co_return std::nullopt;
    Read<TopicAssignment> assignment = read_topic(node->data);
    if (!assignment.value) {
        warn(path, assignment.problem);
        throw Error(errc::bad_registration, "the ZooKeeper node " + path + " " + assignment.problem,
                    {.target = {}, .api = {}, .topic = topic});
    }
    co_return std::move(assignment.value);
}

Task<std::optional<PartitionState>> Registry::partition_state(std::string topic,
                                                              std::int32_t partition, Watch watch) {
    require_path_part("the topic", topic);
    const std::string path =
        "/brokers/topics/" + topic + "/partitions/" + std::to_string(partition) + "/state";
    const std::optional<Node> node = co_await read(session_, path, std::move(watch));
    if (!node) co_return std::nullopt;
    Read<PartitionState> state = read_partition_state(node->data);
    if (!state.value) warn(path, state.problem);
    co_return std::move(state.value);
}

Task<std::map<std::string, std::string>> Registry::topic_config(std::string topic) {
    require_path_part("the topic", topic);
    const std::string path = "/config/topics/" + topic;
    const std::optional<Node> node = co_await read(session_, path);
    if (!node) co_return std::map<std::string, std::string>();
    Read<std::map<std::string, std::string>> config = read_topic_config(node->data);
    if (!config.value) warn(path, config.problem);
    co_return std::move(config.value).value_or(std::map<std::string, std::string>());
}

bool Registry::valid_topic_name(std::string_view topic) {
    // The rule of Kafka's org.apache.kafka.common.internals.Topic.
    if (topic.empty() || topic.size() > 249 || topic == "." || topic == "..") return false;
    return std::ranges::all_of(topic, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

namespace {

/// Preferred leaders go round the brokers, beginning at one that depends on the topic, so that
/// topics of one partition do not all land on the first broker. Followers are the next ones,
/// shifted by one more each round, so that the load of a broker that fails is spread.
TopicAssignment spread(const std::string& topic, const std::vector<BrokerEndpoint>& brokers,
                       std::int32_t partitions, std::int32_t replication) {
    std::uint32_t first = 2166136261U;
    for (const char c : topic) first = (first ^ static_cast<unsigned char>(c)) * 16777619U;
    const std::size_t count = brokers.size();
    TopicAssignment assignment;
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
        const std::size_t turn = first % count + static_cast<std::size_t>(partition);
        const std::size_t shift = static_cast<std::size_t>(partition) / count;
        auto& replicas = assignment.replicas[partition];
        replicas.push_back(brokers[turn % count].id);
        for (std::int32_t r = 1; r < replication; ++r) {
            const std::size_t step = 1 + (shift + static_cast<std::size_t>(r) - 1) % (count - 1);
            replicas.push_back(brokers[(turn + step) % count].id);
        }
    }
    return assignment;
}

void check_new_topic(const std::string& topic, std::int32_t partitions, std::int32_t replication,
                     std::size_t brokers) {
    if (!Registry::valid_topic_name(topic)) {
        throw Error(errc::invalid_config,
                    "the topic name " + excerpt(topic) +
                        " is illegal: 1 to 249 of a-z, A-Z, 0-9, `.`, `_` and `-`, and neither `.` "
                        "nor `..`");
    }
    if (partitions < 1 || replication < 1) {
        throw Error(errc::invalid_config, "partitions and replication of topic " + topic +
                                              " must be 1 or more; asked for " +
                                              std::to_string(partitions) + " and " +
                                              std::to_string(replication));
    }
    if (static_cast<std::size_t>(replication) > brokers) {
        throw Error(errc::invalid_config,
                    "topic " + topic + " cannot have " + std::to_string(replication) +
                        " replicas: " + std::to_string(brokers) + " brokers are registered");
    }
}

}  // namespace

Task<void> Registry::create_topic(std::string topic, std::int32_t partitions,
                                  std::int32_t replication,
                                  std::map<std::string, std::string> config) {
    // Listed by id, not by endpoint: a broker without a listener for us can hold replicas all the
    // same.
    const std::vector<std::string> ids = co_await list(session_, "/brokers/ids");
    std::vector<BrokerEndpoint> brokers;
    for (const std::string& id : ids) {
        const auto number = read_offset(id);
        if (number && *number <= INT32_MAX) {
            brokers.push_back({static_cast<std::int32_t>(*number), {}, {}});
        }
    }
    std::ranges::sort(brokers, {}, &BrokerEndpoint::id);
    check_new_topic(topic, partitions, replication, brokers.size());
    const std::string path = "/brokers/topics/" + topic;
    const std::optional<Node> existing = co_await read(session_, path);
    if (existing) throw Error(errc::zookeeper_error, "topic " + topic + " exists already");
    // The configuration first: the controller reads it the moment the assignment appears.
    const std::string config_path = "/config/topics/" + topic;
    const Outcome configured = co_await write_node(session_, config_path, write_topic_config(config));
    throw_unless_ok(configured, "writing");
    const Outcome parent = co_await make_path(session_, "/brokers/topics");
    throw_unless_ok(parent, "creating");
    const std::string data = write_topic(spread(topic, brokers, partitions, replication));
    const Reply<std::string> made = co_await session_->create(path, data, persistent_mode(path));
    if (made.code == Code::node_exists) {
        throw Error(errc::zookeeper_error, "topic " + topic + " exists already");
    }
    throw_unless_ok(made.outcome(), "creating");
}

Task<void> Registry::delete_topic(std::string topic) {
    require_path_part("the topic", topic);
    const std::optional<Node> existing = co_await read(session_, "/brokers/topics/" + topic);
    if (!existing) {
        throw Error(errc::unknown_topic, "there is no topic " + topic + " to delete",
                    {.target = {}, .api = {}, .topic = topic});
    }
    const std::string path = "/admin/delete_topics/" + topic;
    const Outcome made = co_await make_path(session_, path);
    throw_unless_ok(made, "creating");
}

}  // namespace kwire::zk
