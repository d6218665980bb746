// Who gets which partition: the rules by which the members of a group divide the partitions of their topics.
//
// Purpose: pure functions of what every member sees in ZooKeeper. Members never talk to each other: they agree because
// each computes the same answer from the same nodes.
// Invariants: no partition is given to two members; the answer does not depend on the order of the input.
// Threads: any; nothing is shared.
// Sources: wvanbergen/kafka (original); Kafka's RangeAssignor, RoundRobinAssignor and TopicFilter of the
// ZooKeeper consumer, 0.8 to 1.1 (the java_ rules). balanced is kwire's own.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/topic_partition.h>

namespace kwire {

/// How partitions are divided. All members of a group must use rules that agree; see group/README.md.
enum class Assignment {
    automatic,           ///< By who the other members are: rule_for() says which of the next three.
    balanced,            ///< As kwire members do among themselves: even over all topics, fewest moves.
    original,            ///< As Go members do: by current leader, every member counts for every topic.
    java_range,          ///< As Java members do by default.
    java_roundrobin,     ///< Java's roundrobin, 1.0 and 1.1: partitions in the order of the hash of `topic-partition`.
    java_roundrobin_08,  ///< Java's roundrobin up to 0.11: the same by the hash of `[topic,partition]`.
};

/// Owners are written as `ID-0` under the java rules, as `ID` otherwise.
bool is_java_rule(Assignment rule);

/// What a member subscribes to, as its registration says.
struct MemberSubscription {
    enum class Pattern { static_list, white_list, black_list } pattern = Pattern::static_list;
    std::map<std::string, std::int32_t> streams;  ///< topic (or the one expression) -> number of streams

    static MemberSubscription of_topics(const std::vector<std::string>& topics);
    /// Every topic, now and later, whose whole name matches expression; black_list: every other one. Internal topics never.
    static MemberSubscription white_list(std::string expression);
    static MemberSubscription black_list(std::string expression);

    /// How many streams read topic: 0 if it is not subscribed to.
    std::int32_t streams_of(const std::string& topic) const;
    bool operator==(const MemberSubscription&) const = default;
};

/// What a member divides partitions by, as far as the others know.
enum class PeerKind { kwire, go, java };

/// By the member's id and what its registration says of its client ("" if nothing) and of its own rule. Go writes
/// `host:uuid`, Java `group_...`, kwire `kwire:host:pid:hex`; kwire's own word counts before the form of its id. Anything
/// else is taken for Java's, whose rule is Kafka's own.
PeerKind peer_kind(std::string_view id, std::string_view group, std::string_view client, std::string_view rule);

struct GroupMember {
    std::string id;
    bool readable = true;  ///< False: its registration says nothing; it counts under `original` only.
    MemberSubscription subscription;
    PeerKind kind = PeerKind::kwire;
    bool runs_kwire = false;  ///< Whatever rule it divides by; a kind of kwire implies it.

    bool operator==(const GroupMember&) const = default;
};

struct PartitionLeader {
    std::int32_t partition = 0;
    std::int32_t leader = -1;
};

/// What is written into an owner's node, and whose it is.
struct Assignee {
    std::string member;
    std::string owner_text;

    bool operator==(const Assignee&) const = default;
};

using TopicPartitions = std::map<std::string, std::vector<PartitionLeader>>;
using AssignmentResult = std::map<TopicPartition, Assignee>;

/// Divides topics among members. A partition that nobody is to read is absent from the answer. balanced is balance()
/// without a past; automatic is the rule of rule_for().
AssignmentResult assign(Assignment rule, const TopicPartitions& topics,
                        const std::vector<GroupMember>& members);

/// Who owns what, by member ids.
using OwnerPlan = std::map<TopicPartition, std::string>;

/// The balanced division nearest to previous. Balanced: no member has two partitions more than another that could take one
/// of them over, directly or by a chain of members that each pass one on; so no other division is more even. Nearest:
/// what previous gives to a member that still reads the topic stays, except where that balance needs it to move. If
/// all members read the same the number of moves is the smallest there is; else it is close to that.
OwnerPlan balance(const TopicPartitions& topics, const std::vector<GroupMember>& members, const OwnerPlan& previous);

/// What members of those kinds agree on: original if one is a Go member, java_range if one is a Java member, else balanced.
Assignment rule_for(const std::vector<GroupMember>& members);
/// True if there are both Go and Java members, which never agree.
bool kinds_disagree(const std::vector<GroupMember>& members);
/// `balanced`, `java-range`, ...
std::string_view name(Assignment rule);

/// True if the expression of a white list, as Java reads it, matches the whole of topic. Internal topics never match.
/// Java: TopicFilter. An expression that is not a regular expression matches nothing.
bool white_list_matches(std::string_view expression, std::string_view topic);
bool black_list_matches(std::string_view expression, std::string_view topic);

/// Java's String.hashCode of ASCII text.
std::int32_t java_hash(std::string_view text);

}  // namespace kwire
