// One member and its group, end to end in memory.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using ConsumerGroupTest = GroupFixture;

template <class F>
errc condition_of(F f) {
    try {
        f();
    } catch (const Error& error) {
        return error.condition();
    }
    return errc{};
}

TEST_F(ConsumerGroupTest, ReadsEveryMessageOnceAndCommitsOnFlush) {
    create_topic("t", 4, 10);
    const auto group = join();
    EXPECT_THAT(read_all(group), SizeIs(40));
    EXPECT_THAT(group->owned(), SizeIs(4));
    loop.run(group->async_flush_offsets());
    for (int p = 0; p < 4; ++p) EXPECT_EQ((stored->next[{"t", p}]), 10);
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(owner_of("t", 0), "nobody");
    EXPECT_THAT(ensemble.children_of("/consumers/g/ids"), IsEmpty());
    EXPECT_THAT(errors_of(group), IsEmpty());
}

TEST_F(ConsumerGroupTest, OneMemberTwoTopics) {
    create_topic("t", 2, 75);
    create_topic("u", 2, 75);
    const auto group = join(config(), {"t", "u"});
    EXPECT_THAT(read_all(group), SizeIs(300));
    close(group);
}

TEST_F(ConsumerGroupTest, CommitsOnTheInterval) {
    create_topic("t", 1, 10);
    const auto group = join();
    read_all(group);
    loop.advance(10s);
    EXPECT_EQ((stored->next[{"t", 0}]), 10);
    close(group);
}

TEST_F(ConsumerGroupTest, Fault3ASecondRunResumesExactlyAfterTheLastAcknowledged) {
    create_topic("t", 1, 20);
    auto group = join();
    for (int i = 0; i < 10; ++i) {
        const auto message = read_one(group);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->offset, i);
        EXPECT_TRUE(group->commit_upto(*message));
    }
    EXPECT_TRUE(close(group).clean());
    group = join();
    const auto rest = read_all(group);
    ASSERT_THAT(rest, SizeIs(10));
    EXPECT_EQ(rest.front(), "t/0@10");
    close(group);
}

TEST_F(ConsumerGroupTest, Fault3NewestIsWrittenDownSoThatTheNextOwnerLosesNothing) {
    create_topic("t", 1, 20);
    auto newest = config();
    newest.offsets.initial = Initial::newest;
    auto group = join(newest);
    EXPECT_THAT(read_all(group), IsEmpty());
    close(group);
    logs.append({"t", 0}, 3);
    newest.offset_manager = config().offset_manager;
    group = join(newest);
    EXPECT_THAT(read_all(group), ElementsAre("t/0@20", "t/0@21", "t/0@22"));
    close(group);
}

TEST_F(ConsumerGroupTest, NewestIsStoredBeforeAnythingIsRead) {
    create_topic("t", 1, 20);
    auto newest = config();
    newest.offsets.initial = Initial::newest;
    stored->fails = true;
    const auto group = join(newest);
    logs.append({"t", 0}, 3);
    EXPECT_THAT(read_all(group), IsEmpty()) << "the next owner would not know where this one began";
    EXPECT_THAT(group->errors(), Not(IsEmpty()));
    stored->fails = false;
    loop.advance(6s);
    EXPECT_EQ((stored->next[{"t", 0}]), 23) << "well before the interval";
    close(group);
}

TEST_F(ConsumerGroupTest, ATopicThatWasMadeAgainIsReadFromItsBeginningAndCommittedThere) {
    create_topic("t", 1, 100);
    auto real = config();
    real.offset_manager = nullptr;
    auto group = join(real);
    auto held = read_one(group);
    ASSERT_TRUE(held);
    EXPECT_THAT(read_all(group), SizeIs(99));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(offset_of("t", 0), "100");
    logs.begin_anew({"t", 0});
    logs.append({"t", 0}, 60);
    loop.advance(2s);
    EXPECT_THAT(read_all(group), SizeIs(60));
    held->offset = 99;
    EXPECT_FALSE(group->commit_upto(*held)) << "its offset is that of another message now";
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(offset_of("t", 0), "60");
    logs.append({"t", 0}, 5);
    EXPECT_THAT(read_all(group), SizeIs(5));
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(offset_of("t", 0), "65");
    logs.append({"t", 0}, 120);
    group = join(real);
    EXPECT_THAT(read_all(group), SizeIs(120)) << "nothing is left out";
    close(group);
}

