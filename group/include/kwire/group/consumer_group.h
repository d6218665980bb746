// A member of a consumer group that is coordinated through ZooKeeper: the public face of kwire.
//
//     auto group = kwire::ConsumerGroup::join("clicks", {"page-views"}, "zk1:2181,zk2:2181/kafka", {});
//     for (const kwire::Message& m : group->messages()) {
//         use(m);
//         if (!group->commit_upto(m)) std::cerr << "another member reads it again\n";
//     }
//
// The members of a group divide the partitions of their topics among themselves; each partition has one owner at a time,
// written down in ZooKeeper. When members come or go only the partitions that change hands stop.
// Invariants: what was acknowledged by the program, and nothing else, is committed; a committed offset never goes back;
// no message of a partition is handed out after it was lost.
// Threads: every function from any thread; the range of messages() and a batch of poll() belong to one thread each.
// Blocking functions throw errc::would_block_runtime on the runtime itself. Each has an async_ form, which takes any
// completion token: executor, cancellation and exceptions as in <kwire/net/async.h>. Callbacks may block, see GroupConfig.
// Lifetimes: the object is held by shared_ptr; messages() holds it too. The destructor never waits: it begins to leave, see
// there. An operation that has begun needs the object no longer.
// Sources: wvanbergen/kafka consumergroup (the API), Kafka's ZookeeperConsumerConnector (peers, nodes).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <kwire/group/group_config.h>
#include <kwire/net/async.h>
#include <kwire/net/topic_names.h>

namespace kwire {

/// What close() reports.
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

/// closed: the program asked for it. fenced: another process took over our group.instance.id. failed: kwire itself could
/// not go on.
enum class EndReason { closed, fenced, failed };
struct Ended {
    EndReason reason = EndReason::closed;
    std::optional<Error> error = {};  ///< Unless it was closed.
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

class Member;

class ConsumerGroup : public std::enable_shared_from_this<ConsumerGroup> {
 public:
    using Config = GroupConfig;

    /// Joins config.group_id, at config.zookeeper.connect, for config.topics or config.subscription. Returns once the member
    /// is registered; partitions are claimed from then on. A topic that does not exist is reported by errors(), with
    /// partition -1, and read once it appears. A chroot that does not exist is made if bootstrap servers are given; without
    /// them the brokers must be found below it. Throws errc::invalid_config, zookeeper_unavailable, cannot_connect,
    /// timed_out (with the last reason), and zookeeper_error at once if ZooKeeper refuses the registration for good: it
    /// names the node, the code and what to do. If it throws, nothing is left of the member.
    static std::shared_ptr<ConsumerGroup> join(Config config);
    /// The same with name, topics and servers apart, as in Go; what is empty is taken from config.
    static std::shared_ptr<ConsumerGroup> join(std::string name, std::vector<std::string> topics, std::string zookeeper,
                                               Config config);
    /// The same for a subscription, which may be an expression over the names of topics.
    static std::shared_ptr<ConsumerGroup> join(std::string name, MemberSubscription subscription, std::string zookeeper,
                                               Config config);
    /// Config::runtime must be given: the member lives on it. A join whose waiting was cancelled is undone: the session is
    /// closed, within the time that opening it may take. Completes with shared_ptr<ConsumerGroup>.
    template <class Token = asio::use_awaitable_t<>>
    static auto async_join(Config config, Token&& token = {}) {
        std::stop_source abandoned;
        const auto runtime = runtime_of(config);
        return detail::async_operation(runtime, joined(checked(std::move(config)), abandoned.get_token()),
                                       std::forward<Token>(token), abandoned);
    }
    template <class Token = asio::use_awaitable_t<>>
    static auto async_join(std::string name, TopicNames topics, std::string zookeeper, Config config, Token&& token = {}) {
        return async_join(with(std::move(config), std::move(name), std::move(topics), std::move(zookeeper)),
                          std::forward<Token>(token));
    }
    template <class Token = asio::use_awaitable_t<>>
    static auto async_join(std::string name, MemberSubscription subscription, std::string zookeeper, Config config,
                           Token&& token = {}) {
        return async_join(with(std::move(config), std::move(name), std::move(subscription), std::move(zookeeper)),
                          std::forward<Token>(token));
    }

