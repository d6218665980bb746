// Reading and setting what a group has stored in Kafka, and forgetting it.
#include <algorithm>
#include <set>
#include <utility>

#include <kwire/net/backoff.h>
#include <kwire/net/consumer.h>
#include <kwire/offsets/kafka_offset_store.h>

#include "stores/kafka_tries.h"

namespace kwire {
namespace {

using Offsets = std::map<TopicPartition, std::int64_t>;
using ClusterPtr = std::shared_ptr<Cluster>;
using Partitions = std::vector<TopicPartition>;

TimePoint deadline_of(const Cluster& cluster) { return later(cluster.runtime()->now(), cluster.config().request_timeout); }

/// Why each of them was not stored. Asks again until the deadline.
Task<std::map<TopicPartition, Error>> commit_until(ClusterPtr cluster, std::string group, Offsets next, TimePoint deadline) {
    std::map<TopicPartition, Error> failures;
    Timer timer(*cluster->runtime());
    CommitIdentity nobody;
    for (Backoff backoff; !next.empty();) {
        std::vector<OffsetStore::Write> writes;
        for (const auto& [tp, offset] : next) writes.push_back({.tp = tp, .next = offset});
        const auto outcomes = co_await try_commit(cluster, group, std::move(writes), nobody, deadline);
        const bool over = cluster->runtime()->now() >= deadline;
        for (const auto& [tp, outcome] : outcomes) {
            if (outcome.error && outcome.try_again && !over) continue;
            if (outcome.error) failures.emplace(tp, *outcome.error);
            next.erase(tp);
        }
        if (!next.empty()) co_await timer.wait_until(std::min(later(cluster->runtime()->now(), backoff.next()), deadline));
    }
    co_return failures;
}

/// What cannot be removed is set to where reading is to begin.
Task<void> overwrite(ClusterPtr cluster, std::string group, Partitions stored, bool newest) {
    std::vector<OffsetQuery> queries;
    for (const TopicPartition& tp : stored) queries.push_back({tp, newest ? -1 : -2});
    const auto answers = co_await list_offsets(cluster, std::move(queries));
    Offsets beginnings;
    for (const auto& answer : answers) beginnings[answer.tp] = answer.offset;
    co_await store_offsets(cluster, std::move(group), std::move(beginnings));
}

Task<Partitions> stored_partitions(ClusterPtr cluster, std::string group, std::function<bool(const std::string&)> reads) {
    Partitions which;
    const auto view = co_await cluster->refresh({});
    for (const auto& [topic, known] : view->topics) {
        if (reads && !reads(topic)) continue;
        for (const auto& [partition, state] : known.partitions) which.push_back({topic, partition});
    }
    const Offsets stored = co_await fetch_offsets(cluster, std::move(group), std::move(which));
    Partitions partitions;
    for (const auto& [tp, next] : stored) partitions.push_back(tp);
    co_return partitions;
}

/// The broker is too old for the request, or refuses it: another one may do.
bool is_refusal(const Error& error) {
    return error.condition() == errc::unsupported_version || error.condition() == errc::broker_error;
}

Task<bool> group_deleted(ClusterPtr cluster, std::string group) {
    try {
        co_await delete_offsets(cluster, group);
        co_return true;
    } catch (const Error& error) {
        // An old broker, no right to delete groups, or members that it coordinates: one by one may work.
        if (!is_refusal(error)) throw;
    }
    co_return false;
}

/// Those that could not be removed.
Task<Partitions> remaining(ClusterPtr cluster, std::string group, Partitions stored) {
    Partitions left;
    try {
        const auto failures = co_await delete_offsets(cluster, group, stored);
        for (const auto& [tp, error] : failures) left.push_back(tp);
    } catch (const Error& error) {
        if (!is_refusal(error)) throw;
        left = stored;
    }
    co_return left;
}

}  // namespace

Task<std::map<TopicPartition, KafkaOffset>> read_offsets(ClusterPtr cluster, std::string group,
                                                         std::optional<Partitions> which) {
    const TimePoint deadline = deadline_of(*cluster);
    Timer timer(*cluster->runtime());
    FetchTry result;
    for (Backoff backoff;;) {
        result = co_await try_fetch(cluster, group, which, deadline);
        if (!result.try_again || cluster->runtime()->now() >= deadline) break;
        co_await timer.wait_until(std::min(later(cluster->runtime()->now(), backoff.next()), deadline));
    }
    if (result.error) throw Error(*result.error);
    std::map<TopicPartition, KafkaOffset> offsets;
    for (const auto& [tp, found] : result.offsets) offsets[tp] = {found.stored.next, found.stored.leader_epoch, found.error};
    co_return offsets;
}

Task<Offsets> fetch_offsets(ClusterPtr cluster, std::string group, std::optional<Partitions> which) {
    const auto read = co_await read_offsets(std::move(cluster), std::move(group), std::move(which));
    Offsets offsets;
    for (const auto& [tp, found] : read) {
        if (found.problem) throw Error(*found.problem);
        if (found.next >= 0) offsets[tp] = found.next;
    }
    co_return offsets;
}

Task<void> store_offsets(ClusterPtr cluster, std::string group, Offsets next) {
    const TimePoint deadline = deadline_of(*cluster);
    const auto failures = co_await commit_until(std::move(cluster), std::move(group), std::move(next), deadline);
    if (!failures.empty()) throw Error(failures.begin()->second);
}

Task<void> reset_offsets(ClusterPtr cluster, std::string group, OffsetReset reset) {
    const bool deleted = co_await group_deleted(cluster, group);
    if (deleted) co_return;
    Partitions stored = co_await stored_partitions(cluster, group, reset.reads);
    if (stored.empty()) co_return;
    Partitions left = co_await remaining(cluster, group, std::move(stored));
    if (!left.empty()) co_await overwrite(cluster, group, std::move(left), reset.newest);
}

}  // namespace kwire