struct RecreatedTopicGroupTest : ConsumerGroupTest, testing::WithParamInterface<bool> {
    /// With ZooKeeper's store or with one of the program's own; topics are asked of the brokers.
    GroupConfig watched() {
        auto result = config();
        if (GetParam()) result.offset_manager = nullptr;
        result.bootstrap = kafka.config().bootstrap;
        result.on_topic_recreated = [this](const auto& partitions) { recreated.push_back(partitions); };
        return result;
    }
    std::string stored_at(int partition) {
        if (GetParam()) return offset_of("t", partition);
        return std::to_string(stored->next[{"t", partition}]);
    }
    void make_anew(Duration between, int partitions, int messages) {
        kafka.delete_topic("t");
        for (int p = 0; p < partitions; ++p) logs.begin_anew({"t", p});
        loop.advance(between);
        kafka.create_topic("t", partitions);
        for (int p = 0; p < partitions; ++p) logs.append({"t", p}, messages);
    }
    int told(const std::shared_ptr<ConsumerGroup>& group) {
        int count = 0;
        for (const auto& error : group->errors()) count += error.condition() == errc::topic_recreated;
        return count;
    }

    std::vector<std::vector<TopicPartition>> recreated;
};

TEST_P(RecreatedTopicGroupTest, NothingOfTheOldOneIsCommittedAndNothingOfTheNewOneSkipped) {
    create_topic("t", 2, 100);
    auto group = join(watched());
    auto held = read_one(group);
    ASSERT_TRUE(held);
    EXPECT_THAT(read_all(group), SizeIs(199));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(stored_at(0), "100");
    make_anew(0s, 2, 60);
    loop.advance(3s);
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(stored_at(0), "0") << "before anything of it is read";
    EXPECT_FALSE(group->commit_upto(*held));
    EXPECT_THAT(read_all(group), SizeIs(120));
    EXPECT_EQ(told(group), 1);
    // At once, or one by one as their leaders answer.
    std::vector<TopicPartition> all;
    for (const auto& some : recreated) all.insert(all.end(), some.begin(), some.end());
    EXPECT_THAT(all, UnorderedElementsAre(TopicPartition{"t", 0}, TopicPartition{"t", 1}));
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(stored_at(0), "60");
}

// Its partitions are released, and what is stored is what the next owner begins with.
TEST_P(RecreatedTopicGroupTest, WhatWasStoredIsVoidAfterItWasGoneForAWhile) {
    create_topic("t", 2, 5);
    auto group = join(watched());
    EXPECT_THAT(read_all(group), SizeIs(10));
    loop.run(group->async_flush_offsets());
    make_anew(20s, 2, 60);
    loop.advance(20s);
    EXPECT_THAT(read_all(group), SizeIs(120)) << "though the new one reaches beyond what was stored";
    EXPECT_EQ(told(group), 1);
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(stored_at(1), "60");
    group = join(watched());
    EXPECT_THAT(read_all(group), IsEmpty());
    close(group);
}

TEST_P(RecreatedTopicGroupTest, WithoutIdsTooIfItWasGoneForAWhile) {
    kafka.versions[ApiKey::metadata] = {0, 9};
    create_topic("t", 2, 5);
    auto group = join(watched());
    EXPECT_THAT(read_all(group), SizeIs(10));
    loop.run(group->async_flush_offsets());
    make_anew(20s, 2, 60);
    loop.advance(20s);
    EXPECT_THAT(read_all(group), SizeIs(120));
    EXPECT_EQ(told(group), 1);
    close(group);
}

