#include "stores/kafka_requests.h"

#include <algorithm>
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

/// Counted when the call begins, for to look up the coordinator takes time.
CallOptions options(const Cluster& cluster, TimePoint deadline) {
    CallOptions options;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - cluster.runtime()->now());
    options.timeout = std::clamp(left, std::chrono::milliseconds(1), cluster.config().request_timeout);
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

/// Refuses an answer with parts that nobody asked for, or with two of one partition: which of them is true nobody knows.
class Parts {
 public:
    /// asked null: everything was asked for.
    Parts(const char* api, const std::set<TopicPartition>* asked) : api_(api), asked_(asked) {}

    void take(const TopicPartition& tp) {
        const bool twice = !seen_.insert(tp).second;
        const bool foreign = asked_ != nullptr && !asked_->contains(tp);
        if (!twice && !foreign) return;
        throw Error(errc::bad_answer,
                    twice ? "the answer names this partition twice"
                          : "the answer names this partition, which was not asked for",
                    {.api = api_, .topic = tp.topic, .partition = tp.partition});
    }

 private:
    const char* api_;
    const std::set<TopicPartition>* asked_;
    std::set<TopicPartition> seen_;
};

template <class Topics>
void collect(const Topics& topics, Parts& parts, std::map<TopicPartition, FetchedOffset>& into) {
    for (const auto& topic : topics) {
        for (const auto& partition : topic.partitions) {
            const TopicPartition tp{topic.name, partition.partition_index};
            parts.take(tp);
            FetchedOffset& found = into[tp];
            found.next = partition.committed_offset;
            found.leader_epoch = partition.committed_leader_epoch;
            found.error = partition.error_code;
        }
    }
}

void collect(const OffsetFetchResponse& response, std::int16_t version, const std::string& group, Parts& parts,
             std::map<TopicPartition, FetchedOffset>& into) {
    if (version < 8) {
        refuse_group(response.error_code, group);
        return collect(response.topics, parts, into);
    }
    bool answered = false;
    for (const auto& one : response.groups) {
        if (one.group_id != group || std::exchange(answered, true)) {
            throw Error(errc::bad_answer, "the answer names the group '" + one.group_id + "', which was not asked for, or twice",
                        {.api = "OffsetFetch", .api_version = version});
        }
        refuse_group(one.error_code, group);
        collect(one.topics, parts, into);
    }
    if (answered) return;
    throw Error(errc::bad_answer, "the answer leaves out the group that was asked for",
                {.api = "OffsetFetch", .api_version = version});
}

OffsetCommitRequest commit_request(const std::string& group, const std::vector<OffsetStore::Write>& writes,
                                   const CommitIdentity& identity, std::int16_t version) {
    OffsetCommitRequest request;
    request.group_id = group;
    if (identity.generation_or_epoch >= 0) {  // else a simple commit: the broker does not know the member
        request.generation_id_or_member_epoch = identity.generation_or_epoch;
        request.member_id = identity.member;
        if (version >= 7 && !identity.instance.empty()) request.group_instance_id = identity.instance;
    }
    for (const OffsetStore::Write& write : writes) {
        if (!write.may_begin()) continue;
        if (request.topics.empty() || request.topics.back().name != write.tp.topic) {
            request.topics.emplace_back().name = write.tp.topic;
        }
        auto& partition = request.topics.back().partitions.emplace_back();
        partition.partition_index = write.tp.partition;
        partition.committed_offset = write.next;
        partition.committed_leader_epoch = write.leader_epoch;
    }
    if (!request.topics.empty()) return request;
    throw Error(*OffsetStore::not_begun(writes.front()).error);
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
        // None of these means that there is no offset: a transaction is about to commit another one; the epoch is old;
        // a broker that was just started does not know the topic yet.
        case ErrorCode::unstable_offset_commit:
        case ErrorCode::stale_member_epoch:
        case ErrorCode::unknown_topic_or_partition:
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
        case errc::bad_answer:
            return CoordinatorAdvice::wait;
        case errc::broker_error:
            return advice(error.broker_code());
        default:
            return CoordinatorAdvice::give_up;
    }
}

Task<std::map<TopicPartition, FetchedOffset>> fetch_once(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which, TimePoint deadline) {
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
        co_await of_a_keeper(cluster->call(coordinator, make_request, options(*cluster, deadline)));
    std::set<TopicPartition> asked;
    if (which) asked.insert(which->begin(), which->end());
    Parts parts("OffsetFetch", which ? &asked : nullptr);
    std::map<TopicPartition, FetchedOffset> offsets;
    collect(response, version, group, parts, offsets);
    for (const TopicPartition& tp : asked) {
        if (!offsets.contains(tp)) offsets[tp].left_out = true;
    }
    co_return offsets;
}

Task<std::map<TopicPartition, ErrorCode>> commit_once(std::shared_ptr<Cluster> cluster, std::string group,
                                                      std::vector<OffsetStore::Write> writes, CommitIdentity identity,
                                                      TimePoint deadline) {
    const std::int32_t coordinator = co_await cluster->coordinator(group);
    std::set<TopicPartition> asked;
    // Made at the moment the request is sent: to find the coordinator and to connect to it took time.
    const auto make_request = [&group, &writes, &identity, &asked](std::int16_t version) {
        OffsetCommitRequest request = commit_request(group, writes, identity, version);
        for (const auto& topic : request.topics) {
            for (const auto& partition : topic.partitions) asked.insert({topic.name, partition.partition_index});
        }
        return request;
    };
    const OffsetCommitResponse response =
        co_await of_a_keeper(cluster->call(coordinator, make_request, options(*cluster, deadline)));
    Parts parts("OffsetCommit", &asked);
    std::map<TopicPartition, ErrorCode> codes;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            const TopicPartition tp{topic.name, partition.partition_index};
            parts.take(tp);
            codes[tp] = partition.error_code;
        }
    }
    co_return codes;
}

}  // namespace kwire
