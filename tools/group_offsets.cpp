#include "group_offsets.h"

#include <algorithm>

#include <kwire/net/consumer.h>
#include <kwire/net/error.h>
#include <kwire/net/topic_error.h>
#include <kwire/offsets/kafka_offset_store.h>

#include "report.h"

namespace kwire::tools {
namespace {

bool wanted(const std::vector<std::string>& topics, const TopicPartition& tp) {
    return topics.empty() || std::find(topics.begin(), topics.end(), tp.topic) != topics.end();
}

OffsetTable stored_in_zookeeper(Connections& connections, const std::string& group) {
    OffsetTable offsets;
    for (const auto& [tp, stored] : connections.wait(connections.registry().offsets(group))) {
        LookedUp& found = offsets[tp];
        if (stored.next >= 0) found.offset = stored.next;
        if (!stored.problem.empty()) found.problem = "the node of the stored offset " + stored.problem;
    }
    return offsets;
}

OffsetTable stored_in_kafka(Connections& connections, const std::string& group,
                            const std::vector<std::string>& topics) {
    std::optional<std::vector<TopicPartition>> which;
    if (!topics.empty()) {
        std::map<std::string, std::string> missing;  // reported with the log ends
        const auto partitions = partitions_of(connections, topics, missing);
        if (partitions.empty()) return {};
        which.emplace(partitions.begin(), partitions.end());
    }
    std::map<TopicPartition, KafkaOffset> read;
    try {
        read = connections.wait(read_offsets(connections.cluster(), group, which));
    } catch (const Error& error) {
        if (which || error.condition() != errc::unsupported_version) throw;
        throw Error(errc::unsupported_version,
                    "this broker is too old to list what a group has stored; name topics with "
                    "--topic");
    }
    OffsetTable offsets;
    for (const auto& [tp, found] : read) {
        if (found.problem) {
            offsets[tp].problem = found.problem->what();
        } else if (found.next >= 0) {
            offsets[tp].offset = found.next;
        }
    }
    return offsets;
}

void take(OffsetTable& offsets, const std::vector<OffsetAnswer>& answers, std::int64_t timestamp_ms) {
    for (const OffsetAnswer& answer : answers) {
        LookedUp& found = offsets[answer.tp];
        if (answer.error) {
            found.problem = answer.error->what();
        } else if (answer.offset >= 0) {
            found.offset = answer.offset;
        } else if (timestamp_ms < 0) {
            found.problem = "its leader answers with the offset " + std::to_string(answer.offset);
        }
    }
}

/// Why tp cannot be asked for; no problem: it can be.
LookedUp obstacle(const ClusterView& view, const TopicPartition& tp) {
    const PartitionView* const state = view.find(tp);
    if (state != nullptr) return {{}, state->leader >= 0 ? "" : "the partition has no leader at the moment"};
    const auto topic = view.topics.find(tp.topic);
    const bool has_partitions = topic != view.topics.end() && !topic->second.partitions.empty();
    if (has_partitions) return {{}, "the topic has no such partition", true};
    const auto refusal = view.topic_errors.find(tp.topic);
    const bool gone = refusal != view.topic_errors.end() && refusal->second == ErrorCode::unknown_topic_or_partition;
    return {{}, why_missing(view, tp.topic), gone};
}

void append(std::string& all, const std::string& problem) {
    if (problem.empty()) return;
    all += (all.empty() ? "" : "; ") + problem;
}

}  // namespace

Storage storage_of(const Connections& connections, const std::string& option) {
    if (option == "kafka") return Storage::kafka;
    if (option == "zookeeper") {
        if (!connections.has_zookeeper()) throw UsageError("--offsets zookeeper needs --zookeeper");
        return Storage::zookeeper;
    }
    return connections.has_zookeeper() ? Storage::zookeeper : Storage::kafka;
}

OffsetTable stored_offsets(Connections& connections, Storage storage, const std::string& group,
                           const std::vector<std::string>& topics) {
    auto offsets = storage == Storage::zookeeper ? stored_in_zookeeper(connections, group)
                                                 : stored_in_kafka(connections, group, topics);
    std::erase_if(offsets, [&topics](const auto& entry) { return !wanted(topics, entry.first); });
    return offsets;
}

std::set<TopicPartition> partitions_of(Connections& connections, const std::vector<std::string>& topics,
                                       std::map<std::string, std::string>& missing) {
    std::set<TopicPartition> partitions;
    if (topics.empty()) return partitions;
    const auto view = connections.wait(connections.cluster()->refresh(topics));
    for (const std::string& name : topics) {
        const auto topic = view->topics.find(name);
        if (topic == view->topics.end() || topic->second.partitions.empty()) {
            missing[name] = why_missing(*view, name);
            continue;
        }
        for (const auto& [partition, state] : topic->second.partitions) {
            partitions.insert({name, partition});
        }
    }
    return partitions;
}

std::set<TopicPartition> existing_partitions(Connections& connections, const std::string& topic) {
    std::map<std::string, std::string> missing;
    const auto partitions = partitions_of(connections, {topic}, missing);
    if (partitions.empty()) throw missing_topic(*connections.cluster()->view(), topic);
    return partitions;
}

OffsetTable log_offsets(Connections& connections, const std::set<TopicPartition>& partitions,
                        std::int64_t timestamp_ms) {
    OffsetTable offsets;
    std::set<std::string> topics;
    for (const TopicPartition& tp : partitions) topics.insert(tp.topic);
    if (topics.empty()) return offsets;
    const auto view =
        connections.wait(connections.cluster()->refresh(std::vector<std::string>(topics.begin(), topics.end())));
    std::vector<OffsetQuery> queries;
    for (const TopicPartition& tp : partitions) {
        offsets[tp] = obstacle(*view, tp);
        if (offsets[tp].problem.empty()) queries.push_back({tp, timestamp_ms});
    }
    if (queries.empty()) return offsets;
    take(offsets, connections.wait(list_offsets_each(connections.cluster(), std::move(queries))), timestamp_ms);
    return offsets;
}

std::optional<std::int64_t> PartitionProgress::lag() const {
    if (!stored.offset || !log_end.offset || beyond_end()) return std::nullopt;
    return *log_end.offset - *stored.offset;
}

bool PartitionProgress::beyond_end() const {
    return stored.offset && log_end.offset && *stored.offset > *log_end.offset;
}

std::string PartitionProgress::problem() const {
    std::string all;
    append(all, stored.problem);
    append(all, log_end.problem);
    if (beyond_end()) {
        append(all, "the stored offset " + std::to_string(*stored.offset) + " lies beyond the log's end at " +
                        std::to_string(*log_end.offset));
    }
    return all;
}

std::string PartitionProgress::show_stored() const {
    if (!stored.problem.empty()) return "unreadable";
    return stored.offset ? std::to_string(*stored.offset) : "-";
}

std::string PartitionProgress::show_log_end() const {
    if (!log_end.problem.empty()) return log_end.gone ? "no topic" : "unknown";
    return log_end.offset ? std::to_string(*log_end.offset) : "-";
}

std::string PartitionProgress::show_lag() const {
    if (beyond_end()) return "beyond the end";
    return lag() ? std::to_string(*lag()) : "-";
}

bool report_unreadable(Connections& connections) {
    const auto warnings = connections.registry().take_warnings();
    for (const auto& warning : warnings) report("the ZooKeeper node " + warning.path + " " + warning.what);
    return !warnings.empty();
}

namespace {

/// The log ends of partitions and of topics; what cannot be found out is reported.
OffsetTable log_ends(Connections& connections, const std::vector<std::string>& topics,
                     std::set<TopicPartition>& partitions, bool& complete) {
    OffsetTable ends;
    try {
        std::map<std::string, std::string> missing;
        partitions.merge(partitions_of(connections, topics, missing));
        for (const auto& [topic, why] : missing) report("topic `" + topic + "`: " + why);
        if (!missing.empty()) complete = false;
        ends = log_offsets(connections, partitions, -1);
    } catch (const Error& error) {
        report(std::string("the log's ends are not known: ") + error.what());
        complete = false;
        for (const TopicPartition& tp : partitions) ends[tp].problem = "the brokers could not be asked for the log's end";
        return ends;
    }
    for (const auto& [tp, end] : ends) {
        if (end.problem.empty() || end.gone) continue;
        report(tp.to_string() + ": the log's end is not known: " + end.problem);
        complete = false;
    }
    return ends;
}

}  // namespace

GroupProgress group_progress(Connections& connections, Storage storage, const std::string& group,
                             const std::vector<std::string>& topics, bool without_log_ends) {
    GroupProgress progress;
    const auto offsets = stored_offsets(connections, storage, group, topics);
    std::map<TopicPartition, zk::Owner> owners;
    if (connections.has_zookeeper()) {
        owners = connections.wait(connections.registry().owners(group));
        if (report_unreadable(connections)) progress.complete = false;
    }
    std::set<TopicPartition> partitions;
    for (const auto& [tp, stored] : offsets) {
        partitions.insert(tp);
        if (stored.problem.empty() || storage == Storage::zookeeper) continue;  // of ZooKeeper's it was reported above
        report(tp.to_string() + ": " + stored.problem);
        progress.complete = false;
    }
    for (const auto& [tp, owner] : owners) {
        if (wanted(topics, tp)) partitions.insert(tp);
    }
    OffsetTable ends;
    if (!without_log_ends) ends = log_ends(connections, topics, partitions, progress.complete);
    for (const TopicPartition& tp : partitions) {
        PartitionProgress& entry = progress.partitions.emplace_back();
        entry.tp = tp;
        if (const auto at = owners.find(tp); at != owners.end()) {
            entry.owner = at->second.problem.empty() ? at->second.id : "unreadable";
            entry.generation = at->second.stat.czxid;
        }
        if (const auto at = offsets.find(tp); at != offsets.end()) entry.stored = at->second;
        if (const auto at = ends.find(tp); at != ends.end()) entry.log_end = at->second;
    }
    return progress;
}

}  // namespace kwire::tools
