#include "fetching/fetch_queue.h"

#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <kwire/protocol/record_batch_builder.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using State = PartitionCursor::State;

std::string batch_of(std::int64_t base, int count, RecordBatchOptions options = {}) {
    options.base_offset = base;
    RecordBatchBuilder builder(options);
    for (int i = 0; i < count; ++i) {
        builder.append(1'000 + base + i, "k" + std::to_string(base + i), "v" + std::to_string(base + i));
    }
    Compressor compressor;
    return builder.build(compressor);
}

struct FetchQueueTest : testing::Test {
    FetchQueueTest() { make({}); }

    void make(RecordReaderOptions options) {
        queue = std::make_shared<FetchQueue>(
            budget, options, [this](const Error& error) { failures.push_back(error); }, [] {}, clock);
    }

    std::shared_ptr<QueuedPartition> add(std::int32_t index, std::int64_t start = 0) {
        auto cursor = std::make_shared<PartitionCursor>(TopicPartition{"t", index}, 1, start,
                                                        [this] { ++progress; });
        auto partition = std::make_shared<QueuedPartition>(cursor);
        queue->add(partition);
        return partition;
    }

    void push(const std::shared_ptr<QueuedPartition>& partition, const std::string& records,
              std::int64_t position, std::int64_t next_offset,
              std::vector<AbortedTransaction> aborted = {}) {
        FetchedChunk chunk;
        budget->reserve(static_cast<std::int64_t>(records.size()));
        auto share =
            std::make_shared<FrameShare>(budget, static_cast<std::int64_t>(records.size()));
        chunk.records = FrameShare::hold(share, Bytes::copy_of(records));
        chunk.aborted = std::move(aborted);
        chunk.position = position;
        chunk.next_offset = next_offset;
        partition->waiting_bytes += static_cast<std::int64_t>(records.size());
        std::vector<FetchQueue::Delivery> deliveries;
        deliveries.push_back({partition, std::move(chunk)});
        queue->push(std::move(deliveries));
    }

    std::vector<std::int64_t> read_all() {
        std::vector<std::int64_t> offsets;
        for (;;) {
            MessageBatch batch = queue->try_take();
            if (batch.empty()) return offsets;
            for (const Message& message : batch) offsets.push_back(message.offset());
        }
    }

    std::shared_ptr<test::VirtualClock> clock = std::make_shared<test::VirtualClock>();
    int room_signals = 0;
    std::atomic<int> progress{0};
    std::vector<Error> failures;
    std::shared_ptr<BufferBudget> budget =
        std::make_shared<BufferBudget>(1 << 20, [this] { ++room_signals; });
    std::shared_ptr<FetchQueue> queue;
};

TEST_F(FetchQueueTest, HandsOutWhatWasFetched) {
    const auto partition = add(3);
    push(partition, batch_of(0, 2) + batch_of(2, 1), 0, 3);
    MessageBatch batch = queue->try_take();
    ASSERT_FALSE(batch.empty());
    EXPECT_EQ(batch.topic_partition(), (TopicPartition{"t", 3}));
    const Message* message = batch.next();
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->topic(), "t");
    EXPECT_EQ(message->partition(), 3);
    EXPECT_EQ(message->offset(), 0);
    EXPECT_EQ(message->follows(), 0);
    EXPECT_EQ(message->key(), "k0");
    EXPECT_EQ(message->value(), "v0");
    EXPECT_EQ(message->timestamp(), Timestamp(1'000ms));
    EXPECT_EQ(message->timestamp_type(), TimestampType::create_time);
    const OwnedMessage kept = message->own();
    EXPECT_EQ(batch.next()->offset(), 1);
    EXPECT_EQ(batch.next()->offset(), 2);
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_EQ(batch.next(), nullptr) << "the end stays the end";
    EXPECT_EQ(kept.value, "v0");
    EXPECT_EQ(kept.cursor, partition->cursor);
    EXPECT_EQ(partition->cursor->delivered(), 3);
    EXPECT_EQ(budget->used(), 0) << "at its end a batch holds no bytes any more";
}

TEST_F(FetchQueueTest, AFailureComesAfterWhatWasFetchedBeforeIt) {
    const auto partition = add(0);
    const auto other = add(1);
    push(partition, batch_of(0, 3), 0, 3);
    push(partition, batch_of(3, 2), 3, 5);
    queue->push_failure(partition, Error(errc::message_too_large, "too large"));
    push(other, batch_of(0, 2), 0, 2);
    MessageBatch batch = queue->try_take();
    EXPECT_EQ(batch.next()->offset(), 0);
    EXPECT_TRUE(failures.empty());
    batch = {};  // given back in the middle
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{0, 1, 1, 2, 3, 4})) << "of both, in turn";
    ASSERT_EQ(failures.size(), 1U);
    EXPECT_EQ(failures[0].condition(), errc::message_too_large);
    EXPECT_TRUE(partition->failed);
    push(partition, batch_of(5, 1), 5, 6);
    EXPECT_TRUE(read_all().empty());
    EXPECT_EQ(failures.size(), 1U);
}

