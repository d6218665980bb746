// How a member of a group joins, reads, commits and reports: every setting, and the program's callbacks.
//
// Units are in the types (std::chrono) or the names; ranges stand at each property in properties.h and are checked by
// validate(). Threads: a value; ConsumerGroup::join takes a copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/any_io_executor.hpp>

#include <kwire/group/assignment.h>
#include <kwire/net/consumer.h>
#include <kwire/offsets/offset_manager.h>
#include <kwire/offsets/offset_store.h>
#include <kwire/zk/acl.h>

namespace kwire {

enum class Initial { oldest, newest };
enum class OffsetStorage { zookeeper, kafka, dual };
enum class LogLevel { debug, info, warning, error };

namespace zk {
class Session;
}

struct GroupConfig {
    std::string group_id;             ///< group.id
    std::vector<std::string> topics;  ///< What to read; or a subscription, but not both.
    /// The same with an expression over the names of topics, or with several streams of a topic.
    std::optional<MemberSubscription> subscription = {};

    struct Offsets {
        Initial initial = Initial::oldest;  ///< auto.offset.reset, also where a stored offset is out of range.
        /// How long a partition that is taken away waits until what was handed out is acknowledged and on_revoked has
        /// returned. >= 0.
        std::chrono::milliseconds processing_timeout{60'000};
        std::chrono::milliseconds commit_interval{10'000};  ///< auto.commit.interval.ms; 0: only flush and leaving commit.
        bool reset_offsets = false;                         ///< Deletes what the group stored, in the store it uses, before joining.
        OffsetStorage storage = OffsetStorage::zookeeper;   ///< offsets.storage, dual.commit.enabled
    } offsets;

    struct Zookeeper {
        std::string connect;  ///< zookeeper.connect: `host:port,...[/chroot]`
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
    /// Timeouts and transport. Its bootstrap and client_id must be left as they are, or say what is said above.
    ClusterConfig cluster;
    FetchConfig fetch;                ///< out_of_range follows offsets.initial.

    std::shared_ptr<Runtime> runtime;                ///< Null: one with a thread of its own.
    /// How a session of ZooKeeper is opened, the first one and each one after a loss. For tests (zk::SessionFactory of
    /// <kwire/zk/session.h>). Null: the C client, at zookeeper.connect. May throw anything: that is reported.
    std::function<Task<std::shared_ptr<zk::Session>>()> session_factory;
    /// A store of the program's own, the easy way; by offsets.storage if both are null.
    std::shared_ptr<OffsetStore> offset_store;
    std::shared_ptr<OffsetManager> offset_manager;   ///< The full way. Not beside offset_store.

    /// Null: silent. Called on the runtime: it must not block, nor use the group.
    std::function<void(LogLevel, std::string_view)> logger;

    // ---- Callbacks. Called one at a time, in the order of what happened, on a thread that the group has for them. They may
    // block: the group goes on, only the callbacks behind them wait. They may use the group; but close() there would wait
    // for itself and throws errc::would_block_runtime (async_close() and the destructor do not wait). What they throw is
    // logged. None begins after close() has returned; one that has not returned in the time that close() has is left
    // behind, which errors() reports. If runtime is Runtime::on, they are called on that one, and must not block.

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

}  // namespace kwire
