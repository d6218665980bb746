#include <kwire/group/consumer_group.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "joined_member.h"
#include "assignment/topic_filter.h"

namespace kwire {
namespace {

// Of one blocking look for the next batch in messages(): only how often a group that was closed is noticed at worst.
constexpr std::chrono::milliseconds refill_wait{1'000};

/// For who cannot wait for the report.
Task<void> close_and_forget(std::shared_ptr<JoinedMember> member) {
    co_await JoinedMember::close(std::move(member), std::nullopt);
}

zk::SessionFactory session_factory(const GroupConfig& config, const std::string& servers) {
    zk::SessionConfig session;
    session.hosts = servers;
    session.timeout = config.zookeeper.session_timeout;
    session.connect_timeout = config.zookeeper.connection_timeout;
    // Brokers that register in ZooKeeper have made it; a missing one is a slip of the pen then.
    session.create_chroot = !config.bootstrap.empty();
    session.acl = config.zookeeper.acl;
    session.auth = config.zookeeper.auth;
    return [runtime = config.runtime, session] { return zk::open_session(runtime, session); };
}

std::string valid_group(std::string name, const GroupConfig& config) {
    if (name.empty()) name = config.group_id;
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..") {
        throw Error(errc::invalid_config,
                    "group.id is \"" + name + "\": it must be given and be the name of one ZooKeeper node");
    }
    return name;
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

JoinedMember::Settings settings(std::string name, MemberSubscription subscription, std::string servers,
                                GroupConfig config) {
    config.validate();
    JoinedMember::Settings result;
    result.group = valid_group(std::move(name), config);
    result.subscription = valid(std::move(subscription));
    if (servers.empty()) servers = config.zookeeper.connect;
    if (!config.session_factory) {
        if (servers.empty()) {
            throw Error(errc::invalid_config, "zookeeper.connect is empty: host:port,host:port[/chroot]");
        }
        config.session_factory = session_factory(config, servers);
    }
    if (config.group_instance_id.find('/') != std::string::npos) {
        throw Error(errc::invalid_config, "group.instance.id is \"" + config.group_instance_id +
                                              "\": it must be the name of one ZooKeeper node");
    }
    if (config.member_id.find('/') != std::string::npos) {
        throw Error(errc::invalid_config, "consumer.id is \"" + config.member_id +
                                              "\": it must be the name of one ZooKeeper node");
    }
    result.config = std::move(config);
    return result;
}

}  // namespace

ConsumerGroup::ConsumerGroup(std::shared_ptr<JoinedMember> member) : member_(std::move(member)) {}

std::shared_ptr<ConsumerGroup> ConsumerGroup::join(std::string name, std::vector<std::string> topics,
                                                   std::string zookeeper, Config config) {
    return join(std::move(name), of_valid_topics(topics), std::move(zookeeper), std::move(config));
}

std::shared_ptr<ConsumerGroup> ConsumerGroup::join(std::string name, MemberSubscription subscription,
                                                   std::string zookeeper, Config config) {
    if (!config.runtime) config.runtime = Runtime::with_own_thread();
    const auto runtime = config.runtime;
    return runtime->block_on(
        async_join(std::move(name), std::move(subscription), std::move(zookeeper), std::move(config)));
}

Task<std::shared_ptr<ConsumerGroup>> ConsumerGroup::async_join(std::string name,
                                                               std::vector<std::string> topics,
                                                               std::string zookeeper, Config config) {
    return async_join(std::move(name), of_valid_topics(topics), std::move(zookeeper), std::move(config));
}

Task<std::shared_ptr<ConsumerGroup>> ConsumerGroup::async_join(std::string name, MemberSubscription subscription,
                                                               std::string zookeeper, Config config) {
    if (!config.runtime) {
        throw Error(errc::invalid_config, "async_join needs GroupConfig::runtime, the runtime it is run on");
    }
    const auto member = std::make_shared<JoinedMember>(
        settings(std::move(name), std::move(subscription), std::move(zookeeper), std::move(config)));
    co_await JoinedMember::join(member);
    std::shared_ptr<ConsumerGroup> group(new ConsumerGroup(member));
    co_return group;
}

void ConsumerGroup::subscribe(MemberSubscription subscription) { member_->subscribe(valid(std::move(subscription))); }
void ConsumerGroup::subscribe(const std::vector<std::string>& topics) { subscribe(of_valid_topics(topics)); }

ConsumerGroup::~ConsumerGroup() {
    if (member_->close_called()) return;
    try {
        auto closing = close_and_forget(member_);
        if (member_->runtime()->on_runtime() || member_->inside_callback()) {
            start(member_->runtime()->executor(), std::move(closing), [](std::exception_ptr) {});
        } else {
            member_->runtime()->block_on(std::move(closing));
        }
    } catch (const std::exception&) {
        // Closed by somebody else at this moment; and a destructor has nobody to tell.
    }
}

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

Task<MessageBatch> ConsumerGroup::async_poll(std::chrono::milliseconds timeout) {
    const auto member = member_;
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
    return message.cursor->mark_processed_shared(message.offset + 1, message.restarts);
}

bool ConsumerGroup::acknowledge(const Message& message) {
    return message.cursor().acknowledge(message.follows(), message.offset() + 1);
}

bool ConsumerGroup::acknowledge(const OwnedMessage& message) {
    return message.cursor->acknowledge(message.follows, message.offset + 1, message.restarts);
}

void ConsumerGroup::flush_offsets() {
    member_->runtime()->block_on(JoinedMember::flush(member_));
}

Task<void> ConsumerGroup::async_flush_offsets() { return JoinedMember::flush(member_); }

// ---- state

std::vector<Error> ConsumerGroup::errors() { return member_->errors().take(); }
std::uint64_t ConsumerGroup::dropped_errors() const { return member_->errors().dropped(); }
std::vector<TopicPartition> ConsumerGroup::owned() const { return member_->owned(); }
bool ConsumerGroup::closed() const { return member_->closing(); }

bool ConsumerGroup::instance_registered() {
    return member_->runtime()->block_on(JoinedMember::instance_registered(member_));
}

Task<bool> ConsumerGroup::async_instance_registered() {
    return JoinedMember::instance_registered(member_);
}

ReadingState ConsumerGroup::reading() { return member_->runtime()->block_on(JoinedMember::reading(member_)); }
Task<ReadingState> ConsumerGroup::async_reading() { return JoinedMember::reading(member_); }

// ---- leaving

CloseReport ConsumerGroup::close(std::optional<std::chrono::milliseconds> drain) {
    if (member_->inside_callback()) {
        throw Error(errc::would_block_runtime,
                    "close() was called in a callback of the group, and would wait for that callback to return; use "
                    "async_close() there");
    }
    return member_->runtime()->block_on(JoinedMember::close(member_, drain));
}

Task<CloseReport> ConsumerGroup::async_close(std::optional<std::chrono::milliseconds> drain) {
    return JoinedMember::close(member_, drain);
}

}  // namespace kwire
