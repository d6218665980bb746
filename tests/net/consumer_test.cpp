#include <kwire/net/consumer.h>

#include <numeric>

#include <asio/post.hpp>
#include <gtest/gtest.h>

#include "connecting/broker_versions.h"
#include "fake_cluster.h"
#include "fake_log.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::FakeCluster;
using test::FakeLogs;
using test::VirtualLoop;
using State = PartitionCursor::State;

struct ConsumerTest : testing::Test {
    ConsumerTest() {
        kafka.add_brokers(2);
        kafka.create_topic("t", 4);  // leaders 1, 2, 1, 2
        cluster = kafka.connect();
    }
    ~ConsumerTest() override {
        if (consumer) consumer->close();
        cluster->close();
        loop.advance(2s);
        EXPECT_EQ(kafka.complaints(), "");
    }

    void start(FetchConfig config = {}) {
        consumer = Consumer::create(cluster, config,
                                    {[this](const Error& error) { errors.push_back(error); }});
    }
    std::shared_ptr<PartitionCursor> assign(std::int32_t index, StartOffset from = StartOffset::at(0)) {
        return loop.run(consumer->async_assign({"t", index}, from, {}));
    }
    /// Reads until nothing comes for wait: offsets per partition, in order.
    std::map<std::int32_t, std::vector<std::int64_t>> read(Duration wait = 3s) {
        std::map<std::int32_t, std::vector<std::int64_t>> offsets;
        for (;;) {
            MessageBatch batch = loop.run(
                consumer->async_poll(std::chrono::duration_cast<std::chrono::milliseconds>(wait)));
            if (batch.empty()) return offsets;
            for (const Message& message : batch) {
                EXPECT_EQ(message.value(), "v" + std::to_string(message.offset()));
                offsets[message.partition()].push_back(message.offset());
            }
        }
    }
    static std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> offsets(static_cast<std::size_t>(end - begin));
        std::iota(offsets.begin(), offsets.end(), begin);
        return offsets;
    }
    bool has_error(errc condition) const {
        return std::any_of(errors.begin(), errors.end(),
                           [&](const Error& error) { return error.condition() == condition; });
    }

    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;
    FakeLogs logs{kafka};
    std::shared_ptr<Consumer> consumer;
    std::vector<Error> errors;
};

struct ConsumerVersionTest : ConsumerTest, testing::WithParamInterface<std::int16_t> {};

TEST_P(ConsumerVersionTest, ReadsAllPartitionsOfAllLeaders) {
    kafka.versions[ApiKey::fetch] = {4, GetParam()};
    start();
    for (int p = 0; p < 4; ++p) {
        logs.append({"t", p}, 3);
        logs.append({"t", p}, 2);
        assign(p);
    }
    const auto offsets = read();
    for (int p = 0; p < 4; ++p) EXPECT_EQ(offsets.at(p), range(0, 5));
    logs.append({"t", 2}, 2);
    EXPECT_EQ(read(), (std::map<std::int32_t, std::vector<std::int64_t>>{{2, {5, 6}}}));
    EXPECT_EQ(consumer->high_watermark({"t", 2}), 7);
    EXPECT_TRUE(errors.empty());
}

INSTANTIATE_TEST_SUITE_P(Fetch, ConsumerVersionTest, testing::Values(4, 9, 12, 13, 18));

TEST_F(ConsumerTest, BeginsWhereItIsTold) {
    logs.append({"t", 0}, 5);
    logs.append({"t", 1}, 5);
    start();
    EXPECT_EQ(assign(0, StartOffset::oldest())->start(), 0);
    EXPECT_EQ(assign(1, StartOffset::newest())->start(), 5);
    assign(2, StartOffset::at(0));
    EXPECT_EQ(read(), (std::map<std::int32_t, std::vector<std::int64_t>>{{0, range(0, 5)}}));
    EXPECT_THROW(assign(0), Error) << "is assigned already";
}

