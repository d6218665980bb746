#include <kwire/group/assignment.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <tuple>
#include <utility>

#include "assignment/subscribed_member.h"
#include "assignment/topic_filter.h"

namespace kwire {
namespace {

/// Calls give(index of receiver, index of item) so that each receiver gets a run of neighbours, the first ones one
/// more.
template <class Give>
void deal_runs(std::size_t items, std::size_t receivers, Give give) {
    if (receivers == 0) return;
    const std::size_t share = items / receivers;
    const std::size_t with_one_more = items % receivers;
    std::size_t item = 0;
    for (std::size_t receiver = 0; receiver < receivers; ++receiver) {
        const std::size_t run = share + (receiver < with_one_more ? 1 : 0);
        for (std::size_t i = 0; i < run; ++i) give(receiver, item++);
    }
}

std::vector<PartitionLeader> by_leader(std::vector<PartitionLeader> partitions) {
    std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
        return std::tie(a.leader, a.partition) < std::tie(b.leader, b.partition);
    });
    return partitions;
}

std::vector<PartitionLeader> by_id(std::vector<PartitionLeader> partitions) {
    std::sort(partitions.begin(), partitions.end(),
              [](const auto& a, const auto& b) { return a.partition < b.partition; });
    return partitions;
}

/// The threads that read topic, sorted as strings: `id-10` comes before `id-2`.
std::vector<Assignee> sorted_threads(const std::string& topic,
                                     const std::vector<SubscribedMember>& members) {
    std::vector<Assignee> threads;
    for (const auto& member : members) {
        const auto streams = member.streams_of(topic);
        for (std::int32_t i = 0; i < streams; ++i) {
            threads.push_back({member.id(), member.id() + '-' + std::to_string(i)});
        }
    }
    std::sort(threads.begin(), threads.end(),
              [](const auto& a, const auto& b) { return a.owner_text < b.owner_text; });
    return threads;
}

AssignmentResult assign_original(const TopicPartitions& topics,
                                 const std::vector<GroupMember>& members) {
    std::vector<std::string> ids;
    for (const auto& member : members) ids.push_back(member.id);
    std::sort(ids.begin(), ids.end());

    AssignmentResult result;
    for (const auto& [topic, unsorted] : topics) {
        const auto partitions = by_leader(unsorted);
        deal_runs(partitions.size(), ids.size(), [&, &name = topic](std::size_t who, std::size_t what) {
            result[{name, partitions[what].partition}] = {ids[who], ids[who]};
        });
    }
    return result;
}

AssignmentResult assign_java_range(const TopicPartitions& topics,
                                   const std::vector<GroupMember>& members) {
    AssignmentResult result;
    const auto readers = subscribed(members);
    for (const auto& [topic, unsorted] : topics) {
        const auto partitions = by_id(unsorted);
        const auto threads = sorted_threads(topic, readers);
        deal_runs(partitions.size(), threads.size(), [&, &name = topic](std::size_t who, std::size_t what) {
            result[{name, partitions[what].partition}] = threads[who];
        });
    }
    return result;
}

bool ends_in_uuid(std::string_view id) {
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (id.size() <= form.size() || id[id.size() - form.size() - 1] != ':') return false;
    const auto tail = id.substr(id.size() - form.size());
    return std::equal(tail.begin(), tail.end(), form.begin(), [](char c, char f) {
        return f == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
    });
}

AssignmentResult assign_balanced(const TopicPartitions& topics, const std::vector<GroupMember>& members) {
    AssignmentResult result;
    for (const auto& [tp, member] : balance(topics, members, {})) result[tp] = {member, member};
    return result;
}

std::string hashed_name(Assignment rule, const TopicPartition& tp) {
    const auto partition = std::to_string(tp.partition);
    if (rule == Assignment::java_roundrobin_08) return '[' + tp.topic + ',' + partition + ']';
    return tp.topic + '-' + partition;
}

