// Reading while followers, leaders, topics and answers change or misbehave.
#include <kwire/net/consumer.h>

#include <numeric>

#include <asio/io_context.hpp>
#include <gtest/gtest.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/offset_for_leader_epoch.h>

#include "fake_cluster.h"
#include "fake_log.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::Exchange;
using test::FakeCluster;
using test::FakeLogs;
using test::VirtualLoop;
using Offsets = std::map<std::int32_t, std::vector<std::int64_t>>;

struct ConsumerTroubleTest : testing::Test {
    ConsumerTroubleTest() {
        kafka.add_brokers(3);
        kafka.create_topic("t", 3);  // leaders 1, 2, 3
        cluster = kafka.connect();
    }
    ~ConsumerTroubleTest() override {
        if (consumer) consumer->close();
        cluster->close();
        loop.advance(2s);
        EXPECT_EQ(kafka.complaints(), "");
    }

    void start(FetchConfig config = {}) {
        Consumer::Handlers handlers;
        handlers.on_error = [this](const Error& error) { errors.push_back(error); };
        handlers.on_topic_recreated = [this](const TopicPartition& tp) { recreated.push_back(tp); };
        consumer = Consumer::create(cluster, config, handlers);
    }
    std::shared_ptr<PartitionCursor> assign(std::int32_t index, StartOffset from = StartOffset::at(0)) {
        return loop.run(consumer->async_assign({"t", index}, from, {}));
    }
    Offsets read(Duration wait = 3s) {
        Offsets offsets;
        for (;;) {
            MessageBatch batch = loop.run(consumer->async_poll(std::chrono::duration_cast<std::chrono::milliseconds>(wait)));
            if (batch.empty()) return offsets;
            for (const Message& message : batch) offsets[message.partition()].push_back(message.offset());
        }
    }
    static std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> offsets(static_cast<std::size_t>(end - begin));
        std::iota(offsets.begin(), offsets.end(), begin);
        return offsets;
    }
    void append(std::int32_t index, int count, std::int32_t epoch = 0) {
        RecordBatchOptions options;
        options.partition_leader_epoch = epoch;
        logs.append({"t", index}, count, options);
    }
    void make_anew(int partitions = 3) {
        kafka.delete_topic("t");
        logs.wake();  // as brokers end what waits for a partition that goes
        for (int p = 0; p < 3; ++p) logs.reset({"t", p});
        kafka.create_topic("t", partitions);
    }
    bool was_told(const std::string& words) const {
        return std::any_of(errors.begin(), errors.end(), [&](const Error& error) {
            return std::string(error.what()).find(words) != std::string::npos;
        });
    }
    int told(errc condition) const {
        return static_cast<int>(std::count_if(errors.begin(), errors.end(), [&](const Error& error) {
            return error.condition() == condition;
        }));
    }
    std::string all_told() const {
        std::string all;
        for (const Error& error : errors) all += std::string(error.what()) + '\n';
        return all;
    }
    /// Requests of all kinds in that time: what the calm of retries is about.
    std::size_t requests_in(Duration time) {
        const auto before = kafka.exchanges();
        loop.advance(time);
        return kafka.exchanges() - before;
    }

    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;
    FakeLogs logs{kafka};
    std::shared_ptr<Consumer> consumer;
    std::vector<Error> errors;
    std::vector<TopicPartition> recreated;
};

// ---- followers (KIP-392)

TEST_F(ConsumerTroubleTest, AFollowerIsReadFromAndAnElectionIsSurvived) {
    logs.replica = 2;
    append(0, 5);
    start({.client_rack = "r2"});
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    EXPECT_GT(logs.fetch_requests[2], 1) << "at the follower";
    kafka.move_leader({"t", 0}, 3);
    append(0, 5, 1);
    EXPECT_EQ(read()[0], range(5, 10));
    EXPECT_EQ(logs.epoch_requests[2], 0) << "a follower is not asked where epochs end";
    EXPECT_GE(logs.epoch_requests[3], 1);
    append(0, 5, 1);
    EXPECT_EQ(read()[0], range(10, 15));
    EXPECT_TRUE(errors.empty()) << all_told();
}

TEST_F(ConsumerTroubleTest, AFollowerThatRefusesIsLeftForTheLeader) {
    logs.replica = 2;
    append(0, 5);
    start({.client_rack = "r2"});
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    logs.replica_serves = false;
    append(0, 5);
    loop.advance(5s);
    EXPECT_LE(requests_in(10s), 200U) << "leader and follower send us to each other";
    EXPECT_TRUE(was_told("NOT_LEADER_OR_FOLLOWER")) << all_told();
    logs.replica = -1;
    EXPECT_EQ(read()[0], range(5, 10));
}

