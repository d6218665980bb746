// pause, resume, seek, position and lag of a Consumer, and what a cancelled operation of it leaves.
#include <numeric>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <kwire/net/consumer.h>

#include "fake_cluster.h"
#include "fake_log.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::FakeCluster;
using test::FakeLogs;
using test::VirtualLoop;
using State = PartitionCursor::State;
using Offsets = std::vector<std::int64_t>;

struct ConsumerControlTest : testing::Test {
    ConsumerControlTest() {
        kafka.add_brokers(2);
        kafka.create_topic("t", 4);  // leaders 1, 2, 1, 2
        cluster = kafka.connect();
    }
    ~ConsumerControlTest() override {
        if (consumer) consumer->close();
        cluster->close();
        loop.advance(2s);
        EXPECT_EQ(kafka.complaints(), "");
    }
    void start(FetchConfig config = {}) {
        consumer = Consumer::create(cluster, config, {[this](const Error& error) { errors.push_back(error); }});
    }
    std::shared_ptr<PartitionCursor> assign(std::int32_t index, std::int64_t from = 0) {
        return loop.run(consumer->async_assign(at(index), StartOffset::at(from)));
    }
    static TopicPartition at(std::int32_t index) { return {"t", index}; }
    MessageBatch poll(std::chrono::milliseconds timeout = 3s) { return loop.run(consumer->async_poll(timeout)); }
    /// Reads until nothing comes.
    std::map<std::int32_t, Offsets> read() {
        std::map<std::int32_t, Offsets> offsets;
        for (;;) {
            MessageBatch batch = poll();
            if (batch.empty()) return offsets;
            for (const Message& message : batch) offsets[message.partition()].push_back(message.offset());
        }
    }
    static Offsets range(std::int64_t begin, std::int64_t end) {
        Offsets offsets(static_cast<std::size_t>(end - begin));
        std::iota(offsets.begin(), offsets.end(), begin);
        return offsets;
    }

    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;
    FakeLogs logs{kafka};
    std::shared_ptr<Consumer> consumer;
    std::vector<Error> errors;
};

using PerPartition = std::map<std::int32_t, Offsets>;

TEST_F(ConsumerControlTest, APausedPartitionIsNotHandedOutAndKeepsItsPosition) {
    start();
    for (int p = 0; p < 2; ++p) {
        logs.append(at(p), 5);
        assign(p);
    }
    loop.advance(1s);  // both are buffered
    consumer->pause({at(0)});
    EXPECT_EQ(consumer->paused(), std::vector<TopicPartition>{at(0)});
    EXPECT_EQ(read(), (PerPartition{{1, range(0, 5)}}));
    EXPECT_EQ(consumer->position(at(0)), 0);
    logs.append(at(0), 2);
    logs.append(at(1), 2);
    EXPECT_EQ(read(), (PerPartition{{1, range(5, 7)}}));
    consumer->pause({at(0)});
    consumer->resume({at(0)});
    EXPECT_TRUE(consumer->paused().empty());
    EXPECT_EQ(read(), (PerPartition{{0, range(0, 7)}}));
    EXPECT_EQ(consumer->position(at(0)), 7);
}

TEST_F(ConsumerControlTest, ABatchInHandEndsWhenItsPartitionIsPaused) {
    start();
    logs.append(at(0), 5);
    const auto cursor = assign(0);
    Offsets seen;
    {
        MessageBatch batch = poll();
        for (const Message& message : batch) {
            seen.push_back(message.offset());
            if (message.offset() == 1) consumer->pause({at(0)});
        }
    }
    EXPECT_EQ(seen, range(0, 2));
    EXPECT_EQ(consumer->position(at(0)), 2);
    EXPECT_TRUE(poll().empty());
    EXPECT_TRUE(cursor->mark_processed(2)) << "marks count while it is paused";
    consumer->suspend();
    consumer->resume();
    EXPECT_TRUE(poll().empty()) << "who resumes all does not resume what was paused by itself";
    consumer->resume({at(0)});
    EXPECT_EQ(read(), (PerPartition{{0, range(2, 5)}}));
}

TEST_F(ConsumerControlTest, PausedPartitionsAreNotFetchedAndLeaveTheBufferToOthers) {
    FetchConfig config;
    config.partition_fetch_bytes_max = 1'000;
    config.buffer_bytes_max = 4'000;
    start(config);
    for (const int p : {0, 2}) {
        for (int i = 0; i < 100; ++i) logs.append(at(p), 5);
    }
    assign(0);
    loop.advance(2s);
    EXPECT_GT(consumer->buffered_bytes(), 0);
    consumer->pause({at(0)});
    assign(2);
    EXPECT_EQ(read(), (PerPartition{{2, range(0, 500)}}));
    consumer->resume({at(0)});
    EXPECT_EQ(read(), (PerPartition{{0, range(0, 500)}}));
    EXPECT_TRUE(errors.empty());
}

