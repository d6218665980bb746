// Taking Fetch answers apart, with nothing around it but a context that notes what it is told.
#include "fetching/fetch_answer.h"

#include <gtest/gtest.h>
#include <kwire/protocol/record_batch_builder.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::FetchRequest;
using protocol::FetchResponse;
using State = Whereabouts::State;

struct FakeContext final : FetchContext {
    Runtime& runtime() override { return *loop.runtime(); }
    const FetchConfig& config() const override { return config_; }
    FetchQueue& queue() override { return *queue_; }
    const std::shared_ptr<BufferBudget>& budget() override { return budget_; }
    bool closed() const override { return false; }
    std::shared_ptr<const ClusterView> view() const override { return view_; }
    Duration follower_lease() const override { return 5min; }
    std::int64_t request_bytes() const override { return 1 << 20; }
    void route(FetchPartitions) override {}
    void note_trouble(FetchPartition&, Error reason, Trouble::Report) override { troubles.emplace_back(reason.what()); }
    void report(const Error& error) override { reports.emplace_back(error.what()); }
    void give_up_paused() override {}
    std::shared_ptr<void> keep() override { return nullptr; }

    test::VirtualLoop loop;
    FetchConfig config_;
    std::shared_ptr<BufferBudget> budget_ = std::make_shared<BufferBudget>(1 << 20, [] {});
    std::shared_ptr<FetchQueue> queue_ = std::make_shared<FetchQueue>(
        budget_, RecordReaderOptions{}, [](const Error&) {}, [] {});
    std::shared_ptr<ClusterView> view_ = std::make_shared<ClusterView>();
    std::vector<std::string> troubles;
    std::vector<std::string> reports;
};

struct FetchAnswerTest : testing::Test {
    FetchAnswerTest() {
        for (const std::int32_t id : {1, 2}) context.view_->brokers[id] = {id, {"b", 9092}, std::nullopt};
        for (const std::int32_t index : {0, 1}) {
            context.view_->topics["t"].partitions[index] = {1, 0, {1, 2}, {1, 2}, 0};
            auto cursor = std::make_shared<PartitionCursor>(TopicPartition{"t", index}, 1, 10, std::function<void()>{});
            partitions.push_back(std::make_shared<FetchPartition>(std::move(cursor), 1));
            partitions.back()->fetch_offset = 10;
            partitions.back()->bytes_max = 1 << 20;
            partitions.back()->where.found(*context.view_, partitions.back()->tp(), context.loop.now());
        }
    }

    /// Asks for both partitions, at a version without sessions.
    void ask() {
        session.begin(4);
        for (const auto& partition : partitions) {
            FetchRequest::Partition asked;
            asked.partition = partition->tp().partition;
            asked.fetch_offset = partition->fetch_offset;
            asked.partition_max_bytes = partition->bytes_max;
            session.want(partition, asked);
        }
        FetchRequest request;
        session.finish(request);
    }
    static FetchResponse answer_for(std::vector<std::int32_t> indices) {
        FetchResponse response;
        auto& topic = response.responses.emplace_back();
        topic.topic = "t";
        for (const auto index : indices) {
            auto& partition = topic.partitions.emplace_back();
            partition.partition_index = index;
            partition.high_watermark = 20;
        }
        return response;
    }
    static Bytes records(std::int64_t base, int count) {
        RecordBatchOptions options;
        options.base_offset = base;
        options.partition_leader_epoch = 3;
        RecordBatchBuilder builder(options);
        for (int i = 0; i < count; ++i) builder.append(1, {}, "v");
        Compressor compressor;
        return Bytes::own(builder.build(compressor));
    }
    bool take(FetchResponse response) {
        ask();
        context.budget_->reserve(1000);
        return reader.take(std::move(response), 1000);
    }

    FakeContext context;
    FetchPartitions partitions;
    FetchSession session;
    FetchAnswerReader reader{context, session, 1};
};

TEST_F(FetchAnswerTest, RecordsBecomeChunksAndThePositionMoves) {
    auto response = answer_for({0, 1});
    response.responses[0].partitions[0].records = records(10, 5);
    EXPECT_TRUE(take(std::move(response)));
    ASSERT_EQ(reader.deliveries().size(), 1U);
    EXPECT_EQ(reader.deliveries()[0].chunk.position, 10);
    EXPECT_EQ(reader.deliveries()[0].chunk.next_offset, 15);
    EXPECT_EQ(partitions[0]->fetch_offset, 15);
    EXPECT_EQ(partitions[0]->where.read_epoch(), 3);
    EXPECT_TRUE(reader.any_records());
    EXPECT_TRUE(context.troubles.empty());
    EXPECT_TRUE(reader.departed().empty());
}