TEST_P(RecreatedTopicGroupTest, ATopicThatStaysKeepsItsOffsetsThoughPartitionsMove) {
    create_topic("t", 4, 5);
    auto first = join(watched());
    EXPECT_THAT(read_all(first), SizeIs(20));
    for (int i = 0; i < 3; ++i) {
        auto second = join(watched());
        loop.advance(5s);
        EXPECT_THAT(read_all(second), IsEmpty());
        close(second);
        loop.advance(5s);
        EXPECT_THAT(read_all(first), IsEmpty());
    }
    EXPECT_EQ(told(first), 0);
    EXPECT_THAT(recreated, IsEmpty());
    close(first);
}

INSTANTIATE_TEST_SUITE_P(Stores, RecreatedTopicGroupTest, testing::Bool());

// A callback, or the whole process, may stand still for longer than the session lasts: then another member owns the
// partition, and the first to run afterwards may be the thread that reads.
TEST_F(ConsumerGroupTest, AReaderStopsByItselfWhenTheRuntimeStandsStill) {
    create_topic("t", 1, 100);
    const auto group = join();
    MessageBatch batch = loop.run(group->async_poll(20ms));
    for (int i = 0; i < 5; ++i) ASSERT_NE(batch.next(), nullptr);
    loop.clock().set(loop.now() + 9s);
    int more = 0;
    while (batch.next() != nullptr) ++more;
    EXPECT_LT(more, 32);
    loop.run_until_idle();  // the session did live on
    EXPECT_THAT(read_all(group), SizeIs(100 - 5 - more));
    EXPECT_TRUE(close(group).clean());
}

TEST_F(ConsumerGroupTest, NothingIsCommittedAfterStandingStillBeforeTheSessionIsProven) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    // The commit is due, and the partition somebody else's, which the first question brings to light.
    loop.clock().set(loop.now() + 11s);
    bool asked = false;
    ensemble.on_operation([&](const auto&) {
        return std::exchange(asked, true) ? zk::Fault::none : zk::Fault::expire_before;
    });
    loop.run_until_idle();
    EXPECT_TRUE(asked);
    EXPECT_TRUE(stored->next.empty());
    close(group);
}

TEST_F(ConsumerGroupTest, TheSessionIsProvenToStandAsLongAsTheServerAnswers) {
    create_topic("t", 1, 5);
    int suspensions = 0;
    auto watched = config();
    watched.on_suspended = [&] { ++suspensions; };
    const auto group = join(watched);
    loop.advance(1min);
    EXPECT_EQ(suspensions, 0);
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, Fault1ANodeThatNamesUsButIsNotOursIsNoClaim) {
    create_topic("t", 1, 5);
    ensemble.put("/consumers/g/owners/t/0", "me");
    auto named = config();
    named.member_id = "me";
    const auto group = join(named);
    EXPECT_THAT(group->owned(), IsEmpty());
    loop.advance(1min);
    EXPECT_THAT(read_all(group), IsEmpty());
    ensemble.erase("/consumers/g/owners/t/0");
    settle();
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, Fault2AnothersClaimIsNotReleased) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    ensemble.erase("/consumers/g/owners/t/0");
    ensemble.put("/consumers/g/owners/t/0", "somebody");
    close(group);
    EXPECT_EQ(owner_of("t", 0), "somebody");
}

TEST_F(ConsumerGroupTest, Fault5AnExpiredSessionStopsReadingAndANewMemberGoesOn) {
    create_topic("t", 1, 5);
    std::vector<TopicPartition> lost;
    auto watched = config();
    watched.on_lost = [&](const auto& partitions) { lost = partitions; };
    const auto group = join(watched);
    const auto before = group->member_id();
    const auto held = read_one(group);
    ASSERT_TRUE(held);
    ensemble.expire(session_of(group));
    settle();
    EXPECT_THAT(lost, ElementsAre(TopicPartition{"t", 0}));
    EXPECT_FALSE(group->commit_upto(*held)) << "it belongs to whoever reads it again";
    EXPECT_NE(group->member_id(), before);
    EXPECT_EQ(owner_of("t", 0), group->member_id());
    const auto again = read_all(group);
    ASSERT_THAT(again, SizeIs(5));
    EXPECT_EQ(again.front(), "t/0@0");
    EXPECT_THAT(errors_of(group), ElementsAre(HasSubstr("session")));
    close(group);
}