TEST_F(ConsumerControlTest, SeeksBackAndForth) {
    start();
    logs.append(at(0), 10);
    const auto cursor = assign(0);
    EXPECT_EQ(read()[0], range(0, 10));
    consumer->seek(at(0), 4);
    EXPECT_EQ(consumer->position(at(0)), 4) << "at once";
    EXPECT_EQ(cursor->processed(), 4);
    EXPECT_EQ(read()[0], range(4, 10));
    EXPECT_EQ(consumer->position(at(0)), 10);
    consumer->seek(at(0), 8);
    consumer->seek(at(0), 2);
    consumer->seek(at(0), 7);
    EXPECT_EQ(consumer->position(at(0)), 7);
    EXPECT_EQ(read()[0], range(7, 10));
    EXPECT_TRUE(cursor->mark_processed(9));
    EXPECT_EQ(cursor->processed(), 9) << "after all seeks are done marks count again";
    EXPECT_EQ(cursor->progress().restarts, cursor->restarts());
    EXPECT_TRUE(errors.empty());
}

TEST_F(ConsumerControlTest, ASeekDropsWhatIsBuffered) {
    start();
    logs.append(at(0), 10);
    assign(0);
    loop.advance(1s);
    consumer->seek(at(0), 7);
    EXPECT_EQ(read()[0], range(7, 10));
}

TEST_F(ConsumerControlTest, ASeekWhileABatchIsWalkedEndsTheWalk) {
    start();
    logs.append(at(0), 10);
    const auto cursor = assign(0);
    Offsets seen;
    MessageBatch batch = poll();
    const Message* message = batch.next();
    message = batch.next();
    const OwnedMessage kept = message->own();
    consumer->seek(at(0), 5);
    EXPECT_TRUE(poll().empty()) << "a partition is in one hand at a time";
    cursor->mark_processed(2);
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_EQ(cursor->processed(), 5);
    EXPECT_EQ(read()[0], range(5, 10));
    EXPECT_FALSE(cursor->mark_processed_shared(kept.offset + 1, kept.restarts)) << "of before the seek";
    EXPECT_FALSE(cursor->acknowledge(kept.follows, kept.offset + 1, kept.restarts));
    EXPECT_EQ(cursor->processed(), 5);
    cursor->mark_processed(10);
    EXPECT_EQ(cursor->processed(), 10);
}

TEST_F(ConsumerControlTest, ABatchThatIsDroppedAfterASeekGivesNothingBack) {
    start();
    logs.append(at(0), 10);
    assign(0);
    {
        MessageBatch batch = poll();
        batch.next();
        consumer->seek(at(0), 0);
        consumer->seek(at(0), 3);
    }
    EXPECT_EQ(read()[0], range(3, 10));
    consumer->seek(at(0), 0);
    EXPECT_EQ(read()[0], range(0, 10));
}

TEST_F(ConsumerControlTest, ASeekOfAPausedPartitionLeavesItPaused) {
    start();
    logs.append(at(0), 10);
    assign(0);
    consumer->pause({at(0)});
    consumer->seek(at(0), 6);
    EXPECT_TRUE(read().empty());
    EXPECT_EQ(consumer->position(at(0)), 6);
    consumer->resume({at(0)});
    EXPECT_EQ(read()[0], range(6, 10));
}

