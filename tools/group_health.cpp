#include "group_health.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <kwire/group/assignment.h>
#include <kwire/net/error.h>

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
    void tell(std::string problem) { problems_.push_back(std::move(problem)); }

    void look_at_members() {
        for (const auto& member : now_.members) {
            if (member.registration) continue;
            tell("the registration of member " + member.id + " " + member.problem +
                 ": Java members fail by it, and kwire's give it nothing; stop that process");
        }
        for (const auto& warning : now_.unreadable) {
            if (warning.path.find("/ids/") == std::string::npos) tell("the node " + warning.path + " " + warning.what);
        }
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
            tell("members that divide partitions as Go's do and members that do as Java's are mixed: they never agree, "
                 "and some partitions have no owner for a time after each change");
        }
        if (rules.size() < 2) return;
        std::string names;
        for (const auto& rule : rules) names += (names.empty() ? "" : ", ") + rule;
        tell("members are told to divide partitions by different rules: " + names +
             "; set partition.assignment.strategy alike, or to auto");
    }

    void look_at_claims() {
        std::set<std::int64_t> sessions;
        for (const auto& member : now_.members) sessions.insert(member.stat.ephemeral_owner);
        for (const auto& [tp, owner] : now_.owners) {
            if (owner.stat.ephemeral_owner == 0) {
                tell(tp.to_string() + " is claimed by a node that is not ephemeral (" + owner.id +
                     "): it never goes away by itself; delete it");
            } else if (sessions.count(owner.stat.ephemeral_owner) == 0) {
                tell(tp.to_string() + " is claimed by " + owner.id +
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
            tell("the topic " + topic + " does not exist, and " + members.front() + " subscribes to it");
        }
        for (const auto& [topic, partitions] : now_.topics) {
            const auto reads = [name = &topic](const zk::Member& member) {
                return member.registration && subscription_of(*member.registration).streams_of(*name) > 0;
            };
            if (std::none_of(now_.members.begin(), now_.members.end(), reads)) continue;
            for (const auto partition : partitions) {
                const TopicPartition tp{topic, partition};
                if (now_.owners.count(tp) == 0) tell(tp.to_string() + " has no owner, though there are members that subscribe to it");
            }
        }
    }

    void look_at_offsets() {
        for (const auto& [tp, offset] : now_.offsets) {
            const auto end = now_.log_ends.find(tp);
            if (end != now_.log_ends.end() && offset > end->second) {
                tell("the stored offset of " + tp.to_string() + " is " + std::to_string(offset) + ", beyond the log's end at " +
                     std::to_string(end->second) + ": its reader begins again by auto.offset.reset");
            }
            const auto start = now_.log_starts.find(tp);
            if (start != now_.log_starts.end() && offset < start->second) {
                tell("the stored offset of " + tp.to_string() + " is " + std::to_string(offset) + ", and the log begins at " +
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

GroupSnapshot take_snapshot(Connections& connections, Storage storage, const std::string& group) {
    GroupSnapshot snapshot;
    snapshot.group = group;
    zk::Registry& registry = connections.registry();
    for (const auto& id : connections.wait(registry.member_ids(group))) {
        auto member = connections.wait(registry.member(group, id));
        if (member) snapshot.members.push_back(std::move(*member));
    }
    snapshot.owners = connections.wait(registry.owners(group));
    snapshot.offsets = stored_offsets(connections, storage, group, {});
    snapshot.unreadable = registry.take_warnings();
    const auto view = connections.wait(connections.cluster()->refresh({}));
    for (const auto& [topic, state] : view->topics) {
        for (const auto& [partition, leader] : state.partitions) snapshot.topics[topic].push_back(partition);
    }
    std::set<TopicPartition> stored;
    for (const auto& [tp, offset] : snapshot.offsets) {
        if (view->find(tp) != nullptr) stored.insert(tp);
    }
    snapshot.log_starts = log_offsets(connections, stored, -2);
    snapshot.log_ends = log_offsets(connections, stored, -1);
    return snapshot;
}

std::vector<std::string> problems_of(const GroupSnapshot& snapshot) {
    return Doctor(snapshot).examine();
}

}  // namespace kwire::tools