TEST_F(FetchQueueTest, AFailureIsReportedAtOnceWhereNothingWaits) {
    const auto partition = add(0);
    queue->push_failure(partition, Error(errc::corrupt_batch, "here"));
    EXPECT_EQ(failures.size(), 1U);
    queue->push_failure(partition, Error(errc::corrupt_batch, "here"));
    EXPECT_EQ(failures.size(), 1U) << "once";
}

TEST_F(FetchQueueTest, AReaderThatWaitsReportsTheFailureAndGoesOnWaiting) {
    const auto partition = add(0);
    const auto other = add(1);
    push(partition, batch_of(0, 1), 0, 1);
    MessageBatch batch = queue->try_take();
    queue->push_failure(partition, Error(errc::corrupt_batch, "here"));
    EXPECT_TRUE(failures.empty()) << "the batch in hand comes first";
    while (batch.next() != nullptr) {
    }
    std::thread writer([&] { push(other, batch_of(0, 1), 0, 1); });
    batch = queue->take(10s);
    writer.join();
    ASSERT_FALSE(batch.empty());
    EXPECT_EQ(batch.topic_partition().partition, 1);
    EXPECT_EQ(failures.size(), 1U);
}

TEST_F(FetchQueueTest, AnotherLogBeginsAnewThoughItLiesBehind) {
    const auto partition = add(0);
    push(partition, batch_of(0, 5), 0, 5);
    MessageBatch batch = queue->try_take();
    EXPECT_EQ(batch.next()->offset(), 0);
    const auto old = batch.next()->own();
    queue->expect_restart(partition);
    partition->cursor->restart_comes(100);
    queue->push_expected_restart(partition, 100);
    push(partition, batch_of(100, 2), 100, 102);
    while (const Message* message = batch.next()) {
        EXPECT_FALSE(partition->cursor->acknowledge(message->follows(), message->offset() + 1)) << "of the old topic";
    }
    EXPECT_EQ(partition->cursor->processed(), 100);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{100, 101}));
    EXPECT_EQ(partition->cursor->start(), 100);
    EXPECT_FALSE(partition->cursor->acknowledge(old.follows, old.offset + 1, old.restarts));
    EXPECT_TRUE(partition->cursor->acknowledge(100, 102));
    EXPECT_EQ(partition->cursor->processed(), 102);
}

TEST_F(FetchQueueTest, SkipsWhatLiesBeforeThePosition) {
    const auto partition = add(0, 4);
    push(partition, batch_of(0, 3) + batch_of(3, 5), 4, 8);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{4, 5, 6, 7}));
}

