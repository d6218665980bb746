// What a member reads of the others: the members, the topics, the owners, the brokers.
#include <exception>
#include <utility>

#include <kwire/zk/gather.h>

#include "joined_member.h"

namespace kwire {
namespace {

MemberSubscription subscription_of(const zk::Registration& registration) {
    MemberSubscription subscription;
    subscription.streams = registration.subscription;
    switch (registration.pattern) {
        case zk::SubscriptionPattern::static_list: break;
        case zk::SubscriptionPattern::white_list:
            subscription.pattern = MemberSubscription::Pattern::white_list;
            break;
        case zk::SubscriptionPattern::black_list:
            subscription.pattern = MemberSubscription::Pattern::black_list;
            break;
    }
    return subscription;
}

bool only_means_later(const Error& error) {
    // Told by the session's own events already.
    return error.condition() == errc::connection_lost || error.condition() == errc::session_expired;
}

}  // namespace

// ---- members

void JoinedMember::carry_out(const action::ReadMembers& a) {
    runtime_->spawn(read_members(shared_from_this(), a.session));
}

zk::Watch JoinedMember::members_watch(SessionNumber number, std::string id) {
    return [weak = weak_from_this(), number, id = std::move(id)](const zk::WatchEvent& e) {
        const auto self = weak.lock();
        if (!self || e.type == zk::WatchEvent::Type::session) return;
        if (!id.empty()) self->peers_.erase(id);
        // That it left the list of members tells, too: one message is enough.
        const bool left = !id.empty() && e.type == zk::WatchEvent::Type::deleted;
        if (!left) self->post(event::MembersChanged{number});
    };
}

Task<void> JoinedMember::read_members(Self self, SessionNumber number) {
    event::MembersRead e{number, {}};
    try {
        const zk::Watch watch = self->members_watch(number, "");
        const auto ids = co_await self->registry_->member_ids(self->group(), watch);
        std::vector<GroupMember> members;
        const auto& config = self->settings_.config;
        const bool names_only = config.assignment == Assignment::original && config.group_instance_id.empty();
        if (!names_only) {
            std::vector<Task<std::optional<GroupMember>>> reads;
            for (const auto& id : ids) {
                const auto known = self->peers_.find(id);
                if (known == self->peers_.end()) {
                    reads.push_back(read_member(self, number, id));
                } else {
                    members.push_back(known->second);
                }
            }
            auto found = co_await zk::gather(std::move(reads));
            for (auto& member : found) {
                if (member) members.push_back(std::move(*member));
            }
            self->report_warnings();
        } else {
            // Every member counts, whatever its registration says.
            for (const auto& id : ids) members.push_back({id, true, {}, PeerKind::go});
        }
        e.members = std::move(members);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->report(error);
    }
    self->post(std::move(e));
}

Task<std::optional<GroupMember>> JoinedMember::read_member(Self self, SessionNumber number,
                                                           std::string id) {
    const zk::Watch watch = self->members_watch(number, id);
    const auto member = co_await self->registry_->member(self->group(), id, watch);
    if (!member) co_return std::nullopt;
    // If it cannot be read at all, its stat is not known either.
    const bool taken = id == self->id_ && member->stat.czxid != 0 && member->stat.ephemeral_owner != self->registry_->session()->id();
    if (taken && number == self->session_) self->fence();
    GroupMember read;
    read.id = id;
    read.readable = member->registration.has_value();
    const zk::Registration said = member->registration.value_or(zk::Registration());
    read.kind = peer_kind(id, self->group(), said.client, said.rule);
    if (read.readable) read.subscription = subscription_of(said);
    if (number == self->session_) self->peers_[id] = read;
    co_return read;
}

void JoinedMember::fence() {
    if (settings_.config.group_instance_id.empty() || membership_.closed()) return;
    report(Error(errc::not_owner, "another process joined group " + group() + " with the group.instance.id " + id_ +
                                      "; this one is out of the group. Give each process an id of its own"));
    post(event::Fenced{});
}

void JoinedMember::report_warnings() {
    for (const auto& warning : registry_->take_warnings()) report(unreadable(warning));
}

Error JoinedMember::unreadable(const zk::Warning& warning) {
    return {errc::bad_registration, "the ZooKeeper node " + warning.path + " " + warning.what};
}

// ---- topics

void JoinedMember::carry_out(const action::ReadTopic& a) {
    runtime_->spawn(read_topic(shared_from_this(), a));
}

Task<void> JoinedMember::read_topic(Self self, action::ReadTopic a) {
    using Outcome = event::TopicRead::Outcome;
    event::TopicRead e{a.session, a.topic, Outcome::failed, {}};
    const auto source = self->topics_;
    const std::function<void()> on_change = [weak = Weak(self), number = a.session, topic = a.topic] {
        if (const auto me = weak.lock()) me->post(event::TopicChanged{number, topic});
    };
    try {
        auto partitions = co_await source->read(a.topic, a.with_leaders, on_change);
        e.outcome = partitions ? Outcome::found : Outcome::missing;
        const auto known = self->known_topics_.find(a.topic);
        if (!partitions && known != self->known_topics_.end()) known->second.gone = true;
        if (partitions) e.partitions = std::move(*partitions);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) {
            e.outcome = Outcome::unreadable;
            self->report(error);
        }
    }
    self->post(std::move(e));
}

