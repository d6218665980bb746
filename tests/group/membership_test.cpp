#include "membership.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

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

TEST_F(Steps, ClaimsItsShareAndStartsWhatItGot) {
    join({"t"}, {"me", "you"}, 4);
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(0, 1));
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    EXPECT_FALSE(orders<action::Assigned>()) << "the other claim is still under way";
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    ASSERT_EQ(ordered<action::Assigned>().size(), 1U);
    EXPECT_EQ(ordered<action::Assigned>()[0].partitions.size(), 2U);
    EXPECT_THAT(partitions_of<action::Start>(), ElementsAre(0, 1));
}

TEST_F(Steps, KeptPartitionsAreNotTouchedByARebalance) {
    join({"t"}, {"me"}, 4);
    run_all(4);
    change_members({"me", "you"}, "t", 4);
    ASSERT_EQ(ordered<action::Revoked>().size(), 1U);
    EXPECT_THAT(ordered<action::Revoked>()[0].partitions, ElementsAre(TopicPartition{"t", 2}, TopicPartition{"t", 3}));
    EXPECT_EQ(ordered<action::Stop>().size(), 2U);
    EXPECT_FALSE(orders<action::Claim>() || orders<action::Start>() || orders<action::Release>());
    tell(event::Drained{span(2)});
    EXPECT_TRUE(ordered<action::Finalize>().at(0).drained);
    tell(event::Finalized{span(2)});
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(2));
    tell(event::Released{span(2), zk::Code::ok});
    EXPECT_THAT(actions_, IsEmpty());
    EXPECT_EQ(membership_->owned().size(), 3U);
}

TEST_F(Steps, WhatWasAnnouncedIsRevokedThoughItNeverBegan) {
    join({"t"}, {"me"}, 2);
    for (int p = 0; p < 2; ++p) tell(event::ClaimAnswered{span(p), zk::Code::ok});
    ASSERT_TRUE(orders<action::Assigned>());
    tell(event::Started{span(0)});
    change_members({"me", "you"}, "t", 2);
    ASSERT_EQ(ordered<action::Revoked>().size(), 1U);
    EXPECT_THAT(ordered<action::Revoked>()[0].partitions, ElementsAre(TopicPartition{"t", 1}));
    EXPECT_TRUE(orders<action::CancelStart>());
    tell(event::NotStarted{span(1)});
    EXPECT_FALSE(orders<action::Revoked>());
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1));
}

TEST_F(Steps, APartitionIsHandedOverOnceOnRevokedHasReturned) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    on_revoked_hangs_ = true;
    change_members({"me", "you"}, "t", 2);
    EXPECT_TRUE(orders<action::Stop>()) << "at once, whatever the program does";
    tell(event::Drained{span(1)});
    EXPECT_THAT(actions_, IsEmpty());
    return_from_on_revoked();
    ASSERT_EQ(ordered<action::Finalize>().size(), 1U);
    EXPECT_TRUE(ordered<action::Finalize>()[0].drained);
}

TEST_F(Steps, APartitionWaitsNoLongerForOnRevokedThanForMessages) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    on_revoked_hangs_ = true;
    change_members({"me", "you"}, "t", 2);
    tell(event::Drained{span(1)});
    tick_after(59s);
    EXPECT_FALSE(orders<action::Finalize>());
    tick_after(1s);
    EXPECT_TRUE(orders<action::Finalize>());
    tell(event::Finalized{span(1)});
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1));
    return_from_on_revoked();
    EXPECT_EQ(ordered<action::Release>().size(), 1U) << "too late";
}

TEST_F(Steps, WhatNeverBeganIsReleasedOnceOnRevokedHasReturned) {
    for (const bool in_time : {true, false}) {
        on_revoked_hangs_ = false;
        join({"t"}, {"me"}, 2);
        for (int p = 0; p < 2; ++p) tell(event::ClaimAnswered{span(p), zk::Code::ok});
        on_revoked_hangs_ = true;
        change_members({"me", "you"}, "t", 2);
        tell(event::NotStarted{span(1)});
        EXPECT_FALSE(orders<action::Release>());
        if (in_time) {
            return_from_on_revoked();
        } else {
            revoking_.clear();
            tick_after(60s);
        }
        EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1)) << in_time;
    }
}

