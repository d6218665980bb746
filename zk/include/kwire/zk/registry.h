// Where Kafka and consumer groups keep their nodes in ZooKeeper, and the JSON in them. It decides nothing.
//
// Every function takes effect in one to a few ZooKeeper operations on the session given; many nodes are read by asking
// for all of them before the first answer is awaited.
// Exceptions: a function that returns neither an Outcome nor a Reply throws a kwire::Error (as refusal() makes it) if
// ZooKeeper answers with anything but ok or an outcome that the return type expresses. One that returns an Outcome or
// a Reply throws only errc::invalid_config, for a name that cannot be part of a path. Nodes of other clients that
// cannot be read are reported in words, never thrown.
// After a failure: connection_loss leaves the outcome unknown; every function may be repeated then. No other failure
// leaves anything changed, except parents that were created.
// Watches: one on a list (brokers, topics, member_ids), a topic, a plan or a partition's state is also left if that
// node does not exist, and then fires once it does; one on a member or an owner only if there is one. It is called on
// the strand, once.
// Executor and threads: the runtime's strand; kwire/zk/async.h is for other threads and completion tokens.
// Cancellation: a Task is not to be cancelled; async.h says what cancelling does there.
// Lifetimes: the registry must live until its Tasks have ended.
// Sources: Kafka's ZkUtils / ZkData (0.8 to 3.9), kazoo-go. Fences and plans are kwire's own; zk/README.md has their
// rules.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/zk/session.h>

namespace kwire::zk {

struct TopicAssignment {
    std::map<std::int32_t, std::vector<std::int32_t>>
        replicas;  ///< By partition; the first is the preferred leader.
};
struct PartitionState {
    std::int32_t leader = -1;
    std::int32_t leader_epoch = -1;
    std::int32_t controller_epoch = -1;
    std::vector<std::int32_t> isr;
};

enum class SubscriptionPattern { static_list, white_list, black_list };

/// /consumers/G/ids/ID
struct Registration {
    SubscriptionPattern pattern = SubscriptionPattern::static_list;
    std::map<std::string, std::int32_t> subscription;  ///< topic (or the one expression) -> streams
    std::int64_t timestamp_ms = 0;  ///< Written as a string: Java up to 0.11 needs that.
    std::int32_t version = 1;
    /// Only kwire writes these; peers pass over keys they do not know. Empty: not said.
    std::string client = {};  ///< `kwire 0.1.0`
    std::string host = {};    ///< `host:process id`
    std::string rule = {};    ///< What it divides partitions by; Assignment's names.
};
struct Member {
    std::string id;
    /// Absent: the node could not be read; problem says why. It still counts as a member.
    std::optional<Registration> registration;
    std::string problem;
    Stat stat;
};
struct Owner {
    std::string id;  ///< As written: kwire and Go the member's id, Java id-n.
    Stat stat;
    std::string problem = {};  ///< Why the node could not be read; id is empty then. Owned it is.
};
struct StoredOffset {
    std::int64_t next = -1;     ///< -1: none stored, or unreadable.
    std::int32_t version = -1;  ///< Of the node; -1: there is none.
    std::string problem = {};   ///< Why there is no number though there is a node, as `holds ...`.
};

/// /consumers/G/plan, which only kwire members read and write: who is to own what.
struct StoredPlan {
    std::map<TopicPartition, std::string> owners;  ///< Member ids; empty if it cannot be read.
    std::int32_t version = -1;                     ///< Of the node; -1: there is none.
    std::string problem = {};                      ///< Why it cannot be read; empty: it was.
    /// False if it is a plan of a format that this kwire does not know: it is somebody's, and must not be overwritten.
    /// What is no plan at all may be.
    bool replaceable = true;
};

struct Warning {
    std::string path;
    std::string what;
};

/// A refusal in words: what was being done (such as `registering the member at`), the node, the code, and what to do
/// about it. connection_lost, session_expired and closed by these names, the rest as zookeeper_error;
/// errc::message_too_large for a request that ZooKeeper would not take.
Error refusal(std::string_view doing, const Outcome& outcome);

class Registry {
 public:
    explicit Registry(std::shared_ptr<Session> session);
    const std::shared_ptr<Session>& session() const { return session_; }

