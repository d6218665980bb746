// The life of a partition, and of a member.
#include <chrono>
#include <cstdint>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "membership_steps.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

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

TEST_F(Steps, AShortCutReadsOnlyWhatHasNoWatch) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    tell(event::MembersChanged{1});
    tell(event::SessionSuspended{});
    tell(event::MembersRead{1, {}});
    tell(event::SessionResumed{});
    tick_after(100ms);
    EXPECT_TRUE(orders<action::ReadMembers>()) << "reading it failed, so nothing watches it";
    EXPECT_EQ(actions_.size(), 1U);
}

TEST_F(Steps, MembersOfALargeGroupReadOneAfterTheOtherAfterACut) {
    std::vector<std::string> ids{"me"};
    for (int i = 0; i < 99; ++i) ids.push_back("z" + std::to_string(i));
    std::set<Duration> waits;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        MembershipConfig config;
        config.subscription = MemberSubscription::of_topics({"t"});
        config.jitter_seed = seed;
        membership_.emplace(std::move(config));
        tell(event::SessionOpened{1, "me"});
        tell_topic("t", 2);
        tell(event::Registered{1, zk::Code::ok});
        tell_members(ids);
        tell(event::SessionSuspended{});
        tell(event::PlanRead{1, {}});
        now_ += 10s;
        const auto resumed = now_;
        tell(event::SessionResumed{});
        while (!orders<action::ReadPlan>()) tick_after(10ms);
        waits.insert(now_ - resumed);
    }
    EXPECT_GT(waits.size(), 10U);
    EXPECT_LE(*waits.rbegin(), 1s);
}

TEST_F(Steps, MembersOfALargeGroupOpenTheirNextSessionsOneAfterTheOther) {
    std::vector<std::string> ids{"me"};
    for (int i = 0; i < 99; ++i) ids.push_back("z" + std::to_string(i));
    std::set<Duration> waits;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        MembershipConfig config;
        config.subscription = MemberSubscription::of_topics({"t"});
        config.rule = Assignment::original;
        config.jitter_seed = seed;
        membership_.emplace(std::move(config));
        tell(event::SessionOpened{1, "me"});
        tell_topic("t", 2);
        tell(event::Registered{1, zk::Code::ok});
        tell_members(ids);
        tell(event::SessionExpired{});
        if (!orders<action::OpenSession>()) waits.insert(membership_->next_timer().value() - now_);
    }
    EXPECT_GT(waits.size(), 10U);
    EXPECT_LE(*waits.rbegin(), 1s);
}

TEST_F(Steps, OnlyAFirstRegistrationMayTakeAnIdOver) {
    join({"t"}, {"me"}, 1);
    tell(event::SessionExpired{});
    tell(event::SessionOpened{2, "me"});
    tell(event::TopicRead{2, "t", event::TopicRead::Outcome::found, {{0, 0}}});
    ASSERT_TRUE(orders<action::Register>());
    EXPECT_FALSE(ordered<action::Register>()[0].first);

    membership_.emplace(MembershipConfig{.subscription = MemberSubscription::of_topics({"t"})});
    tell(event::SessionOpened{1, "me"});
    tell_topic("t", 1);
    ASSERT_TRUE(orders<action::Register>());
    EXPECT_TRUE(ordered<action::Register>()[0].first);
    tell(event::SessionExpired{});
    tell(event::SessionOpened{2, "me"});
    tell(event::TopicRead{2, "t", event::TopicRead::Outcome::found, {{0, 0}}});
    ASSERT_TRUE(orders<action::Register>());
    EXPECT_TRUE(ordered<action::Register>()[0].first) << "none has stood yet";
}

// What a member orders and is answered for each of 4,000 partitions, in one topic and in as many.
TEST_F(Steps, AnEventCostsTheSameHoweverManyTopicsThereAre) {
    const auto cost = [this](int topics) {
        std::vector<std::string> names;
        for (int t = 0; t < topics; ++t) names.push_back("t" + std::to_string(t));
        const auto began = std::clock();
        join(names, {"me"}, 4000 / topics);
        const auto claims = ordered<action::Claim>();
        EXPECT_EQ(claims.size(), 4000U);
        for (const auto& claim : claims) tell(event::ClaimAnswered{claim.span, zk::Code::ok});
        const auto starts = ordered<action::Start>();
        EXPECT_EQ(starts.size(), 4000U);
        for (const auto& start : starts) {
            tell(event::Started{start.span});
            membership_->next_timer();
        }
        return static_cast<double>(std::clock() - began);
    };
    const double in_one = cost(1);
    EXPECT_LT(cost(4000), 6 * in_one) << "it was a hundred times as much when each event walked all topics";
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

}  // namespace
}  // namespace kwire