TEST_F(ConsumerGroupTest, Fault5ZooKeeperThatIsAwayWhenTheSessionIsLostIsAwaited) {
    create_topic("t", 1, 5);
    const auto group = join();
    ensemble.set_available(false);
    ensemble.expire(session_of(group));
    loop.advance(1min);
    EXPECT_FALSE(loop.run(group->async_instance_registered()));
    ensemble.set_available(true);
    loop.advance(6s);
    EXPECT_TRUE(loop.run(group->async_instance_registered()));
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, NothingIsHandedOutWhileZooKeeperIsDisconnected) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    const auto session = session_of(group);
    ensemble.disconnect(session);
    loop.run_until_idle();
    logs.append({"t", 0}, 5);
    EXPECT_THAT(read_all(group), IsEmpty());
    ensemble.reconnect(session);
    settle();
    EXPECT_THAT(read_all(group), SizeIs(5));
    EXPECT_TRUE(close(group).clean());
}

TEST_F(ConsumerGroupTest, NothingIsCommittedWhileZooKeeperIsDisconnected) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    const auto session = session_of(group);
    ensemble.disconnect(session);
    loop.run_until_idle();
    EXPECT_EQ(condition_of([&] { loop.run(group->async_flush_offsets()); }), errc::zookeeper_unavailable);
    EXPECT_TRUE(stored->next.empty());
    ensemble.reconnect(session);
    settle();
    loop.run(group->async_flush_offsets());
    EXPECT_EQ((stored->next[{"t", 0}]), 5);
    EXPECT_TRUE(close(group).clean());
}

TEST_F(ConsumerGroupTest, Fault7NewPartitionsAreRead) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    kafka.add_partitions("t", 2);
    logs.append({"t", 2}, 5);
    write_topic_node("t", 3);
    loop.advance(1s);
    EXPECT_THAT(group->owned(), SizeIs(3));
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, Fault7AMissingTopicIsReportedAndReadWhenItAppears) {
    const auto group = join();
    const auto errors = group->errors();
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_EQ(errors[0].condition(), errc::unknown_topic);
    EXPECT_EQ(errors[0].where().topic, "t");
    EXPECT_EQ(errors[0].where().partition, -1);
    create_topic("t", 2, 5);
    loop.advance(6s);
    EXPECT_THAT(read_all(group), SizeIs(10));
    close(group);
}

TEST_F(ConsumerGroupTest, Fault9ErrorsThatNobodyTakesHoldNothingUp) {
    create_topic("t", 1, 5);
    auto hasty = config();
    hasty.offsets.commit_interval = 100ms;
    const auto group = join(hasty);
    read_all(group);
    stored->fails = true;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(condition_of([&] { loop.run(group->async_flush_offsets()); }), errc::zookeeper_error);
    }
    loop.advance(1min);
    EXPECT_GT(group->dropped_errors(), 0U);
    EXPECT_THAT(group->errors(), SizeIs(256));
    const auto report = close(group);
    ASSERT_THAT(report.uncommitted, SizeIs(1));
    EXPECT_EQ(report.uncommitted[0].processed, 5);
    EXPECT_EQ(report.uncommitted[0].committed, -1);
}

TEST_F(ConsumerGroupTest, Fault9FlushAfterCloseSaysSo) {
    create_topic("t", 1, 5);
    const auto group = join();
    close(group);
    EXPECT_EQ(condition_of([&] { loop.run(group->async_flush_offsets()); }), errc::closed);
}