    // ---- the cluster
    /// PLAINTEXT endpoints; a broker with several such listeners comes several times. Those without one, and unreadable
    /// ones: take_warnings().
    Task<std::vector<BrokerEndpoint>> brokers(Watch watch = nullptr);
    Task<std::optional<std::int32_t>> controller();  ///< Its broker id; nullopt: there is none at the moment.
    Task<std::vector<std::string>> topics(Watch watch = nullptr);
    /// nullopt: no such topic. Throws bad_registration if its node cannot be read.
    Task<std::optional<TopicAssignment>> topic(std::string topic, Watch watch = nullptr);
    Task<std::optional<PartitionState>> partition_state(std::string topic, std::int32_t partition,
                                                        Watch watch = nullptr);
    Task<std::map<std::string, std::string>> topic_config(std::string topic);
    static bool valid_topic_name(std::string_view topic);  ///< 1 to 249 of [a-zA-Z0-9._-], and neither . nor ..
    /// Writes the configuration, then the assignment for the controller to act on, replicas spread
    /// over the brokers. Throws invalid_config (an illegal name, more replicas than brokers),
    /// zookeeper_error (it exists).
    Task<void> create_topic(std::string topic, std::int32_t partitions, std::int32_t replication,
                            std::map<std::string, std::string> config);
    Task<void> delete_topic(std::string topic);  ///< Asks the controller to. Throws unknown_topic.

    // ---- groups
    Task<std::vector<std::string>> groups();  ///< All below /consumers, sorted.
    Task<bool> group_exists(std::string group);
    Task<void> create_group(std::string group);  ///< ids, owners and offsets below it; fine if they exist.
    /// Deletes the group's node and all below it. Throws zookeeper_error while it has members.
    Task<void> delete_group(std::string group);
    Task<std::vector<std::string>> member_ids(std::string group, Watch watch = nullptr);  ///< Of all kinds of peers.
    /// Reads one member; nullopt: it has left. One that cannot be read comes back with its problem, and warns.
    Task<std::optional<Member>> member(std::string group, std::string id, Watch watch = nullptr);

    // ---- members. These answer with an Outcome, which names the node that refused, and throw nothing but
    // invalid_config (a name that cannot be part of a path). All are safe to repeat after connection_loss.

    /// Registers id for this session, and makes the group's nodes if they are missing. ok: the registration is this
    /// session's, also if an earlier attempt whose answer was lost made it. node_exists: another session's.
    Task<Outcome> register_member(std::string group, std::string id, Registration registration);
    /// Writes another subscription into this session's registration; disturbs no commit. no_node: the registration is
    /// gone; node_exists: it is another session's.
    Task<Outcome> update_member(std::string group, std::string id, Registration registration);
    /// Puts this session's registration in the place of another session's of the same id, in one step. From then on
    /// everything that is fenced is refused to that session. bad_version: others change it all the time; try again
    /// later.
    Task<Outcome> take_over_member(std::string group, std::string id, Registration registration);
    /// Ends this session's registration of id; from then on nothing fenced succeeds. no_node: there is none any more;
    /// node_exists: it is another session's, which is left alone.
    Task<Outcome> deregister_member(std::string group, std::string id);

