#include "group_health.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <kwire/group/assignment.h>
#include <kwire/net/error.h>
#include <kwire/net/topic_error.h>

#include "report.h"

namespace kwire::tools {
namespace {

MemberSubscription subscription_of(const zk::Registration& registration) {
    using Pattern = MemberSubscription::Pattern;
    MemberSubscription subscription;
    subscription.streams = registration.subscription;
    if (registration.pattern == zk::SubscriptionPattern::white_list) subscription.pattern = Pattern::white_list;
    if (registration.pattern == zk::SubscriptionPattern::black_list) subscription.pattern = Pattern::black_list;
    return subscription;
}

PeerKind kind_of(const zk::Member& member, const std::string& group) {
    const auto said = member.registration.value_or(zk::Registration());
    return peer_kind(member.id, group, said.client, said.rule);
}

class Doctor {
 public:
    explicit Doctor(const GroupSnapshot& snapshot) : now_(snapshot) {}

    std::vector<std::string> examine() {
        look_at_members();
        look_at_rules();
        look_at_claims();
        look_for_orphans();
        look_at_offsets();
        return std::move(problems_);
    }

 private:
    void add(std::string problem) { problems_.push_back(std::move(problem)); }

    void look_at_members() {
        for (const auto& member : now_.members) {
            if (member.registration) continue;
            add("the registration of member " + member.id + " " + member.problem +
                 ": Java members fail by it, and kwire's give it nothing; stop that process");
        }
        for (const auto& warning : now_.unreadable) {
            if (warning.path.find("/ids/") == std::string::npos) add(warning.path + " " + warning.what);
        }
        for (const auto& problem : now_.unknown) add(problem);
    }

    void look_at_rules() {
        std::set<PeerKind> kinds;
        std::set<std::string> rules;
        for (const auto& member : now_.members) {
            kinds.insert(kind_of(member, now_.group));
            const auto rule = member.registration.value_or(zk::Registration()).rule;
            if (!rule.empty() && rule != "auto") rules.insert(rule);
        }
        if (kinds.count(PeerKind::go) > 0 && kinds.count(PeerKind::java) > 0) {
            add("members that divide partitions as Go's do and members that do as Java's are mixed: they never agree, "
                 "and some partitions have no owner for a time after each change");
        }
        if (rules.size() < 2) return;
        std::string names;
        for (const auto& rule : rules) names += (names.empty() ? "" : ", ") + rule;
        add("members are configured to divide partitions by different rules: " + names +
             "; set partition.assignment.strategy alike, or to auto");
    }

    void look_at_claims() {
        std::set<std::int64_t> sessions;
        for (const auto& member : now_.members) sessions.insert(member.stat.ephemeral_owner);
        for (const auto& [tp, owner] : now_.owners) {
            if (owner.stat.ephemeral_owner == 0) {
                add(tp.to_string() + " is claimed by a node that is not ephemeral (" + owner.id +
                     "): it never goes away by itself; delete it");
            } else if (sessions.count(owner.stat.ephemeral_owner) == 0) {
                add(tp.to_string() + " is claimed by " + owner.id +
                     ", whose session has no registered member: it is about to expire, or that process is stuck");
            }
        }
    }

    void look_for_orphans() {
        for (const auto& member : now_.members) {
            if (!member.registration || member.registration->pattern != zk::SubscriptionPattern::static_list) continue;
            for (const auto& [topic, streams] : member.registration->subscription) {
                if (!now_.topics.empty() && now_.topics.count(topic) == 0) missing_[topic].push_back(member.id);
            }
        }
        for (const auto& [topic, members] : missing_) {
            const auto refused = now_.refused.find(topic);
            if (refused != now_.refused.end()) {
                add("the topic " + topic + ", to which " + members.front() + " subscribes, cannot be looked at: " +
                     refused->second);
                continue;
            }
            add("the topic " + topic + " does not exist, and " + members.front() + " subscribes to it");
        }
        for (const auto& [topic, partitions] : now_.topics) {
            const auto reads = [name = &topic](const zk::Member& member) {
                return member.registration && subscription_of(*member.registration).streams_of(*name) > 0;
            };
            if (std::none_of(now_.members.begin(), now_.members.end(), reads)) continue;
            for (const auto partition : partitions) {
                const TopicPartition tp{topic, partition};
                if (now_.owners.count(tp) == 0) add(tp.to_string() + " has no owner, though members subscribe to it");
            }
        }
    }

    void look_at_offsets() {
        for (const auto& [tp, offset] : now_.offsets) {
            const auto end = now_.log_ends.find(tp);
            if (end != now_.log_ends.end() && offset > end->second) {
                add("the stored offset of " + tp.to_string() + " is " + std::to_string(offset) + ", beyond the log's end at " +
                     std::to_string(end->second) + ": its reader begins again by auto.offset.reset");
            }
            const auto start = now_.log_starts.find(tp);
            if (start != now_.log_starts.end() && offset < start->second) {
                add("the stored offset of " + tp.to_string() + " is " + std::to_string(offset) + ", and the log begins at " +
                     std::to_string(start->second) + ": " + std::to_string(start->second - offset) +
                     " messages were deleted unread");
            }
        }
    }

