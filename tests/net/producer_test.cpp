#include <kwire/net/producer.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>

#include "fake_cluster.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using test::Exchange;
using test::FakeCluster;
using test::VirtualLoop;

TEST(Murmur2, AgreesWithJava) {
    // Printed by org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 3.9.1.
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("21")), -973932308);
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("foobar")), -790332482);
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("a-little-bit-long-string")), -985981536);
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("abc")), 479470107);
    EXPECT_EQ(static_cast<std::int32_t>(murmur2("")), 275646681);
    EXPECT_EQ(partition_for_key("abc", 4), (479470107) % 4);
}

struct ProducerTest : testing::Test {
    ProducerTest() {
        kafka.add_brokers(2);
        kafka.create_topic("t", 2);  // leaders 1, 2
        cluster = kafka.connect();
        kafka.on<ProduceRequest>([this](const ProduceRequest& request, const Exchange& exchange, std::int32_t broker) {
            ++requests;
            if (on_produce) on_produce(exchange);
            if (!exchange.settled()) answer(request, exchange, broker);
        });
    }
    ~ProducerTest() override {
        producer.reset();
        cluster->close();
        loop.advance(2s);
    }

    void start(ProducerConfig config = {}) { producer = Producer::create(cluster, config); }

    void send(const std::string& value, std::optional<std::int32_t> partition = 0,
              std::optional<std::string> key = {}) {
        ProducerRecord record;
        record.topic = "t";
        record.partition = partition;
        record.key = std::move(key);
        record.value = value;
        record.timestamp_ms = 5;
        producer->send(std::move(record), [this](const DeliveryReport& report) { reports.push_back(report); });
    }

    void answer(const ProduceRequest& request, const Exchange& exchange, std::int32_t broker) {
        ProduceResponse response;
        for (const auto& topic : request.topic_data) {
            auto& out = response.responses.emplace_back();
            out.name = topic.name;
            out.topic_id = topic.topic_id;
            for (const auto& data : topic.partition_data) {
                auto& written = log[data.index];
                auto& one = out.partition_responses.emplace_back();
                one.index = data.index;
                one.base_offset = static_cast<std::int64_t>(written.size());
                if (kafka.leader({"t", data.index}) != broker) {
                    one.error_code = ErrorCode::not_leader_or_follower;
                } else if (error != ErrorCode::none) {
                    one.error_code = error;
                } else {
                    store(*data.records, written);
                    if (too_large > 0 && last_count > too_large) {
                        written.resize(written.size() - static_cast<std::size_t>(last_count));
                        one.error_code = ErrorCode::message_too_large;
                    }
                }
            }
        }
        if (request.acks == 0) {
            exchange.no_reply();
        } else {
            exchange.reply(response);
        }
    }

    void store(const Bytes& records, std::vector<std::string>& written) {
        RecordBatchCursor batches(records);
        RecordBatch batch;
        last_count = 0;
        while (batches.next(batch)) {
            magic = batch.magic;
            RecordReader reader;
            ASSERT_TRUE(reader.open(batch, {})) << reader.error()->message();
            Record record;
            while (reader.next(record)) {
                written.emplace_back(record.value().value_or("(null)"));
                ++last_count;
            }
            ASSERT_FALSE(reader.error());
        }
    }

    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;
    std::shared_ptr<Producer> producer;
    std::vector<DeliveryReport> reports;
    std::map<std::int32_t, std::vector<std::string>> log;
    std::function<void(const Exchange&)> on_produce;
    ErrorCode error = ErrorCode::none;
    int too_large = 0;
    int last_count = 0;
    int requests = 0;
    int magic = -1;
};

TEST_F(ProducerTest, SendsABatchAfterTheLinger) {
    start();
    send("a");
    send("b");
    send("c", 1);
    loop.advance(1s);
    EXPECT_EQ(log[0], (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(log[1], (std::vector<std::string>{"c"}));
    EXPECT_EQ(requests, 2);
    ASSERT_EQ(reports.size(), 3U);
    for (const auto& report : reports) EXPECT_FALSE(report.error);
    EXPECT_EQ(reports[1].offset, 1);
}

TEST_F(ProducerTest, KeysDecideThePartition) {
    start();
    send("a", {}, "abc");
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].tp.partition, partition_for_key("abc", 2));
}

