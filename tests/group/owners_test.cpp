// Owner nodes: our own that are gone or another's, those that block us, and those that nobody has.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "membership_steps.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Seen = event::ClaimSeen::State;

class Owners : public Steps {
 protected:
    /// Every claim that was ordered.
    void claim_all() {
        for (const auto& claim : ordered<action::Claim>()) tell(event::ClaimAnswered{claim.span, zk::Code::ok});
    }
    void list(const std::string& topic, std::vector<std::int32_t> partitions) {
        tell(event::OwnersListed{1, topic, std::move(partitions)});
    }
};

// ---- our own nodes

TEST_F(Owners, AMemberWatchesTheNodesThatItClaimed) {
    join({"t"}, {"me"}, 2);
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    EXPECT_THAT(partitions_of<action::WatchClaim>(), ElementsAre(0));
    tell(event::ClaimAnswered{span(1), zk::Code::ok});
    EXPECT_THAT(partitions_of<action::WatchClaim>(), ElementsAre(1));
    tell(event::ClaimSeen{span(0), Seen::ours});
    EXPECT_THAT(actions_, IsEmpty());
}

TEST_F(Owners, ANodeThatIsGoneIsClaimedAgainWhileReadingGoesOn) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    const auto version = membership_->owned_version();
    tell(event::ClaimSeen{span(0), Seen::gone});
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(0));
    EXPECT_FALSE(orders<action::Stop>() || orders<action::Lost>() || orders<action::Revoked>());
    EXPECT_THAT(membership_->owned(), SizeIs(1));
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    EXPECT_THAT(partitions_of<action::WatchClaim>(), ElementsAre(0));
    EXPECT_FALSE(orders<action::Assigned>() || orders<action::Start>());
    EXPECT_EQ(membership_->owned_version(), version);
}

TEST_F(Owners, ANodeThatAnotherTookMeanwhileMakesThePartitionLost) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    tell(event::ClaimSeen{span(0), Seen::gone});
    tell(event::ClaimAnswered{span(0), zk::Code::node_exists});
    ASSERT_THAT(ordered<action::Lost>(), SizeIs(1));
    EXPECT_TRUE(ordered<action::Lost>()[0].spans.at(0).announced);
    EXPECT_THAT(membership_->owned(), IsEmpty());
    ASSERT_TRUE(orders<action::Claim>()) << "it is ours by the assignment";
    tell(event::ClaimAnswered{span(0), zk::Code::node_exists});
    EXPECT_TRUE(orders<action::WatchOwner>());
}

TEST_F(Owners, AForeignNodeMakesThePartitionLostAtOnce) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    const auto old_span = span(1);
    tell(event::ClaimSeen{span(1), Seen::foreign});
    ASSERT_THAT(ordered<action::Lost>(), SizeIs(1));
    EXPECT_EQ(ordered<action::Lost>()[0].spans.at(0).span, old_span);
    EXPECT_FALSE(orders<action::Finalize>() || orders<action::Stop>() || orders<action::Release>());
    EXPECT_NE(span(1), old_span);
    EXPECT_THAT(membership_->owned(), ElementsAre(TopicPartition{"t", 0}));
}

TEST_F(Owners, AForeignNodeOfAPartitionThatGoesIsNotReleased) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    change_members({"me", "you"}, "t", 2);
    ASSERT_TRUE(orders<action::Stop>());
    tell(event::ClaimSeen{span(1), Seen::foreign});
    ASSERT_THAT(ordered<action::Lost>(), SizeIs(1));
    EXPECT_FALSE(ordered<action::Lost>()[0].spans.at(0).announced) << "the program was told already that it goes";
    tell(event::Drained{span(1)});
    EXPECT_THAT(actions_, IsEmpty());
}