Task<void> assign_newest(std::shared_ptr<Consumer> consumer, std::int32_t index,
                         std::map<std::int32_t, std::shared_ptr<PartitionCursor>>& cursors) {
    TopicPartition tp{"t", index};
    cursors[index] = co_await consumer->async_assign(std::move(tp), StartOffset::newest(), {});
}

TEST_F(ConsumerTest, PartitionsThatAreAssignedAtOnceAskALeaderOnce) {
    for (int p = 0; p < 4; ++p) logs.append({"t", p}, 10 + p);
    start();
    std::map<std::int32_t, std::shared_ptr<PartitionCursor>> cursors;
    for (int p = 0; p < 4; ++p) loop.start(assign_newest(consumer, p, cursors));
    loop.advance(1s);
    for (int p = 0; p < 4; ++p) EXPECT_EQ(cursors.at(p)->start(), 10 + p);
    EXPECT_EQ(logs.list_requests, 2) << "two leaders";
}

TEST_F(ConsumerTest, OfPartitionsThatAreAssignedAtOnceEachWaitsForItsOwnLeader) {
    for (int p = 0; p < 4; ++p) logs.append({"t", p}, 10 + p);
    start();
    kafka.stop(2);                    // leads 1 and 3
    kafka.move_leader({"t", 2}, -1);  // which the view does not know yet
    std::map<std::int32_t, std::shared_ptr<PartitionCursor>> cursors;
    for (int p = 0; p < 4; ++p) loop.start(assign_newest(consumer, p, cursors));
    loop.advance(2s);
    EXPECT_TRUE(cursors.at(0)) << "its leader answers";
    kafka.start(2);
    kafka.move_leader({"t", 2}, 2);
    loop.advance(5s);
    for (int p = 0; p < 4; ++p) EXPECT_EQ(cursors.at(p)->start(), 10 + p);
}

