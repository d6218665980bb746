#include <kwire/net/admin.h>

#include <algorithm>
#include <utility>

#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/delete_topics.h>

namespace kwire {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

/// An answer that says nothing of the topic is not one that says that it was done.
template <class Answers>
void throw_unless_done(const Answers& answers, const std::string& action, const std::string& api,
                       const std::string& topic) {
    const auto answer =
        std::find_if(answers.begin(), answers.end(), [&topic](const auto& one) { return one.name == topic; });
    if (answer == answers.end()) {
        throw Error(errc::broken_frame,
                    "the controller's answer leaves out the topic; whether it did " + action + " it is not known",
                    {.api = api, .topic = topic});
    }
    if (answer->error_code == ErrorCode::none) return;
    std::string what = "the controller did not " + action + " the topic";
    if (answer->error_message && !answer->error_message->empty()) what += ": " + *answer->error_message;
    throw Error(answer->error_code, what, {.api = api, .topic = topic});
}

}  // namespace

Task<void> detail::created_topic(std::shared_ptr<Cluster> cluster, std::string topic, std::int32_t partitions,
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
        co_await cluster->call_controller(std::move(request), Cluster::CallOptions{}, use_task);
    throw_unless_done(response.topics, "create", "CreateTopics", topic);
}

Task<void> detail::deleted_topic(std::shared_ptr<Cluster> cluster, std::string topic) {
    DeleteTopicsRequest request;
    request.timeout_ms = static_cast<std::int32_t>(cluster->config().request_timeout.count());
    request.topic_names.push_back(topic);
    // Version 6 names the topic in another field, which 5 lacks, and brings nothing else.
    Cluster::CallOptions options;
    options.version_max = 5;
    const DeleteTopicsResponse response =
        co_await cluster->call_controller(std::move(request), options, use_task);
    throw_unless_done(response.responses, "delete", "DeleteTopics", topic);
}

}  // namespace kwire