TEST_F(ConsumerGroupTest, ASecondCloseReturnsTheReportOfTheFirst) {
    create_topic("t", 1, 5);
    auto patient = config();
    patient.offsets.processing_timeout = 2s;
    const auto group = join(patient);
    const auto held = read_one(group);
    auto first = loop.start(group->async_close());
    auto second = loop.start(group->async_close(0ms));
    loop.advance(1s);
    EXPECT_FALSE(first->done() || second->done());
    loop.advance(5s);
    ASSERT_TRUE(first->done() && second->done());
    EXPECT_EQ(first->take().uncommitted.size(), 1u);
    EXPECT_EQ(second->take().uncommitted.size(), 1u);
    EXPECT_EQ(close(group).uncommitted.size(), 1u);
    EXPECT_TRUE(group->closed());
    EXPECT_TRUE(loop.run(group->async_poll(1h)).empty());
}

TEST_F(ConsumerGroupTest, Fault9CloseInTheMiddleOfABatchIsAtOnceWhereAllHandedOutIsAcknowledged) {
    create_topic("t", 1, 50);
    const auto group = join();
    MessageBatch batch = loop.run(group->async_poll(20ms));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(group->commit_upto(*batch.next()));
    const auto before = loop.now();
    EXPECT_TRUE(close(group).clean());
    EXPECT_LT(loop.now() - before, 1s);
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_EQ((stored->next[{"t", 0}]), 10);
}

TEST_F(ConsumerGroupTest, Fault10OnlyOffsetZeroWasAcknowledged) {
    create_topic("t", 1, 1);
    const auto group = join();
    read_all(group);
    const auto before = loop.now();
    EXPECT_TRUE(close(group).clean());
    EXPECT_LT(loop.now() - before, 1s);
    EXPECT_EQ((stored->next[{"t", 0}]), 1);
}

TEST_F(ConsumerGroupTest, Fault4WhatIsNeverAcknowledgedIsReportedAndTheMarksBeforeAreCommitted) {
    create_topic("t", 1, 10);
    const auto group = join();
    auto first = read_one(group);
    auto second = read_one(group);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(group->commit_upto(*first));
    const auto before = loop.now();
    const auto report = close(group);
    EXPECT_GE(loop.now() - before, 60s);
    EXPECT_LT(loop.now() - before, 65s);
    ASSERT_THAT(report.uncommitted, SizeIs(1));
    EXPECT_EQ(report.uncommitted[0].processed, 1);
    EXPECT_EQ(report.uncommitted[0].delivered, 2);
    EXPECT_EQ(report.uncommitted[0].committed, 1);
    EXPECT_EQ((stored->next[{"t", 0}]), 1);
    EXPECT_FALSE(group->commit_upto(*second)) << "a mark that nobody will commit";
}

TEST_F(ConsumerGroupTest, ADrainTimeOfItsOwnShortensClose) {
    create_topic("t", 1, 10);
    const auto group = join();
    const auto held = read_one(group);
    const auto before = loop.now();
    const auto report = loop.run(group->async_close(100ms));
    EXPECT_LT(loop.now() - before, 1s);
    EXPECT_FALSE(report.clean());
}

TEST_F(ConsumerGroupTest, AMarkThatArrivesWhileClosingEndsTheWait) {
    create_topic("t", 1, 1);
    const auto group = join();
    const auto held = read_one(group);
    const auto closing = loop.start(group->async_close());
    loop.advance(5s);
    EXPECT_FALSE(closing->done());
    EXPECT_TRUE(group->commit_upto(*held));
    loop.advance(100ms);
    ASSERT_TRUE(closing->done());
    EXPECT_TRUE(closing->take().clean());
    EXPECT_EQ((stored->next[{"t", 0}]), 1);
}

TEST_F(ConsumerGroupTest, CloseWithoutZooKeeperIsBounded) {
    create_topic("t", 1, 10);
    const auto group = join();
    read_all(group);
    ensemble.disconnect(session_of(group));
    const auto before = loop.now();
    const auto report = close(group);
    EXPECT_LE(loop.now() - before, 6s);
    EXPECT_THAT(report.uncommitted, SizeIs(1));
}

