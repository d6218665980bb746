#include "group_offsets.h"

#include <algorithm>

#include <kwire/net/consumer.h>
#include <kwire/net/error.h>
#include <kwire/offsets/kafka_offset_manager.h>

#include "report.h"

namespace kwire::tools {
namespace {

bool wanted(const std::vector<std::string>& topics, const TopicPartition& tp) {
    return topics.empty() || std::find(topics.begin(), topics.end(), tp.topic) != topics.end();
}

std::map<TopicPartition, std::int64_t> stored_in_zookeeper(Connections& connections,
                                                           const std::string& group) {
    std::map<TopicPartition, std::int64_t> offsets;
    for (const auto& [tp, stored] : connections.wait(connections.registry().offsets(group))) {
        if (stored.next >= 0) offsets[tp] = stored.next;
    }
    return offsets;
}

std::map<TopicPartition, std::int64_t> stored_in_kafka(Connections& connections,
                                                       const std::string& group,
                                                       const std::vector<std::string>& topics) {
    std::optional<std::vector<TopicPartition>> which;
    if (!topics.empty()) {
        const auto partitions = partitions_of(connections, topics);
        which.emplace(partitions.begin(), partitions.end());
    }
    try {
        return connections.wait(fetch_offsets(connections.cluster(), group, which));
    } catch (const Error& error) {
        if (which || error.condition() != errc::unsupported_version) throw;
        throw Error(errc::unsupported_version,
                    "this broker is too old to list what a group has stored; name topics with "
                    "--topic");
    }
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

std::map<TopicPartition, std::int64_t> stored_offsets(Connections& connections, Storage storage,
                                                      const std::string& group,
                                                      const std::vector<std::string>& topics) {
    auto offsets = storage == Storage::zookeeper ? stored_in_zookeeper(connections, group)
                                                 : stored_in_kafka(connections, group, topics);
    std::erase_if(offsets, [&topics](const auto& entry) { return !wanted(topics, entry.first); });
    return offsets;
}

std::set<TopicPartition> partitions_of(Connections& connections,
                                       const std::vector<std::string>& topics) {
    if (topics.empty()) return {};
    const auto view = connections.wait(connections.cluster()->refresh(topics));
    std::set<TopicPartition> partitions;
    for (const std::string& name : topics) {
        const auto topic = view->topics.find(name);
        if (topic == view->topics.end()) {
            report("there is no topic `" + name + "`");
            continue;
        }
        for (const auto& [partition, state] : topic->second.partitions) {
            partitions.insert({name, partition});
        }
    }
    return partitions;
}

std::map<TopicPartition, std::int64_t> log_offsets(Connections& connections,
                                                   const std::set<TopicPartition>& partitions,
                                                   std::int64_t timestamp_ms) {
    std::set<std::string> topics;
    for (const TopicPartition& tp : partitions) topics.insert(tp.topic);
    if (topics.empty()) return {};
    const auto view =
        connections.wait(connections.cluster()->refresh({topics.begin(), topics.end()}));
    std::vector<OffsetQuery> queries;
    for (const TopicPartition& tp : partitions) {
        const PartitionView* state = view->find(tp);
        if (state != nullptr && state->leader >= 0) queries.push_back({tp, timestamp_ms});
    }
    std::map<TopicPartition, std::int64_t> offsets;
    if (queries.empty()) return offsets;
    for (const OffsetAnswer& answer :
         connections.wait(list_offsets(connections.cluster(), std::move(queries)))) {
        if (answer.offset >= 0) offsets[answer.tp] = answer.offset;
    }
    return offsets;
}

GroupProgress group_progress(Connections& connections, Storage storage, const std::string& group,
                             const std::vector<std::string>& topics, bool without_log_ends) {
    GroupProgress progress;
    const auto offsets = stored_offsets(connections, storage, group, topics);
    std::map<TopicPartition, zk::Owner> owners;
    if (connections.has_zookeeper()) {
        owners = connections.wait(connections.registry().owners(group));
    }
    std::set<TopicPartition> partitions;
    for (const auto& [tp, offset] : offsets) partitions.insert(tp);
    for (const auto& [tp, owner] : owners) {
        if (wanted(topics, tp)) partitions.insert(tp);
    }
    std::map<TopicPartition, std::int64_t> ends;
    if (!without_log_ends) {
        try {
            partitions.merge(partitions_of(connections, topics));
            ends = log_offsets(connections, partitions, -1);
        } catch (const Error& error) {
            report(std::string("the log's ends are not known: ") + error.what());
            progress.complete = false;
        }
    }
    for (const TopicPartition& tp : partitions) {
        PartitionProgress& entry = progress.partitions.emplace_back();
        entry.tp = tp;
        if (const auto at = owners.find(tp); at != owners.end()) {
            entry.owner = at->second.id;
            entry.generation = at->second.stat.czxid;
        }
        if (const auto at = offsets.find(tp); at != offsets.end()) entry.offset = at->second;
        if (const auto at = ends.find(tp); at != ends.end()) entry.log_end = at->second;
    }
    return progress;
}

}  // namespace kwire::tools