TEST_F(FetchQueueTest, NothingIsHandedOutPastTheTimeThatWasGivenThoughNobodySaysSo) {
    const auto partition = add(0);
    push(partition, batch_of(0, 200) + batch_of(200, 100), 0, 300);
    push(partition, batch_of(300, 10), 300, 310);
    queue->hand_out_until(clock->now() + 4s);
    std::int64_t next = 0;
    const auto walk_on = [&](MessageBatch& batch) {
        int walked = 0;
        while (const Message* message = batch.next()) {
            EXPECT_EQ(message->offset(), next++);
            ++walked;
        }
        return walked;
    };
    MessageBatch batch = queue->try_take();
    for (; next < 10; ++next) ASSERT_NE(batch.next(), nullptr);
    clock->set(clock->now() + 4s);
    EXPECT_LT(walk_on(batch), 32);
    EXPECT_TRUE(queue->try_take().empty());
    EXPECT_TRUE(queue->take(1ms).empty());
    EXPECT_EQ(partition->cursor->delivered(), next);
    queue->hand_out_until(clock->now() + 4s);
    for (MessageBatch more = queue->try_take(); !more.empty(); more = queue->try_take()) walk_on(more);
    EXPECT_EQ(next, 310);
}

TEST_F(FetchQueueTest, AReaderThatWaitsIsWokenWhenHandingOutGoesOn) {
    push(add(0), batch_of(0, 1), 0, 1);
    queue->hand_out_until(clock->now());
    bool read = false;
    std::thread reader([&] { read = !queue->take(1h).empty(); });
    queue->hand_out_until(clock->now() + 4s);
    reader.join();
    EXPECT_TRUE(read);
}

TEST_F(FetchQueueTest, ForEverIsATimeToWaitToo) {
    const auto partition = add(0);
    std::thread writer([&] {
        std::this_thread::sleep_for(20ms);  // to be waited for; the outcome does not depend on it
        push(partition, batch_of(0, 1), 0, 1);
    });
    EXPECT_FALSE(queue->take(std::chrono::milliseconds::max()).empty());
    writer.join();
}

TEST_F(FetchQueueTest, APartitionIsInOneHandAtATime) {
    const auto partition = add(0);
    const auto other = add(1);
    push(partition, batch_of(0, 2), 0, 2);
    push(partition, batch_of(2, 2), 2, 4);
    push(other, batch_of(0, 1), 0, 1);
    MessageBatch first = queue->try_take();
    EXPECT_EQ(first.topic_partition().partition, 0);
    MessageBatch second = queue->try_take();
    EXPECT_EQ(second.topic_partition().partition, 1);
    EXPECT_TRUE(queue->try_take().empty());
    while (first.next() != nullptr) {
    }
    MessageBatch third = queue->try_take();  // first is at its end, though it still exists
    ASSERT_FALSE(third.empty());
    EXPECT_EQ(third.next()->offset(), 2);
}

TEST_F(FetchQueueTest, TheRestOfABatchIsTheNextToBeRead) {
    const auto partition = add(0);
    push(partition, batch_of(0, 3) + batch_of(3, 3), 0, 6);
    push(partition, batch_of(6, 1), 6, 7);
    {
        MessageBatch batch = queue->try_take();
        EXPECT_EQ(batch.next()->offset(), 0);
        EXPECT_EQ(batch.next()->offset(), 1);
    }
    EXPECT_GT(budget->used(), 0);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{2, 3, 4, 5, 6}));
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(FetchQueueTest, SuspendedNothingIsHandedOutAndNothingIsLost) {
    const auto partition = add(0);
    push(partition, batch_of(0, 4), 0, 4);
    MessageBatch batch = queue->try_take();
    EXPECT_EQ(batch.next()->offset(), 0);
    queue->suspend();
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_TRUE(queue->try_take().empty());
    const auto late = add(1);
    EXPECT_EQ(late->cursor->state(), State::suspended);
    queue->resume();
    EXPECT_EQ(late->cursor->state(), State::flowing);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{1, 2, 3}));
}