TEST_F(Steps, WhatComesBackBeforeOnRevokedHasReturnedIsAnnouncedBehindIt) {
    join({"t"}, {"me"}, 2);
    for (int p = 0; p < 2; ++p) tell(event::ClaimAnswered{span(p), zk::Code::ok});
    on_revoked_hangs_ = true;
    change_members({"me", "you"}, "t", 2);
    tell(event::NotStarted{span(1)});
    change_members({"me"}, "t", 2);
    EXPECT_EQ(ordered<action::Assigned>().size(), 1U);
    EXPECT_FALSE(orders<action::Release>());
    return_from_on_revoked();
    EXPECT_FALSE(orders<action::Release>()) << "it is about the time before";
}

TEST_F(Steps, CloseWaitsForOnRevokedAsLongAsForMessages) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    on_revoked_hangs_ = true;
    tell(event::CloseRequested{10s});
    for (int p = 0; p < 2; ++p) tell(event::Drained{span(p)});
    EXPECT_EQ(membership_->next_timer(), now_ + 10s) << "the time to leave begins when the program's is over";
    return_from_on_revoked();
    EXPECT_EQ(ordered<action::Finalize>().size(), 2U);
    EXPECT_EQ(membership_->next_timer(), now_ + 4s);
}

TEST_F(Steps, WhatBeganThoughCancelledAndIsWantedAgainIsAnnouncedAgain) {
    join({"t"}, {"me"}, 2);
    for (int p = 0; p < 2; ++p) tell(event::ClaimAnswered{span(p), zk::Code::ok});
    tell(event::Started{span(0)});
    change_members({"me", "you"}, "t", 2);
    change_members({"me"}, "t", 2);
    EXPECT_FALSE(orders<action::Assigned>());
    tell(event::Started{span(1)});
    ASSERT_EQ(ordered<action::Assigned>().size(), 1U);
    EXPECT_THAT(ordered<action::Assigned>()[0].partitions, ElementsAre(TopicPartition{"t", 1}));
    EXPECT_FALSE(orders<action::Start>());
}

TEST_F(Steps, APartitionThatComesBackWhileItDrainsKeepsItsNodeAndStartsFromTheCommit) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    change_members({"me", "you"}, "t", 2);
    const auto old_span = span(1);
    change_members({"me"}, "t", 2);
    EXPECT_THAT(actions_, IsEmpty());
    tell(event::Drained{old_span});
    tell(event::Finalized{old_span});
    EXPECT_FALSE(orders<action::Release>() || orders<action::Claim>());
    EXPECT_THAT(partitions_of<action::Start>(), ElementsAre(1));
    EXPECT_NE(span(1), old_span);
}

TEST_F(Steps, Fault6ABlockedClaimIsNeverGivenUpAndIsMadeWhenTheNodeGoes) {
    join({"t"}, {"me"}, 1);
    tell(event::ClaimAnswered{span(0), zk::Code::node_exists});
    EXPECT_THAT(partitions_of<action::WatchOwner>(), ElementsAre(0));
    tick_after(1h);
    EXPECT_FALSE(orders<action::Claim>()) << "watched, not polled";
    tell(event::OwnerGone{span(0)});
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(0));
}

TEST_F(Steps, AClaimWithoutAnswerIsMadeAgainAndReleasedWhenItIsNoLongerWanted) {
    join({"t"}, {"me"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    tell(event::ClaimAnswered{span(1), zk::Code::connection_loss});
    change_members({"me", "you"}, "t", 2);
    EXPECT_THAT(partitions_of<action::Release>(), IsEmpty()) << "it backs off first";
    tick_after(100ms);
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1));
    tell(event::Released{span(1), zk::Code::no_node});
    EXPECT_EQ(membership_->owned().size(), 1U);
}

TEST_F(Steps, AClaimThatSucceedsTooLateIsReleased) {
    join({"t"}, {"me"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    change_members({"me", "you"}, "t", 2);
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1));
    EXPECT_THAT(partitions_of<action::Start>(), ElementsAre(0));
}

TEST_F(Steps, AStartThatFailsIsTriedAgainLaterAndLater) {
    join({"t"}, {"me"}, 1);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    for (const auto backoff : {100ms, 200ms, 400ms}) {
        tell(event::NotStarted{span(0)});
        EXPECT_FALSE(orders<action::Start>());
        EXPECT_EQ(membership_->next_timer(), now_ + backoff);
        tick_after(backoff);
        EXPECT_TRUE(orders<action::Start>());
    }
}

