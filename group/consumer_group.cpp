#include <kwire/group/consumer_group.h>

#include <algorithm>
#include <exception>
#include <utility>

#include <kwire/zk/registry.h>
#include <kwire/zk/session.h>

#include "assignment/topic_filter.h"
#include "member.h"
#include "reading_check.h"

namespace kwire {
namespace {

// Of one blocking look for the next batch in messages(): only how often a group that was closed is noticed at worst.
constexpr std::chrono::milliseconds refill_wait{1'000};

zk::SessionFactory session_factory(const GroupConfig& config) {
    zk::SessionConfig session;
    session.hosts = config.zookeeper.connect;
    session.timeout = config.zookeeper.session_timeout;
    session.connect_timeout = config.zookeeper.connection_timeout;
    // Brokers that register in ZooKeeper have made it; if it is missing then, it is misspelt.
    session.create_chroot = !config.bootstrap.empty();
    session.acl = config.zookeeper.acl;
    session.auth = config.zookeeper.auth;
    return [runtime = config.runtime, session] { return zk::open_session(runtime, session); };
}

/// id, a name of property, must be one part of a path.
void require_node_name(const char* property, const std::string& id, bool needed) {
    const bool impossible = id.find('/') != std::string::npos || id == "." || id == ".." || (needed && id.empty());
    if (!impossible) return;
    throw Error(errc::invalid_config, std::string(property) + " is \"" + id + "\": it must be the name of one ZooKeeper node" +
                                          (needed ? ", and be given" : ""));
}

MemberSubscription of_valid_topics(const std::vector<std::string>& topics) {
    if (topics.empty()) throw Error(errc::invalid_config, "no topics: at least one must be named");
    for (const auto& topic : topics) {
        if (!zk::Registry::valid_topic_name(topic)) {
            throw Error(errc::invalid_config, "the topic \"" + topic +
                                                  "\" has an illegal name: 1 to 249 of letters, digits, "
                                                  "'.', '_' and '-'");
        }
    }
    return MemberSubscription::of_topics(topics);
}

MemberSubscription valid(MemberSubscription subscription) {
    using Pattern = MemberSubscription::Pattern;
    if (subscription.pattern == Pattern::static_list) {
        std::vector<std::string> topics;
        for (const auto& [topic, streams] : subscription.streams) topics.push_back(topic);
        return of_valid_topics(topics);
    }
    const bool one = subscription.streams.size() == 1;
    if (!one || !TopicFilter(subscription.streams.begin()->first).valid()) {
        throw Error(errc::invalid_config,
                    "the expression " + (one ? '"' + subscription.streams.begin()->first + '"' : "") +
                        " is not one regular expression over the names of topics; a comma stands for |");
    }
    return MemberSubscription{subscription.pattern, {{subscription.streams.begin()->first, 1}}};
}

MemberSubscription subscription_of(const GroupConfig& config) {
    if (!config.subscription) return of_valid_topics(config.topics);
    if (!config.topics.empty()) {
        throw Error(errc::invalid_config, "GroupConfig has both topics and a subscription: set one of them");
    }
    return valid(*config.subscription);
}

/// What is given twice must be the same.
void require_one_cluster(const GroupConfig& config) {
    const ClusterConfig plain;
    const auto& cluster = config.cluster;
    if (!cluster.bootstrap.empty() && cluster.bootstrap != config.bootstrap) {
        throw Error(errc::invalid_config, "GroupConfig::cluster.bootstrap is set: the servers belong into GroupConfig::bootstrap");
    }
    if (cluster.client_id != plain.client_id && cluster.client_id != config.client_id) {
        throw Error(errc::invalid_config, "GroupConfig::cluster.client_id is set: the name belongs into GroupConfig::client_id");
    }
}

}  // namespace

ConsumerGroup::ConsumerGroup(std::shared_ptr<Member> member)
    : member_(std::move(member)), reader_(member_->consumer()->reader()) {}

ConsumerGroup::~ConsumerGroup() { member_->leave_soon(); }

// ---- joining

GroupConfig ConsumerGroup::checked(Config config) {
    config.validate();
    require_one_cluster(config);
    require_node_name("group.id", config.group_id, true);
    require_node_name("group.instance.id", config.group_instance_id, false);
    require_node_name("consumer.id", config.member_id, false);
    static_cast<void>(subscription_of(config));
    if (config.offset_store && config.offset_manager) {
        throw Error(errc::invalid_config, "GroupConfig has both an offset_store and an offset_manager: set one of them");
    }
    if (!config.session_factory && config.zookeeper.connect.empty()) {
        throw Error(errc::invalid_config, "zookeeper.connect is empty: host:port,host:port[/chroot]");
    }
    return config;
}

const std::shared_ptr<Runtime>& ConsumerGroup::runtime_of(const Config& config) {
    if (config.runtime) return config.runtime;
    throw Error(errc::invalid_config, "async_join needs GroupConfig::runtime, the runtime that the member lives on");
}

GroupConfig ConsumerGroup::with(Config config, std::string name, std::vector<std::string> topics, std::string zookeeper) {
    if (!topics.empty()) {
        config.topics = std::move(topics);
        config.subscription.reset();
    }
    if (!name.empty()) config.group_id = std::move(name);
    if (!zookeeper.empty()) config.zookeeper.connect = std::move(zookeeper);
    return config;
}

GroupConfig ConsumerGroup::with(Config config, std::string name, MemberSubscription subscription, std::string zookeeper) {
    config.topics.clear();
    config.subscription = std::move(subscription);
    return with(std::move(config), std::move(name), std::vector<std::string>(), std::move(zookeeper));
}

Task<std::shared_ptr<ConsumerGroup>> ConsumerGroup::joined(Config config, std::stop_token abandoned) {
    if (!config.session_factory) config.session_factory = session_factory(config);
    MemberSettings settings;
    settings.group = config.group_id;
    settings.subscription = subscription_of(config);
    settings.config = std::move(config);
    const auto member = std::make_shared<Member>(std::move(settings));
    co_await Member::join(member, std::move(abandoned));
    Joined group(new ConsumerGroup(member));
    co_return group;
}

std::shared_ptr<ConsumerGroup> ConsumerGroup::join(Config config) {
    config = checked(std::move(config));
    if (!config.runtime) config.runtime = Runtime::with_own_thread();
    const auto runtime = config.runtime;
    return runtime->block_on(joined(std::move(config), std::stop_token()));
}

std::shared_ptr<ConsumerGroup> ConsumerGroup::join(std::string name, std::vector<std::string> topics,
                                                   std::string zookeeper, Config config) {
    return join(with(std::move(config), std::move(name), std::move(topics), std::move(zookeeper)));
}

std::shared_ptr<ConsumerGroup> ConsumerGroup::join(std::string name, MemberSubscription subscription,
                                                   std::string zookeeper, Config config) {
    return join(with(std::move(config), std::move(name), std::move(subscription), std::move(zookeeper)));
}

void ConsumerGroup::subscribe(MemberSubscription subscription) { member_->subscribe(valid(std::move(subscription))); }
void ConsumerGroup::subscribe(const std::vector<std::string>& topics) { subscribe(of_valid_topics(topics)); }

const std::string& ConsumerGroup::name() const { return member_->group(); }
std::string ConsumerGroup::member_id() const { return member_->member_id(); }

// ---- reading

MessageBatch ConsumerGroup::poll(std::chrono::milliseconds timeout) {
    if (closed()) return {};
    try {
        return member_->consumer()->poll(timeout);
    } catch (const Error& error) {
        if (error.condition() != errc::closed) throw;
        return {};
    }
}

Task<MessageBatch> ConsumerGroup::polled(std::shared_ptr<Member> member, std::chrono::milliseconds timeout) {
    MessageBatch batch;
    if (member->closing()) co_return batch;
    try {
        batch = co_await member->consumer()->async_poll(timeout);
    } catch (const Error& error) {
        if (error.condition() != errc::closed) throw;
    }
    co_return batch;
}

const Message* ConsumerGroup::Messages::refill() {
    while (!group_->closed()) {
        batch_ = {};  // at its end: it and the memory it holds are of use to the next one
        batch_ = group_->poll(refill_wait);
        if (batch_.empty()) continue;
        if (const Message* message = batch_.next()) return message;
    }
    batch_ = {};
    return nullptr;
}

// ---- acknowledging

bool ConsumerGroup::commit_upto(const OwnedMessage& message) {
    if (message.cursor->reader() != reader_) return refuse(message.cursor->topic_partition());
    return message.cursor->mark_processed_shared(message.offset + 1, message.restarts);
}

bool ConsumerGroup::acknowledge(const Message& message) {
    PartitionCursor& cursor = message.cursor();
    if (cursor.reader() != reader_) return refuse(cursor.topic_partition());
    return cursor.acknowledge(message.follows(), message.offset() + 1);
}

bool ConsumerGroup::acknowledge(const OwnedMessage& message) {
    if (message.cursor->reader() != reader_) return refuse(message.cursor->topic_partition());
    return message.cursor->acknowledge(message.follows, message.offset + 1, message.restarts);
}

/// Reported once: a program that does so does it with every message.
bool ConsumerGroup::refuse(const TopicPartition& tp) {
    if (refused_.exchange(true, std::memory_order_relaxed)) return false;
    runtime()->post([member = member_, tp] {
        member->report(Error(errc::not_owner,
                             "a message was acknowledged that this group did not hand out: acknowledge it through the group "
                             "that it came from",
                             {.topic = tp.topic, .partition = tp.partition}));
    });
    return false;
}

void ConsumerGroup::flush_offsets() { runtime()->block_on(flushed(member_)); }
Task<void> ConsumerGroup::flushed(std::shared_ptr<Member> member) { return Member::flush(std::move(member)); }

// ---- partition control

void ConsumerGroup::pause(const std::vector<TopicPartition>& partitions) { member_->consumer()->pause(partitions); }
void ConsumerGroup::resume(const std::vector<TopicPartition>& partitions) { member_->consumer()->resume(partitions); }
std::vector<TopicPartition> ConsumerGroup::paused() const { return member_->consumer()->paused(); }

void ConsumerGroup::seek(const TopicPartition& tp, std::int64_t offset) { member_->consumer()->seek(tp, offset); }

std::optional<std::int64_t> ConsumerGroup::position(const TopicPartition& tp) const {
    return member_->consumer()->position(tp);
}

std::optional<std::int64_t> ConsumerGroup::lag(const TopicPartition& tp) const { return member_->consumer()->lag(tp); }

std::optional<std::int64_t> ConsumerGroup::high_watermark(const TopicPartition& tp) const {
    return member_->consumer()->high_watermark(tp);
}

std::optional<std::int64_t> ConsumerGroup::committed(TopicPartition tp) {
    return runtime()->block_on(stored(member_, std::move(tp)));
}

Task<std::optional<std::int64_t>> ConsumerGroup::stored(std::shared_ptr<Member> member, TopicPartition tp) {
    bool is_read = false;
    member->partitions().each_read([&](const TopicPartition& one) { is_read = is_read || one == tp; });
    if (!is_read) {
        throw Error(errc::not_owner, "the partition is not read by this member",
                    {.topic = tp.topic, .partition = tp.partition});
    }
    co_return member->clients().offsets->committed(tp);
}

// ---- state

std::vector<Error> ConsumerGroup::errors() { return member_->errors().take(); }
std::uint64_t ConsumerGroup::dropped_errors() const { return member_->errors().dropped(); }
std::vector<TopicPartition> ConsumerGroup::owned() const { return member_->owned(); }
bool ConsumerGroup::closed() const { return member_->closing(); }

std::optional<Ended> ConsumerGroup::ended() const { return member_->ended(); }
const std::shared_ptr<Runtime>& ConsumerGroup::runtime() const { return member_->runtime(); }

bool ConsumerGroup::instance_registered() { return runtime()->block_on(registered(member_)); }
Task<bool> ConsumerGroup::registered(std::shared_ptr<Member> member) {
    return Member::instance_registered(std::move(member));
}

ReadingState ConsumerGroup::reading() { return runtime()->block_on(read(member_)); }
Task<ReadingState> ConsumerGroup::read(std::shared_ptr<Member> member) { return ReadingCheck::run(std::move(member)); }

// ---- leaving

CloseReport ConsumerGroup::close(std::optional<std::chrono::milliseconds> drain) {
    if (member_->inside_callback()) {
        throw Error(errc::would_block_runtime,
                    "close() was called in a callback of the group, and would wait for that callback to return; use "
                    "async_close() there");
    }
    return runtime()->block_on(left(member_, drain));
}

Task<CloseReport> ConsumerGroup::left(std::shared_ptr<Member> member, std::optional<std::chrono::milliseconds> drain) {
    return Member::close(std::move(member), drain);
}

}  // namespace kwire