TEST_F(FetchQueueTest, NothingComesOutOfAPartitionThatWasTakenAway) {
    const auto partition = add(0);
    push(partition, batch_of(0, 4), 0, 4);
    push(partition, batch_of(4, 4), 4, 8);
    MessageBatch batch = queue->try_take();
    EXPECT_EQ(batch.next()->offset(), 0);
    EXPECT_TRUE(queue->remove(partition, State::draining));
    EXPECT_FALSE(queue->remove(partition, State::retired));
    EXPECT_EQ(partition->cursor->delivered(), 1);
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_GE(progress.load(), 1) << "the end of the batch is progress";
    push(partition, batch_of(8, 1), 8, 9);  // was in flight
    EXPECT_TRUE(queue->try_take().empty());
    EXPECT_FALSE(partition->cursor->drained());
    EXPECT_TRUE(partition->cursor->mark_processed(1));
    EXPECT_TRUE(partition->cursor->drained());
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(FetchQueueTest, StopsAtABatchWithAWrongCrcAndNamesTheOffset) {
    const auto partition = add(0);
    const auto other = add(1);
    std::string broken = batch_of(3, 2);
    broken[broken.size() - 3] = static_cast<char>(broken[broken.size() - 3] ^ 1);
    push(partition, batch_of(0, 3) + broken + batch_of(5, 1), 0, 6);
    push(partition, batch_of(6, 1), 6, 7);
    push(other, batch_of(0, 2), 0, 2);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{0, 1, 2, 0, 1}));
    ASSERT_EQ(failures.size(), 1U);
    EXPECT_EQ(failures[0].condition(), errc::corrupt_batch);
    EXPECT_EQ(failures[0].where().topic, "t");
    EXPECT_EQ(failures[0].where().partition, 0);
    EXPECT_EQ(failures[0].where().offset, 3);
    EXPECT_EQ(partition->cursor->delivered(), 3);
    EXPECT_TRUE(partition->failed.load());
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(FetchQueueTest, AWrongHeaderStopsThePartitionBehindWhatIsGood) {
    const auto partition = add(0);
    std::string bad_magic = batch_of(2, 1);
    bad_magic[16] = 9;
    push(partition, batch_of(0, 2) + bad_magic, 0, 2);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{0, 1}));
    ASSERT_EQ(failures.size(), 1U);
    EXPECT_EQ(failures[0].where().offset, 2);
}

TEST_F(FetchQueueTest, ControlBatchesAndCompactedTailsMoveThePosition) {
    const auto partition = add(0);
    RecordBatchOptions compacted;
    compacted.last_offset = 9;
    push(partition,
         batch_of(0, 2) + build_control_batch(2, 5, 77, 0, ControlRecord::Type::commit) +
             batch_of(3, 1, compacted),
         0, 10);
    EXPECT_EQ(read_all(), (std::vector<std::int64_t>{0, 1, 3}));
    EXPECT_EQ(partition->cursor->delivered(), 10);
    partition->cursor->mark_processed(4);
    EXPECT_EQ(partition->cursor->processed(), 10);
    EXPECT_TRUE(partition->cursor->drained());
}

TEST_F(FetchQueueTest, ABatchWithNothingToReadIsAtItsEndAtOnce) {
    const auto partition = add(0, 5);
    push(partition, build_control_batch(5, 5, 77, 0, ControlRecord::Type::abort), 5, 6);
    MessageBatch batch = queue->try_take();
    ASSERT_FALSE(batch.empty());
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_EQ(partition->cursor->processed(), 6);
}

TEST_F(FetchQueueTest, LeavesOutAbortedTransactions) {
    const auto partition = add(0);
    RecordBatchOptions transactional;
    transactional.is_transactional = true;
    transactional.producer_id = 77;
    RecordBatchOptions other_producer = transactional;
    other_producer.producer_id = 78;
    push(partition,
         batch_of(0, 2, transactional) + batch_of(2, 1, other_producer) +
             build_control_batch(3, 5, 77, 0, ControlRecord::Type::abort) +
             batch_of(4, 1, transactional),
         0, 5, {{77, 0}});
    MessageBatch batch = queue->try_take();
    const Message* message = batch.next();
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->offset(), 2);
    EXPECT_EQ(message->follows(), 0) << "what was left out belongs to the message that follows it";
    EXPECT_EQ(batch.next()->offset(), 4);
    EXPECT_EQ(batch.next(), nullptr);
}