TEST_F(Steps, AStartThatIsNoLongerWantedIsCancelledAndReleased) {
    join({"t"}, {"me"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    change_members({"me", "you"}, "t", 2);
    ASSERT_EQ(ordered<action::CancelStart>().size(), 1U);
    tell(event::NotStarted{span(1)});
    EXPECT_THAT(partitions_of<action::Release>(), ElementsAre(1));
}

TEST_F(Steps, AStartThatWasFasterThanItsCancellationIsStopped) {
    join({"t"}, {"me"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    change_members({"me", "you"}, "t", 2);
    tell(event::Started{span(1)});
    EXPECT_EQ(ordered<action::Stop>().size(), 1U);
}

TEST_F(Steps, Fault4AnUndrainedPartitionIsFinalizedWhenProcessingTimeoutIsUp) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    change_members({"me", "you"}, "t", 2);
    EXPECT_EQ(membership_->next_timer(), now_ + 5s) << "the sweep";
    tick_after(60s);
    ASSERT_EQ(ordered<action::Finalize>().size(), 1U);
    EXPECT_FALSE(ordered<action::Finalize>()[0].drained);
    tell(event::Drained{span(1)});
    EXPECT_THAT(actions_, IsEmpty()) << "too late";
}

TEST_F(Steps, Fault5AnExpiredSessionLosesAllAndBecomesANewMember) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    tell(event::SessionSuspended{});
    EXPECT_TRUE(orders<action::SuspendReading>());
    tell(event::SessionExpired{});
    ASSERT_EQ(ordered<action::Lost>().size(), 1U);
    EXPECT_EQ(ordered<action::Lost>()[0].spans.size(), 2U);
    ASSERT_EQ(ordered<action::OpenSession>().size(), 1U);
    EXPECT_THAT(membership_->owned(), IsEmpty());
    tell(event::SessionOpenFailed{2});
    tick_after(100ms);
    ASSERT_EQ(ordered<action::OpenSession>().size(), 1U);
    tell(event::SessionOpened{3, "me again"});
    EXPECT_TRUE(orders<action::ResumeReading>());
    EXPECT_FALSE(orders<action::Register>()) << "what it would be given it could not claim yet";
    tell(event::TopicRead{3, "t", event::TopicRead::Outcome::found, {{0, 0}, {1, 0}}});
    EXPECT_TRUE(orders<action::Register>());
    tell(event::Registered{3, zk::Code::ok});
    EXPECT_EQ(ordered<action::ReadMembers>().at(0).session, 3U);
    tell(event::MembersRead{3, std::vector<GroupMember>{{"me again", true, {}}}});
    EXPECT_EQ(ordered<action::Claim>().at(1).owner_text, "me again");
}

TEST_F(Steps, NothingIsOrderedOfZooKeeperWhileSuspended) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    change_members({"me", "you"}, "t", 2);
    tell(event::SessionSuspended{});
    tell(event::Drained{span(1)});
    EXPECT_THAT(actions_, IsEmpty());
    tell(event::SessionResumed{});
    EXPECT_TRUE(orders<action::ResumeReading>());
    EXPECT_TRUE(orders<action::Finalize>());
}

TEST_F(Steps, Fault7NewPartitionsAreClaimed) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    tell(event::TopicChanged{1, "t"});
    EXPECT_EQ(ordered<action::ReadTopic>().size(), 1U);
    tell_topic("t", 4);
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(2, 3));
    EXPECT_FALSE(orders<action::Stop>());
}

TEST_F(Steps, Fault7AMissingTopicIsReportedOnceAndReadWhenItAppears) {
    MembershipConfig config;
    config.subscription = MemberSubscription::of_topics({"t"});
    config.rule = Assignment::original;
    membership_.emplace(std::move(config));
    tell(event::SessionOpened{1, "me"});
    tell_topic("t", 0);
    EXPECT_EQ(ordered<action::ReportMissingTopic>().size(), 1U);
    tell(event::Registered{1, zk::Code::ok});
    tell_members({"me"});
    tell(event::TopicChanged{1, "t"});
    tell_topic("t", 0);
    EXPECT_FALSE(orders<action::ReportMissingTopic>());
    tell(event::TopicChanged{1, "t"});
    tell_topic("t", 1);
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(0));
}

TEST_F(Steps, ALeaderThatMovesIsNoReasonToRebalance) {
    join({"t"}, {"me", "you"}, 4);
    tell(event::TopicChanged{1, "t"});
    tell(event::TopicRead{1, "t", event::TopicRead::Outcome::found, {{0, 9}, {1, 8}, {2, 0}, {3, 0}}});
    EXPECT_THAT(actions_, IsEmpty());
}