TEST_F(ProducerTest, UsesTheFormatThatTheBrokerTakes) {
    for (const auto& [version, expected] : std::vector<std::pair<int, int>>{{0, 0}, {1, 0}, {2, 1}}) {
        kafka.versions[ApiKey::produce] = {0, static_cast<std::int16_t>(version)};
        const auto old = kafka.connect();
        producer = Producer::create(old, {});
        send("a");
        loop.advance(1s);
        EXPECT_EQ(magic, expected);
        producer.reset();
        old->close();
    }
    for (const auto& report : reports) EXPECT_FALSE(report.error);
}

TEST_F(ProducerTest, FollowsALeaderAndKeepsTheOrder) {
    start();
    send("a");
    loop.advance(1s);
    kafka.move_leader({"t", 0}, 2);
    send("b");
    send("c");
    loop.advance(10ms);
    send("d");
    loop.advance(5s);
    EXPECT_EQ(log[0], (std::vector<std::string>{"a", "b", "c", "d"}));
    ASSERT_EQ(reports.size(), 4U);
    for (const auto& report : reports) EXPECT_FALSE(report.error);
}

TEST_F(ProducerTest, TriesAgainWhenAConnectionBreaks) {
    int seen = 0;
    on_produce = [&](const Exchange& exchange) {
        if (seen++ < 3) exchange.close();
    };
    start();
    send("a");
    loop.advance(10s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_FALSE(reports[0].error);
    EXPECT_EQ(log[0], std::vector<std::string>{"a"});
}

TEST_F(ProducerTest, GivesUpAfterTheDeliveryTimeout) {
    error = ErrorCode::not_enough_replicas;
    ProducerConfig config;
    config.delivery_timeout = 3s;
    start(config);
    send("a");
    loop.advance(10s);
    ASSERT_EQ(reports.size(), 1U);
    ASSERT_TRUE(reports[0].error);
    EXPECT_EQ(reports[0].error->broker_code(), ErrorCode::not_enough_replicas);
}

TEST_F(ProducerTest, WhatWillNotGetBetterFailsAtOnce) {
    error = ErrorCode::topic_authorization_failed;
    start();
    send("a");
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].error->broker_code(), ErrorCode::topic_authorization_failed);
    EXPECT_EQ(requests, 1);
}

TEST_F(ProducerTest, SplitsABatchThatIsTooLarge) {
    too_large = 2;
    start();
    for (const char* value : {"a", "b", "c", "d", "e"}) send(value);
    loop.advance(5s);
    EXPECT_EQ(log[0], (std::vector<std::string>{"a", "b", "c", "d", "e"}));
    ASSERT_EQ(reports.size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_FALSE(reports[i].error);
        EXPECT_EQ(reports[i].offset, static_cast<std::int64_t>(i));
    }
}

TEST_F(ProducerTest, WithoutAcksItDoesNotWait) {
    ProducerConfig config;
    config.acks = 0;
    start(config);
    send("a");
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_FALSE(reports[0].error);
    EXPECT_EQ(reports[0].offset, -1);
    EXPECT_EQ(log[0], std::vector<std::string>{"a"});
}

TEST_F(ProducerTest, AnUnknownTopicIsReported) {
    start();
    ProducerRecord record;
    record.topic = "nowhere";
    producer->send(std::move(record), [this](const DeliveryReport& report) { reports.push_back(report); });
    loop.advance(20s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].error->condition(), errc::unknown_topic);
}

/// Answers Metadata of one topic with an error, and notes whether it was allowed to be created.
struct ProducerMetadataTest : ProducerTest {
    void refuse(ErrorCode code) {
        kafka.on<protocol::MetadataRequest>(
            [this, code](const protocol::MetadataRequest& request, const Exchange& exchange, std::int32_t) {
                ++asked;
                allowed = request.allow_auto_topic_creation;
                protocol::MetadataResponse response;
                response.brokers.push_back({.node_id = 1, .host = "b1", .port = 9092});
                auto& topic = response.topics.emplace_back();
                topic.name = "t";
                topic.error_code = asked > succeeds_after ? ErrorCode::none : code;
                if (topic.error_code == ErrorCode::none) {
                    for (int p = 0; p < 2; ++p) {
                        auto& partition = topic.partitions.emplace_back();
                        partition.partition_index = p;
                        partition.leader_id = 1;
                    }
                }
                exchange.reply(response);
            });
    }
    int asked = 0;
    int succeeds_after = 1'000'000;
    bool allowed = false;
};

