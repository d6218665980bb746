// Looking up offsets: each query ends by itself, in bounded time, at a calm pace, with its own reason.
#include <kwire/net/consumer.h>

#include <gtest/gtest.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/metadata.h>

#include "fake_cluster.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using test::Exchange;
using test::FakeCluster;
using test::VirtualLoop;

struct ListOffsetsTest : testing::Test {
    ListOffsetsTest() {
        kafka.add_brokers(2);
        kafka.create_topic("t", 4);  // leaders 1, 2, 1, 2
        cluster = kafka.connect();
        kafka.on<ListOffsetsRequest>([this](const ListOffsetsRequest& request, const Exchange& exchange, std::int32_t broker) {
            requests.push_back(request);
            if (broker == silent) return;
            exchange.reply(answer_to(request));
        });
    }
    ~ListOffsetsTest() override {
        cluster->close();
        loop.advance(40s);
        EXPECT_EQ(kafka.complaints(), "");
    }

    /// Offset 10 + partition, but for what a test changes.
    ListOffsetsResponse answer_to(const ListOffsetsRequest& request) {
        ListOffsetsResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& asked : topic.partitions) {
                auto& answer = out.partitions.emplace_back();
                answer.partition_index = asked.partition_index;
                answer.offset = asked.timestamp == -2 ? 0 : 10 + asked.partition_index;
                if (change) change(answer);
            }
        }
        if (change_all) change_all(response);
        return response;
    }

    std::vector<OffsetAnswer> ask(std::vector<OffsetQuery> queries) {
        const auto begun = loop.now();
        auto answers = loop.run(list_offsets_each(cluster, std::move(queries)));
        took = loop.now() - begun;
        return answers;
    }
    static std::vector<OffsetQuery> of(std::vector<std::int32_t> partitions) {
        std::vector<OffsetQuery> queries;
        for (const auto index : partitions) queries.push_back({{"t", index}, -1});
        return queries;
    }
    static std::string words(const OffsetAnswer& answer) { return answer.error ? answer.error->what() : ""; }

    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;
    std::vector<ListOffsetsRequest> requests;
    std::int32_t silent = -1;
    std::function<void(ListOffsetsResponse::Partition&)> change;
    std::function<void(ListOffsetsResponse&)> change_all;
    Duration took{};
};

TEST_F(ListOffsetsTest, AsksEachLeaderOnce) {
    const auto answers = ask(of({0, 1, 2, 3}));
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(answers[i].offset, 10 + static_cast<std::int64_t>(i));
    EXPECT_EQ(requests.size(), 2U);
}

TEST_F(ListOffsetsTest, BothEndsOfOnePartitionAreTwoRequests) {
    const auto answers = ask({{{"t", 0}, -2}, {{"t", 0}, -1}});
    EXPECT_EQ(answers[0].offset, 0);
    EXPECT_EQ(answers[1].offset, 10);
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].topics.at(0).partitions.size(), 1U) << "brokers refuse a partition that is named twice";
}

// It was asked again 35 times in 30 s.
TEST_F(ListOffsetsTest, ARefusalEndsAtOnceAndLeavesTheOthersAlone) {
    change = [](auto& answer) {
        if (answer.partition_index == 2) answer.error_code = ErrorCode::topic_authorization_failed;
    };
    const auto answers = ask(of({0, 2, 1}));
    EXPECT_EQ(answers[0].offset, 10);
    EXPECT_EQ(answers[2].offset, 11);
    ASSERT_TRUE(answers[1].error);
    EXPECT_EQ(answers[1].error->broker_code(), ErrorCode::topic_authorization_failed);
    EXPECT_EQ(answers[1].error->where().partition, 2);
    EXPECT_LE(took, 100ms);
    EXPECT_EQ(requests.size(), 2U);
    EXPECT_THROW(loop.run(list_offsets(cluster, of({0, 2}))), Error);
    EXPECT_EQ(requests.size(), 3U);
}

// Requests doubled each round: 4,098 partitions after 8 s.
TEST_F(ListOffsetsTest, WhatIsAskedAgainIsAskedForOnceARequestAndEndsByTheDeadline) {
    change = [](auto& answer) {
        if (answer.partition_index == 0) answer.error_code = ErrorCode::not_leader_or_follower;
        if (answer.partition_index == 2) answer.error_code = ErrorCode::topic_authorization_failed;
    };
    const auto answers = ask(of({0, 2, 1}));
    EXPECT_EQ(answers[0].error->broker_code(), ErrorCode::not_leader_or_follower);
    EXPECT_EQ(answers[1].error->broker_code(), ErrorCode::topic_authorization_failed);
    EXPECT_FALSE(answers[2].error);
    EXPECT_LE(took, cluster->config().request_timeout + 100ms);
    EXPECT_LE(requests.size(), 45U) << "with a backoff up to a second";
    for (std::size_t i = 2; i < requests.size(); ++i) {
        ASSERT_EQ(requests[i].topics.size(), 1U);
        EXPECT_EQ(requests[i].topics[0].partitions.size(), 1U);
    }
}

TEST_F(ListOffsetsTest, LeadersAreAskedAtOnceByOneDeadline) {
    silent = 1;
    const auto task = loop.start(list_offsets_each(cluster, of({0, 1, 2, 3})));
    loop.advance(1s);
    EXPECT_EQ(requests.size(), 2U) << "the second does not wait for the first";
    loop.advance(cluster->config().request_timeout);
    ASSERT_TRUE(task->done());
    const auto answers = task->take();
    EXPECT_EQ(answers[1].offset, 11);
    EXPECT_EQ(answers[3].offset, 13);
    EXPECT_EQ(answers[0].error->condition(), errc::timed_out);
}