TEST_F(ConsumerControlTest, ASeekOutOfTheLogGoesWhereTheConfigurationSays) {
    FetchConfig config;
    config.out_of_range = OutOfRange::oldest;
    start(config);
    logs.append(at(0), 5);
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    consumer->seek(at(0), 1'000);
    EXPECT_EQ(read()[0], range(0, 5));
    EXPECT_FALSE(errors.empty());
}

TEST_F(ConsumerControlTest, ATakenPartitionCannotBeSoughtBackToLife) {
    start();
    logs.append(at(0), 5);
    const auto cursor = assign(0);
    MessageBatch batch = poll();
    batch.next();
    consumer->seek(at(0), 0);
    consumer->unassign(cursor, State::draining);
    EXPECT_EQ(batch.next(), nullptr);
    EXPECT_EQ(cursor->state(), State::draining);
    for (const auto& control : std::vector<std::function<void()>>{[&] { consumer->seek(at(0), 0); },
                                                                [&] { consumer->pause({at(0)}); },
                                                                [&] { consumer->resume({at(0)}); }}) {
        try {
            control();
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Error& error) {
            EXPECT_EQ(error.condition(), errc::not_owner);
            EXPECT_NE(std::string(error.what()).find("t/0"), std::string::npos) << error.what();
        }
    }
    EXPECT_EQ(consumer->position(at(0)), std::nullopt);
    EXPECT_EQ(consumer->lag(at(0)), std::nullopt);
    assign(0, 3);
    EXPECT_EQ(read()[0], range(3, 5)) << "and may be assigned again";
}

TEST_F(ConsumerControlTest, OneUnknownPartitionAmongSeveralChangesNone) {
    start();
    logs.append(at(0), 5);
    assign(0);
    EXPECT_THROW(consumer->pause({at(0), at(1)}), Error);
    EXPECT_TRUE(consumer->paused().empty());
    EXPECT_THROW(consumer->seek(at(0), -1), Error);
    EXPECT_EQ(read()[0], range(0, 5));
}

TEST_F(ConsumerControlTest, TheLagIsWhatLiesBeforeTheEnd) {
    start();
    logs.append(at(0), 5);
    kafka.stop(1);
    assign(0);
    EXPECT_EQ(consumer->lag(at(0)), std::nullopt) << "no answer yet";
    kafka.start(1);
    loop.advance(2s);
    EXPECT_EQ(consumer->position(at(0)), 0);
    EXPECT_EQ(consumer->lag(at(0)), 5);
    read();
    EXPECT_EQ(consumer->lag(at(0)), 0);
    consumer->seek(at(0), 2);
    EXPECT_EQ(consumer->lag(at(0)), 3);
}

TEST_F(ConsumerControlTest, SeeksWhileLeadersMoveAndAreLost) {
    start();
    logs.append(at(0), 20);
    assign(0);
    EXPECT_EQ(read()[0], range(0, 20));
    kafka.stop(1);
    consumer->seek(at(0), 5);
    loop.advance(2s);
    consumer->seek(at(0), 15);
    kafka.start(1);
    EXPECT_EQ(read()[0], range(15, 20));
}

// ---- cancelled

TEST_F(ConsumerControlTest, ACancelledPollTakesNothing) {
    start();
    assign(0);
    asio::cancellation_signal signal;
    int completed = 0;
    consumer->async_poll(1h, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr failure, MessageBatch) {
        ++completed;
        EXPECT_TRUE(failure);
    }));
    loop.advance(1s);
    signal.emit(asio::cancellation_type::terminal);
    loop.advance(1s);
    EXPECT_EQ(completed, 1);
    logs.append(at(0), 3);
    logs.wake();
    loop.advance(5s);
    EXPECT_EQ(consumer->position(at(0)), 0);
    EXPECT_EQ(read()[0], range(0, 3)) << "nobody took it away";
}

TEST_F(ConsumerControlTest, ACancelledAssignLeavesThePartitionFree) {
    for (int turns = 0; turns < 12; ++turns) {
        SCOPED_TRACE(turns);
        start();
        asio::cancellation_signal signal;
        bool assigned = false;
        int completed = 0;
        consumer->async_assign(at(0), StartOffset::newest(), {},
                               asio::bind_cancellation_slot(
                                   signal.slot(), [&](std::exception_ptr failure, std::shared_ptr<PartitionCursor> cursor) {
                                       ++completed;
                                       assigned = !failure && cursor;
                                   }));
        if (turns > 0) loop.run_until_idle();
        for (int i = 1; i < turns; ++i) loop.advance_to_next();
        signal.emit(asio::cancellation_type::terminal);
        loop.advance(5s);
        EXPECT_EQ(completed, 1);
        if (!assigned) {
            EXPECT_NO_THROW(assign(0));
        }
        consumer->close();
        loop.advance(2s);
    }
}

TEST_F(ConsumerControlTest, FuturesAndCallbacksWork) {
    start();
    logs.append(at(0), 3);
    auto cursor = consumer->async_assign(at(0), StartOffset::oldest(), {}, asio::use_future);
    auto offsets = list_offsets(cluster, {{at(0), -1}}, IsolationLevel::read_uncommitted, asio::use_future);
    auto view = cluster->refresh({"t"}, {}, asio::use_future);
    loop.advance(2s);
    EXPECT_EQ(cursor.get()->start(), 0);
    EXPECT_EQ(offsets.get().at(0).offset, 3);
    EXPECT_TRUE(view.get()->topics.contains("t"));
    std::size_t seen = 0;
    consumer->async_poll(1s, [&](std::exception_ptr, MessageBatch batch) {
        for (const Message& message : batch) seen += message.value()->size();
    });
    loop.advance(2s);
    EXPECT_EQ(seen, 6u);
}

}  // namespace
}  // namespace kwire