TEST_F(ProducerMetadataTest, LetsTheBrokerCreateTheTopicAsJavaDoes) {
    succeeds_after = 3;
    refuse(ErrorCode::leader_not_available);
    start();
    send("a");
    loop.advance(5s);
    EXPECT_TRUE(allowed);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_FALSE(reports[0].error);
}

TEST_F(ProducerMetadataTest, CreatesNothingWhereThatIsNotAllowed) {
    refuse(ErrorCode::unknown_topic_or_partition);
    ProducerConfig config;
    config.allow_auto_topic_creation = false;
    start(config);
    send("a");
    loop.advance(10s);
    EXPECT_FALSE(allowed);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].error->condition(), errc::unknown_topic);
}

TEST_F(ProducerMetadataTest, ARefusedTopicKeepsItsReason) {
    for (const auto code : {ErrorCode::topic_authorization_failed, ErrorCode::invalid_topic_exception, ErrorCode{1234}}) {
        reports.clear();
        asked = 0;
        refuse(code);
        const auto other = kafka.connect();
        producer = Producer::create(other, {});
        send("a");
        loop.advance(1s);
        ASSERT_EQ(reports.size(), 1U) << to_string(code);
        EXPECT_EQ(reports[0].error->broker_code(), code);
        EXPECT_EQ(asked, 1);
        producer.reset();
        other->close();
    }
}