TEST_F(ListOffsetsTest, ALeaderThatIsSilentHoldsUpNoneThatMoves) {
    silent = 1;
    kafka.move_leader({"t", 1}, 1);
    loop.run(cluster->refresh({"t"}));
    kafka.move_leader({"t", 1}, 2);
    change = [this](auto& answer) {
        if (answer.partition_index == 3 && requests.size() < 4) answer.error_code = ErrorCode::not_leader_or_follower;
    };
    const auto task = loop.start(list_offsets_each(cluster, of({0, 3})));
    loop.advance(2s);
    EXPECT_FALSE(task->done());
    EXPECT_GE(requests.size(), 4U);
    silent = -1;
    loop.advance(40s);
    EXPECT_EQ(task->take()[1].offset, 13);
}

TEST_F(ListOffsetsTest, AnAnswerIsComparedWithItsQuestion) {
    const struct {
        const char* words;
        std::function<void(ListOffsetsResponse&)> change;
    } faults[] = {
        {"leaves the partition out", [](auto& r) { r.topics.clear(); }},
        {"and has u/7 instead", [](auto& r) { r.topics[0].name = "u", r.topics[0].partitions[0].partition_index = 7; }},
        {"names the partition twice", [](auto& r) { r.topics.push_back(r.topics[0]); }},
        {"answers with offset -7", [](auto& r) { r.topics[0].partitions[0].offset = -7; }},
        {"answers with offset -1", [](auto& r) { r.topics[0].partitions[0].offset = -1; }},
    };
    for (const auto& fault : faults) {
        change_all = fault.change;
        const auto before = requests.size();
        const auto answers = ask(of({0}));
        EXPECT_NE(words(answers[0]).find(fault.words), std::string::npos) << words(answers[0]);
        EXPECT_EQ(answers[0].error->condition(), errc::bad_answer);
        EXPECT_LE(requests.size() - before, 45U);
        change_all = [&, tries = 0](auto& r) mutable {
            if (tries++ == 0) fault.change(r);
        };
        EXPECT_EQ(ask(of({0}))[0].offset, 10) << "and asked again";
    }
}

TEST_F(ListOffsetsTest, AForeignPartIsNotTaken) {
    change_all = [](auto& response) {
        response.topics.push_back({"u", {{0, ErrorCode::none, {}, -1, 99, -1}}});
        auto foreign = response.topics[0].partitions[0];
        foreign.partition_index = 2'000'000'000;
        response.topics[0].partitions.push_back(foreign);
    };
    EXPECT_EQ(ask(of({0}))[0].offset, 10);
}

TEST_F(ListOffsetsTest, EachTopicKeepsItsOwnReason) {
    kafka.on<protocol::MetadataRequest>([](const auto& request, const Exchange& exchange, std::int32_t) {
        protocol::MetadataResponse answer;
        answer.brokers.push_back({1, "b1", 9092, std::nullopt});
        for (const auto& topic : *request.topics) {
            auto& out = answer.topics.emplace_back();
            out.name = topic.name;
            out.error_code = *topic.name == "denied" ? ErrorCode::topic_authorization_failed
                                                     : ErrorCode::unknown_topic_or_partition;
        }
        exchange.reply(answer);
    });
    const auto answers = ask({{{"denied", 0}, -1}, {{"unknown", 0}, -1}});
    EXPECT_EQ(answers[0].error->broker_code(), ErrorCode::topic_authorization_failed) << words(answers[0]);
    EXPECT_EQ(answers[1].error->condition(), errc::unknown_topic) << words(answers[1]);
    EXPECT_GE(took, 2s);
    EXPECT_LE(took, 5s);
}

TEST_F(ListOffsetsTest, WhatWasRefusedOnceIsAskedForAnew) {
    bool denied = true;
    kafka.on_any = [&](const Exchange& exchange, std::int32_t) {
        if (!denied || exchange.api() != ApiKey::metadata) return;
        protocol::MetadataResponse answer;
        answer.brokers.push_back({1, "b1", 9092, std::nullopt});
        auto& topic = answer.topics.emplace_back();
        topic.name = "t";
        topic.error_code = ErrorCode::topic_authorization_failed;
        const std::string frame = exchange.encoded(answer);
        exchange.rewrite_with([frame](const std::string&) { return frame; });
    };
    EXPECT_EQ(ask(of({0}))[0].error->broker_code(), ErrorCode::topic_authorization_failed);
    denied = false;
    const auto answers = ask(of({0}));
    EXPECT_FALSE(answers[0].error) << words(answers[0]);
    EXPECT_EQ(answers[0].offset, 10);
}

TEST_F(ListOffsetsTest, APartitionBeyondTheLastIsNotCalledAMissingTopic) {
    const auto answers = ask(of({9}));
    EXPECT_NE(words(answers[0]).find("4 partitions"), std::string::npos) << words(answers[0]);
}

TEST_F(ListOffsetsTest, BrokersThatCannotBeReachedAreTheReason) {
    kafka.stop(1);
    kafka.stop(2);
    const auto answers = ask(of({0, 1}));
    for (const auto& answer : answers) EXPECT_EQ(answer.error->condition(), errc::cannot_connect) << words(answer);
    EXPECT_LE(took, cluster->config().request_timeout + 1s);
}

}  // namespace
}  // namespace kwire
