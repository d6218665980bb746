#include "coordinators/zookeeper/peers.h"

#include <exception>
#include <utility>
#include <vector>

#include <kwire/zk/gather.h>

#include "assignment/member_id.h"

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

}  // namespace

Peers::Peers(Engine& engine, SessionKeeper& session, MemberRegistration& registration)
    : engine_(engine), session_(session), registration_(registration) {}

// ---- members

zk::Watch Peers::members_watch(SessionNumber number, std::string id) {
    return [weak = std::weak_ptr(engine_.hold(*this)), number, id = std::move(id)](const zk::WatchEvent& e) {
        const auto self = weak.lock();
        if (!self || e.type == zk::WatchEvent::Type::session) return;
        if (!id.empty()) self->known_.erase(id);
        // The list of members changes with it: one event is enough.
        const bool left = !id.empty() && e.type == zk::WatchEvent::Type::deleted;
        if (!left) self->engine_.post(event::MembersChanged{number});
    };
}

Task<void> Peers::read_members(std::shared_ptr<Peers> self, SessionNumber number) {
    event::MembersRead e{number, {}};
    if (std::exchange(self->known_in_, number) != number) self->known_.clear();
    try {
        const zk::Watch watch = self->members_watch(number, "");
        auto ids = co_await self->session_.registry()->member_ids(self->engine_.group(), watch);
        const auto& config = self->engine_.config();
        const bool ids_only = config.assignment == Assignment::original && config.group_instance_id.empty();
        std::vector<GroupMember> members;
        if (ids_only) {
            // Every member counts, whatever its registration says.
            for (const auto& id : ids) members.push_back({id, true, {}, PeerKind::go});
        } else {
            members = co_await read_each(self, number, std::move(ids));
        }
        e.members = std::move(members);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->engine_.report(error);
    }
    self->engine_.post(std::move(e));
}

Task<std::vector<GroupMember>> Peers::read_each(std::shared_ptr<Peers> self, SessionNumber number,
                                                std::vector<std::string> ids) {
    std::vector<GroupMember> members;
    std::vector<Task<std::optional<GroupMember>>> reads;
    for (const auto& id : ids) {
        const auto known = self->known_.find(id);
        if (known == self->known_.end()) {
            reads.push_back(read_one(self, number, id));
        } else {
            members.push_back(known->second);
        }
    }
    auto found = co_await zk::gather(std::move(reads));
    for (auto& member : found) {
        if (member) members.push_back(std::move(*member));
    }
    self->report_warnings();
    co_return members;
}

Task<std::optional<GroupMember>> Peers::read_one(std::shared_ptr<Peers> self, SessionNumber number, std::string id) {
    const zk::Watch watch = self->members_watch(number, id);
    const auto registry = self->session_.registry();
    const auto member = co_await registry->member(self->engine_.group(), id, watch);
    if (!member) co_return std::nullopt;
    const bool is_current = number == self->session_.number();
    if (id == self->session_.member_id() && is_current) self->registration_.look_at_own(member->stat);
    GroupMember read;
    read.id = id;
    read.readable = member->registration.has_value();
    const zk::Registration said = member->registration.value_or(zk::Registration());
    read.kind = peer_kind(id, self->engine_.group(), said.client, said.rule);
    read.runs_kwire = said.client.starts_with("kwire ");
    if (read.readable) read.subscription = subscription_of(said);
    if (is_current) self->known_[id] = read;
    co_return read;
}

void Peers::report_warnings() {
    for (const auto& warning : session_.registry()->take_warnings()) engine_.report(unreadable(warning));
}

Error Peers::unreadable(const zk::Warning& warning) {
    return {errc::bad_registration, "the ZooKeeper node " + warning.path + " " + warning.what};
}

// ---- the plan

zk::Watch Peers::plan_watch(SessionNumber number) {
    return [weak = std::weak_ptr(engine_.hold(*this)), number](const zk::WatchEvent& e) {
        const auto self = weak.lock();
        if (self && e.type != zk::WatchEvent::Type::session) self->engine_.post(event::PlanChanged{number});
    };
}

Task<void> Peers::read_plan(std::shared_ptr<Peers> self, SessionNumber number) {
    event::PlanRead e{number, {}};
    try {
        zk::Watch watch = self->plan_watch(number);
        auto stored = co_await self->session_.registry()->plan(self->engine_.group(), std::move(watch));
        using Trouble = event::PlanRead::Trouble;
        e.version = stored.version;
        e.problem = stored.problem;
        if (!stored.problem.empty()) e.trouble = stored.replaceable ? Trouble::garbled : Trouble::unknown_version;
        if (stored.problem.empty()) e.plan = std::move(stored.owners);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->engine_.report(error);
    }
    self->engine_.post(std::move(e));
}

Task<void> Peers::write_plan(std::shared_ptr<Peers> self, action::WritePlan a) {
    event::PlanWritten e{a.session, zk::Code::other};
    try {
        const auto written = co_await self->session_.registry()->write_plan(
            self->engine_.group(), self->session_.member_id(), std::move(a.plan), a.version);
        e.code = written.code;
        e.version = written.value;
        if (zk::permanent(e.code) || e.code == zk::Code::other) {
            self->engine_.report(zk::refusal("writing the plan of the group to", written.outcome()));
        }
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->engine_.report(error);
    }
    self->engine_.post(std::move(e));
}

// ---- owners

Task<void> Peers::list_owners(std::shared_ptr<Peers> self, action::ListOwners a) {
    event::OwnersListed e{a.session, a.topic, {}};
    try {
        e.partitions = co_await self->session_.registry()->owned_partitions(self->engine_.group(), a.topic);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        if (!only_means_later(error)) self->engine_.report(error);
    }
    self->engine_.post(std::move(e));
}

}  // namespace kwire