TEST_F(ConsumerTroubleTest, TheFollowerThatBecomesTheLeaderIsReadOn) {
    logs.replica = 2;
    append(0, 5);
    start({.client_rack = "r2"});
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    kafka.stop(1);
    kafka.move_leader({"t", 0}, 2);
    append(0, 5, 1);
    EXPECT_EQ(read(10s)[0], range(5, 10));
}

TEST_F(ConsumerTroubleTest, AFollowerIsGivenUpWithTimeAndWithItsReplica) {
    logs.replica = 2;
    append(0, 5);
    start({.client_rack = "r2"});
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    const int at_leader = logs.fetch_requests[1];
    loop.advance(4min);
    EXPECT_EQ(logs.fetch_requests[1], at_leader);
    loop.advance(2min);
    EXPECT_GT(logs.fetch_requests[1], at_leader) << "metadata.max.age.ms is over";
    EXPECT_LE(logs.fetch_requests[1], at_leader + 3);
    kafka.set_replicas({"t", 0}, {1, 3});
    logs.replica = 3;
    loop.run(cluster->refresh({"t"}));
    append(0, 3);
    EXPECT_EQ(read()[0], range(5, 8));
    EXPECT_GT(logs.fetch_requests[3], 0);
    EXPECT_TRUE(errors.empty()) << all_told();
}

TEST_F(ConsumerTroubleTest, AReplicaThatDoesNotExistIsNotFollowed) {
    logs.replica = 77;
    append(0, 5);
    start({.client_rack = "r2"});
    assign(0);
    loop.advance(3s);
    EXPECT_LE(requests_in(10s), 200U);
    EXPECT_TRUE(was_told("read from broker 77")) << all_told();
    logs.replica = -1;
    EXPECT_EQ(read()[0], range(0, 5));
}

// ---- positions

// 4,000 to 7,000 Fetches a second.
TEST_F(ConsumerTroubleTest, ALeaderThatContradictsItselfIsAskedCalmly) {
    append(0, 5);
    logs.of({"t", 0}).error = ErrorCode::offset_out_of_range;
    start();
    assign(0);
    loop.advance(2s);
    EXPECT_LE(requests_in(10s), 40U) << "a reset that is out of range again keeps its backoff";
    EXPECT_EQ(errors.size(), 1U) << all_told();
    logs.of({"t", 0}).error = ErrorCode::none;
    EXPECT_EQ(read()[0], range(0, 5));
}

// 1,000 a second beside a busy partition.
TEST_F(ConsumerTroubleTest, AValidationThatIsRefusedIsRepeatedCalmlyWhileOthersAreRead) {
    kafka.create_topic("u", 3);
    append(0, 5);
    append(1, 5);
    start();
    assign(0);
    assign(1);
    EXPECT_EQ(read().size(), 2U);
    int asked = 0;
    bool refuses = true;
    using Question = protocol::OffsetForLeaderEpochRequest;
    kafka.on<Question>([&](const Question& question, const Exchange& exchange, std::int32_t) {
        ++asked;
        protocol::OffsetForLeaderEpochResponse answer;
        for (const auto& topic : question.topics) {
            auto& out = answer.topics.emplace_back();
            out.topic = topic.topic;
            for (const auto& partition : topic.partitions) {
                auto& end = out.partitions.emplace_back();
                end.partition = partition.partition;
                end.end_offset = 5;
                if (refuses) end.error_code = ErrorCode::unknown_leader_epoch;
            }
        }
        exchange.reply(answer);
    });
    kafka.move_leader({"t", 0}, 2);
    loop.advance(5s);
    const int before = asked;
    for (int i = 0; i < 1000; ++i) {
        append(1, 1);
        loop.advance(1ms);
        MessageBatch batch = loop.run(consumer->async_poll(0ms));
        while (batch.next() != nullptr) {
        }
    }
    EXPECT_LE(asked - before, 20);
    EXPECT_TRUE(was_told("UNKNOWN_LEADER_EPOCH")) << all_told();
    refuses = false;
    append(0, 2, 1);
    EXPECT_EQ(read()[0], range(5, 7));
}