TEST_F(FetchQueueTest, AResetPositionIsSeenThoughNothingFollows) {
    const auto partition = add(0, 100);
    queue->push_restart(partition, 500);
    EXPECT_TRUE(read_all().empty());
    EXPECT_EQ(partition->cursor->processed(), 500);
    queue->push_restart(partition, 7);
    push(partition, batch_of(7, 1), 7, 8);
    EXPECT_EQ(read_all(), std::vector<std::int64_t>{7});
    EXPECT_EQ(partition->cursor->start(), 7);
}

TEST_F(FetchQueueTest, CloseWakesWhoWaits) {
    std::thread reader([&] {
        try {
            queue->take(1h);
            ADD_FAILURE() << "a closed queue has nothing to give";
        } catch (const Error& error) {
            EXPECT_EQ(error.condition(), errc::closed);
        }
    });
    queue->close();
    reader.join();
    EXPECT_THROW(queue->try_take(), Error);
}

// Two reading threads, several partitions: each partition's offsets must come in order, each exactly once.
TEST_F(FetchQueueTest, TwoReadersNeverInterleaveAPartition) {
    constexpr int partitions = 3;
    constexpr int chunks = 200;
    std::vector<std::shared_ptr<QueuedPartition>> all;
    for (int i = 0; i < partitions; ++i) all.push_back(add(i));
    std::atomic<std::int64_t> expected[partitions] = {};
    std::atomic<int> wrong{0};
    std::atomic<int> read{0};
    const auto reader = [&](unsigned give_back_every) {
        unsigned seen = 0;
        while (read.load() < partitions * chunks * 3) {
            MessageBatch batch = queue->take(5ms);
            while (const Message* message = batch.next()) {
                auto& next = expected[message->partition()];
                if (next.load() != message->offset()) ++wrong;
                next.store(message->offset() + 1);
                message->cursor().mark_processed(message->offset() + 1);
                ++read;
                if (++seen % give_back_every == 0) break;
            }
        }
    };
    std::thread first([&] { reader(5); });
    std::thread second([&] { reader(7); });
    for (int c = 0; c < chunks; ++c) {
        for (const auto& partition : all) push(partition, batch_of(3 * c, 3), 3 * c, 3 * c + 3);
    }
    first.join();
    second.join();
    EXPECT_EQ(wrong.load(), 0);
    for (const auto& partition : all) EXPECT_EQ(partition->cursor->processed(), 3 * chunks);
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(FetchQueueTest, TellsOfRoomOnceItIsWaitedFor) {
    const auto partition = add(0);
    push(partition, batch_of(0, 1), 0, 1);
    EXPECT_FALSE(budget->reserve(1 << 20));
    EXPECT_EQ(read_all().size(), 1U);
    EXPECT_EQ(room_signals, 0);
    push(partition, batch_of(1, 1), 1, 2);
    budget->wait_for_room(1 << 20);
    EXPECT_EQ(read_all().size(), 1U);
    EXPECT_EQ(room_signals, 1);
    EXPECT_TRUE(budget->reserve(1 << 20));
}

TEST(BufferBudget, TellsOfRoomOnlyWhereItIsEnough) {
    int signals = 0;
    BufferBudget budget(100, [&signals] { ++signals; });
    ASSERT_TRUE(budget.reserve(60));
    ASSERT_TRUE(budget.reserve(40));
    budget.wait_for_room(50);
    budget.wait_for_room(30);
    budget.release(20);
    budget.signal_progress();
    EXPECT_EQ(signals, 0);
    budget.release(10);
    EXPECT_EQ(signals, 1) << "the one who wants least can go on";
    budget.release(70);
    EXPECT_EQ(signals, 1) << "once";
}

TEST(BufferBudget, TellsOfProgressToWhoWaitsForThat) {
    int signals = 0;
    BufferBudget budget(100, [&signals] { ++signals; });
    budget.signal_progress();
    budget.wait_for_progress();
    EXPECT_EQ(signals, 0);
    budget.signal_progress();
    budget.signal_progress();
    EXPECT_EQ(signals, 1);
}

}  // namespace
}  // namespace kwire