TEST_F(Owners, ANodeThatIsDeletedAgainAndAgainIsClaimedLaterAndLater) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    tell(event::ClaimSeen{span(0), Seen::gone});
    tell(event::ClaimAnswered{span(0), zk::Code::ok});
    for (const auto pause : {100ms, 200ms, 400ms}) {
        tell(event::ClaimSeen{span(0), Seen::gone});
        EXPECT_FALSE(orders<action::Claim>()) << pause.count();
        tick_after(pause);
        ASSERT_TRUE(orders<action::Claim>()) << pause.count();
        tell(event::ClaimAnswered{span(0), zk::Code::ok});
    }
}

TEST_F(Owners, ANodeThatCannotBeReadIsLookedAtAgain) {
    join({"t"}, {"me"}, 1);
    run_all(1);
    tell(event::ClaimSeen{span(0), Seen::unreadable});
    EXPECT_FALSE(orders<action::WatchClaim>());
    tick_after(100ms);
    EXPECT_THAT(partitions_of<action::WatchClaim>(), ElementsAre(0));
}

TEST_F(Owners, WhatIsKeptUnderAnotherSpanIsWatchedUnderThat) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    change_members({"me", "you"}, "t", 2);
    change_members({"me"}, "t", 2);
    const auto old_span = span(1);
    tell(event::Drained{old_span});
    tell(event::Finalized{old_span});
    ASSERT_THAT(ordered<action::WatchClaim>(), SizeIs(1));
    EXPECT_EQ(ordered<action::WatchClaim>()[0].span, span(1));
    tell(event::ClaimSeen{old_span, Seen::gone});
    EXPECT_THAT(actions_, IsEmpty()) << "of a span that is over";
    tell(event::ClaimSeen{span(1), Seen::gone});
    EXPECT_TRUE(orders<action::Claim>());
}

TEST_F(Owners, AListWithoutANodeThatIsOursMakesUsLookAtIt) {
    join({"t"}, {"me"}, 2);
    run_all(2);
    tick_after(5s);
    ASSERT_TRUE(orders<action::ListOwners>());
    list("t", {0});
    EXPECT_THAT(partitions_of<action::WatchClaim>(), ElementsAre(1));
    EXPECT_FALSE(orders<action::Claim>()) << "the list may be older than the claim";
}

// ---- nodes in our way

TEST_F(Owners, APersistentNodeIsReportedOnceAndLookedAtAgain) {
    join({"t"}, {"me"}, 1);
    tell(event::ClaimAnswered{span(0), zk::Code::node_exists});
    ASSERT_TRUE(orders<action::WatchOwner>());
    tell(event::OwnerPersistent{span(0)});
    EXPECT_THAT(partitions_of<action::ReportBlocked>(), ElementsAre(0));
    EXPECT_EQ(membership_->gaps().at(0).kind, Membership::Gap::Kind::blocked);
    int looks = 0;
    for (int i = 0; i < 60; ++i) {
        tick_after(1s);
        if (!orders<action::WatchOwner>()) continue;
        ++looks;
        tell(event::OwnerPersistent{span(0)});
        EXPECT_FALSE(orders<action::ReportBlocked>());
    }
    EXPECT_EQ(looks, 2);
    tell(event::OwnerGone{span(0)});
    EXPECT_TRUE(orders<action::Claim>());
}

TEST_F(Owners, AListWithoutTheNodeInOurWayMakesUsClaim) {
    join({"t"}, {"me"}, 1);
    tell(event::ClaimAnswered{span(0), zk::Code::node_exists});
    tick_after(5s);
    list("t", {});
    EXPECT_THAT(partitions_of<action::Claim>(), ElementsAre(0));
}

// ---- looking for partitions that nobody owns