TEST_F(ConsumerTroubleTest, AnAnswerAboutEpochsIsComparedWithItsQuestion) {
    using Question = protocol::OffsetForLeaderEpochRequest;
    using Answer = protocol::OffsetForLeaderEpochResponse;
    const std::pair<const char*, std::function<void(Answer&)>> faults[] = {
        {"leaves the partition out", [](Answer& answer) { answer.topics.clear(); }},
        {"leaves the partition out", [](Answer& answer) { answer.topics[0].topic = "u"; }},
        {"has the partition twice", [](Answer& answer) { answer.topics.push_back(answer.topics[0]); }},
    };
    append(0, 5);
    start();
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    std::int64_t next = 5;
    for (const auto& [words, change] : faults) {
        errors.clear();
        bool faulty = true;
        kafka.on<Question>([&, change = change](const Question& question, const Exchange& exchange, std::int32_t) {
            Answer answer;
            auto& out = answer.topics.emplace_back();
            out.topic = question.topics.at(0).topic;
            auto& end = out.partitions.emplace_back();
            end.partition = 0;
            end.end_offset = next;
            if (faulty) change(answer);
            exchange.reply(answer);
        });
        kafka.move_leader({"t", 0}, 2);
        loop.advance(5s);
        EXPECT_LE(requests_in(10s), 200U);
        EXPECT_TRUE(was_told(words)) << all_told();
        faulty = false;
        append(0, 1, kafka.leader_epoch({"t", 0}));
        EXPECT_EQ(read()[0], range(next, next + 1));
        ++next;
    }
}

// ---- answers to Fetch

TEST_F(ConsumerTroubleTest, AFetchAnswerIsComparedWithItsQuestion) {
    const struct {
        const char* words;
        std::function<void(FakeLogs::Fetched&)> change;
    } faults[] = {
        {"leaves the partition out", [](auto& r) { r.responses.clear(), r.session_id = 0; }},
        {"leaves the partition out", [](auto& r) {
             for (auto& topic : r.responses) topic.partitions.clear();
             r.session_id = 0;
         }},
        {"has the partition twice", [](auto& r) {
             for (auto& topic : r.responses) {
                 if (!topic.partitions.empty()) topic.partitions.push_back(topic.partitions[0]);
             }
         }},
        {"was not asked for", [](auto& r) {
             if (!r.responses.empty()) r.responses[0].partitions.emplace_back().partition_index = 2'000'000'000;
         }},
    };
    start();
    assign(0);
    std::int64_t next = 0;
    for (const auto& fault : faults) {
        errors.clear();
        logs.change = fault.change;
        kafka.server(1).break_connections();  // a new session names all
        append(0, 1);
        Offsets got = read(4s);
        EXPECT_TRUE(was_told(fault.words)) << fault.words << '\n' << all_told();
        EXPECT_LE(requests_in(10s), 220U) << fault.words;
        logs.change = {};
        const auto rest = read()[0];
        got[0].insert(got[0].end(), rest.begin(), rest.end());
        ++next;
        EXPECT_EQ(got[0], range(next - 1, next)) << fault.words;
    }
}

TEST_F(ConsumerTroubleTest, WithinASessionWhatIsLeftOutHasNothingNew) {
    append(0, 2);
    start();
    assign(0);
    EXPECT_EQ(read(), (Offsets{{0, range(0, 2)}}));
    loop.advance(10s);
    EXPECT_TRUE(errors.empty()) << all_told();
}

TEST_F(ConsumerTroubleTest, ABrokerThatThrottlesAnswersWithNothingAndThatIsNoFault) {
    start();
    int throttled = 0;
    logs.change = [&](auto& response) {
        if (++throttled > 3) return;
        response.responses.clear();
        response.session_id = 0;
        response.throttle_time_ms = 100;
    };
    append(0, 2);
    assign(0);
    EXPECT_EQ(read()[0], range(0, 2));
    EXPECT_TRUE(errors.empty()) << all_told();
}

// "The message is larger than that".
TEST_F(ConsumerTroubleTest, OnlyOlderRecordsAreNamedAsWhatTheyAre) {
    RecordBatchBuilder builder(RecordBatchOptions{});
    builder.append(1, {}, "old");
    Compressor compressor;
    const std::string old = builder.build(compressor);
    bool faulty = true;
    logs.change = [&](auto& response) {
        for (auto& topic : response.responses) {
            for (auto& partition : topic.partitions) {
                if (faulty && partition.records && !partition.records->empty()) partition.records = Bytes::copy_of(old);
            }
        }
    };
    append(0, 8);
    start();
    assign(0, StartOffset::at(5));
    loop.advance(3s);
    EXPECT_LE(requests_in(10s), 100U);
    EXPECT_TRUE(was_told("records before this offset only, up to 0")) << all_told();
    EXPECT_EQ(told(errc::message_too_large), 0);
    faulty = false;
    EXPECT_EQ(read()[0], range(5, 8)) << "and it is asked again";
}