    /// Leaves unless close was called: stops handing out at once, and commits what is acknowledged, releases and
    /// deregisters in the background. It waits for nothing, neither for what was handed out nor for a loop that somebody
    /// may have stopped. Call close() to wait.
    ~ConsumerGroup();
    ConsumerGroup(const ConsumerGroup&) = delete;
    ConsumerGroup& operator=(const ConsumerGroup&) = delete;

    const std::string& name() const;
    std::string member_id() const;  ///< Changes when a lost session is replaced, unless it was given.

    /// Reads subscription from now on in place of what it read before. What both name goes on undisturbed, the rest is
    /// handed over. Returns at once; the partitions follow. Throws errc::invalid_config.
    void subscribe(MemberSubscription subscription);
    void subscribe(const std::vector<std::string>& topics);

    // ---- reading

    /// The next batch; empty when timeout has passed or the group was closed (closed(), ended()).
    MessageBatch poll(std::chrono::milliseconds timeout);
    /// A batch that comes after its waiting was cancelled is given back, and handed out next.
    template <class Token = asio::use_awaitable_t<>>
    auto async_poll(std::chrono::milliseconds timeout, Token&& token = {}) {
        return detail::async_operation(runtime(), polled(member_, timeout), std::forward<Token>(token));
    }

    /// Every message, until the group is closed; ended() says why it was. Leaving the loop early loses nothing.
    class Messages;
    Messages messages();

    // ---- acknowledging

    /// message and everything before it in its partition is processed. False if the partition was lost meanwhile: another
    /// member will read it again. False too for a message that another group handed out, which errors() reports. Costs two
    /// stores; the commit follows on the interval.
    [[nodiscard]] bool commit_upto(const Message& message) {
        PartitionCursor& cursor = message.cursor();
        if (cursor.reader() != reader_) [[unlikely]] return refuse(cursor.topic_partition());
        return cursor.mark_processed(message.offset() + 1);
    }
    [[nodiscard]] bool commit_upto(const OwnedMessage& message);
    /// Only this message is processed; what is committed is the prefix without gaps. One partition is to be acknowledged
    /// either this way or by commit_upto. False as there.
    [[nodiscard]] bool acknowledge(const Message& message);
    [[nodiscard]] bool acknowledge(const OwnedMessage& message);

    /// Commits what is acknowledged by now. Throws the first failure; the marks stay and are tried again.
    void flush_offsets();
    template <class Token = asio::use_awaitable_t<>>
    auto async_flush_offsets(Token&& token = {}) {
        return detail::async_operation(runtime(), flushed(member_), std::forward<Token>(token));
    }

    // ---- partition control, as in Java's KafkaConsumer, for partitions that this member reads: any thread. What changes
    // something throws errc::not_owner, and changes nothing, if one of the partitions is not read by this member (now). A
    // partition that goes and comes back is not paused, and begins at what is stored.

    /// See Consumer::pause: from when this returns nothing of partitions is handed out, and nothing of them is fetched.
    void pause(const std::vector<TopicPartition>& partitions);
    void resume(const std::vector<TopicPartition>& partitions);
    std::vector<TopicPartition> paused() const;
    /// See Consumer::seek. The next commit stores offset, also if that is lower than what is stored, or what is acknowledged
    /// after it. What was handed out before may not be acknowledged any more: acknowledge(OwnedMessage) answers false.
    void seek(const TopicPartition& tp, std::int64_t offset);
    /// The offset of the next message to hand out; nothing if tp is not read by this member.
    std::optional<std::int64_t> position(const TopicPartition& tp) const;
    /// How many offsets lie from position(tp) to the log's end as the last Fetch told it; nothing if that is not known.
    std::optional<std::int64_t> lag(const TopicPartition& tp) const;
    std::optional<std::int64_t> high_watermark(const TopicPartition& tp) const;
    /// The offset that the store holds, as this member read or wrote it last: where its successor begins. Nothing if none
    /// is stored. Throws errc::not_owner.
    std::optional<std::int64_t> committed(TopicPartition tp);  // blocking
    template <class Token = asio::use_awaitable_t<>>
    auto async_committed(TopicPartition tp, Token&& token = {}) {
        return detail::async_operation(runtime(), stored(member_, std::move(tp)), std::forward<Token>(token));
    }