    const GroupSnapshot& now_;
    std::map<std::string, std::vector<std::string>> missing_;
    std::vector<std::string> problems_;
};

}  // namespace

bool belongs_to(const std::string& owner, const std::string& member) {
    if (!owner.starts_with(member)) return false;
    const auto rest = std::string_view(owner).substr(member.size());
    return rest.empty() || (rest.size() > 1 && rest.front() == '-' &&
                            rest.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

std::string client_of(const zk::Member& member, const std::string& group) {
    if (member.registration && !member.registration->client.empty()) return member.registration->client;
    switch (kind_of(member, group)) {
        case PeerKind::kwire: return "kwire";
        case PeerKind::go: return "Go";
        case PeerKind::java: break;
    }
    return member.id.starts_with(group + '_') ? "Java" : "?";
}

std::string host_of(const zk::Member& member, const std::string& group) {
    if (member.registration && !member.registration->host.empty()) return member.registration->host;
    if (kind_of(member, group) == PeerKind::go) return member.id.substr(0, member.id.rfind(':'));
    // group_host-millis-hex
    if (!member.id.starts_with(group + '_')) return "-";
    auto host = member.id.substr(group.size() + 1);
    for (int i = 0; i < 2; ++i) host = host.substr(0, host.rfind('-'));
    return host;
}

namespace {

/// The topics there are; and why those that the group needs are not among them.
void look_up_topics(Connections& connections, GroupSnapshot& snapshot) {
    const auto all = connections.wait(connections.cluster()->refresh({}));
    for (const auto& [topic, state] : all->topics) {
        for (const auto& [partition, leader] : state.partitions) snapshot.topics[topic].push_back(partition);
    }
    std::set<std::string> needed;
    for (const auto& [tp, offset] : snapshot.offsets) needed.insert(tp.topic);
    for (const auto& member : snapshot.members) {
        if (!member.registration || member.registration->pattern != zk::SubscriptionPattern::static_list) continue;
        for (const auto& [topic, streams] : member.registration->subscription) needed.insert(topic);
    }
    std::erase_if(needed, [&snapshot](const auto& topic) { return snapshot.topics.count(topic) > 0; });
    if (needed.empty()) return;
    // Brokers list only what this client may see: a topic that is not listed is asked for by its name.
    const auto asked = connections.wait(connections.cluster()->refresh(std::vector<std::string>(needed.begin(), needed.end())));
    for (const std::string& topic : needed) {
        const auto error = asked->topic_errors.find(topic);
        const bool is_unknown = error != asked->topic_errors.end() && error->second == ErrorCode::unknown_topic_or_partition;
        if (!is_unknown) snapshot.refused[topic] = why_missing(*asked, topic);
    }
}

void take_known(const OffsetTable& offsets, std::map<TopicPartition, std::int64_t>& known,
                std::vector<std::string>* unknown) {
    for (const auto& [tp, found] : offsets) {
        if (found.offset) known[tp] = *found.offset;
        if (unknown != nullptr && !found.problem.empty()) {
            unknown->push_back("the log's end of " + tp.to_string() + " is not known: " + found.problem);
        }
    }
}

}  // namespace

GroupSnapshot take_snapshot(Connections& connections, Storage storage, const std::string& group) {
    GroupSnapshot snapshot;
    snapshot.group = group;
    zk::Registry& registry = connections.registry();
    for (const auto& id : connections.wait(registry.member_ids(group))) {
        auto member = connections.wait(registry.member(group, id));
        if (member) snapshot.members.push_back(std::move(*member));
    }
    snapshot.owners = connections.wait(registry.owners(group));
    const OffsetTable offsets = stored_offsets(connections, storage, group, {});
    snapshot.unreadable = registry.take_warnings();
    for (const auto& [tp, stored] : offsets) {
        if (stored.offset) snapshot.offsets[tp] = *stored.offset;
        const bool in_kafka = storage == Storage::kafka;  // of ZooKeeper's the registry warned
        if (in_kafka && !stored.problem.empty()) snapshot.unreadable.push_back({tp.to_string() + ":", stored.problem});
    }
    look_up_topics(connections, snapshot);
    std::set<TopicPartition> known;
    for (const auto& [tp, offset] : snapshot.offsets) {
        if (snapshot.topics.count(tp.topic) > 0) known.insert(tp);
    }
    take_known(log_offsets(connections, known, -2), snapshot.log_starts, nullptr);
    take_known(log_offsets(connections, known, -1), snapshot.log_ends, &snapshot.unknown);
    return snapshot;
}

std::vector<std::string> problems_of(const GroupSnapshot& snapshot) {
    return Doctor(snapshot).examine();
}

}  // namespace kwire::tools
