// A Membership that is told one event after the other, and what it ordered last.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership.h"

namespace kwire {

/// One Membership and what it ordered last.
class Steps : public testing::Test {
 protected:
    void join(std::vector<std::string> topics, std::vector<std::string> members, int partitions) {
        MembershipConfig config;
        config.subscription = MemberSubscription::of_topics(topics);
        config.rule = Assignment::original;
        membership_.emplace(std::move(config));
        tell(event::SessionOpened{1, "me"});
        for (const auto& topic : topics) tell_topic(topic, partitions);
        tell(event::Registered{1, zk::Code::ok});
        tell_members(std::move(members));
    }

    void tell(const MembershipEvent& event) {
        actions_ = membership_->handle(event, now_);
        for (const auto& revoked : ordered<action::Revoked>()) {
            revoking_.insert(revoking_.end(), revoked.spans.begin(), revoked.spans.end());
        }
        if (!on_revoked_hangs_ && !revoking_.empty()) return_from_on_revoked();
        for (const auto& a : actions_) {
            if (const auto* claim = std::get_if<action::Claim>(&a)) span_of_[claim->tp] = claim->span;
            if (const auto* start = std::get_if<action::Start>(&a)) span_of_[start->tp] = start->span;
        }
    }
    /// Adds what follows to actions_.
    void return_from_on_revoked() {
        const auto more = membership_->handle(event::RevokeReturned{std::exchange(revoking_, {})}, now_);
        actions_.insert(actions_.end(), more.begin(), more.end());
    }
    void tell_members(std::vector<std::string> ids) {
        std::vector<GroupMember> members;
        for (auto& id : ids) members.push_back({std::move(id), true, {}});
        tell(event::MembersRead{1, members});
    }
    void change_members(std::vector<std::string> ids, const std::string& topic, int partitions) {
        tell(event::MembersChanged{1});
        tell_topic(topic, partitions);
        tell_members(std::move(ids));
    }
    void tell_topic(const std::string& topic, int partitions) {
        std::vector<PartitionLeader> infos;
        for (int p = 0; p < partitions; ++p) infos.push_back({p, 0});
        const auto outcome = partitions > 0 ? event::TopicRead::Outcome::found : event::TopicRead::Outcome::missing;
        tell(event::TopicRead{1, topic, outcome, infos});
    }
    void tick_after(Duration duration) {
        now_ += duration;
        tell(event::Tick{});
    }
    SpanId span(int partition) const { return span_of_.at({"t", partition}); }

    /// Claims answered with ok, starts with Started.
    void run_all(int partitions) {
        for (int p = 0; p < partitions; ++p) tell(event::ClaimAnswered{span(p), zk::Code::ok});
        for (int p = 0; p < partitions; ++p) tell(event::Started{span(p)});
    }

    template <class Action>
    std::vector<Action> ordered() const {
        std::vector<Action> found;
        for (const auto& a : actions_) {
            if (const auto* match = std::get_if<Action>(&a)) found.push_back(*match);
        }
        return found;
    }
    template <class Action>
    std::vector<int> partitions_of() const {
        std::vector<int> found;
        for (const auto& a : ordered<Action>()) found.push_back(a.tp.partition);
        return found;
    }
    template <class Action>
    bool orders() const {
        return !ordered<Action>().empty();
    }

    std::optional<Membership> membership_;
    Membership::Actions actions_;
    TimePoint now_{};
    std::map<TopicPartition, SpanId> span_of_;
    bool on_revoked_hangs_ = false;
    std::vector<SpanId> revoking_;
};

/// Members that agree by a plan.
class Plans : public Steps {
 protected:
    /// Up to topic u, which is read or not.
    void join(const std::string& me) {
        MembershipConfig config;
        config.subscription = MemberSubscription::of_topics({"t", "u"});
        config.rule = Assignment::balanced;
        membership_.emplace(std::move(config));
        tell(event::SessionOpened{1, me});
        tell_topic("t", 2);
    }
    void tell_readers(const std::vector<std::string>& ids) {
        std::vector<GroupMember> members;
        for (const auto& id : ids) members.push_back({id, true, MemberSubscription::of_topics({"t", "u"})});
        tell(event::MembersRead{1, members});
    }
    const TopicPartition t0{"t", 0};
    const TopicPartition t1{"t", 1};
    const TopicPartition u0{"u", 0};
};

}  // namespace kwire