TEST_F(Steps, Fault8APartitionThatNobodyOwnsIsAdoptedAfterSomeSweeps) {
    join({"t"}, {"me", "you"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    tell(event::Started{span(0)});
    for (int sweep = 0; sweep < 3; ++sweep) {
        EXPECT_FALSE(orders<action::Claim>());
        tick_after(5s);
        ASSERT_EQ(ordered<action::ListOwners>().size(), 1U);
        tell(event::OwnersListed{1, "t", std::vector<std::int32_t>{0}});
    }
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(1));
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    tell(event::Started{span(1)});
    change_members({"me", "you", "zoe"}, "t", 2);
    EXPECT_EQ(ordered<action::Stop>().size(), 1U) << "given back at the next rebalance";
}

TEST_F(Steps, AnAdoptionThatSomebodyElseWonIsForgotten) {
    join({"t"}, {"me", "you"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    for (int sweep = 0; sweep < 3; ++sweep) {
        tick_after(5s);
        tell(event::OwnersListed{1, "t", std::vector<std::int32_t>{0}});
    }
    tell(event::ClaimAnswered{span(1), zk::Code::node_exists});
    EXPECT_THAT(actions_, IsEmpty());
}

TEST_F(Steps, ARegistrationThatSomebodyDeletedIsMadeAgain) {
    join({"t"}, {"me"}, 1);
    change_members({"you"}, "t", 1);
    EXPECT_FALSE(membership_->registered());
    tick_after(100ms);
    EXPECT_TRUE(orders<action::Register>());
}

TEST_F(Steps, CloseDrainsCommitsReleasesAndDeregisters) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    tell(event::CloseRequested{});
    EXPECT_TRUE(orders<action::Revoked>());
    tell(event::Drained{span(0)});
    tell(event::Finalized{span(0)});
    tell(event::Released{span(0), zk::Code::ok});
    EXPECT_TRUE(orders<action::Deregister>());
    tell(event::Deregistered{1, zk::Code::ok});
    EXPECT_TRUE(ordered<action::Closed>().at(0).clean);
    EXPECT_TRUE(membership_->closed());
    tell(event::MembersChanged{1});
    EXPECT_THAT(actions_, IsEmpty());
}

TEST_F(Steps, CloseWithoutZooKeeperGivesUpAfterLeaveTimeout) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    tell(event::SessionSuspended{});
    tell(event::CloseRequested{});
    tell(event::Drained{span(0)});
    EXPECT_THAT(actions_, IsEmpty());
    tick_after(4s);
    EXPECT_TRUE(orders<action::Lost>());
    EXPECT_FALSE(ordered<action::Closed>().at(0).clean);
}

TEST_F(Steps, CloseRightAfterTheStartEndsAtOnce) {
    MembershipConfig config;
    config.subscription = MemberSubscription::of_topics({"t"});
    config.rule = Assignment::original;
    membership_.emplace(std::move(config));
    tell(event::CloseRequested{});
    EXPECT_TRUE(ordered<action::Closed>().at(0).clean);
}

TEST_F(Steps, CloseWhileClaimsAreUnderWayReleasesThem) {
    join({"t"}, {"me"}, 1);
    tell(event::CloseRequested{});
    EXPECT_THAT(actions_, IsEmpty());
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    EXPECT_TRUE(orders<action::Release>());
    tell(event::Released{span(0), zk::Code::ok});
    EXPECT_TRUE(orders<action::Deregister>());
}

TEST_F(Steps, RegistersWithoutItsTopicsWhenTheyCannotBeReadInTime) {
    MembershipConfig config;
    config.subscription = MemberSubscription::of_topics({"t"});
    membership_.emplace(std::move(config));
    tell(event::SessionOpened{1, "me"});
    EXPECT_TRUE(orders<action::ReadTopic>());
    EXPECT_FALSE(orders<action::Register>());
    EXPECT_EQ(membership_->next_timer(), now_ + 1s);
    tick_after(1s);
    EXPECT_TRUE(orders<action::Register>());
}

TEST_F(Steps, AReleaseThatFailsInAnyWayIsTriedAgain) {
    for (const auto code : {zk::Code::session_moved, zk::Code::auth_failed, zk::Code::operation_timeout}) {
        join({"t"}, {"me", "you"}, 1);
        tell(event::ClaimAnswered{span(0), zk::Code::connection_loss});
        change_members({"a", "me"}, "t", 1);
        tick_after(100ms);
        ASSERT_TRUE(orders<action::Release>());
        EXPECT_TRUE(ordered<action::Release>()[0].claim_unknown);
        tell(event::Released{span(0), code});
        tick_after(1s);
        EXPECT_TRUE(orders<action::Release>()) << zk::name(code);
    }
}

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

TEST_F(Plans, ATopicThatCannotBeReadHoldsUpNoOtherAndKeepsItsPlaceInThePlan) {
    join("a");
    tell(event::TopicRead{1, "u", event::TopicRead::Outcome::unreadable, {}});
    ASSERT_TRUE(orders<action::Register>());
    tell(event::Registered{1, zk::Code::ok});
    tell_readers({"a", "b"});
    tell(event::PlanRead{1, OwnerPlan{{u0, "b"}}, 4});
    ASSERT_TRUE(orders<action::WritePlan>());
    const auto plan = ordered<action::WritePlan>()[0].plan;
    EXPECT_EQ(plan.size(), 3U);
    EXPECT_EQ(plan.at(u0), "b");
    EXPECT_FALSE(orders<action::ReportMissingTopic>());
}

TEST_F(Plans, WhatWasWrittenIsFollowedWithoutReadingItAgain) {
    join("a");
    tell_topic("u", 1);
    tell(event::Registered{1, zk::Code::ok});
    tell_readers({"a"});
    tell(event::PlanRead{1, OwnerPlan{}, -1});
    ASSERT_TRUE(orders<action::WritePlan>());
    tell(event::PlanWritten{1, zk::Code::ok, 0});
    EXPECT_EQ(ordered<action::Claim>().size(), 3U);
    EXPECT_FALSE(orders<action::ReadPlan>());
}

TEST_F(Plans, ALostRaceIsRunAgainAtOnce) {
    join("a");
    tell_topic("u", 1);
    tell(event::Registered{1, zk::Code::ok});
    tell_readers({"a", "b"});
    tell(event::PlanRead{1, OwnerPlan{}, -1});
    ASSERT_TRUE(orders<action::WritePlan>());
    tell(event::PlanWritten{1, zk::Code::node_exists, -1});
    EXPECT_TRUE(orders<action::ReadPlan>());
    tell(event::PlanRead{1, OwnerPlan{{t0, "gone"}}, 0});
    tick_after(150ms);
    ASSERT_TRUE(orders<action::WritePlan>());
    EXPECT_EQ(ordered<action::WritePlan>()[0].version, 0);
}

TEST_F(Plans, TheFirstMemberWritesOnePlanForManyWhoJoin) {
    join("a");
    tell_topic("u", 1);
    tell(event::Registered{1, zk::Code::ok});
    std::vector<std::string> ids{"a"};
    for (int i = 100; i < 150; ++i) ids.push_back("z" + std::to_string(i));
    tell_readers(ids);
    tell(event::PlanRead{1, OwnerPlan{}, -1});
    ASSERT_TRUE(orders<action::WritePlan>());
    tell(event::PlanWritten{1, zk::Code::ok, 0});
    const auto some_leave = [&] {
        ids.erase(ids.begin() + 1);
        tell(event::MembersChanged{1});
        tell_readers(ids);
    };
    for (int i = 0; i < 2; ++i) {
        now_ += 10ms;
        some_leave();
        EXPECT_FALSE(orders<action::WritePlan>());
    }
    tick_after(130ms);
    ASSERT_TRUE(orders<action::WritePlan>());
    tell(event::PlanWritten{1, zk::Code::ok, 1});
    now_ += 1min;
    some_leave();
    EXPECT_TRUE(orders<action::WritePlan>()) << "one alone is not kept waiting";
}

TEST_F(Plans, AnAnswerThatDoesNotComeHoldsUpNothing) {
    join("a");
    tell_topic("u", 1);
    tell(event::Registered{1, zk::Code::ok});
    tell_readers({"a"});
    tell(event::PlanRead{1, OwnerPlan{{t0, "a"}, {t1, "a"}, {u0, "a"}}, 3});
    tell(event::TopicChanged{1, "t"});
    ASSERT_TRUE(orders<action::ReadTopic>());
    now_ += 1s;
    tell(event::MembersChanged{1});
    tell_readers({"a", "b"});
    EXPECT_TRUE(orders<action::WritePlan>());
}

}  // namespace
}  // namespace kwire
