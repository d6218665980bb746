// The plan of a group, and what becomes of it when views differ.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "membership_steps.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

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

// ---- a node that holds no plan

/// Three partitions are ours by version 3 of the plan, and read.
class StandingPlan : public Plans {
 protected:
    void SetUp() override {
        join("a");
        tell_topic("u", 1);
        tell(event::Registered{1, zk::Code::ok});
        tell_readers({"a"});
        tell(event::PlanRead{1, plan_, 3});
        for (const auto& claim : ordered<action::Claim>()) tell(event::ClaimAnswered{claim.span, zk::Code::ok});
        for (const auto& start : ordered<action::Start>()) tell(event::Started{start.span});
        ASSERT_EQ(membership_->owned().size(), 3U);
        tell(event::PlanChanged{1});
    }
    const OwnerPlan plan_{{t0, "a"}, {t1, "a"}, {u0, "a"}};
};

TEST_F(StandingPlan, APlanOfAnUnknownVersionIsReportedOnceAndLeftAlone) {
    const event::PlanRead newer{1, {}, 4, event::PlanRead::Trouble::unknown_version, "is of version 7"};
    tell(newer);
    ASSERT_EQ(ordered<action::ReportPlan>().size(), 1U);
    EXPECT_EQ(ordered<action::ReportPlan>()[0].problem, "is of version 7");
    EXPECT_FALSE(orders<action::Revoked>());
    tell(event::PlanChanged{1});
    tell(newer);
    EXPECT_FALSE(orders<action::ReportPlan>());
    tell(event::MembersChanged{1});
    tell_readers({"a", "b"});
    tick_after(1h);
    EXPECT_FALSE(orders<action::WritePlan>() || orders<action::Revoked>());
    EXPECT_EQ(membership_->owned().size(), 3U);

    tell(event::PlanChanged{1});
    tell(event::PlanRead{1, OwnerPlan{{t0, "a"}, {t1, "b"}, {u0, "b"}}, 5});
    EXPECT_EQ(ordered<action::Stop>().size(), 2U) << "one that can be read is followed again";
}

TEST_F(StandingPlan, WhatNobodyOwnsUnderAPlanOfAnUnknownVersionIsAdopted) {
    tell(event::PlanRead{1, {}, 4, event::PlanRead::Trouble::unknown_version, "is of version 7"});
    tell(event::TopicChanged{1, "u"});
    tell_topic("u", 2);
    std::vector<TopicPartition> claimed;
    for (const auto until = now_ + 20s; now_ < until && claimed.empty();) {
        tick_after(100ms);
        for (const auto& a : ordered<action::ListOwners>()) {
            const bool is_t = a.topic == "t";
            tell(event::OwnersListed{1, a.topic, is_t ? std::vector<std::int32_t>{0, 1} : std::vector<std::int32_t>{0}});
            for (const auto& claim : ordered<action::Claim>()) claimed.push_back(claim.tp);
        }
    }
    EXPECT_THAT(claimed, testing::ElementsAre(TopicPartition{"u", 1}));
}

TEST_F(StandingPlan, AGarbledPlanIsReportedAndReplacedByTheOneThatWasFollowed) {
    tell(event::PlanRead{1, {}, 4, event::PlanRead::Trouble::garbled, "holds `x`"});
    EXPECT_EQ(ordered<action::ReportPlan>().size(), 1U);
    ASSERT_EQ(ordered<action::WritePlan>().size(), 1U);
    EXPECT_EQ(ordered<action::WritePlan>()[0].plan, plan_);
    EXPECT_EQ(ordered<action::WritePlan>()[0].version, 4);
    EXPECT_FALSE(orders<action::Revoked>());
}

TEST_F(StandingPlan, ADeletedPlanIsWrittenAgainAndMovesNothing) {
    tell(event::PlanRead{1, OwnerPlan{}, -1});
    ASSERT_EQ(ordered<action::WritePlan>().size(), 1U);
    EXPECT_EQ(ordered<action::WritePlan>()[0].plan, plan_);
    EXPECT_EQ(ordered<action::WritePlan>()[0].version, -1);
    EXPECT_FALSE(orders<action::Revoked>());
    tell(event::PlanWritten{1, zk::Code::ok, 0});
    EXPECT_EQ(membership_->owned().size(), 3U);
}

// ---- views that differ