void JoinedMember::carry_out(const action::ListTopics& a) {
    runtime_->spawn(list_topics(shared_from_this(), a.session));
}

Task<void> JoinedMember::list_topics(Self self, SessionNumber number) {
    event::TopicsListed e{number, {}};
    const auto source = self->topics_;
    const std::function<void()> on_change = [weak = Weak(self), number] {
        if (const auto me = weak.lock()) me->post(event::TopicsChanged{number});
    };
    try {
        e.topics = co_await source->list(on_change);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->report(error);
    }
    self->post(std::move(e));
}

void JoinedMember::carry_out(const action::ReportMissingTopic& a) {
    Error::Where where;
    where.topic = a.topic;
    report(Error(errc::unknown_topic, "the topic does not exist; it is read as soon as it does", where));
}

void JoinedMember::carry_out(const action::ReportPlan& a) {
    const bool newer = a.trouble == event::PlanRead::Trouble::unknown_version;
    report(Error(errc::bad_registration, "the ZooKeeper node /consumers/" + group() + "/plan " + a.problem +
                                             (newer ? ": it is left alone, and partitions stay where they are"
                                                    : ": it is replaced by a new plan")));
}

void JoinedMember::carry_out(const action::ReportDisagreement& a) {
    Error::Where where;
    where.topic = a.topic;
    report(Error(errc::unknown_topic,
                 "this member sees " + std::to_string(a.seen) + " partitions of the topic, and the group's plan has " +
                     std::to_string(a.planned) + ": members look at different clusters, or at brokers that lag",
                 where));
}

void JoinedMember::carry_out(const action::ListOwners& a) {
    runtime_->spawn(list_owners(shared_from_this(), a.session, a.topic));
}

Task<void> JoinedMember::list_owners(Self self, SessionNumber number, std::string topic) {
    event::OwnersListed e{number, topic, {}};
    try {
        e.partitions = co_await self->registry_->owned_partitions(self->group(), topic);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->report(error);
    }
    self->post(std::move(e));
}

// ---- the plan

void JoinedMember::carry_out(const action::ReadPlan& a) {
    runtime_->spawn(read_plan(shared_from_this(), a.session));
}

zk::Watch JoinedMember::plan_watch(SessionNumber number) {
    return [weak = weak_from_this(), number](const zk::WatchEvent& e) {
        const auto self = weak.lock();
        if (self && e.type != zk::WatchEvent::Type::session) self->post(event::PlanChanged{number});
    };
}

Task<void> JoinedMember::read_plan(Self self, SessionNumber number) {
    event::PlanRead e{number, {}};
    try {
        zk::Watch watch = self->plan_watch(number);
        auto stored = co_await self->registry_->plan(self->group(), std::move(watch));
        e.plan = std::move(stored.owners);
        e.version = stored.version;
        self->report_warnings();
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->report(error);
    }
    self->post(std::move(e));
}

void JoinedMember::carry_out(const action::WritePlan& a) {
    runtime_->spawn(write_plan(shared_from_this(), a));
}

Task<void> JoinedMember::write_plan(Self self, action::WritePlan a) {
    event::PlanWritten e{a.session, zk::Code::other};
    try {
        const auto written =
            co_await self->registry_->write_plan(self->group(), self->id_, std::move(a.plan), a.version);
        e.code = written.code;
        e.version = written.value;
        if (e.code == zk::Code::no_auth || e.code == zk::Code::other || e.code == zk::Code::marshalling_error) {
            self->report(Error(errc::zookeeper_error,
                               "writing who is to own what: " + std::string(zk::name(e.code))));
        }
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->report(error);
    }
    self->post(std::move(e));
}

// ---- brokers

/// Not a coroutine: GCC 12 destroys a function twice that a block of a coroutine holds and hands to another one.
Task<std::vector<BrokerEndpoint>> JoinedMember::list_brokers() {
    return registry_->brokers([weak = weak_from_this()](const zk::WatchEvent& e) {
        const auto me = weak.lock();
        if (!me || e.type == zk::WatchEvent::Type::session) return;
        me->runtime_->spawn(read_brokers(me, me->session_));
    });
}

Task<void> JoinedMember::read_brokers(Self self, SessionNumber number) {
    if (number != self->session_ || self->membership_.closed()) co_return;
    self->brokers_unwatched_ = false;
    try {
        const auto brokers = co_await self->list_brokers();
        std::vector<HostPort> bootstrap;
        for (const auto& broker : brokers) bootstrap.push_back(broker.address);
        // An empty list says that all are down; where they were is still the best guess.
        if (!bootstrap.empty()) self->cluster_->set_bootstrap(std::move(bootstrap));
        self->report_warnings();
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->brokers_unwatched_ = true;  // the next proof that the session stands is when to try again
        if (!only_means_later(error)) self->report(error);
    }
}

}  // namespace kwire