TEST_F(ProducerTest, AnAnswerWithoutThePartitionIsNoAcknowledgement) {
    int seen = 0;
    on_produce = [&](const Exchange& exchange) {
        if (++seen > 2) return;
        ProduceResponse response;
        auto& topic = response.responses.emplace_back();
        topic.name = "t";
        topic.partition_responses.emplace_back().index = 7;
        exchange.reply(response);
    };
    start();
    send("a");
    loop.advance(5s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_FALSE(reports[0].error);
    EXPECT_EQ(seen, 3);
    EXPECT_EQ(log[0], std::vector<std::string>{"a"});
}

TEST_F(ProducerTest, WhatAReportThrowsConcernsNoOtherMessage) {
    start();
    ProducerRecord record;
    record.topic = "t";
    record.partition = 0;
    record.value = "a";
    producer->send(std::move(record), [](const DeliveryReport&) { throw 5; });
    send("b");
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_FALSE(reports[0].error);
}

TEST_F(ProducerTest, RefusesConfigurationThatBreaksARule) {
    ProducerConfig config;
    config.acks = 3;
    EXPECT_THROW(start(config), Error);
}

/// Whatever answer fails in whatever way: each message gets one report, what is reported as stored is in the log where
/// the report says, and the order holds. A lost acknowledgement may store a batch twice; nothing else may.
struct ProducerReplay : ProducerTest {
    std::size_t play(const test::ArmCluster& arm) {
        arm(kafka);
        ProducerConfig config;
        config.batch_bytes_max = 200;  // several batches a partition
        start(config);
        std::vector<std::string> sent[2];
        for (int round = 0; round < 2; ++round) {
            for (int i = 0; i < 6; ++i) {
                const int partition = i % 2;
                sent[partition].push_back(std::to_string(round) + "-" + std::to_string(i) +
                                          std::string(80, '.'));
                send(sent[partition].back(), partition);
            }
            loop.advance(20ms);
        }
        loop.advance(100s);
        EXPECT_EQ(reports.size(), 12U);
        std::size_t reported[2] = {0, 0};
        for (const auto& report : reports) {
            EXPECT_FALSE(report.error) << report.error->what();
            const auto& stored = log[report.tp.partition];
            const auto at = static_cast<std::size_t>(report.offset);
            EXPECT_LT(at, stored.size());
            if (report.error || at >= stored.size()) continue;
            EXPECT_EQ(stored[at], sent[report.tp.partition].at(reported[report.tp.partition]++));
        }
        for (int partition = 0; partition < 2; ++partition) {
            std::vector<std::string> first_seen;
            for (const auto& value : log[partition]) {
                if (std::find(first_seen.begin(), first_seen.end(), value) == first_seen.end()) {
                    first_seen.push_back(value);
                }
            }
            EXPECT_EQ(first_seen, sent[partition]);
        }
        return kafka.exchanges();
    }
    void TestBody() override {}
};

TEST(ProducerFaults, AnyAnswerMayFail) {
    const std::size_t played = test::replay_failing_exchanges(
        [](const test::ArmCluster& arm) { return ProducerReplay().play(arm); });
    EXPECT_GT(played, 7U * 8);
}

// On a thread of its own: a full buffer holds up the sender until reports make room, and flush waits for all of them.
TEST(ProducerThreads, AFullBufferHoldsUpTheSender) {
    const auto runtime = Runtime::with_own_thread();
    const auto network = std::make_shared<MemoryNetwork>(runtime);
    ClusterConfig cluster_config;
    cluster_config.bootstrap = {{"nobody", 9092}};
    cluster_config.transport = network;
    const auto cluster = Cluster::create(runtime, cluster_config);
    ProducerConfig config;
    config.buffer_bytes_max = 100;
    config.delivery_timeout = 100ms;
    const auto producer = Producer::create(cluster, config);
    std::atomic<int> reported{0};
    for (int i = 0; i < 5; ++i) {
        ProducerRecord record;
        record.topic = "t";
        record.value = std::string(60, 'x');
        producer->send(std::move(record), [&](const DeliveryReport& report) {
            EXPECT_TRUE(report.error);
            ++reported;
        });
        EXPECT_GE(reported.load(), i) << "there is room for one only";
    }
    producer->flush();
    EXPECT_EQ(reported.load(), 5);
    producer->close();
    producer->close();
    EXPECT_THROW(producer->send({}, {}), Error);
    cluster->close();
}

/// Against a network where nobody is, or where somebody takes connections and says nothing.
struct ProducerClosing : testing::Test {
    ProducerClosing() {
        ClusterConfig config;
        config.bootstrap = {{"somebody", 9092}};
        config.transport = network;
        cluster = Cluster::create(runtime, config);
        producer = Producer::create(cluster, {});
    }
    ~ProducerClosing() override { cluster->close(); }
    void send() {
        ProducerRecord record;
        record.topic = "t";
        record.value = "x";
        producer->send(std::move(record), [this](const DeliveryReport& report) {
            const std::lock_guard lock(mutex);
            reports.push_back(report);
        });
    }

    const std::shared_ptr<Runtime> runtime = Runtime::with_own_thread();
    const std::shared_ptr<MemoryNetwork> network = std::make_shared<MemoryNetwork>(runtime);
    std::shared_ptr<Cluster> cluster;
    std::shared_ptr<Producer> producer;
    std::mutex mutex;
    std::vector<DeliveryReport> reports;
};

TEST_F(ProducerClosing, GivesWhatIsQueuedItsTimeAndThenReportsIt) {
    for (int i = 0; i < 3; ++i) send();
    EXPECT_FALSE(producer->flush_within(50ms));
    producer->close_within(50ms);
    ASSERT_EQ(reports.size(), 3U) << "all have their reports when it returns";
    for (const auto& report : reports) EXPECT_EQ(report.error->condition(), errc::closed);
    EXPECT_THROW(send(), Error);
    producer->close();
}

TEST_F(ProducerClosing, AFullBufferIsWaitedForOnlySoLong) {
    ProducerConfig config;
    config.buffer_bytes_max = 100;
    producer = Producer::create(cluster, config);
    send();
    ProducerRecord record;
    record.topic = "t";
    record.value = std::string(80, 'y');
    Producer::Report report = [](const DeliveryReport&) {};
    EXPECT_FALSE(producer->send_within(50ms, record, report));
    EXPECT_EQ(record.value->size(), 80U);
    EXPECT_TRUE(report);
    producer->close_within(0ms);
    EXPECT_EQ(reports.size(), 1U);
}

TEST_F(ProducerClosing, SaysWhatKeepsMessagesBack) {
    send();
    std::vector<Error> troubles;
    for (int i = 0; i < 2000 && troubles.size() < 2; ++i) {  // once the first try has failed
        producer->flush_within(5ms);
        troubles = producer->troubles();
    }
    ASSERT_EQ(troubles.size(), 2U);
    EXPECT_EQ(troubles[0].where().target, "somebody:9092");
    EXPECT_EQ(troubles[1].condition(), errc::cannot_connect);
    producer->close_within(0ms);
    EXPECT_TRUE(producer->troubles().size() <= 1) << "nothing waits any more";
}

TEST_F(ProducerTest, APartitionThatWasAddedIsWritten) {
    start();
    send("a", 0);
    loop.advance(1s);
    kafka.add_partitions("t", 1);
    send("b", 2);
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_FALSE(reports[1].error) << reports[1].error->what();
    const int asked = kafka.count(ApiKey::metadata);
    for (int i = 0; i < 100; ++i) {
        send("c", 9);
        loop.advance(10ms);
    }
    loop.advance(1s);
    ASSERT_EQ(reports.size(), 102U);
    for (std::size_t i = 2; i < reports.size(); ++i) EXPECT_EQ(reports[i].error->condition(), errc::unknown_topic);
    EXPECT_LE(kafka.count(ApiKey::metadata) - asked, 3) << "one that is not there is asked for once a second";
}

// ---- awaited

ProducerRecord record_of(const std::string& value) {
    ProducerRecord record;
    record.topic = "t";
    record.partition = 0;
    record.value = value;
    record.timestamp_ms = 5;
    return record;
}

TEST_F(ProducerTest, ASendMayBeAwaited) {
    start();
    const DeliveryReport report = loop.run(producer->async_send(record_of("a")));
    EXPECT_FALSE(report.error);
    EXPECT_EQ(report.offset, 0);
    error = ErrorCode::topic_authorization_failed;
    const DeliveryReport refused = loop.run(producer->async_send(record_of("b")));
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->broker_code(), ErrorCode::topic_authorization_failed);
}