TEST_F(ConsumerGroupTest, Fault11AcknowledgedOutOfOrderOnlyThePrefixIsCommitted) {
    create_topic("t", 1, 3);
    const auto group = join();
    std::vector<OwnedMessage> messages;
    while (auto message = read_one(group)) messages.push_back(*message);
    ASSERT_THAT(messages, SizeIs(3));
    EXPECT_TRUE(group->acknowledge(messages[2]));
    EXPECT_TRUE(group->acknowledge(messages[0]));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ((stored->next[{"t", 0}]), 1);
    EXPECT_TRUE(group->acknowledge(messages[1]));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ((stored->next[{"t", 0}]), 3);
    close(group);
}

TEST_F(ConsumerGroupTest, Fault13TheNameOfAMemberHoldsItsHost) {
    create_topic("t", 1);
    const auto group = join();
    char host[256] = {};
    ASSERT_EQ(gethostname(host, sizeof host - 1), 0);
    EXPECT_THAT(group->member_id(), HasSubstr(host));
    close(group);
}

TEST_F(ConsumerGroupTest, FailedCommitsAreTold) {
    create_topic("t", 1, 5);
    const auto group = join();
    read_all(group);
    stored->fails = true;
    loop.advance(10s);
    EXPECT_THAT(errors_of(group), ElementsAre(HasSubstr("the store is full")));
    stored->fails = false;
    loop.advance(10s);
    EXPECT_EQ((stored->next[{"t", 0}]), 5);
    close(group);
}

TEST_F(ConsumerGroupTest, WithBootstrapServersTheEnsembleKnowsNoBrokers) {
    ensemble.erase("/brokers");
    kafka.create_topic("t", 2);
    logs.append({"t", 0}, 5);
    auto kraft = config();
    kraft.bootstrap = kafka.config().bootstrap;
    const auto group = join(kraft, {"t", "late"});
    EXPECT_THAT(read_all(group), SizeIs(5));
    EXPECT_THAT(errors_of(group), ElementsAre(HasSubstr("late")));
    kafka.create_topic("late", 1);
    logs.append({"late", 0}, 5);
    kafka.add_partitions("t", 1);
    logs.append({"t", 2}, 5);
    loop.advance(6s);
    EXPECT_THAT(group->owned(), SizeIs(4));
    EXPECT_THAT(read_all(group), SizeIs(10));
    close(group);
}

// All that the group was given to begin with is gone; ZooKeeper tells where the brokers are now.
TEST_F(ConsumerGroupTest, FollowsBrokersThatZooKeeperListsAtNewAddresses) {
    create_topic("t", 1, 5);
    const auto group = join();
    EXPECT_THAT(read_all(group), SizeIs(5));
    const auto ids = ensemble.children_of("/brokers/ids");
    ASSERT_FALSE(ids.empty());
    for (const auto& id : ids) kafka.stop(std::stoi(id));
    loop.advance(30s);  // what it knew of the cluster is of no use any more
    for (const auto& id : ids) ensemble.erase("/brokers/ids/" + id);
    move_brokers(ids);
    logs.append({"t", 0}, 5);
    loop.advance(30s);
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

// The watch is used up by the change, and the read that was to leave the next one fails.
TEST_F(ConsumerGroupTest, FollowsBrokersThoughReadingThemFailed) {
    create_topic("t", 1, 5);
    const auto group = join();
    EXPECT_THAT(read_all(group), SizeIs(5));
    const auto ids = ensemble.children_of("/brokers/ids");
    for (const auto& id : ids) kafka.stop(std::stoi(id));
    loop.advance(30s);
    bool failed = false;
    ensemble.on_operation([&](const zk::MemoryOperation& operation) {
        if (operation.path != "/brokers/ids" || failed) return zk::Fault::none;
        failed = true;
        move_brokers(ids);
        return zk::Fault::connection_loss_before;
    });
    for (const auto& id : ids) ensemble.erase("/brokers/ids/" + id);
    loop.advance(1s);
    EXPECT_TRUE(failed);
    logs.append({"t", 0}, 5);
    loop.advance(30s);
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, WithoutBrokersJoinSaysWhatToDo) {
    ensemble.erase("/brokers");
    try {
        join();
        FAIL() << "there is no broker";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("bootstrap.servers"));
    }
    EXPECT_THAT(ensemble.children_of("/consumers/g/ids"), IsEmpty());
}