// "allows 134217728 bytes and the message has 816".
TEST_F(ConsumerTroubleTest, HalfABatchForEverIsNamedAsWhatItIs) {
    for (const std::int16_t version : {std::int16_t{2}, std::int16_t{12}}) {
        kafka.versions[ApiKey::fetch] = {static_cast<std::int16_t>(version < 4 ? 0 : 4), version};
        kafka.server(1).break_connections();
        errors.clear();
        for (const std::size_t left : {5U, 40U}) {
            logs.change = [&](auto& response) {
                for (auto& topic : response.responses) {
                    for (auto& partition : topic.partitions) {
                        if (!partition.records || partition.records->empty()) continue;
                        partition.records = Bytes::copy_of(partition.records->view().substr(0, left));
                    }
                }
            };
            logs.reset({"t", 0});
            append(0, 20);
            start();
            assign(0);
            loop.advance(4s);
            EXPECT_LE(requests_in(10s), 100U);
            EXPECT_TRUE(was_told(left == 5 ? "has 5 bytes, too few for a record batch" : "ends within a batch of")) << all_told();
            EXPECT_EQ(told(errc::message_too_large), 0);
            logs.change = {};
            EXPECT_EQ(read()[0], range(0, 20));
            consumer->close();
        }
    }
}

TEST_F(ConsumerTroubleTest, ABrokerThatDoesNotWaitForDataIsAskedCalmly) {
    start();
    assign(0);
    loop.advance(2s);
    kafka.on<protocol::FetchRequest>([](const protocol::FetchRequest&, const Exchange& exchange, std::int32_t) {
        exchange.reply(protocol::FetchResponse{});
    });
    kafka.server(1).break_connections();
    loop.advance(2s);
    EXPECT_LE(requests_in(10s), 220U);
    EXPECT_FALSE(errors.empty());
}

TEST_F(ConsumerTroubleTest, NumbersThatCannotBeAreNotBelieved) {
    logs.change = [](auto& response) {
        for (auto& topic : response.responses) {
            for (auto& partition : topic.partitions) {
                partition.high_watermark = -5;
                partition.log_start_offset = INT64_MIN;
                partition.last_stable_offset = INT64_MIN;
            }
        }
    };
    append(0, 3);
    start();
    assign(0);
    EXPECT_EQ(read()[0], range(0, 3));
    EXPECT_EQ(consumer->high_watermark({"t", 0}), std::nullopt);
}

TEST_F(ConsumerTroubleTest, OffsetsThatGoBackAreNotPassedOverInSilence) {
    Compressor compressor;
    const auto batch = [&](std::int64_t base) {
        RecordBatchOptions options;
        options.base_offset = base;
        RecordBatchBuilder builder(options);
        builder.append(1, {}, "v");
        return builder.build(compressor);
    };
    logs.append_bytes({"t", 0}, 20, batch(20) + batch(10));
    start();
    assign(0, StartOffset::at(10));
    EXPECT_EQ(read()[0], range(20, 21));
    EXPECT_TRUE(was_told("offsets go back")) << all_told();
}

// ---- what the brokers say of topics

TEST_F(ConsumerTroubleTest, ARefusedTopicKeepsTheBrokersReason) {
    kafka.on<protocol::MetadataRequest>([](const auto& request, const Exchange& exchange, std::int32_t) {
        protocol::MetadataResponse answer;
        answer.brokers.push_back({1, "b1", 9092, std::nullopt});
        for (const auto& topic : *request.topics) {
            answer.topics.emplace_back().name = topic.name;
            answer.topics.back().error_code = ErrorCode::topic_authorization_failed;
        }
        exchange.reply(answer);
    });
    start();
    assign(0);
    loop.advance(10s);
    ASSERT_EQ(errors.size(), 1U) << all_told();
    EXPECT_EQ(errors[0].broker_code(), ErrorCode::topic_authorization_failed);
}

