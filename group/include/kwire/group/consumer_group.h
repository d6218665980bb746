// A member of a consumer group that is coordinated through ZooKeeper: the public face of kwire.
//
//     auto group = kwire::ConsumerGroup::join("clicks", {"page-views"}, "zk1:2181,zk2:2181/kafka", {});
//     for (const kwire::Message& m : group->messages()) {
//         use(m);
//         group->commit_upto(m);
//     }
//
// The members of a group divide the partitions of their topics among themselves; each partition has one owner at a time,
// written down in ZooKeeper. When members come or go only the partitions that change hands stop.
// Invariants: what was acknowledged by the program, and nothing else, is committed; a committed offset never goes back;
// no message of a partition is handed out after it was lost.
// Threads: every function from any thread; the range of messages() and a batch of poll() belong to one thread each.
// Blocking functions throw errc::would_block_runtime on the runtime itself; each has an async_ form for an executor's own
// use. Callbacks may block, see GroupConfig.
// Lifetimes: the object is held by shared_ptr. Its destructor closes it, waiting up to Config::Offsets::processing_timeout.
// Sources: wvanbergen/kafka consumergroup (the API), Kafka's ZookeeperConsumerConnector (peers, nodes).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>

#include <kwire/group/assignment.h>
#include <kwire/net/consumer.h>
#include <kwire/offsets/offset_manager.h>
#include <kwire/zk/session.h>

namespace kwire {

enum class Initial { oldest, newest };
enum class OffsetStorage { zookeeper, kafka, dual };
enum class LogLevel { debug, info, warning, error };

struct GroupConfig {
    std::string group_id;  ///< group.id, where join is given an empty name.

