// Removing what a group has stored in Kafka.
#include <algorithm>
#include <set>
#include <utility>

#include <kwire/net/backoff.h>
#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/protocol/delete_groups.h>
#include <kwire/protocol/offset_delete.h>

#include "stores/kafka_requests.h"

namespace kwire {
namespace {

using protocol::DeleteGroupsRequest;
using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;
using ClusterPtr = std::shared_ptr<Cluster>;

Error group_error(ErrorCode code, const std::string& group, const std::string& api) {
    const std::string why = code == ErrorCode::non_empty_group || code == ErrorCode::group_subscribed_to_topic
                                ? "it has members that the broker manages; stop them first"
                                : "the coordinator refuses";
    return {code, "the offsets of group '" + group + "' were not removed: " + why, {.api = api}};
}

Task<void> delete_group_once(ClusterPtr cluster, std::string group) {
    const std::int32_t coordinator = co_await cluster->coordinator(group);
    DeleteGroupsRequest request;
    request.groups_names.push_back(group);
    const auto response = co_await cluster->call(coordinator, std::move(request), CallOptions{});
    const auto found = std::find_if(response.results.begin(), response.results.end(),
                                    [&group](const auto& result) { return result.group_id == group; });
    if (found == response.results.end()) {
        throw Error(errc::broken_frame, "the answer leaves out the group that was to be deleted", {.api = "DeleteGroups"});
    }
    const bool gone = found->error_code == ErrorCode::none || found->error_code == ErrorCode::group_id_not_found;
    if (!gone) throw group_error(found->error_code, group, "DeleteGroups");
}

OffsetDeleteRequest request_for(const std::string& group, const std::set<TopicPartition>& which) {
    OffsetDeleteRequest request;
    request.group_id = group;
    for (const TopicPartition& tp : which) {
        if (request.topics.empty() || request.topics.back().name != tp.topic) {
            request.topics.emplace_back().name = tp.topic;
        }
        request.topics.back().partitions.emplace_back().partition_index = tp.partition;
    }
    return request;
}

std::map<TopicPartition, Error> failures_in(const OffsetDeleteResponse& response, const std::set<TopicPartition>& asked) {
    std::map<TopicPartition, ErrorCode> codes;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) codes[{topic.name, partition.partition_index}] = partition.error_code;
    }
    std::map<TopicPartition, Error> failures;
    for (const TopicPartition& tp : asked) {
        const ErrorWhere where{.api = "OffsetDelete", .topic = tp.topic, .partition = tp.partition};
        const auto found = codes.find(tp);
        if (found == codes.end()) {
            failures.emplace(tp, Error(errc::broken_frame, "the answer leaves out this partition, though it was asked for", where));
        } else if (found->second == ErrorCode::group_subscribed_to_topic) {
            failures.emplace(tp, Error(found->second, "members of the group subscribe to the topic; stop them first", where));
        } else if (found->second != ErrorCode::none && found->second != ErrorCode::unknown_topic_or_partition) {
            failures.emplace(tp, Error(found->second, "the offset was not removed", where));
        }
    }
    return failures;
}

Task<std::map<TopicPartition, Error>> delete_once(ClusterPtr cluster, std::string group, std::set<TopicPartition> which) {
    const std::int32_t coordinator = co_await cluster->coordinator(group);
    OffsetDeleteRequest request = request_for(group, which);
    const auto response = co_await cluster->call(coordinator, std::move(request), CallOptions{});
    if (response.error_code == ErrorCode::group_id_not_found) co_return std::map<TopicPartition, Error>();
    if (response.error_code != ErrorCode::none) throw group_error(response.error_code, group, "OffsetDelete");
    co_return failures_in(response, which);
}

/// What to do after a failure: throws it where asking again is of no use, or no time is left.
void forget_or_throw(const ClusterPtr& cluster, const std::string& group, const Error& failure, TimePoint deadline,
                     const char* too_old) {
    if (failure.condition() == errc::unsupported_version) {
        throw Error(errc::unsupported_version, too_old, failure.where());
    }
    const CoordinatorAdvice what = advice(failure);
    if (what == CoordinatorAdvice::give_up || cluster->runtime()->now() >= deadline) throw Error(failure);
    if (what == CoordinatorAdvice::look_again) cluster->forget_coordinator(group);
}

}  // namespace

Task<void> delete_offsets(ClusterPtr cluster, std::string group) {
    const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
    Timer timer(*cluster->runtime());
    for (Backoff backoff;;) {
        std::optional<Error> failure;
        try {
            co_await delete_group_once(cluster, group);
        } catch (const Error& error) {
            failure = error;
        }
        if (!failure) co_return;
        forget_or_throw(cluster, group, *failure, deadline,
                        "this broker cannot remove a group's offsets (DeleteGroups came with Kafka 1.1)");
        co_await timer.wait_for(backoff.next());
    }
}

Task<std::map<TopicPartition, Error>> delete_offsets(ClusterPtr cluster, std::string group,
                                                     std::vector<TopicPartition> which) {
    const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
    const std::set<TopicPartition> asked(which.begin(), which.end());
    std::map<TopicPartition, Error> failures;
    Timer timer(*cluster->runtime());
    for (Backoff backoff; !asked.empty();) {
        std::optional<Error> failure;
        try {
            failures = co_await delete_once(cluster, group, asked);
        } catch (const Error& error) {
            failure = error;
        }
        if (!failure) break;
        forget_or_throw(cluster, group, *failure, deadline,
                        "this broker cannot remove offsets of single topics (OffsetDelete came with Kafka 2.4)");
        co_await timer.wait_for(backoff.next());
    }
    co_return failures;
}

}  // namespace kwire