TEST_F(ConsumerTroubleTest, BrokersThatDoNotAnswerAreTheReasonWithinTenSeconds) {
    kafka.on<protocol::MetadataRequest>([](const auto&, const Exchange&, std::int32_t) {});
    start();
    assign(0);
    loop.advance(10s);
    ASSERT_FALSE(errors.empty());
    EXPECT_EQ(told(errc::unknown_topic), 0) << all_told();
    EXPECT_EQ(errors[0].condition(), errc::timed_out) << all_told();
}

TEST_F(ConsumerTroubleTest, ALeaderThatDoesNotAnswerFetchIsToldWithinTenSeconds) {
    logs.on_fetch = [this](const Exchange&) {};
    kafka.on<protocol::FetchRequest>([](const auto&, const Exchange&, std::int32_t) {});
    start();
    assign(0);
    loop.advance(10s);
    EXPECT_TRUE(was_told("broker 1 does not answer")) << all_told();
    loop.advance(10s);
    EXPECT_EQ(errors.size(), 1U);
}

TEST_F(ConsumerTroubleTest, UnknownIsSaidWhereABrokerSaidSo) {
    kafka.delete_topic("t");
    start();
    assign(0);
    loop.advance(10s);
    ASSERT_EQ(errors.size(), 1U) << all_told();
    EXPECT_EQ(errors[0].condition(), errc::unknown_topic);
    kafka.create_topic("t", 1);
    assign(2);
    loop.advance(10s);
    EXPECT_TRUE(was_told("the topic has 1 partitions, and not this one")) << all_told();
}

TEST_F(ConsumerTroubleTest, AHandlerThatThrowsEndsNothing) {
    Consumer::Handlers handlers;
    handlers.on_error = [](const Error&) { throw 7; };
    handlers.on_topic_recreated = [](const TopicPartition&) { throw 8; };
    consumer = Consumer::create(cluster, {}, handlers);
    append(0, 2);
    assign(0, StartOffset::at(100));
    EXPECT_EQ(read()[0], range(0, 2));
    make_anew();
    append(0, 1);
    loop.run(cluster->refresh({"t"}));
    EXPECT_EQ(read()[0], range(0, 1));
}

TEST_F(ConsumerTroubleTest, ReadsForCoroutinesOnAnyExecutor) {
    append(0, 3);
    start();
    asio::io_context foreign;
    std::vector<Error> failures;
    const auto note = [&](std::exception_ptr failure) {
        if (failure) failures.push_back(as_error(failure));
    };
    const auto run = [&] {
        for (int i = 0; i < 10; ++i) {
            foreign.restart();
            foreign.poll();
            loop.advance(1s);
        }
    };
    std::optional<MessageBatch> batch;
    std::optional<std::shared_ptr<PartitionCursor>> cursor;
    std::optional<std::vector<OffsetAnswer>> answers;
    const TopicPartition tp{"t", 0};
    kwire::start(foreign.get_executor(), keep_result(consumer->async_assign(tp, StartOffset::at(0)), &cursor), note);
    run();
    kwire::start(foreign.get_executor(), keep_result(consumer->async_poll(1s), &batch), note);
    kwire::start(foreign.get_executor(), keep_result(list_offsets(cluster, {{tp, -1}}), &answers), note);
    run();
    for (const Error& error : failures) ADD_FAILURE() << error.what();
    ASSERT_TRUE(cursor && batch && answers);
    EXPECT_FALSE(batch->empty());
    EXPECT_EQ(answers->at(0).offset, 3);
}

// ---- a topic that is deleted and made anew

struct RecreatedTopicTest : ConsumerTroubleTest, testing::WithParamInterface<std::int16_t> {
    RecreatedTopicTest() { kafka.versions[ApiKey::fetch] = {4, GetParam()}; }
};

TEST_P(RecreatedTopicTest, IsReadFromItsBeginningThoughItsEpochIsLower) {
    for (int i = 0; i < 3; ++i) kafka.move_leader({"t", 0}, 1);
    append(0, 5, 3);
    start();
    const auto cursor = assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    make_anew();
    append(0, 7);
    EXPECT_EQ(read(10s)[0], range(0, 7));
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
    EXPECT_EQ(errors.size(), 1U) << all_told();
    EXPECT_EQ(recreated, (std::vector<TopicPartition>{{"t", 0}}));
    EXPECT_EQ(cursor->restarts(), 1U);
}