    struct Offsets {
        Initial initial = Initial::oldest;  ///< auto.offset.reset, also where a stored offset is out of range.
        /// How long a partition that is taken away waits until what was handed out is acknowledged and on_revoked has
        /// returned. >= 0.
        std::chrono::milliseconds processing_timeout{60'000};
        std::chrono::milliseconds commit_interval{10'000};  ///< auto.commit.interval.ms; 0: only flush and leaving commit.
        bool reset_offsets = false;                         ///< Deletes the group's stored offsets before joining.
        OffsetStorage storage = OffsetStorage::zookeeper;   ///< offsets.storage, dual.commit.enabled
    } offsets;

    struct Zookeeper {
        std::string connect;  ///< zookeeper.connect, where join is given an empty list of servers.
        std::chrono::milliseconds session_timeout{6'000};     ///< zookeeper.session.timeout.ms, > 0
        std::chrono::milliseconds connection_timeout{6'000};  ///< zookeeper.connection.timeout.ms, > 0
        std::vector<zk::Acl> acl{zk::Acl{}};  ///< zookeeper.acl, of every node the group makes
        std::optional<std::pair<std::string, std::string>> auth;  ///< zookeeper.auth, such as {"digest", "user:password"}
    } zookeeper;

    Assignment assignment = Assignment::automatic;  ///< partition.assignment.strategy
    std::vector<HostPort> bootstrap;  ///< bootstrap.servers; empty: the brokers ZooKeeper lists. Kafka 4 needs it.
    std::string client_id = "kwire";  ///< client.id
    std::string member_id;            ///< consumer.id; empty: made of host name, process id and chance.
    /// group.instance.id: the name of this one process, the same each time it is started. Leaving then keeps its place: it
    /// commits but releases nothing, and if it is back within the session timeout no partition moves. A second process of
    /// the same name puts the first one out of the group. Empty: partitions are free at once when it leaves.
    std::string group_instance_id;
    ClusterConfig cluster;            ///< Timeouts and transport; bootstrap and client_id above win.
    FetchConfig fetch;                ///< out_of_range follows offsets.initial.

    std::shared_ptr<Runtime> runtime;                ///< Null: one with a thread of its own.
    zk::SessionFactory session_factory;              ///< Null: the C client.
    std::shared_ptr<OffsetManager> offset_manager;   ///< Null: by offsets.storage.

    /// Null: silent. Called on the runtime: it must not block, nor use the group.
    std::function<void(LogLevel, std::string_view)> logger;

    // ---- Callbacks. Called one at a time, in the order of what happened, on a thread that the group has for them. They may
    // block: the group goes on, only the callbacks behind them wait. They may use the group; but close() there would wait
    // for itself and throws errc::would_block_runtime (async_close() and the destructor do not wait). What they throw is
    // logged. None begins after close() has returned; one that has not returned in the time that close() has is left
    // behind, which errors() tells. Where runtime is Runtime::on they are called on that one, and must not block.

    /// Where callbacks run instead; it must run until the group is closed.
    asio::any_io_executor callback_executor;
    std::function<void(const Error&)> on_error;  ///< In addition to errors().
    /// Claimed, and read once this has returned.
    std::function<void(const std::vector<TopicPartition>&)> on_assigned;
    /// About to be handed over, and still owned until this has returned, or processing_timeout has passed: what is
    /// acknowledged by then is committed, by the group itself. flush_offsets() commits at once.
    std::function<void(const std::vector<TopicPartition>&)> on_revoked;
    /// No longer owned, perhaps another member's already. Nothing of them can be committed: acknowledging answers false.
    /// Also of partitions that on_revoked told of before and that were not handed over yet.
    std::function<void(const std::vector<TopicPartition>&)> on_lost;
    /// Their topic was deleted and made anew (errors() names it, errc::topic_recreated). What was handed out before belongs
    /// to the old one: acknowledging it answers false or counts for nothing, and nothing of it is committed any more.
    /// Reading begins by offsets.initial.
    std::function<void(const std::vector<TopicPartition>&)> on_topic_recreated;
    /// ZooKeeper is disconnected: nothing is handed out until on_resumed, or on_lost.
    std::function<void()> on_suspended;
    std::function<void()> on_resumed;
    /// Next offsets that were stored just now.
    std::function<void(const std::map<TopicPartition, std::int64_t>&)> on_committed;

    /// Sets one property by Kafka's own name; properties.h lists them. Throws errc::invalid_config: an unknown name (naming
    /// the nearest one), or a value out of its range (naming the rule).
    void set(std::string_view name, std::string_view value);
    static GroupConfig from_properties(const std::map<std::string, std::string>& properties);
    /// Throws errc::invalid_config naming key, value and rule.
    void validate() const;
};

/// What close() tells.
struct CloseReport {
    struct Uncommitted {
        TopicPartition tp;
        std::int64_t processed = -1;  ///< Acknowledged up to here, next offset.
        std::int64_t delivered = -1;  ///< Handed out up to here, next offset.
        std::int64_t committed = -1;  ///< Stored, next offset; -1 none.
        std::string reason;
    };
    std::vector<Uncommitted> uncommitted;
    bool clean() const { return uncommitted.empty(); }
};

/// Whether a member has read all there is, see ConsumerGroup::reading.
struct ReadingState {
    struct Obstacle {
        TopicPartition tp;    ///< No topic: it concerns everything; partition -1: the whole topic.
        std::string what;     ///< Such as `has no leader at the moment`.
        bool behind = false;  ///< Nothing is wrong: it is being read, and its end is not reached yet.

        /// `topic:partition what`, or what alone.
        std::string to_string() const;
    };
    /// None: every partition of the subscription has an owner in the group, and those of this member are read to their
    /// ends, all that was found handed out.
    std::vector<Obstacle> obstacles;
    /// Without obstacles: what is said holds of each moment up to this one, by which the last partition's end was
    /// confirmed in the answer to a Fetch. By the runtime's clock.
    TimePoint confirmed{};
    /// Grows while reading goes on, also over what holds no message: all positions of this member together.
    std::int64_t progress = 0;
    /// Something is wrong, more than that the end is not reached.
    bool troubled() const;
};

class JoinedMember;

class ConsumerGroup : public std::enable_shared_from_this<ConsumerGroup> {
 public:
    using Config = GroupConfig;

    /// Joins group name for topics. zookeeper is `host:port,...[/chroot]`. Returns once the member is registered; partitions
    /// are claimed from then on. A topic that does not exist is reported by errors(), with partition -1, and read once it
    /// appears. A chroot that does not exist is made where bootstrap servers are given; without them the brokers are to be
    /// found below it. Throws errc::invalid_config, zookeeper_unavailable, timed_out, ...
    static std::shared_ptr<ConsumerGroup> join(std::string name, std::vector<std::string> topics,
                                               std::string zookeeper, Config config);
    /// The same for a subscription, which may be an expression over the names of topics.
    static std::shared_ptr<ConsumerGroup> join(std::string name, MemberSubscription subscription,
                                               std::string zookeeper, Config config);
    /// As a coroutine on config.runtime, which must be given.
    static Task<std::shared_ptr<ConsumerGroup>> async_join(std::string name,
                                                           std::vector<std::string> topics,
                                                           std::string zookeeper, Config config);
    static Task<std::shared_ptr<ConsumerGroup>> async_join(std::string name, MemberSubscription subscription,
                                                           std::string zookeeper, Config config);
    ~ConsumerGroup();

    const std::string& name() const;
    std::string member_id() const;  ///< Changes when a lost session is replaced.

    /// Reads subscription from now on in place of what it read before. What both name goes on undisturbed, the rest is
    /// handed over. Returns at once; the partitions follow. Throws errc::invalid_config.
    void subscribe(MemberSubscription subscription);
    void subscribe(const std::vector<std::string>& topics);

    // ---- reading

    /// The next batch; empty when timeout passed or the group was closed (closed() tells).
    MessageBatch poll(std::chrono::milliseconds timeout);
    Task<MessageBatch> async_poll(std::chrono::milliseconds timeout);

    /// Every message, until the group is closed. Leaving the loop early loses nothing.
    class Messages;
    Messages messages();

    // ---- acknowledging

    /// message and everything before it in its partition is processed. False if the partition was lost meanwhile: another
    /// member will read it again. Costs two stores; the commit follows on the interval.
    bool commit_upto(const Message& message) {
        return message.cursor().mark_processed(message.offset() + 1);
    }
    bool commit_upto(const OwnedMessage& message);
    /// Only this message is processed; what is committed is the prefix without gaps. One partition is to be acknowledged
    /// either this way or by commit_upto.
    bool acknowledge(const Message& message);
    bool acknowledge(const OwnedMessage& message);

    /// Commits what is acknowledged by now. Throws the first failure; the marks stay and are tried again.
    void flush_offsets();
    Task<void> async_flush_offsets();

    // ---- state

    /// What went wrong since the last call, oldest first; bounded, dropped_errors() counts what did not fit.
    std::vector<Error> errors();
    std::uint64_t dropped_errors() const;
    std::vector<TopicPartition> owned() const;
    /// True while this member's registration stands in ZooKeeper.
    bool instance_registered();
    Task<bool> async_instance_registered();

    /// How far this member has come; asks ZooKeeper who owns the partitions that it leaves to others. An idle poll() alone
    /// does not tell whether there is nothing to read or whether nothing can be read.
    ReadingState reading();
    Task<ReadingState> async_reading();

    /// True from the moment close was asked for, or another process took over our group.instance.id: nothing more is
    /// handed out.
    bool closed() const;

    /// Leaves: stops handing out, waits up to drain (processing_timeout if absent) for what was handed out, commits,
    /// releases, deregisters. What was handed out may be acknowledged, from any thread, until it returns. Takes at most
    /// 5 s more than drain, whatever ZooKeeper and the brokers do. A second call throws errc::already_closing. Never
    /// throws unclean_close: see the report.
    CloseReport close(std::optional<std::chrono::milliseconds> drain = std::nullopt);
    Task<CloseReport> async_close(std::optional<std::chrono::milliseconds> drain = std::nullopt);

 private:
    explicit ConsumerGroup(std::shared_ptr<JoinedMember> member);
    const std::shared_ptr<JoinedMember> member_;
};

class ConsumerGroup::Messages {
 public:
    explicit Messages(ConsumerGroup& group) : group_(&group) {}
    class iterator {
     public:
        using value_type = Message;
        using difference_type = std::ptrdiff_t;
        using reference = const Message&;
        iterator() = default;
        explicit iterator(Messages& messages) : messages_(&messages) { ++*this; }
        reference operator*() const { return *message_; }
        const Message* operator->() const { return message_; }
        iterator& operator++() {
            message_ = messages_->batch_.empty() ? nullptr : messages_->batch_.next();
            if (message_ == nullptr) [[unlikely]] message_ = messages_->refill();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return message_ == nullptr; }

     private:
        Messages* messages_ = nullptr;
        const Message* message_ = nullptr;
    };
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

 private:
    const Message* refill();  ///< The first message of the next batch; null once the group is closed.
    ConsumerGroup* group_;
    MessageBatch batch_;
};

inline ConsumerGroup::Messages ConsumerGroup::messages() { return Messages(*this); }

}  // namespace kwire