TEST_F(ConsumerGroupTest, JoinChecksItsArguments) {
    const auto refused = [&](std::string name, std::vector<std::string> topics) {
        return condition_of([&] {
            loop.run(ConsumerGroup::async_join(std::move(name), std::move(topics), "memory", config()));
        });
    };
    EXPECT_EQ(refused("", {"t"}), errc::invalid_config);
    EXPECT_EQ(refused("a/b", {"t"}), errc::invalid_config);
    EXPECT_EQ(refused("g", {}), errc::invalid_config);
    EXPECT_EQ(refused("g", {"a b"}), errc::invalid_config);
    auto bad = config();
    bad.zookeeper.session_timeout = 0ms;
    EXPECT_EQ(condition_of([&] { join(bad); }), errc::invalid_config);
}

TEST_F(ConsumerGroupTest, ZooKeeperThatIsAwayFailsTheJoin) {
    ensemble.set_available(false);
    EXPECT_EQ(condition_of([&] { join(); }), errc::zookeeper_unavailable);
}

TEST_F(ConsumerGroupTest, ARegistrationThatSomebodyDeletedIsMadeAgain) {
    create_topic("t", 1, 5);
    const auto group = join();
    ensemble.erase("/consumers/g/ids/" + group->member_id());
    loop.advance(1s);
    EXPECT_TRUE(loop.run(group->async_instance_registered()));
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(ConsumerGroupTest, ARegistrationThatSomebodyDeletedCostsNoMark) {
    create_topic("t", 1, 5);
    auto real = config();
    real.offset_manager = nullptr;
    const auto group = join(real);
    EXPECT_THAT(read_all(group), SizeIs(5));
    ensemble.erase("/consumers/g/ids/" + group->member_id());
    loop.advance(1s);
    EXPECT_TRUE(loop.run(group->async_instance_registered()));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(offset_of("t", 0), "5");
    logs.append({"t", 0}, 2);
    EXPECT_THAT(read_all(group), SizeIs(2));
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(offset_of("t", 0), "7");
}

/// A store of the program's that throws what it likes.
class ThrowingOffsets final : public OffsetManager {
 public:
    Task<std::int64_t> initialize_partition(TopicPartition) override {
        if (fails_to_begin) throw std::runtime_error("no table");
        co_return 0;
    }
    bool mark_as_processed(const TopicPartition&, std::int64_t) override { throw 1; }
    Task<std::vector<CommitFailure>> flush() override {
        throw 2;
        co_return std::vector<CommitFailure>();
    }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition, TimePoint) override {
        throw std::runtime_error("no row");
        co_return std::nullopt;
    }
    void abandon_partition(const TopicPartition&) override {}
    Task<std::vector<CommitFailure>> close(TimePoint) override {
        throw 3;
        co_return std::vector<CommitFailure>();
    }
    std::optional<std::int64_t> committed(const TopicPartition&) const override { return std::nullopt; }

    bool fails_to_begin = true;
};

TEST_F(ConsumerGroupTest, WhatTheProgramThrowsEndsNothing) {
    create_topic("t", 1, 5);
    const auto throwing = std::make_shared<ThrowingOffsets>();
    auto hostile = config();
    hostile.offset_manager = throwing;
    hostile.logger = [](LogLevel, std::string_view) { throw 4; };
    hostile.on_error = [](const Error&) { throw 5; };
    hostile.on_assigned = [](const auto&) { throw 6; };
    const auto group = join(hostile);
    EXPECT_THAT(errors_of(group), Contains(HasSubstr("no table")));
    throwing->fails_to_begin = false;
    loop.advance(1s);
    EXPECT_THAT(read_all(group), SizeIs(5));
    EXPECT_EQ(condition_of([&] { loop.run(group->async_flush_offsets()); }), errc::invalid_config);
    loop.advance(10s);
    const auto report = close(group);
    ASSERT_THAT(report.uncommitted, SizeIs(1));
    EXPECT_THAT(report.uncommitted[0].reason, HasSubstr("no row"));
}