    // ---- owners
    /// Reads one; nullopt: there is none. Whose it is says stat.ephemeral_owner: this session's id, another's, or 0
    /// for a persistent node, which no end of a session frees. watch fires once, at the next change of the node (set,
    /// deleted); it is left only if there is a node, and is a way to guard a claim of one's own. A node whose data may
    /// not be read comes back with its problem.
    Task<std::optional<Owner>> owner(std::string group, TopicPartition tp, Watch watch = nullptr);
    /// Claims tp for member, fenced by its registration; an empty member leaves the fence out. owner_text is what the
    /// node says, the member's id or `id-n`. ok: the node belongs to this session. node_exists: it is somebody else's,
    /// or an older session's of ours. no_node: this session's registration of member is gone or was taken over.
    /// connection_loss: unknown; ask again, it is safe.
    Task<Outcome> claim(std::string group, std::string member, TopicPartition tp, std::string owner_text);
    /// As claim; but the node of an older session of member that says owner_text is replaced, in one step.
    Task<Outcome> claim_again(std::string group, std::string member, TopicPartition tp, std::string owner_text);
    /// Deletes the node only if it is this session's own claim, fenced by the registration of member; an empty member
    /// leaves the fence out. no_node: there is no claim; node_exists: it is another's, or was taken over.
    /// claim_unknown: the answer of a claim was lost, perhaps with the connection to a server that is ahead of the one
    /// asked now, which is brought up to date first.
    Task<Outcome> release(std::string group, std::string member, TopicPartition tp, bool claim_unknown = false);
    Task<std::map<TopicPartition, Owner>> owners(std::string group);  ///< Unreadable ones too, each with its problem.
    /// Which partitions of topic have an owner, ascending: one operation, however many there are.
    Task<std::vector<std::int32_t>> owned_partitions(std::string group, std::string topic);

    // ---- the plan of kwire members
    /// One that cannot be read comes back without owners, with its version and problem, and warns.
    Task<StoredPlan> plan(std::string group, Watch watch = nullptr);
    /// One transaction: the check that this session's registration of member stands, then the plan at version (-1:
    /// create it). Returns the new version. node_exists, bad_version: somebody else wrote; no_node: the registration
    /// is gone or was taken over. too_large: the plan exceeds what a node holds, also compressed. bad_arguments: the
    /// plan at this version is not replaceable, and is left alone. After connection_loss read the plan again.
    Task<Reply<std::int32_t>> write_plan(std::string group, std::string member,
                                         std::map<TopicPartition, std::string> owners,
                                         std::int32_t version);

    // ---- offsets
    Task<StoredOffset> offset(std::string group, TopicPartition tp);  ///< Throws bad_stored_offset.
    /// Unreadable ones are among them, each with its problem; only what is not there is absent.
    Task<std::map<TopicPartition, StoredOffset>> offsets(std::string group);
    /// Creates or sets the node, whoever owns the partition; two at once are fine. For tools.
    Task<void> set_offset(std::string group, TopicPartition tp, std::int64_t next);
    /// One transaction: the check that this session's registration of member stands, then the offset at the version
    /// remembered from before (-1: create it). Returns the new version. node_exists, bad_version: somebody else wrote,
    /// or deleted it; no_node: the registration is gone or was taken over. connection_loss: unknown; read before
    /// trying again. An empty member leaves the check out. once: there is one transaction only; if nodes that it needs were
    /// missing (those above the offset, the fence), they are made and the answer is runtime_inconsistency: nothing was
    /// written, and the caller says whether a commit may still begin.
    Task<Reply<std::int32_t>> commit_offset(std::string group, std::string member, TopicPartition tp, std::int64_t next,
                                            std::int32_t version, bool once = false);
    struct OffsetCommit {
        TopicPartition tp;
        std::int64_t next = -1;
        std::int32_t version = -1;
    };
    /// The same for several in one transaction: all of them, or none. Returns their versions in order. Reply::path
    /// names the one that failed.
    Task<Reply<std::vector<std::int32_t>>> commit_offsets(std::string group, std::string member,
                                                          std::vector<OffsetCommit> commits, bool once = false);
    Task<void> reset_offsets(std::string group);  ///< Deletes all stored offsets.

    /// What could not be read since the last call, in words; the oldest 1,000.
    std::vector<Warning> take_warnings();

 private:
    using Results = Reply<std::vector<OpResult>>;

    void warn(std::string path, std::string what);
    Task<Outcome> enter(std::string group, std::string id, Registration registration, bool take_over);
    Task<Results> fenced(std::string group, std::string member, std::vector<Op> ops, bool once = false);
    Task<Outcome> mend_fence(std::string group, std::string member);
    Task<Outcome> replace_claim(std::string group, std::string member, TopicPartition tp, std::string owner_text);

    std::shared_ptr<Session> session_;
    std::vector<Warning> warnings_;
    std::map<std::string, std::int32_t> unknown_plans_;  ///< By group: the version of a plan that must not be replaced.
};

}  // namespace kwire::zk