TEST_F(ProducerTest, AnAwaitedSendWaitsForRoomAndKeepsTheOrder) {
    ProducerConfig config;
    config.buffer_bytes_max = 100;
    start(config);
    std::vector<std::future<DeliveryReport>> reports_to_come;
    for (int i = 0; i < 20; ++i) {
        reports_to_come.push_back(producer->async_send(record_of("v" + std::to_string(i)), asio::use_future));
    }
    loop.advance(10s);
    for (int i = 0; i < 20; ++i) {
        auto& future = reports_to_come[static_cast<std::size_t>(i)];
        ASSERT_EQ(future.wait_for(0s), std::future_status::ready) << i;
        EXPECT_EQ(future.get().offset, i);
    }
}

TEST_F(ProducerTest, ACancelledSendIsSentAllTheSame) {
    start();
    asio::cancellation_signal signal;
    int completed = 0;
    producer->async_send(record_of("a"), asio::bind_cancellation_slot(
                                             signal.slot(), [&](std::exception_ptr failure, const DeliveryReport&) {
                                                 EXPECT_TRUE(failure);
                                                 ++completed;
                                             }));
    loop.run_until_idle();
    signal.emit(asio::cancellation_type::terminal);
    loop.advance(5s);
    EXPECT_EQ(completed, 1);
    EXPECT_EQ(log[0].size(), 1u);
}

TEST_F(ProducerTest, AFlushAndACloseMayBeAwaited) {
    ProducerConfig config;
    config.linger = 1h;
    start(config);
    send("a");
    const TimePoint before = loop.now();
    EXPECT_TRUE(loop.run(producer->async_flush_within(10s)));
    EXPECT_LT(loop.now() - before, 5s) << "it does not wait for linger";
    EXPECT_EQ(reports.size(), 1u);
    kafka.stop(1);
    send("b");
    EXPECT_FALSE(loop.run(producer->async_flush_within(1s)));
    EXPECT_FALSE(loop.run(producer->async_troubles()).empty());
    loop.run(producer->async_close_within(1s));
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[1].error->condition(), errc::closed);
    EXPECT_THROW(loop.run(producer->async_send(record_of("c"))), Error);
    loop.run(producer->async_close_within(1s));
}

}  // namespace
}  // namespace kwire