/// A store of the program's that, asked to write for the last time, never answers; or long after.
class SilentOffsets final : public OffsetManager {
 public:
    explicit SilentOffsets(Runtime& runtime) : asked_in_vain_(runtime) {}
    Task<std::int64_t> initialize_partition(TopicPartition) override {
        if (begins_late) co_await asked_in_vain_.wait();
        co_return 0;
    }
    bool mark_as_processed(const TopicPartition&, std::int64_t) override { return true; }
    Task<std::vector<CommitFailure>> flush() override { co_return std::vector<CommitFailure>(); }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition, TimePoint) override {
        co_await asked_in_vain_.wait();
        co_return std::nullopt;
    }
    void abandon_partition(const TopicPartition& tp) override { abandoned.insert(tp); }
    Task<std::vector<CommitFailure>> close(TimePoint) override {
        co_await asked_in_vain_.wait();
        co_return std::vector<CommitFailure>();
    }
    std::optional<std::int64_t> committed(const TopicPartition&) const override { return std::nullopt; }
    void answer_at_last() { asked_in_vain_.notify_all(); }

    std::set<TopicPartition> abandoned;
    bool begins_late = false;

 private:
    Event asked_in_vain_;
};

TEST_F(ConsumerGroupTest, AStoreThatNeverAnswersHoldsUpNeitherTheNextOwnerNorClose) {
    create_topic("t", 2, 5);
    const auto silent = std::make_shared<SilentOffsets>(*loop.runtime());
    auto with_silent = config();
    with_silent.offset_manager = silent;
    const auto first = join(with_silent);
    read_all(first);
    const auto second = join();
    EXPECT_THAT(second->owned(), IsEmpty()) << "it waits for the store to answer";
    loop.advance(4s);
    ASSERT_THAT(second->owned(), SizeIs(1));
    EXPECT_THAT(first->owned(), SizeIs(1));
    EXPECT_THAT(silent->abandoned, ElementsAre(second->owned()[0]));
    EXPECT_THAT(errors_of(first), Contains(HasSubstr("did not answer in time")));

    const auto before = loop.now();
    const auto report = close(first);
    EXPECT_LE(loop.now() - before, 5s);
    ASSERT_THAT(report.uncommitted, SizeIs(1));
    EXPECT_EQ(report.uncommitted[0].processed, 5);
    EXPECT_THAT(report.uncommitted[0].reason, HasSubstr("did not answer in time"));
    silent->answer_at_last();
    loop.advance(1s);
    EXPECT_THAT(second->owned(), SizeIs(2));
    close(second);
}

TEST_F(ConsumerGroupTest, AStoreThatDoesNotSayWhereToBeginIsReported) {
    create_topic("t", 2, 5);
    const auto silent = std::make_shared<SilentOffsets>(*loop.runtime());
    silent->begins_late = true;
    auto with_silent = config();
    with_silent.offset_manager = silent;
    const auto first = join(with_silent);
    loop.advance(9s);
    EXPECT_THAT(errors_of(first), IsEmpty());
    loop.advance(2s);
    EXPECT_THAT(errors_of(first),
                ElementsAre(HasSubstr("does not say where to begin"), HasSubstr("does not say where to begin")));
    const auto second = join();
    EXPECT_THAT(second->owned(), SizeIs(1)) << "it keeps nothing from its next owner";
    silent->answer_at_last();
    EXPECT_THAT(read_all(first), SizeIs(5));
    loop.start(first->async_close());
    loop.advance(5s);
    close(second);
}

TEST_F(ConsumerGroupTest, TheDestructorLeaves) {
    create_topic("t", 1, 5);
    {
        const auto group = join();
        read_all(group);
        loop.start([](std::shared_ptr<ConsumerGroup> last) -> Task<void> {
            last.reset();
            co_return;
        }(group));
    }
    loop.advance(1s);
    EXPECT_THAT(ensemble.children_of("/consumers/g/ids"), IsEmpty());
    EXPECT_EQ((stored->next[{"t", 0}]), 5);
}

}  // namespace
}  // namespace kwire::test
