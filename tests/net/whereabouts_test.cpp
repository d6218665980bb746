// Tests the state machine that says where a partition is read, by itself.
#include "fetching/whereabouts.h"

#include <gtest/gtest.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;
using Found = Whereabouts::Found;
using State = Whereabouts::State;

struct WhereaboutsTest : testing::Test {
    WhereaboutsTest() {
        for (std::int32_t id = 1; id <= 3; ++id) view.brokers[id] = {id, {"b", 9092}, std::nullopt};
        set(1, 0);
    }

    void set(std::int32_t leader, std::int32_t epoch, std::uint8_t topic_id = 7) {
        view.topic_errors.clear();
        TopicView& topic = view.topics["t"];
        topic.id.bytes[15] = topic_id;
        topic.partitions[0] = {leader, epoch, {1, 2, 3}, {1, 2, 3}};
    }
    void delete_topic() {
        view.topics.erase("t");
        view.topic_errors["t"] = ErrorCode::unknown_topic_or_partition;
    }
    Found find() { return where.found(view, tp, now); }
    bool look_around() { return where.look_around(view, tp, now); }
    Duration pause() const { return where.due() - now; }

    const TopicPartition tp{"t", 0};
    ClusterView view;
    TimePoint now = TimePoint(1h);
    Whereabouts where{1};
};

TEST_F(WhereaboutsTest, SeeksItsLeaderAndIsReadThere) {
    EXPECT_EQ(where.state(), State::seeking);
    EXPECT_LE(where.due(), now);
    EXPECT_EQ(find(), Found::placed);
    EXPECT_EQ(where.state(), State::at_leader);
    EXPECT_EQ(where.broker(), 1);
    EXPECT_FALSE(look_around());
}

TEST_F(WhereaboutsTest, SeeksOnWhereThereIsNoLeader) {
    set(-1, 3);
    EXPECT_EQ(find(), Found::nothing);
    EXPECT_EQ(pause(), 0s) << "the first time it has just moved";
    EXPECT_EQ(find(), Found::nothing);
    EXPECT_GE(pause(), 50ms);
    set(2, 4);
    EXPECT_EQ(find(), Found::placed);
    EXPECT_EQ(where.broker(), 2);
}

TEST_F(WhereaboutsTest, ValidatesUnderANewEpochAtTheLeader) {
    find();
    where.read(0);
    where.refused(LeaderErrorKind::refresh, now);
    EXPECT_EQ(where.state(), State::seeking);
    set(2, 1);
    EXPECT_EQ(find(), Found::to_validate);
    EXPECT_EQ(where.leader(), 2);
    EXPECT_FALSE(where.is_read());
    where.refused(LeaderErrorKind::retry, now);
    EXPECT_EQ(where.state(), State::seeking) << "and validated again";
    EXPECT_EQ(find(), Found::to_validate);
    where.validated();
    EXPECT_EQ(where.state(), State::at_leader);
    where.refused(LeaderErrorKind::refresh, now);
    EXPECT_EQ(find(), Found::placed) << "that epoch is validated";
}

TEST_F(WhereaboutsTest, NothingIsComparedWhereNothingWasReadOrEpochsAreUnknown) {
    find();
    set(2, 1);
    EXPECT_EQ(find(), Found::placed) << "nothing was read";
    where.read(-1);
    set(2, 2);
    EXPECT_EQ(find(), Found::placed) << "records of an old format";
    where.read(2);
    set(2, -1);
    EXPECT_EQ(find(), Found::placed) << "an old broker";
}