// 3 of 3 runs lost 20 records.
TEST_P(RecreatedTopicTest, WithMoreInItThanTheOldOneNothingIsSkipped) {
    append(0, 5);
    start();
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    make_anew();
    append(0, 20);
    loop.run(cluster->refresh({"t"}));
    EXPECT_EQ(read(10s)[0], range(0, 20));
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
}

TEST_P(RecreatedTopicTest, MarksOfTheOldOneCountNoMore) {
    append(0, 10);
    start();
    const auto cursor = assign(0);
    MessageBatch batch = loop.run(consumer->async_poll(1s));
    for (int i = 0; i < 6; ++i) ASSERT_NE(batch.next(), nullptr);
    const OwnedMessage kept = batch.next()->own();
    cursor->mark_processed(4);
    make_anew();
    append(0, 3);
    loop.run(cluster->refresh({"t"}));
    append(0, 1);
    loop.advance(2s);
    EXPECT_EQ(cursor->processed(), 0) << "of the new topic nothing is processed";
    while (const Message* message = batch.next()) cursor->mark_processed(message->offset() + 1);
    EXPECT_FALSE(cursor->acknowledge(kept.follows, kept.offset + 1, kept.restarts));
    EXPECT_EQ(cursor->processed(), 0);
    batch = {};
    EXPECT_EQ(read()[0], range(0, 4));
    EXPECT_EQ(cursor->processed(), 0);
    EXPECT_TRUE(cursor->acknowledge(0, 4));
    EXPECT_EQ(cursor->processed(), 4);
}

TEST_P(RecreatedTopicTest, IsReadFromItsEndIfSoConfigured) {
    append(0, 5);
    start({.out_of_range = OutOfRange::newest, .client_rack = {}});
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    make_anew();
    append(0, 3);
    loop.run(cluster->refresh({"t"}));
    EXPECT_TRUE(read(5s).empty());
    append(0, 4);
    EXPECT_EQ(read()[0], range(3, 7));
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
}

TEST_P(RecreatedTopicTest, StopsIfThereIsNoPolicy) {
    append(0, 5);
    start({.out_of_range = OutOfRange::stop, .client_rack = {}});
    assign(0);
    loop.advance(1s);
    make_anew();
    append(0, 7);
    loop.run(cluster->refresh({"t"}));
    loop.advance(2s);
    EXPECT_EQ(read()[0], range(0, 5)) << "what was fetched before is good";
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
}

TEST_P(RecreatedTopicTest, TwiceInARow) {
    append(0, 5);
    start();
    const auto cursor = assign(0);
    loop.advance(1s);  // nobody reads
    for (int i = 0; i < 2; ++i) {
        make_anew();
        append(0, 3 + i);
        loop.run(cluster->refresh({"t"}));
        loop.advance(2s);
    }
    EXPECT_EQ(cursor->processed(), 0);
    const auto offsets = read()[0];
    EXPECT_EQ(std::vector<std::int64_t>(offsets.end() - 4, offsets.end()), range(0, 4));
    EXPECT_EQ(cursor->restarts(), 2U);
    EXPECT_EQ(cursor->progress().restarts, 2U);
    EXPECT_EQ(told(errc::topic_recreated), 2) << all_told();
}

INSTANTIATE_TEST_SUITE_P(Fetch, RecreatedTopicTest, testing::Values(8, 12, 13, 18));

TEST_F(ConsumerTroubleTest, WithoutIdsATopicThatWasGoneInBetweenWasMadeAnew) {
    kafka.versions[ApiKey::metadata] = {0, 9};
    kafka.versions[ApiKey::fetch] = {4, 11};
    append(0, 5);
    start();
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    kafka.delete_topic("t");
    logs.reset({"t", 0});
    logs.wake();
    loop.advance(3s);
    kafka.create_topic("t", 3);
    append(0, 9);
    EXPECT_EQ(read(10s)[0], range(0, 9));
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
}

TEST_F(ConsumerTroubleTest, WithoutIdsAndUnseenALowerEpochGivesItAway) {
    kafka.versions[ApiKey::metadata] = {0, 9};
    kafka.versions[ApiKey::fetch] = {4, 11};
    for (int i = 0; i < 3; ++i) kafka.move_leader({"t", 0}, 1);
    append(0, 5, 3);
    start();
    assign(0);
    EXPECT_EQ(read()[0], range(0, 5));
    make_anew();
    append(0, 9);
    EXPECT_EQ(read(20s)[0], range(0, 9));
    EXPECT_EQ(told(errc::topic_recreated), 1) << all_told();
}

}  // namespace
}  // namespace kwire
