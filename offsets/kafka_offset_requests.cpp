#include "kafka_offset_requests.h"

#include <set>
#include <utility>

#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>

namespace kwire {

namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

// Version 0 of both means offsets in ZooKeeper. From 10 on topics are named by id, which a group
// that outlives a topic's deletion is not helped by.
constexpr std::int16_t version_min = 1;
constexpr std::int16_t version_max = 9;

CallOptions options(std::chrono::milliseconds timeout) {
    CallOptions options;
    options.timeout = timeout;
    options.version_min = version_min;
    options.version_max = version_max;
    return options;
}

/// What call returns; says in words what a broker is that speaks no version of it.
template <class Response>
Task<Response> of_a_keeper(Task<Response> call) {
    std::optional<Error> refused;
    try {
        Response answer = co_await std::move(call);
        co_return answer;
    } catch (const Error& error) {
        const bool no_version = error.condition() == errc::unsupported_version;
        if (!no_version || error.where().api_version >= 0) throw;
        refused = error;
    }
    throw Error(errc::unsupported_version,
                "this broker does not store offsets in Kafka (that takes 0.8.2 or later); use "
                "offsets.storage=zookeeper: " +
                    refused->reason(),
                refused->where());
}

using ByTopic = std::map<std::string, std::vector<std::int32_t>>;

ByTopic by_topic(const std::vector<TopicPartition>& partitions) {
    ByTopic topics;
    for (const TopicPartition& tp : partitions) topics[tp.topic].push_back(tp.partition);
    return topics;
}

template <class Topic>
std::vector<Topic> topics_of(const std::vector<TopicPartition>& partitions) {
    std::vector<Topic> topics;
    for (auto& [name, indexes] : by_topic(partitions)) {
        Topic& topic = topics.emplace_back();
        topic.name = name;
        topic.partition_indexes = indexes;
    }
    return topics;
}

OffsetFetchRequest fetch_request(const std::string& group,
                                 const std::optional<std::vector<TopicPartition>>& which,
                                 std::int16_t version) {
    OffsetFetchRequest request;
    if (version >= 8) {
        auto& asked = request.groups.emplace_back();
        asked.group_id = group;
        asked.topics.reset();
        if (which) asked.topics = topics_of<OffsetFetchRequest::GroupTopic>(*which);
        return request;
    }
    request.group_id = group;
    request.topics.reset();
    if (which) request.topics = topics_of<OffsetFetchRequest::Topic>(*which);
    return request;
}

void refuse_group(ErrorCode code, const std::string& group) {
    if (code == ErrorCode::none) return;
    throw Error(code, "the offsets of group '" + group + "' cannot be read",
                {.api = "OffsetFetch"});
}

template <class Topics>
void collect(const Topics& topics, std::map<TopicPartition, FetchedOffset>& into) {
    for (const auto& topic : topics) {
        for (const auto& partition : topic.partitions) {
            FetchedOffset& found = into[{topic.name, partition.partition_index}];
            found.next = partition.committed_offset;
            found.error = partition.error_code;
            // What the broker has no topic for it has no offset for.
            if (found.error == ErrorCode::unknown_topic_or_partition && found.next < 0) {
                found.error = ErrorCode::none;
            }
        }
    }
}

}  // namespace

CoordinatorAdvice advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::none:
            return CoordinatorAdvice::accept;
        case ErrorCode::coordinator_load_in_progress:
        case ErrorCode::request_timed_out:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append:
            return CoordinatorAdvice::wait;
        case ErrorCode::coordinator_not_available:
        case ErrorCode::not_coordinator:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available:
            return CoordinatorAdvice::look_again;
        default:
            return CoordinatorAdvice::give_up;
    }
}

CoordinatorAdvice advice(const Error& error) {
    switch (error.condition()) {
        case errc::timed_out:
        case errc::connection_lost:
        case errc::cannot_connect:
        case errc::cannot_resolve:
        case errc::broken_frame:
            return CoordinatorAdvice::look_again;
        case errc::broker_error:
            return advice(error.broker_code());
        default:
            return CoordinatorAdvice::give_up;
    }
}

Task<std::map<TopicPartition, FetchedOffset>> fetch_once(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which, std::chrono::milliseconds timeout) {
    const std::int32_t coordinator = co_await cluster->coordinator(group);
    std::int16_t version = -1;
    const auto make_request = [&group, &which, &version](std::int16_t chosen) {
        version = chosen;
        if (!which && version < 2) {
            throw Error(errc::unsupported_version,
                        "this broker cannot list the offsets of a group (0.10.2 and later can); "
                        "name the topics",
                        {.api = "OffsetFetch", .api_version = version});
        }
        return fetch_request(group, which, version);
    };
    const OffsetFetchResponse response =
        co_await of_a_keeper(cluster->call(coordinator, make_request, options(timeout)));
    std::map<TopicPartition, FetchedOffset> offsets;
    refuse_group(response.error_code, group);
    collect(response.topics, offsets);
    bool answered = version < 8;
    for (const auto& one : response.groups) {
        if (one.group_id != group) continue;
        answered = true;
        refuse_group(one.error_code, group);
        collect(one.topics, offsets);
    }
    if (!answered) {
        throw Error(errc::broken_frame, "the answer leaves out the group that was asked for",
                    {.api = "OffsetFetch", .api_version = version});
    }
    if (!which) co_return offsets;
    const std::set<TopicPartition> asked(which->begin(), which->end());
    std::erase_if(offsets, [&asked](const auto& entry) { return !asked.contains(entry.first); });
    for (const TopicPartition& tp : asked) {
        if (!offsets.contains(tp)) offsets[tp].left_out = true;
    }
    co_return offsets;
}

Task<std::map<TopicPartition, ErrorCode>> commit_once(std::shared_ptr<Cluster> cluster,
                                                      std::string group,
                                                      std::map<TopicPartition, std::int64_t> next,
                                                      std::chrono::milliseconds timeout) {
    const std::int32_t coordinator = co_await cluster->coordinator(group);
    OffsetCommitRequest request;
    request.group_id = std::move(group);
    for (const auto& [tp, offset] : next) {
        if (request.topics.empty() || request.topics.back().name != tp.topic) {
            request.topics.emplace_back().name = tp.topic;
        }
        auto& partition = request.topics.back().partitions.emplace_back();
        partition.partition_index = tp.partition;
        partition.committed_offset = offset;
    }
    const OffsetCommitResponse response =
        co_await of_a_keeper(cluster->call(coordinator, std::move(request), options(timeout)));
    std::map<TopicPartition, ErrorCode> codes;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            codes[{topic.name, partition.partition_index}] = partition.error_code;
        }
    }
    co_return codes;
}

}  // namespace kwire