TEST_F(WhereaboutsTest, AFollowerIsDroppedWithTheLeader) {
    for (const auto kind : {LeaderErrorKind::refresh, LeaderErrorKind::retry, LeaderErrorKind::fatal, LeaderErrorKind::out_of_range}) {
        find();
        ASSERT_TRUE(where.prefer(2, view, tp, now + 5min, now));
        EXPECT_EQ(where.state(), State::at_follower);
        EXPECT_EQ(where.broker(), 2);
        where.refused(kind, now);
        EXPECT_EQ(where.state(), State::seeking) << "what a follower says decides nothing";
        EXPECT_EQ(find(), Found::placed);
        EXPECT_EQ(where.broker(), 1);
    }
    ASSERT_TRUE(where.prefer(2, view, tp, now + 5min, now));
    where.lost(now);
    EXPECT_EQ(find(), Found::placed);
    EXPECT_EQ(where.broker(), 1);
}

TEST_F(WhereaboutsTest, AFollowerIsValidatedForAtTheLeader) {
    find();
    where.read(0);
    where.prefer(2, view, tp, now + 5min, now);
    where.refused(LeaderErrorKind::refresh, now);
    set(3, 1);
    EXPECT_EQ(find(), Found::to_validate);
    EXPECT_EQ(where.leader(), 3);
    EXPECT_EQ(where.broker(), 3);
}

TEST_F(WhereaboutsTest, AFollowerHasItsTime) {
    find();
    where.prefer(2, view, tp, now + 5min, now);
    EXPECT_EQ(where.until(), now + 5min);
    now += 5min - 1ms;
    EXPECT_FALSE(look_around());
    now += 1ms;
    EXPECT_TRUE(look_around());
    EXPECT_EQ(where.state(), State::seeking);
    EXPECT_EQ(where.until(), TimePoint::max());
}

TEST_F(WhereaboutsTest, AFollowerThatIsNoReplicaAnyMoreIsLeft) {
    find();
    where.prefer(2, view, tp, now + 5min, now);
    EXPECT_FALSE(look_around());
    view.topics["t"].partitions[0].replicas = {1, 3};
    EXPECT_TRUE(look_around());
    find();
    where.prefer(3, view, tp, now + 5min, now);
    view.brokers.erase(3);
    EXPECT_TRUE(look_around());
}

