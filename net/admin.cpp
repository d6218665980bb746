#include <kwire/net/admin.h>

#include <utility>

#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/delete_topics.h>

namespace kwire {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

void throw_unless_done(ErrorCode code, const std::optional<std::string>& reason, const std::string& action,
                       const std::string& api, const std::string& topic) {
    if (code == ErrorCode::none) return;
    std::string what = "the controller did not " + action + " the topic";
    if (reason && !reason->empty()) what += ": " + *reason;
    throw Error(code, what, {.api = api, .topic = topic});
}

}  // namespace

Task<void> create_topic(std::shared_ptr<Cluster> cluster, std::string topic, std::int32_t partitions,
                        std::int16_t replication, std::map<std::string, std::string> configs) {
    CreateTopicsRequest request;
    request.timeout_ms = static_cast<std::int32_t>(cluster->config().request_timeout.count());
    CreateTopicsRequest::Topic wanted;
    wanted.name = topic;
    wanted.num_partitions = partitions;
    wanted.replication_factor = replication;
    for (auto& [name, value] : configs) {
        CreateTopicsRequest::Config config;
        config.name = name;
        config.value = value;
        wanted.configs.push_back(std::move(config));
    }
    request.topics.push_back(std::move(wanted));
    const CreateTopicsResponse response =
        co_await cluster->call_controller(std::move(request), Cluster::CallOptions{});
    for (const auto& answer : response.topics) {
        throw_unless_done(answer.error_code, answer.error_message, "create", "CreateTopics", topic);
    }
}

Task<void> delete_topic(std::shared_ptr<Cluster> cluster, std::string topic) {
    DeleteTopicsRequest request;
    request.timeout_ms = static_cast<std::int32_t>(cluster->config().request_timeout.count());
    request.topic_names.push_back(topic);
    // Version 6 names the topic in another field, which 5 lacks, and brings nothing else.
    Cluster::CallOptions options;
    options.version_max = 5;
    const DeleteTopicsResponse response =
        co_await cluster->call_controller(std::move(request), options);
    for (const auto& answer : response.responses) {
        throw_unless_done(answer.error_code, answer.error_message, "delete", "DeleteTopics", topic);
    }
}

}  // namespace kwire