/// We see two partitions of t; b, who wrote the plan, sees four of them.
class OtherView : public Plans {
 protected:
    void SetUp() override {
        join("a");
        tell_topic("u", 1);
        tell(event::Registered{1, zk::Code::ok});
        tell_readers({"a", "b"});
        tell(event::PlanRead{1, wide_, 3});
    }
    /// Answers every list of owners for a while; owned: partitions of t.
    void list_for(Duration duration, const std::vector<std::int32_t>& owned) {
        for (const auto until = now_ + duration; now_ < until;) {
            tick_after(100ms);
            note();
            for (const auto& a : ordered<action::ListOwners>()) {
                tell(event::OwnersListed{1, a.topic, a.topic == "t" ? owned : std::vector<std::int32_t>{0}});
                note();
            }
        }
    }
    void note() {
        for (const auto& a : ordered<action::WritePlan>()) written_.push_back(a.plan);
        for (const auto& a : ordered<action::ReportDisagreement>()) reports_.push_back(a);
        for (const auto& a : ordered<action::Claim>()) claimed_.push_back(a.tp);
    }
    const OwnerPlan wide_{{t0, "a"}, {t1, "b"}, {{"t", 2}, "a"}, {{"t", 3}, "b"}, {u0, "a"}};
    std::vector<OwnerPlan> written_;
    std::vector<action::ReportDisagreement> reports_;
    std::vector<TopicPartition> claimed_;
};

TEST_F(OtherView, APlanKeepsWhatItsWriterDoesNotSee) {
    EXPECT_FALSE(orders<action::WritePlan>());
    EXPECT_EQ(partitions_of<action::Claim>().size(), 2U) << "t/2 is not claimed by a member that does not see it";
    list_for(10min, {0, 1, 2, 3});
    EXPECT_THAT(written_, IsEmpty());
    tell(event::MembersChanged{1});
    tell_readers({"a", "b", "c"});
    note();
    ASSERT_EQ(written_.size(), 1U);
    EXPECT_EQ(written_[0].size(), 5U);
}

TEST_F(OtherView, AViewThatDiffersForLongIsReportedOnceWithBothCounts) {
    list_for(4s, {0, 1, 2, 3});
    EXPECT_THAT(reports_, IsEmpty()) << "the view of one of them may lag";
    list_for(10min, {0, 1, 2, 3});
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].topic, "t");
    EXPECT_EQ(reports_[0].seen, 2);
    EXPECT_EQ(reports_[0].planned, 4);
}

TEST_F(OtherView, WhatNobodySeesAnyMoreLeavesThePlan) {
    list_for(1min, {0, 1});
    ASSERT_EQ(written_.size(), 1U) << "a topic that was made anew, and smaller";
    EXPECT_EQ(written_[0].size(), 3U);
    EXPECT_EQ(written_[0].count({"t", 2}), 0U);
    EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(OtherView, WhatATopicHadBeforeItWasDeletedAndMadeAnewLeavesThePlanAtOnce) {
    tell(event::TopicChanged{1, "t"});
    tell_topic("t", 0);
    EXPECT_FALSE(orders<action::WritePlan>()) << "others may still see it";
    tell(event::TopicChanged{1, "t"});
    tell_topic("t", 2);
    ASSERT_EQ(ordered<action::WritePlan>().size(), 1U);
    EXPECT_EQ(ordered<action::WritePlan>()[0].plan.size(), 3U);
}

TEST_F(OtherView, WhatSomebodyPutsBackStays) {
    list_for(1min, {0, 1});
    ASSERT_EQ(written_.size(), 1U);
    tell(event::PlanWritten{1, zk::Code::ok, 4});
    tell(event::PlanChanged{1});
    tell(event::PlanRead{1, wide_, 5});
    written_.clear();
    list_for(10min, {0, 1});
    EXPECT_THAT(written_, IsEmpty());
}

TEST_F(OtherView, APlanThatGoesBackAndForthIsReportedAtTheThirdTurn) {
    const OwnerPlan narrow{{t0, "a"}, {t1, "b"}, {u0, "a"}};
    int version = 4;
    const auto follow = [&](const OwnerPlan& plan) {
        tell(event::PlanChanged{1});
        tell(event::PlanRead{1, plan, version++});
        note();
    };
    for (const auto& plan : {narrow, wide_, narrow}) {
        follow(plan);
        EXPECT_THAT(reports_, IsEmpty());
    }
    follow(wide_);
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].seen, 2);
    EXPECT_EQ(reports_[0].planned, 4);
    follow(narrow);
    follow(wide_);
    EXPECT_EQ(reports_.size(), 1U);
}

}  // namespace
}  // namespace kwire