    // ---- state

    /// What went wrong since the last call, oldest first; bounded, dropped_errors() counts what did not fit.
    [[nodiscard]] std::vector<Error> errors();
    std::uint64_t dropped_errors() const;
    std::vector<TopicPartition> owned() const;
    /// True while this member's registration stands in ZooKeeper.
    [[nodiscard]] bool instance_registered();
    template <class Token = asio::use_awaitable_t<>>
    auto async_instance_registered(Token&& token = {}) {
        return detail::async_operation(runtime(), registered(member_), std::forward<Token>(token));
    }

    /// How far this member has come; asks ZooKeeper who owns the partitions that it leaves to others. An idle poll() alone
    /// does not say whether there is nothing to read or whether nothing can be read.
    [[nodiscard]] ReadingState reading();
    template <class Token = asio::use_awaitable_t<>>
    auto async_reading(Token&& token = {}) {
        return detail::async_operation(runtime(), read(member_), std::forward<Token>(token));
    }

    /// True from the moment at which the member ends, for whatever reason: nothing more is handed out.
    [[nodiscard]] bool closed() const;
    /// Why; nothing while it is not closed().
    std::optional<Ended> ended() const;

    /// Leaves: stops handing out, waits up to drain (processing_timeout if absent) for what was handed out, commits,
    /// releases, deregisters. What was handed out may be acknowledged, from any thread, until it returns. Takes at most
    /// 5 s more than drain, whatever ZooKeeper and the brokers do. A second call waits for the first, whatever its drain,
    /// and returns the same report. Never throws unclean_close: see the report.
    CloseReport close(std::optional<std::chrono::milliseconds> drain = std::nullopt);
    /// Leaving that was begun goes on though nobody waits.
    template <class Token = asio::use_awaitable_t<>>
    auto async_close(std::optional<std::chrono::milliseconds> drain = std::nullopt, Token&& token = {}) {
        return detail::async_operation(runtime(), left(member_, drain), std::forward<Token>(token));
    }

 private:
    using Joined = std::shared_ptr<ConsumerGroup>;

    explicit ConsumerGroup(std::shared_ptr<Member> member);
    const std::shared_ptr<Runtime>& runtime() const;
    bool refuse(const TopicPartition& tp);

    static const std::shared_ptr<Runtime>& runtime_of(const Config& config);
    static Config checked(Config config);
    static Config with(Config config, std::string name, std::vector<std::string> topics, std::string zookeeper);
    static Config with(Config config, std::string name, MemberSubscription subscription, std::string zookeeper);
    static Task<Joined> joined(Config config, std::stop_token abandoned);
    static Task<MessageBatch> polled(std::shared_ptr<Member> member, std::chrono::milliseconds timeout);
    static Task<void> flushed(std::shared_ptr<Member> member);
    static Task<std::optional<std::int64_t>> stored(std::shared_ptr<Member> member, TopicPartition tp);
    static Task<bool> registered(std::shared_ptr<Member> member);
    static Task<ReadingState> read(std::shared_ptr<Member> member);
    static Task<CloseReport> left(std::shared_ptr<Member> member, std::optional<std::chrono::milliseconds> drain);

    const std::shared_ptr<Member> member_;
    const void* const reader_;  // PartitionCursor::reader of our own
    std::atomic<bool> refused_{false};
};

class ConsumerGroup::Messages {
 public:
    explicit Messages(std::shared_ptr<ConsumerGroup> group) : group_(std::move(group)) {}
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
    std::shared_ptr<ConsumerGroup> group_;
    MessageBatch batch_;
};

inline ConsumerGroup::Messages ConsumerGroup::messages() { return Messages(shared_from_this()); }

}  // namespace kwire
