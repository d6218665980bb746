#include <kwire/net/partition_cursor.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <linux/membarrier.h>
#include <malloc.h>

#include "fetching/process_barrier.h"

namespace kwire {
namespace {

using State = PartitionCursor::State;

TEST(PartitionCursor, CountsWhatIsHandedOutAndWhatIsProcessed) {
    PartitionCursor cursor({"t", 1}, 7, 10, {});
    EXPECT_EQ(cursor.processed(), 10);
    EXPECT_TRUE(cursor.drained());
    EXPECT_TRUE(cursor.begin_delivery(11));
    EXPECT_EQ(cursor.delivered(), 11);
    EXPECT_FALSE(cursor.drained());
    EXPECT_TRUE(cursor.mark_processed(11));
    EXPECT_TRUE(cursor.drained());
    EXPECT_TRUE(cursor.mark_processed(5));
    EXPECT_EQ(cursor.processed(), 11) << "marks never go back";
}

TEST(PartitionCursor, TakesADeliveryBackUnlessItFlows) {
    for (const State state : {State::suspended, State::draining, State::retired}) {
        int told = 0;
        PartitionCursor cursor({"t", 1}, 1, 0, [&] { ++told; });
        EXPECT_TRUE(cursor.begin_delivery(1));
        cursor.set_state(state);
        EXPECT_FALSE(cursor.begin_delivery(2));
        EXPECT_EQ(cursor.delivered(), 1);
        EXPECT_EQ(told, state == State::draining ? 1 : 0);
    }
}

TEST(PartitionCursor, AcceptsMarksUntilItIsRetired) {
    int told = 0;
    PartitionCursor cursor({"t", 1}, 1, 0, [&] { ++told; });
    EXPECT_TRUE(cursor.begin_delivery(1));
    cursor.set_state(State::draining);
    EXPECT_TRUE(cursor.mark_processed(1));
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(cursor.drained());
    cursor.set_state(State::retired);
    EXPECT_FALSE(cursor.mark_processed(1));
    EXPECT_FALSE(cursor.mark_processed_shared(1));
    EXPECT_FALSE(cursor.acknowledge(0, 1));
}

TEST(PartitionCursor, AcknowledgesOnlyThePrefixWithoutGaps) {
    PartitionCursor cursor({"t", 1}, 1, 0, {});
    for (int next = 1; next <= 5; ++next) ASSERT_TRUE(cursor.begin_delivery(next));
    EXPECT_TRUE(cursor.acknowledge(2, 3));
    EXPECT_TRUE(cursor.acknowledge(4, 5));
    EXPECT_EQ(cursor.processed(), 0);
    EXPECT_TRUE(cursor.acknowledge(0, 2));
    EXPECT_EQ(cursor.processed(), 3);
    EXPECT_TRUE(cursor.acknowledge(3, 4));
    EXPECT_EQ(cursor.processed(), 5);
}

TEST(PartitionCursor, ATailWithNothingToReadIsProcessedWithWhatPrecedesIt) {
    PartitionCursor cursor({"t", 1}, 1, 0, {});
    ASSERT_TRUE(cursor.begin_delivery(3));
    cursor.skip_to(10);
    EXPECT_EQ(cursor.delivered(), 10);
    EXPECT_EQ(cursor.processed(), 0);
    EXPECT_FALSE(cursor.drained());
    cursor.mark_processed(3);
    EXPECT_EQ(cursor.processed(), 10);
    EXPECT_TRUE(cursor.drained());
}

TEST(PartitionCursor, ATailIsProcessedAtOnceWhereNothingPrecedesIt) {
    PartitionCursor cursor({"t", 1}, 1, 4, {});
    cursor.skip_to(6);
    cursor.skip_to(9);
    EXPECT_EQ(cursor.delivered(), 9);
    EXPECT_EQ(cursor.processed(), 9);
}

TEST(PartitionCursor, GapsBetweenAcknowledgedMessagesDoNotHoldUpThePrefix) {
    PartitionCursor cursor({"t", 1}, 1, 0, {});
    ASSERT_TRUE(cursor.begin_delivery(1));  // message 0
    cursor.skip_to(5);
    ASSERT_TRUE(cursor.begin_delivery(6));  // message 5, follows 5
    cursor.skip_to(8);
    ASSERT_TRUE(cursor.begin_delivery(9));  // message 8, follows 8
    EXPECT_TRUE(cursor.acknowledge(8, 9));
    EXPECT_TRUE(cursor.acknowledge(5, 6));
    EXPECT_EQ(cursor.processed(), 0);
    EXPECT_TRUE(cursor.acknowledge(0, 1));
    EXPECT_EQ(cursor.processed(), 9);
}

TEST(PartitionCursor, MarksPassOverGapsToo) {
    PartitionCursor cursor({"t", 1}, 1, 0, {});
    ASSERT_TRUE(cursor.begin_delivery(1));
    cursor.skip_to(5);
    ASSERT_TRUE(cursor.begin_delivery(6));
    cursor.skip_to(8);
    cursor.mark_processed(1);
    EXPECT_EQ(cursor.processed(), 5);
    cursor.mark_processed(6);
    EXPECT_EQ(cursor.processed(), 8);
    EXPECT_TRUE(cursor.drained());
}

// A million of them cost 64 MB.
TEST(PartitionCursor, AdjacentAcknowledgementsBehindAGapCostNoMemory) {
    PartitionCursor cursor({"t", 1}, 1, 0, {});
    const auto allocated = [] { return mallinfo2().uordblks; };
    cursor.acknowledge(2, 3);
    const auto before = allocated();
    for (std::int64_t offset = 3; offset < 100'000; ++offset) cursor.acknowledge(offset, offset + 1);
    EXPECT_LT(allocated(), before + 10'000);
    EXPECT_EQ(cursor.processed(), 0);
    cursor.acknowledge(0, 2);
    EXPECT_EQ(cursor.processed(), 100'000);
}

/// Whatever the order: what is processed is the prefix without gaps.
TEST(PartitionCursor, RangesInAnyOrderMakeTheSamePrefix) {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        PartitionCursor cursor({"t", 1}, 1, 0, {});
        std::vector<bool> done(60);
        for (int i = 0; i < 40; ++i) {
            const auto begin = static_cast<std::size_t>(random() % 60);
            const auto end = std::min<std::size_t>(begin + random() % 6, 60);
            cursor.acknowledge(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
            for (std::size_t k = begin; k < end; ++k) done[k] = true;
            const auto gap = std::find(done.begin(), done.end(), false) - done.begin();
            ASSERT_EQ(cursor.processed(), gap) << "round " << round;
        }
    }
}

TEST(PartitionCursor, BeginsAnewWhereTheLogWasCutBack) {
    PartitionCursor cursor({"t", 1}, 1, 100, {});
    ASSERT_TRUE(cursor.begin_delivery(101));
    cursor.restart(20);
    EXPECT_EQ(cursor.start(), 20);
    EXPECT_EQ(cursor.delivered(), 20);
    EXPECT_EQ(cursor.processed(), 20);
}

// The promise of set_state: what it saw as delivered is all that ever comes out. Threads race for it many times.
TEST(PartitionCursor, NothingIsHandedOutBehindTheBackOfWhoTakesItAway) {
    for (int round = 0; round < 2000; ++round) {
        PartitionCursor cursor({"t", 1}, 1, 0, {});
        std::atomic<bool> go{false};
        std::int64_t last_handed_out = 0;
        std::thread reader([&] {
            while (!go.load()) {
            }
            for (std::int64_t next = 1; cursor.begin_delivery(next); ++next) {
                last_handed_out = next;
                cursor.mark_processed(next);
            }
        });
        go.store(true);
        for (int spin = 0; spin < round % 500; ++spin) (void)go.load();
        cursor.set_state(State::draining);
        const std::int64_t seen = cursor.delivered();
        reader.join();
        ASSERT_LE(last_handed_out, seen);
        ASSERT_EQ(cursor.delivered(), last_handed_out);
        ASSERT_TRUE(cursor.drained());
    }
}

TEST(PartitionCursor, AMarkOfAMessageFromBeforeARestartIsRefused) {
    PartitionCursor cursor({"t", 0}, 1, 500, {});
    const auto before = cursor.restarts();
    EXPECT_TRUE(cursor.begin_delivery(1'000));
    EXPECT_TRUE(cursor.mark_processed_shared(900, before));
    cursor.restart(600);
    EXPECT_FALSE(cursor.mark_processed_shared(1'000, before));
    EXPECT_FALSE(cursor.acknowledge(600, 1'000, before));
    EXPECT_EQ(cursor.processed(), 600);
    EXPECT_TRUE(cursor.begin_delivery(700));
    EXPECT_TRUE(cursor.mark_processed_shared(700, cursor.restarts()));
    const auto progress = cursor.progress();
    EXPECT_EQ(progress.start, 600);
    EXPECT_EQ(progress.processed, 700);
    EXPECT_NE(progress.restarts, before);
}

TEST(PartitionCursor, NothingOfATopicThatIsGoneCounts) {
    int progress = 0;
    PartitionCursor cursor({"t", 0}, 1, 500, [&] { ++progress; });
    const auto before = cursor.restarts();
    EXPECT_TRUE(cursor.begin_delivery(510));
    cursor.acknowledge(505, 506);
    cursor.mark_processed(503);
    cursor.expect_restart();
    // Where the new one is read from is not known yet: there is nothing to commit, nor to wait for.
    EXPECT_EQ(cursor.progress().restarts, before);
    EXPECT_EQ(cursor.progress().processed, cursor.progress().start);
    EXPECT_TRUE(cursor.drained());
    cursor.set_state(State::draining);
    EXPECT_FALSE(cursor.acknowledge(500, 510, before));
    EXPECT_FALSE(cursor.mark_processed_shared(510, before));
    cursor.mark_processed(510);
    EXPECT_EQ(cursor.processed(), 500);
    cursor.restart_comes(2);
    EXPECT_EQ(cursor.progress().restarts, before + 1);
    EXPECT_EQ(cursor.progress().processed, 2);
    EXPECT_EQ(cursor.delivered(), 2);
    cursor.restart(2, 1);
    EXPECT_EQ(cursor.progress().restarts, before + 1) << "the same restart";
    EXPECT_EQ(cursor.progress().start, 2);
}

TEST(PartitionCursor, WhoWaitsForMarksIsWokenWhereTheyCountNoMore) {
    int progress = 0;
    PartitionCursor cursor({"t", 0}, 1, 0, [&] { ++progress; });
    EXPECT_TRUE(cursor.begin_delivery(5));
    cursor.set_state(State::draining);
    EXPECT_FALSE(cursor.drained());
    cursor.expect_restart();
    EXPECT_EQ(progress, 1);
    EXPECT_TRUE(cursor.drained());
}

TEST(PartitionCursor, ATopicMadeAnewTwiceCountsFromTheLastTime) {
    PartitionCursor cursor({"t", 0}, 1, 0, {});
    cursor.expect_restart();
    cursor.restart_comes(7);
    cursor.expect_restart();
    EXPECT_EQ(cursor.progress().restarts, 1U);
    cursor.restart(7, 1);  // the first one arrives at the reader
    EXPECT_TRUE(cursor.begin_delivery(9));
    EXPECT_FALSE(cursor.acknowledge(7, 9, cursor.restarts()));
    cursor.restart_comes(3);
    EXPECT_EQ(cursor.progress().restarts, 2U);
    EXPECT_EQ(cursor.progress().processed, 3);
    cursor.restart(3, 1);
    EXPECT_TRUE(cursor.begin_delivery(4));
    EXPECT_TRUE(cursor.acknowledge(3, 4, cursor.restarts()));
    EXPECT_EQ(cursor.progress().processed, 4);
}

int refused_command = -1;
long refusing(int command) { return refused_command >= 0 && (command & refused_command) != 0 ? -1 : 0; }

TEST(ProcessBarrier, ReadersPassAFenceOfTheirOwnWhereTheKernelRefuses) {
    std::atomic<bool> works{true};
    refused_command = MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    EXPECT_FALSE((ProcessBarrier(works, refusing), works.load())) << "a kernel that has none";
    refused_command = 0;
    ProcessBarrier barrier(works, refusing);
    EXPECT_TRUE(works.load());
    barrier.pass();
    EXPECT_TRUE(works.load());
    refused_command = MEMBARRIER_CMD_PRIVATE_EXPEDITED;
    barrier.pass();
    EXPECT_TRUE(works.load()) << "the slow command is left";
    refused_command = ~0 & 0x7fffffff;  // all of them: the program gave up the system call
    barrier.pass();
    EXPECT_FALSE(works.load());
    barrier.pass();
}

}  // namespace
}  // namespace kwire
