#include "coordinators/zookeeper/topic_reader.h"

#include <exception>
#include <utility>

namespace kwire {

TopicReader::TopicReader(Engine& engine, SessionKeeper& session, Peers& peers)
    : engine_(engine), session_(session), peers_(peers) {}

void TopicReader::use(std::shared_ptr<Cluster> cluster) {
    cluster_ = std::move(cluster);
    if (!brokers_from_zookeeper()) source_ = std::make_shared<MetadataTopics>(cluster_);
}

void TopicReader::close() {
    if (source_) source_->close();
}

std::shared_ptr<TopicSource> TopicReader::source() {
    const bool is_old = brokers_from_zookeeper() && std::exchange(source_in_, session_.number()) != session_.number();
    if (is_old) source_ = std::make_shared<ZookeeperTopics>(session_.registry());
    return source_;
}

// ---- topics

Task<void> TopicReader::read(std::shared_ptr<TopicReader> self, action::ReadTopic a) {
    using Outcome = event::TopicRead::Outcome;
    event::TopicRead e{a.session, a.topic, Outcome::failed, {}};
    const auto source = self->source();
    const std::function<void()> on_change = [weak = std::weak_ptr(self), number = a.session, topic = a.topic] {
        if (const auto me = weak.lock()) me->engine_.post(event::TopicChanged{number, topic});
    };
    try {
        auto partitions = co_await source->read(a.topic, a.with_leaders, on_change);
        e.outcome = partitions ? Outcome::found : Outcome::missing;
        if (!partitions && self->on_missing_) self->on_missing_(a.topic);
        if (partitions) e.partitions = std::move(*partitions);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) {
            e.outcome = Outcome::unreadable;
            self->engine_.report(error);
        }
    }
    self->engine_.post(std::move(e));
}

Task<void> TopicReader::list(std::shared_ptr<TopicReader> self, SessionNumber number) {
    event::TopicsListed e{number, {}};
    const auto source = self->source();
    const std::function<void()> on_change = [weak = std::weak_ptr(self), number] {
        if (const auto me = weak.lock()) me->engine_.post(event::TopicsChanged{number});
    };
    try {
        e.topics = co_await source->list(on_change);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->engine_.report(error);
    }
    self->engine_.post(std::move(e));
}

// ---- brokers

/// Not a coroutine: GCC 12 destroys a function twice that a block of a coroutine holds and hands to another one.
Task<std::vector<BrokerEndpoint>> TopicReader::list_brokers() {
    return session_.registry()->brokers([weak = std::weak_ptr(engine_.hold(*this))](const zk::WatchEvent& e) {
        const auto me = weak.lock();
        if (!me || e.type == zk::WatchEvent::Type::session) return;
        me->engine_.spawn(read_brokers(me, me->session_.number()));
    });
}

void TopicReader::retry_brokers() {
    if (brokers_unwatched_) engine_.spawn(read_brokers(engine_.hold(*this), session_.number()));
}

Task<void> TopicReader::read_brokers(std::shared_ptr<TopicReader> self, SessionNumber number) {
    if (number != self->session_.number() || self->engine_.finished() || !self->cluster_) co_return;
    self->brokers_unwatched_ = false;
    try {
        const auto brokers = co_await self->list_brokers();
        std::vector<HostPort> bootstrap;
        for (const auto& broker : brokers) bootstrap.push_back(broker.address);
        // An empty list says that all are down; where they were is still the best guess.
        if (!bootstrap.empty()) self->cluster_->set_bootstrap(std::move(bootstrap));
        self->peers_.report_warnings();
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->brokers_unwatched_ = true;  // tried again as soon as the session is known to stand
        if (!only_means_later(error)) self->engine_.report(error);
    }
}

}  // namespace kwire