/// How many lists of owners are ordered in a time, if each answers that everything is owned.
class Sweeps : public Owners {
 protected:
    int lists_in(Duration duration) {
        int lists = 0;
        const auto until = now_ + duration;
        const auto count = [&] {
            const auto ordered_now = ordered<action::ListOwners>();
            lists += static_cast<int>(ordered_now.size());
            for (const auto& a : ordered_now) tell(event::OwnersListed{1, a.topic, {{0, 1}}});
        };
        while (const auto next = membership_->next_timer()) {
            if (*next > until) break;
            now_ = std::max(now_, *next);
            tell(event::Tick{});
            count();
        }
        now_ = until;
        return lists;
    }
    /// One of members who all read topics.
    void join_many(int members, int topics, const std::string& me) {
        MembershipConfig config;
        std::vector<std::string> names;
        for (int t = 0; t < topics; ++t) names.push_back("t" + std::to_string(t));
        config.subscription = MemberSubscription::of_topics(names);
        config.rule = Assignment::java_range;
        membership_.emplace(config);
        tell(event::SessionOpened{1, me});
        for (const auto& name : names) tell_topic(name, 2);
        tell(event::Registered{1, zk::Code::ok});
        std::vector<GroupMember> all;
        for (int m = 0; m < members; ++m) all.push_back({"m" + std::to_string(100 + m), true, config.subscription});
        tell(event::MembersRead{1, all});
        claim_all();
    }
};

TEST_F(Sweeps, OwnersAreListedOftenAfterAChangeAndThenOnceAMinute) {
    join_many(2, 1, "m100");
    EXPECT_EQ(lists_in(31s), 6);
    EXPECT_LE(lists_in(10min), 10);
    EXPECT_GE(lists_in(10min), 9);
}

TEST_F(Sweeps, MembersDivideTheTopicsOfALargeGroupAmongThem) {
    int lists = 0;
    for (int m = 0; m < 4; ++m) {
        join_many(4, 200, "m" + std::to_string(100 + m));
        lists_in(2min);
        lists += lists_in(10min);
    }
    EXPECT_GE(lists, 10 * 200 * 9 / 10) << "each topic once a minute";
    EXPECT_LE(lists, 10 * 200 * 11 / 10);
}

TEST_F(Sweeps, AGroupListsNoMoreThanFifteenTopicsASecond) {
    join_many(50, 4000, "m107");
    EXPECT_LE(lists_in(1min) * 50, 15 * 60 * 11 / 10);
    EXPECT_LE(lists_in(10min) * 50, 15 * 600 * 11 / 10);
}

TEST_F(Sweeps, WhatLooksUnownedIsLookedAtSoonAndAdoptedInTime) {
    join_many(4, 200, "m100");
    lists_in(5min);
    std::string topic;  // one that this member looks at
    while (topic.empty()) {
        now_ = *membership_->next_timer();
        tell(event::Tick{});
        if (orders<action::ListOwners>()) topic = ordered<action::ListOwners>()[0].topic;
    }
    const auto found = now_;
    list(topic, {0});
    while (!orders<action::Claim>() && now_ < found + 1min) {
        now_ = *membership_->next_timer();
        tell(event::Tick{});
        for (const auto& a : ordered<action::ListOwners>()) {
            tell(event::OwnersListed{1, a.topic, a.topic == topic ? std::vector<std::int32_t>{0} : std::vector<std::int32_t>{0, 1}});
            if (orders<action::Claim>()) break;
        }
    }
    ASSERT_TRUE(orders<action::Claim>());
    EXPECT_EQ(ordered<action::Claim>()[0].tp, (TopicPartition{topic, 1}));
    EXPECT_LE(now_ - found, 12s);
}

TEST_F(Sweeps, AMemberThatDoesNotKnowWhoRunsKwireLooksAtEverything) {
    MembershipConfig config;
    config.subscription = MemberSubscription::of_topics({"t"});
    config.rule = Assignment::java_range;
    membership_.emplace(config);
    tell(event::SessionOpened{1, "g_me"});
    tell_topic("t", 2);
    tell(event::Registered{1, zk::Code::ok});
    std::vector<GroupMember> all;
    for (const auto* id : {"g_a", "g_b", "g_me"}) all.push_back({id, true, config.subscription, PeerKind::java});
    tell(event::MembersRead{1, all});
    EXPECT_GE(lists_in(30s), 4);
}

}  // namespace
}  // namespace kwire