AssignmentResult assign_java_roundrobin(Assignment rule, const TopicPartitions& topics,
                                        const std::vector<GroupMember>& members) {
    const auto subscribers = subscribed(members);
    std::map<std::string, std::vector<Assignee>> readers;
    std::map<std::string, Assignee> all_threads;
    std::vector<std::pair<std::int32_t, TopicPartition>> partitions;
    for (const auto& [topic, infos] : topics) {
        auto& threads = readers[topic] = sorted_threads(topic, subscribers);
        for (const auto& thread : threads) all_threads[thread.owner_text] = thread;
        for (const auto& info : infos) {
            const TopicPartition tp{topic, info.partition};
            partitions.emplace_back(java_hash(hashed_name(rule, tp)), tp);
        }
    }
    if (all_threads.empty()) return {};
    std::sort(partitions.begin(), partitions.end());

    AssignmentResult result;
    auto turn = all_threads.begin();
    const auto take_turn = [&]() -> const Assignee& {
        if (turn == all_threads.end()) turn = all_threads.begin();
        return (turn++)->second;
    };
    for (const auto& [hash, tp] : partitions) {
        const auto& threads = readers[tp.topic];
        // Threads that do not read the topic are passed over and lose their turn, as in Java since 0.9.
        for (std::size_t tried = 0; tried < all_threads.size(); ++tried) {
            const auto& thread = take_turn();
            if (std::find(threads.begin(), threads.end(), thread) == threads.end()) continue;
            result[tp] = thread;
            break;
        }
    }
    return result;
}

}  // namespace

bool is_java_rule(Assignment rule) {
    return rule == Assignment::java_range || rule == Assignment::java_roundrobin ||
           rule == Assignment::java_roundrobin_08;
}

std::string_view name(Assignment rule) {
    switch (rule) {
        case Assignment::automatic: return "auto";
        case Assignment::balanced: return "balanced";
        case Assignment::original: return "original";
        case Assignment::java_range: return "java-range";
        case Assignment::java_roundrobin: return "java-roundrobin";
        case Assignment::java_roundrobin_08: return "java-roundrobin-0.8";
    }
    return "?";
}

PeerKind peer_kind(std::string_view id, std::string_view group, std::string_view client, std::string_view rule) {
    if (client.starts_with("kwire")) {
        if (rule == name(Assignment::original)) return PeerKind::go;
        return rule.starts_with("java-") ? PeerKind::java : PeerKind::kwire;
    }
    if (id.starts_with("kwire:")) return PeerKind::kwire;
    if (id.starts_with(std::string(group) + '_')) return PeerKind::java;
    return ends_in_uuid(id) ? PeerKind::go : PeerKind::java;
}

bool kinds_disagree(const std::vector<GroupMember>& members) {
    const auto any = [&](PeerKind kind) {
        return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.kind == kind; });
    };
    return any(PeerKind::go) && any(PeerKind::java);
}

Assignment rule_for(const std::vector<GroupMember>& members) {
    Assignment rule = Assignment::balanced;
    for (const auto& member : members) {
        if (member.kind == PeerKind::go) return Assignment::original;
        if (member.kind == PeerKind::java) rule = Assignment::java_range;
    }
    return rule;
}

std::int32_t MemberSubscription::streams_of(const std::string& topic) const {
    return SubscriptionFilter(*this).streams_of(topic);
}

MemberSubscription MemberSubscription::of_topics(const std::vector<std::string>& topics) {
    MemberSubscription subscription;
    for (const auto& topic : topics) subscription.streams[topic] = 1;
    return subscription;
}

MemberSubscription MemberSubscription::white_list(std::string expression) {
    return {Pattern::white_list, {{std::move(expression), 1}}};
}

MemberSubscription MemberSubscription::black_list(std::string expression) {
    return {Pattern::black_list, {{std::move(expression), 1}}};
}

AssignmentResult assign(Assignment rule, const TopicPartitions& topics,
                        const std::vector<GroupMember>& members) {
    switch (rule) {
        case Assignment::automatic: return assign(rule_for(members), topics, members);
        case Assignment::balanced: return assign_balanced(topics, members);
        case Assignment::original: return assign_original(topics, members);
        case Assignment::java_range: return assign_java_range(topics, members);
        case Assignment::java_roundrobin:
        case Assignment::java_roundrobin_08: return assign_java_roundrobin(rule, topics, members);
    }
    return {};
}

bool white_list_matches(std::string_view expression, std::string_view topic) {
    return !is_internal_topic(topic) && TopicFilter(expression).matches(topic);
}

bool black_list_matches(std::string_view expression, std::string_view topic) {
    const TopicFilter filter(expression);
    return !is_internal_topic(topic) && filter.valid() && !filter.matches(topic);
}

std::int32_t java_hash(std::string_view text) {
    std::uint32_t hash = 0;
    for (const char c : text) hash = hash * 31 + static_cast<unsigned char>(c);
    return static_cast<std::int32_t>(hash);
}

}  // namespace kwire