TEST_F(ConsumerTest, FetchesAheadWithinItsBuffer) {
    FetchConfig config;
    config.partition_fetch_bytes_max = 1'000;
    config.buffer_bytes_max = 10'000;
    for (int i = 0; i < 200; ++i) logs.append({"t", 0}, 5);
    start(config);
    assign(0);
    loop.advance(5s);
    const auto requests = logs.requests.size();
    EXPECT_GE(requests, 2U) << "the next one is asked for before the first is read";
    EXPECT_LE(consumer->buffered_bytes(), 10'000);
    loop.advance(60s);
    EXPECT_EQ(logs.requests.size(), requests) << "who does not read is not fetched for";
    EXPECT_EQ(read()[0], range(0, 1000));
}

TEST_F(ConsumerTest, FollowsALeader) {
    start();
    logs.append({"t", 0}, 3);
    assign(0);
    EXPECT_EQ(read()[0], range(0, 3));
    kafka.move_leader({"t", 0}, 2);
    logs.append({"t", 0}, 2);
    EXPECT_EQ(read()[0], range(3, 5));
    EXPECT_TRUE(errors.empty()) << "leaders move; that is no error";
}

// What it answered last must not be overtaken by what the new leader answers.
TEST_F(ConsumerTest, ALeaderThatDiesRightAfterItsAnswerCostsNothing) {
    FetchConfig config;
    config.partition_fetch_bytes_max = 1000;  // a batch an answer
    start(config);
    for (int i = 0; i < 3; ++i) logs.append({"t", 0}, 5000);
    bool dies = true;
    logs.on_fetch = [&](const test::Exchange&) {
        if (!std::exchange(dies, false)) return;
        asio::post(loop.runtime()->executor(), [&] {
            kafka.move_leader({"t", 0}, 2);
            kafka.stop(1);
        });
    };
    assign(0);
    EXPECT_EQ(read(10s)[0], range(0, 15'000));
    EXPECT_FALSE(dies);
}

TEST_F(ConsumerTest, APartitionWithoutALeaderDoesNotHoldUpTheOthers) {
    kafka.move_leader({"t", 0}, -1);
    start();
    for (int p = 0; p < 4; ++p) {
        logs.append({"t", p}, 2);
        assign(p);
    }
    auto offsets = read();
    EXPECT_EQ(offsets.count(0), 0U);
    EXPECT_EQ(offsets[1], range(0, 2));
    EXPECT_EQ(offsets[2], range(0, 2));
    EXPECT_TRUE(has_error(errc::no_leader));
    kafka.move_leader({"t", 0}, 2);
    EXPECT_EQ(read()[0], range(0, 2));
}

TEST_F(ConsumerTest, MovesAPositionThatIsNotInTheLogAsConfigured) {
    auto& log = logs.of({"t", 0});
    log.start = log.end = 100;
    logs.append({"t", 0}, 5);
    start();
    const auto cursor = assign(0, StartOffset::at(7));
    EXPECT_EQ(read()[0], range(100, 105));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].broker_code(), ErrorCode::offset_out_of_range);
    EXPECT_EQ(errors[0].where().offset, 7);
}

TEST_F(ConsumerTest, MovesBackToTheOldestToo) {
    logs.append({"t", 0}, 5);
    start();
    const auto cursor = assign(0, StartOffset::at(1'000));
    EXPECT_EQ(read()[0], range(0, 5));
    EXPECT_EQ(cursor->start(), 0);
}

TEST_F(ConsumerTest, StopsAtAnOffsetOutOfRangeIfTold) {
    FetchConfig config;
    config.out_of_range = OutOfRange::stop;
    logs.append({"t", 0}, 5);
    logs.append({"t", 2}, 5);
    start(config);
    assign(0, StartOffset::at(1'000));
    assign(2);
    auto offsets = read();
    EXPECT_TRUE(offsets[0].empty());
    EXPECT_EQ(offsets[2], range(0, 5));
    EXPECT_TRUE(has_error(errc::offset_out_of_range));
}

TEST_F(ConsumerTest, WhatWasFetchedBeforeAFailureIsStillRead) {
    FetchConfig config;
    config.out_of_range = OutOfRange::stop;
    logs.append({"t", 0}, 5);
    start(config);
    assign(0);
    loop.advance(100ms);  // five messages lie in the queue; the program is busy
    logs.of({"t", 0}).start = 6;
    logs.of({"t", 0}).end = 6;
    logs.wake();
    loop.advance(1s);
    EXPECT_TRUE(errors.empty()) << "it is not their turn";
    EXPECT_EQ(read()[0], range(0, 5));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].condition(), errc::offset_out_of_range);
}

TEST_F(ConsumerTest, AnOffsetBelowZeroIsNoPlaceToBegin) {
    for (const std::int64_t offset : {-1, -2, -3}) {
        try {
            StartOffset::at(offset);
            FAIL() << offset;
        } catch (const Error& error) {
            EXPECT_EQ(error.condition(), errc::invalid_config);
            EXPECT_NE(std::string(error.what()).find(std::to_string(offset)), std::string::npos);
        }
    }
    EXPECT_TRUE(StartOffset::newest().is_lookup());
    EXPECT_FALSE(StartOffset::at(0).is_lookup());
}

TEST_F(ConsumerTest, GrowsForAMessageThatDoesNotFit) {
    kafka.versions[ApiKey::fetch] = {0, 2};
    FetchConfig config;
    config.partition_fetch_bytes_max = 1'000;
    start(config);
    MessageSetBuilder builder(MessageSetOptions{});
    builder.append(1, {}, std::string(300'000, 'x'));
    Compressor compressor;
    logs.append_bytes({"t", 0}, 0, builder.build(compressor));
    assign(0);
    MessageBatch batch = loop.run(consumer->async_poll(10s));
    ASSERT_FALSE(batch.empty());
    EXPECT_EQ(batch.next()->value()->size(), 300'000U);
    EXPECT_TRUE(errors.empty());
}

TEST_F(ConsumerTest, StopsAtAMessageThatIsTooLarge) {
    kafka.versions[ApiKey::fetch] = {0, 2};
    FetchConfig config;
    config.partition_fetch_bytes_max = 1'000;
    config.message_bytes_max = 100'000;
    start(config);
    MessageSetBuilder builder(MessageSetOptions{});
    builder.append(1, {}, std::string(300'000, 'x'));
    Compressor compressor;
    logs.append_bytes({"t", 0}, 0, builder.build(compressor));
    assign(0);
    EXPECT_TRUE(read().empty());
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].condition(), errc::message_too_large);
    EXPECT_EQ(errors[0].where().offset, 0);
}

TEST_F(ConsumerTest, ADamagedBatchStopsItsPartitionOnly) {
    RecordBatchOptions options;
    options.base_offset = 2;
    RecordBatchBuilder builder(options);
    builder.append(1, {}, "damaged");
    Compressor compressor;
    std::string bytes = builder.build(compressor);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 4);
    logs.append({"t", 0}, 2);
    logs.append_bytes({"t", 0}, 2, bytes);
    logs.append({"t", 0}, 2);
    logs.append({"t", 2}, 2);
    start();
    assign(0);
    assign(2);
    auto offsets = read();
    EXPECT_EQ(offsets[0], range(0, 2));
    EXPECT_EQ(offsets[2], range(0, 2));
    ASSERT_TRUE(has_error(errc::corrupt_batch));
    EXPECT_EQ(errors[0].where().offset, 2);
    const auto asked = logs.requests.size();
    logs.append({"t", 2}, 1);
    EXPECT_EQ(read()[2], range(2, 3));
    for (std::size_t i = asked + 1; i < logs.requests.size(); ++i) {
        for (const auto& topic : logs.requests[i].topics) {
            EXPECT_EQ(topic.partitions.size(), 1U) << "a stopped partition is not fetched";
            EXPECT_EQ(topic.partitions[0].partition, 2);
        }
    }
}

TEST_F(ConsumerTest, WhatIsInFlightOfAnOldAssignmentIsNeverDelivered) {
    start();
    const auto old = assign(0);
    std::optional<test::Exchange> held;
    logs.on_fetch = [&](const test::Exchange& exchange) {
        if (!held) held = exchange;
    };
    loop.run_until_idle();
    logs.append({"t", 0}, 5);
    loop.run_until_idle();
    consumer->unassign(old, State::draining);
    const auto fresh = assign(0, StartOffset::at(3));
    EXPECT_NE(old->generation(), fresh->generation());
    EXPECT_EQ(read()[0], range(3, 5));
    EXPECT_EQ(old->delivered(), 0);
    EXPECT_EQ(fresh->delivered(), 5);
}

TEST_F(ConsumerTest, ADeadBrokerIsTriedCalmlyAndItsPartitionsComeBack) {
    start();
    logs.append({"t", 0}, 2);
    logs.append({"t", 1}, 2);
    assign(0);
    assign(1);
    auto offsets = read();
    EXPECT_EQ(offsets[0], range(0, 2));
    kafka.stop(1);
    const auto address = cluster->view()->brokers.at(1).address;
    const auto before = kafka.network().connects(address);
    logs.append({"t", 1}, 2);
    EXPECT_EQ(read(10s)[1], range(2, 4)) << "the other broker's go on";
    EXPECT_LE(kafka.network().connects(address) - before, 200U) << "at most 20 tries a second";
    EXPECT_GE(errors.size(), 1U);
    EXPECT_LE(errors.size(), 4U) << "told once, not at every try";
    kafka.start(1);
    logs.append({"t", 0}, 2);
    EXPECT_EQ(read(5s)[0], range(2, 4));
}

TEST_F(ConsumerTest, GoesBackWhereANewLeaderLostTheEndOfTheLog) {
    start();
    RecordBatchOptions first_epoch;
    first_epoch.partition_leader_epoch = 0;
    logs.append({"t", 0}, 5, first_epoch);
    logs.append({"t", 0}, 5, first_epoch);
    const auto cursor = assign(0);
    EXPECT_EQ(read()[0], range(0, 10));
    auto& log = logs.of({"t", 0});
    log.entries.pop_back();
    log.end = log.epoch_end = 5;
    kafka.move_leader({"t", 0}, 2);
    EXPECT_TRUE(read(5s)[0].empty());
    EXPECT_EQ(cursor->start(), 5) << "whoever stores the position learns of it though nothing follows";
    EXPECT_EQ(cursor->restarts(), 1U);
    logs.append({"t", 0}, 7, first_epoch);
    EXPECT_EQ(read()[0], range(5, 12));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].broker_code(), ErrorCode::offset_out_of_range);
}

TEST_F(ConsumerTest, ReadCommittedLeavesOutWhatWasAborted) {
    FetchConfig config;
    config.isolation = IsolationLevel::read_committed;
    start(config);
    RecordBatchOptions transactional;
    transactional.is_transactional = true;
    transactional.producer_id = 9;
    logs.append({"t", 0}, 2, transactional);
    logs.append_bytes({"t", 0}, 2, build_control_batch(2, 1, 9, 0, ControlRecord::Type::abort));
    logs.append({"t", 0}, 1);
    logs.of({"t", 0}).aborted.push_back({9, 0});
    const auto cursor = assign(0);
    EXPECT_EQ(read()[0], range(3, 4));
    EXPECT_EQ(logs.requests[0].isolation_level, 1);
    EXPECT_EQ(cursor->processed(), 0);
    cursor->mark_processed(4);
    EXPECT_TRUE(cursor->drained());
}

TEST_F(ConsumerTest, ReadCommittedIsNotDroppedForABrokerThatOnlySeemsOld) {
    kafka.versions = BrokerVersions::of(OldRelease::v0_9).all();
    kafka.on<protocol::ApiVersionsRequest>(
        [](const protocol::ApiVersionsRequest&, const test::Exchange&, std::int32_t) {});
    FetchConfig config;
    config.isolation = IsolationLevel::read_committed;
    start(config);
    logs.append({"t", 0}, 2);
    assign(0);
    EXPECT_TRUE(read(30s).empty());
    EXPECT_TRUE(logs.requests.empty());
    ASSERT_TRUE(has_error(errc::unsupported_version));
    EXPECT_NE(errors.back().reason().find("read_committed"), std::string::npos) << errors.back().what();
}

// ---- fetch sessions

struct ConsumerSessionTest : ConsumerTest, testing::WithParamInterface<std::int16_t> {
    ConsumerSessionTest() { kafka.versions[ApiKey::fetch] = {4, GetParam()}; }
    std::size_t named(const FakeLogs::Fetch& request) const {
        std::size_t count = 0;
        for (const auto& topic : request.topics) count += topic.partitions.size();
        return count;
    }
};

TEST_P(ConsumerSessionTest, NamesOnlyWhatIsNew) {
    start();
    for (const int p : {0, 2}) {
        logs.append({"t", p}, 2);
        assign(p);
    }
    EXPECT_EQ(read().size(), 2U);
    EXPECT_EQ(named(logs.requests.back()), 0U) << "an idle poll names no partition";
    EXPECT_GT(logs.requests.back().session_epoch, 1);
    const auto before = logs.requests.size();
    logs.append({"t", 2}, 3);
    EXPECT_EQ(read()[2], range(2, 5));
    ASSERT_GT(logs.requests.size(), before);
    ASSERT_EQ(named(logs.requests[before]), 1U) << "the one that moved on";
    EXPECT_EQ(logs.requests[before].topics[0].partitions[0].partition, 2);
    EXPECT_EQ(logs.requests[before].topics[0].partitions[0].fetch_offset, 5);
    EXPECT_EQ(consumer->high_watermark({"t", 0}), 2);
    EXPECT_TRUE(errors.empty());
}

TEST_P(ConsumerSessionTest, TellsWhatIsNotWantedAnyMore) {
    start();
    assign(0);
    const auto leaving = assign(2);
    read();
    consumer->unassign(leaving, State::retired);
    const auto before = logs.requests.size();
    logs.append({"t", 2}, 3);  // ends the request that still names it
    EXPECT_TRUE(read().empty());
    ASSERT_GT(logs.requests.size(), before);
    ASSERT_EQ(logs.requests[before].forgotten_topics_data.size(), 1U);
    EXPECT_EQ(logs.requests[before].forgotten_topics_data[0].partitions, std::vector<std::int32_t>{2});
    EXPECT_EQ(logs.requests[before].forgotten_topics_data[0].topic.empty(), GetParam() >= 13);
    assign(2, StartOffset::at(1));
    EXPECT_EQ(read()[2], range(1, 3));
}

TEST_P(ConsumerSessionTest, BeginsAnewWhereTheBrokerForgot) {
    start();
    assign(0);
    read();
    const auto before = logs.requests.size();
    logs.forget_sessions();
    logs.append({"t", 0}, 2);
    EXPECT_EQ(read()[0], range(0, 2));
    ASSERT_GT(logs.requests.size(), before + 1);
    EXPECT_EQ(logs.requests[before + 1].session_epoch, 0);
    EXPECT_EQ(logs.requests[before + 1].session_id, 0);
    EXPECT_EQ(named(logs.requests[before + 1]), 1U);
    EXPECT_TRUE(errors.empty()) << "no news for anybody";
}

TEST_P(ConsumerSessionTest, BeginsAnewAfterALostAnswer) {
    start();
    assign(0);
    read();
    kafka.server(1).break_connections();
    const auto before = logs.requests.size();
    logs.append({"t", 0}, 2);
    EXPECT_EQ(read()[0], range(0, 2));
    ASSERT_GT(logs.requests.size(), before);
    EXPECT_EQ(logs.requests[before].session_epoch, 0);
    EXPECT_NE(logs.requests[before].session_id, 0) << "the new session replaces the old one";
}

TEST_P(ConsumerSessionTest, ReadsFromABrokerThatOffersNone) {
    logs.offers_sessions = false;
    start();
    for (const int p : {0, 2}) {
        logs.append({"t", p}, 2);
        assign(p);
    }
    EXPECT_EQ(read().size(), 2U);
    EXPECT_EQ(logs.requests.back().session_epoch, 0);
    EXPECT_EQ(named(logs.requests.back()), 2U);
}

TEST_P(ConsumerSessionTest, FollowsATopicThatWasCreatedAnew) {
    start();
    logs.append({"t", 0}, 2);
    assign(0);
    assign(2);
    EXPECT_EQ(read()[0], range(0, 2));
    kafka.delete_topic("t");
    logs.wake();
    logs.reset({"t", 0});
    kafka.create_topic("t", 4);
    loop.run(cluster->refresh({"t"}));
    logs.append({"t", 2}, 2);
    EXPECT_EQ(read()[2], range(0, 2));
    logs.append({"t", 0}, 3);
    EXPECT_EQ(read()[0], range(0, 3)) << "from its beginning";
    ASSERT_EQ(errors.size(), 1U) << "once for the topic";
    EXPECT_EQ(errors[0].condition(), errc::topic_recreated);
    EXPECT_EQ(errors[0].where().topic, "t");
}

INSTANTIATE_TEST_SUITE_P(Fetch, ConsumerSessionTest, testing::Values(7, 12, 13, 18));

// ---- partitions that come while a request waits for data

TEST_F(ConsumerTest, ANewPartitionDoesNotWaitForTheLongPollOfTheOthers) {
    FetchConfig config;
    config.fetch_wait_max = 10s;
    start(config);
    assign(0);
    read(60s);  // now the request of leader 1 waits ten seconds
    logs.append({"t", 2}, 3);
    const auto begun = loop.runtime()->now();
    assign(2);
    const MessageBatch batch = loop.run(consumer->async_poll(9s));
    ASSERT_FALSE(batch.empty());
    EXPECT_LE(loop.runtime()->now() - begun, 20ms);
}

TEST_F(ConsumerTest, NewcomersJoinTheOthersWhenTheLongPollEnds) {
    FetchConfig config;
    config.fetch_wait_max = 10s;
    start(config);
    assign(0);
    read(60s);
    logs.append({"t", 2}, 3);
    assign(2);
    EXPECT_EQ(read(30s)[2], range(0, 3));
    const auto before = logs.requests.size();
    loop.advance(60s);
    EXPECT_LE(logs.requests.size() - before, 8U) << "one request of ten seconds at a time for both";
    logs.append({"t", 2}, 2);
    logs.append({"t", 0}, 2);
    auto offsets = read();
    EXPECT_EQ(offsets[2], range(3, 5));
    EXPECT_EQ(offsets[0], range(0, 2));
}

TEST_F(ConsumerTest, ClosingEndsAPollThatWaits) {
    start();
    assign(0);
    const auto poll = loop.start(consumer->async_poll(1h));
    loop.run_until_idle();
    EXPECT_FALSE(poll->done());
    consumer->close();
    loop.run_until_idle();
    ASSERT_TRUE(poll->done());
    EXPECT_THROW(poll->take(), Error);
}

/// Whatever answer fails in whatever way: everything comes nevertheless, in order, exactly once.
TEST(ConsumerFaults, AnyAnswerMayFail) {
    const std::size_t played = test::replay_failing_exchanges([](const test::ArmCluster& arm) {
        VirtualLoop loop;
        FakeCluster kafka(loop);
        kafka.add_brokers(2);
        kafka.create_topic("t", 2);
        FakeLogs logs(kafka, [&](const Uuid&) { return std::string("t"); });
        for (int i = 0; i < 10; ++i) {
            logs.append({"t", 0}, 4);
            logs.append({"t", 1}, 3);
        }
        arm(kafka);
        const auto cluster = kafka.connect();
        FetchConfig config;
        config.partition_fetch_bytes_max = 400;
        const auto consumer = Consumer::create(cluster, config, {});
        for (int p = 0; p < 2; ++p) {
            loop.run(consumer->async_assign({"t", p}, StartOffset::at(0), {}));
        }
        std::int64_t next[2] = {0, 0};
        // A silent broker is found out by the timeout of a request.
        for (int polls = 0; next[0] + next[1] < 70 && polls < 20; ++polls) {
            MessageBatch batch = loop.run(consumer->async_poll(10s));
            while (const Message* message = batch.next()) {
                EXPECT_EQ(message->offset(), next[message->partition()]++);
            }
        }
        EXPECT_EQ(next[0], 40);
        EXPECT_EQ(next[1], 30);
        consumer->close();
        cluster->close();
        loop.advance(2s);
        return kafka.exchanges();
    });
    EXPECT_GT(played, 7U * 12);
}

/// Whatever answer fails in whatever way: the offsets that come are right, or a worded error does, and in bounded time.
TEST(ListOffsetsFaults, AnyAnswerMayFail) {
    std::size_t answered = 0;
    const std::size_t played = test::replay_failing_exchanges([&](const test::ArmCluster& arm) {
        VirtualLoop loop;
        FakeCluster kafka(loop);
        kafka.add_brokers(2);
        kafka.create_topic("t", 4);
        FakeLogs logs(kafka, [&](const Uuid&) { return std::string("t"); });
        for (int p = 0; p < 4; ++p) logs.append({"t", p}, 10 + p);
        arm(kafka);
        const auto cluster = kafka.connect();
        std::vector<OffsetQuery> queries;
        for (int p = 0; p < 4; ++p) queries.push_back({{"t", p}, -1});
        const auto begun = loop.now();
        try {
            const auto answers = loop.run(list_offsets(cluster, queries));
            EXPECT_EQ(answers.size(), 4U);
            for (int p = 0; p < 4; ++p) {
                EXPECT_EQ(answers[static_cast<std::size_t>(p)].tp, (TopicPartition{"t", p}));
                EXPECT_EQ(answers[static_cast<std::size_t>(p)].offset, 10 + p);
            }
            ++answered;
        } catch (const Error& error) {
            EXPECT_FALSE(error.where().target.empty() && error.where().api.empty()) << error.what();
        }
        EXPECT_LE(loop.now() - begun, 2 * cluster->config().request_timeout);
        cluster->close();
        loop.advance(2s);
        return kafka.exchanges();
    });
    EXPECT_GT(played, 7U * 4);
    EXPECT_GT(answered, played / 2) << "most faults pass unnoticed";
}

}  // namespace
}  // namespace kwire