TEST_F(WhereaboutsTest, AReplicaThatDoesNotExistIsNotFollowed) {
    find();
    for (const std::int32_t replica : {1, 9, 2'000'000'000}) {
        EXPECT_FALSE(where.prefer(replica, view, tp, now + 5min, now));
        EXPECT_EQ(where.state(), State::seeking);
        find();
    }
    EXPECT_GE(pause(), 50ms);
}

TEST_F(WhereaboutsTest, ATryThatHalfSucceedsKeepsItsBackoff) {
    find();
    Duration last = 0s;
    for (int i = 0; i < 8; ++i) {
        where.refused(LeaderErrorKind::out_of_range, now);
        EXPECT_EQ(where.state(), State::resetting);
        EXPECT_GE(pause(), 50ms);
        if (i > 0 && last < 700ms) {
            EXPECT_GT(pause(), last) << i;
        }
        last = pause();
        now = where.due();
        where.position_found();  // and out of range again at once
        EXPECT_EQ(find(), Found::placed);
    }
    EXPECT_GE(last, 800ms);
    where.answered();
    EXPECT_LE(where.due(), now);
    where.refused(LeaderErrorKind::out_of_range, now);
    EXPECT_LE(pause(), 200ms) << "what was read ends it";
}

TEST_F(WhereaboutsTest, ALeaderAndItsFollowerThatSendUsToEachOtherAreAskedCalmly) {
    Duration waited = 0s;
    for (int i = 0; i < 40; ++i) {
        find();
        where.prefer(2, view, tp, now + 5min, now);
        where.refused(LeaderErrorKind::refresh, now);
        waited += std::max<Duration>(pause(), 0s);
        now = std::max(now, where.due());
    }
    EXPECT_GE(waited, 30s);
}

TEST_F(WhereaboutsTest, ALeaderThatKnowsLessThanWeIsNotAskedForEver) {
    find();
    where.refused(LeaderErrorKind::retry, now);
    EXPECT_EQ(where.state(), State::at_leader);
    where.refused(LeaderErrorKind::retry, now);
    EXPECT_EQ(where.state(), State::at_leader);
    where.refused(LeaderErrorKind::retry, now);
    EXPECT_EQ(where.state(), State::seeking) << "Metadata may know better";
    EXPECT_GE(pause(), 50ms);
}

// ---- a topic that was deleted and made anew

TEST_F(WhereaboutsTest, AnotherIdIsAnotherTopicWhateverItsEpoch) {
    for (const std::int32_t epoch : {0, 5, 9}) {
        set(1, 5, 7);
        where = Whereabouts(1);
        find();
        where.read(5);
        set(2, epoch, 8);
        EXPECT_EQ(find(), Found::recreated);
        EXPECT_EQ(where.state(), State::resetting);
        EXPECT_EQ(where.leader_epoch(), -1);
        where.position_found();
        EXPECT_EQ(find(), Found::placed) << "nothing of the old one is compared";
        EXPECT_EQ(where.leader_epoch(), epoch);
        EXPECT_EQ(where.topic_id().bytes[15], 8);
    }
}

TEST_F(WhereaboutsTest, WhoReadsItNoticesAnotherIdToo) {
    find();
    EXPECT_FALSE(look_around());
    set(1, 0, 8);
    EXPECT_TRUE(look_around());
    EXPECT_EQ(find(), Found::recreated);
}

TEST_F(WhereaboutsTest, TheSameIdIsTheSameTopicThoughItWasNotSeenForAWhile) {
    find();
    delete_topic();
    EXPECT_TRUE(look_around());
    EXPECT_EQ(find(), Found::nothing);
    set(1, 0, 7);
    EXPECT_EQ(find(), Found::placed);
}

TEST_F(WhereaboutsTest, WithoutIdsATopicThatWasGoneInBetweenIsAnother) {
    set(1, 3, 0);
    find();
    delete_topic();
    EXPECT_EQ(find(), Found::nothing);
    set(1, 3, 0);
    EXPECT_EQ(find(), Found::recreated);
    where.position_found();
    EXPECT_EQ(find(), Found::placed) << "once";
}

TEST_F(WhereaboutsTest, WithoutIdsAnEpochThatWentBackIsAnotherTopics) {
    set(1, 3, 0);
    find();
    set(1, 0, 0);
    EXPECT_EQ(find(), Found::recreated);
}

TEST_F(WhereaboutsTest, ATopicThatCouldNotBeAskedForIsNotGone) {
    set(1, 3, 0);
    find();
    view.topics.erase("t");
    view.topic_errors["t"] = ErrorCode::topic_authorization_failed;
    EXPECT_FALSE(look_around()) << "its leader knows better";
    find();
    view.topic_errors.clear();
    find();
    set(1, 3, 0);
    EXPECT_EQ(find(), Found::placed);
}

TEST_F(WhereaboutsTest, ATopicThatIsMadeAfterItWasAskedForIsNotMadeAnew) {
    delete_topic();
    EXPECT_EQ(find(), Found::nothing);
    set(1, 0, 0);
    EXPECT_EQ(find(), Found::placed);
}

TEST_F(WhereaboutsTest, ATopicThatGetsItsIdByAnUpgradeIsTheSame) {
    set(1, 3, 0);
    find();
    set(1, 3, 9);
    EXPECT_FALSE(look_around());
    EXPECT_EQ(where.topic_id().bytes[15], 9);
    set(1, 3, 0);  // a broker that was not upgraded yet
    EXPECT_FALSE(look_around());
    EXPECT_EQ(where.topic_id().bytes[15], 9);
}

TEST_F(WhereaboutsTest, WhatStoppedStays) {
    find();
    where.stop();
    EXPECT_FALSE(where.is_read());
    EXPECT_EQ(where.state(), State::stopped);
}

}  // namespace
}  // namespace kwire