TEST_F(FetchAnswerTest, WhatIsMissingRepeatedAndForeignIsNamed) {
    take(answer_for({0}));
    ASSERT_EQ(context.troubles.size(), 1U);
    EXPECT_NE(context.troubles[0].find("leaves the partition out"), std::string::npos);
    EXPECT_NE(context.troubles[0].find("t/1"), std::string::npos);
    EXPECT_GT(partitions[1]->where.due(), context.loop.now());
    EXPECT_LE(partitions[0]->where.due(), context.loop.now());
    context.troubles.clear();
    take(answer_for({0, 1, 1, 7, -3}));
    ASSERT_EQ(context.troubles.size(), 1U);
    EXPECT_NE(context.troubles[0].find("has the partition twice"), std::string::npos);
    ASSERT_EQ(context.reports.size(), 1U) << "once";
    EXPECT_NE(context.reports[0].find("t/7"), std::string::npos);
}

TEST_F(FetchAnswerTest, ABrokerThatThrottlesLeavesAllOut) {
    FetchResponse response;
    response.throttle_time_ms = 50;
    EXPECT_TRUE(take(std::move(response)));
    EXPECT_TRUE(context.troubles.empty());
}

TEST_F(FetchAnswerTest, ErrorsSendAPartitionWhereItBelongs) {
    const std::pair<ErrorCode, State> cases[] = {
        {ErrorCode::not_leader_or_follower, State::seeking},
        {ErrorCode::offset_out_of_range, State::resetting},
        {ErrorCode::topic_authorization_failed, State::at_leader},
        {ErrorCode::corrupt_message, State::stopped},
    };
    for (const auto& [code, state] : cases) {
        auto response = answer_for({0, 1});
        response.responses[0].partitions[0].error_code = code;
        take(std::move(response));
        EXPECT_EQ(partitions[0]->where.state(), state) << to_string(code);
        EXPECT_EQ(partitions[1]->where.state(), State::at_leader);
        EXPECT_EQ(reader.departed().size(), state == State::at_leader ? 0U : 1U);
        if (state == State::resetting) partitions[0]->where.position_found();
        if (state != State::stopped) partitions[0]->where.found(*context.view_, partitions[0]->tp(), context.loop.now());
    }
    ASSERT_EQ(reader.deliveries().size(), 1U) << "the failure comes behind what was fetched";
    EXPECT_EQ(reader.deliveries()[0].chunk.failure->condition(), errc::corrupt_batch);
}

TEST_F(FetchAnswerTest, APreferredReplicaIsFollowedIfItIsOne) {
    auto response = answer_for({0, 1});
    response.responses[0].partitions[0].preferred_read_replica = 2;
    response.responses[0].partitions[1].preferred_read_replica = 99;
    take(std::move(response));
    EXPECT_EQ(partitions[0]->where.state(), State::at_follower);
    EXPECT_EQ(partitions[0]->where.broker(), 2);
    EXPECT_EQ(partitions[1]->where.state(), State::seeking);
    ASSERT_EQ(context.troubles.size(), 1U);
    EXPECT_NE(context.troubles[0].find("99"), std::string::npos);
}

TEST_F(FetchAnswerTest, BytesWithoutAWholeBatchAreNamedAsWhatTheyAre) {
    const auto whole = records(10, 5);
    const std::pair<Bytes, const char*> cases[] = {
        {records(4, 3), "records before this offset only, up to 6"},
        {Bytes::copy_of(whole.view().substr(0, 40)), "ends within a batch of"},
    };
    for (const auto& [bytes, words] : cases) {
        context.troubles.clear();
        auto response = answer_for({0, 1});
        response.responses[0].partitions[0].records = bytes;
        take(std::move(response));
        ASSERT_EQ(context.troubles.size(), 1U) << words;
        EXPECT_NE(context.troubles[0].find(words), std::string::npos) << context.troubles[0];
        EXPECT_TRUE(reader.deliveries().empty());
        EXPECT_EQ(partitions[0]->fetch_offset, 10);
        EXPECT_GT(partitions[0]->where.due(), context.loop.now());
    }
}

TEST_F(FetchAnswerTest, ARefusalOfTheWholeIsTheBrokers) {
    FetchResponse response;
    response.error_code = ErrorCode::cluster_authorization_failed;
    EXPECT_FALSE(take(std::move(response)));
    EXPECT_EQ(reader.refusal()->broker_code(), ErrorCode::cluster_authorization_failed);
    EXPECT_TRUE(context.troubles.empty());
}

}  // namespace
}  // namespace kwire
