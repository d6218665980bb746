// What a coordinator may answer that is no answer: parts that are missing, foreign or there twice, and codes that never mean
// "no offset".
#include <chrono>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>

#include "fake_cluster.h"
#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Fetched = std::vector<OffsetFetchResponse::GroupTopic>;
using Committed = std::vector<OffsetCommitResponse::Topic>;

/// Answers as it should, 42 for every partition, unless the test spoils it.
class KafkaAnswers : public ::testing::Test {
 protected:
    KafkaAnswers() {
        kafka.on<OffsetFetchRequest>([this](const OffsetFetchRequest& request, const test::Exchange& exchange, std::int32_t) {
            OffsetFetchResponse response;
            auto& group = response.groups.emplace_back();
            group.group_id = request.groups.at(0).group_id;
            for (const auto& topic : *request.groups[0].topics) {
                auto& out = group.topics.emplace_back();
                out.name = topic.name;
                for (const auto index : topic.partition_indexes) {
                    out.partitions.push_back({.partition_index = index, .committed_offset = 42, .committed_leader_epoch = 3});
                }
            }
            if (spoil_fetch) spoil_fetch(group.topics);
            exchange.reply(response);
        });
        kafka.on<OffsetCommitRequest>([this](const OffsetCommitRequest& request, const test::Exchange& exchange, std::int32_t) {
            last_commit = request;
            OffsetCommitResponse response;
            for (const auto& topic : request.topics) {
                auto& out = response.topics.emplace_back();
                out.name = topic.name;
                for (const auto& partition : topic.partitions) out.partitions.push_back({partition.partition_index});
            }
            if (spoil_commit) spoil_commit(response.topics);
            exchange.reply(response);
        });
        kafka.versions[ApiKey::offset_fetch] = {0, 9};
    }
    std::shared_ptr<Cluster> connect() {
        kafka.add_brokers(1);
        kafka.create_topic("t", 4);
        return kafka.connect();
    }
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    std::string failure_of_reading() {
        try {
            return "it answered " + std::to_string(run(manager->initialize_partition(tp)));
        } catch (const Error& error) {
            condition = error.condition();
            return error.what();
        }
    }

    test::VirtualLoop loop;
    test::FakeCluster kafka{loop};
    std::function<void(Fetched&)> spoil_fetch;
    std::function<void(Committed&)> spoil_commit;
    OffsetCommitRequest last_commit;
    errc condition{};
    std::shared_ptr<Cluster> cluster = connect();
    std::shared_ptr<OffsetManager> manager = make_offset_manager(loop.runtime(), kafka_offset_store(cluster, "g"));
    const TopicPartition tp{"t", 0};
};

TEST_F(KafkaAnswers, APartLeftOutOfAFetchIsAskedForAgainAndNamedIfItStaysAway) {
    spoil_fetch = [](Fetched& topics) { topics.clear(); };
    EXPECT_THAT(failure_of_reading(), AllOf(HasSubstr("leaves out this partition"), HasSubstr("t")));
    EXPECT_EQ(condition, errc::bad_answer);
    EXPECT_GT(kafka.count(ApiKey::offset_fetch), 10);
    EXPECT_FALSE(manager->mark_as_processed(tp, 1));
    int left = 3;
    spoil_fetch = [&left](Fetched& topics) {
        if (left-- > 0) topics[0].partitions.clear();
    };
    EXPECT_EQ(run(manager->initialize_partition(tp)), 42);
}

TEST_F(KafkaAnswers, APartThereTwiceOrNotAskedForIsNamed) {
    spoil_fetch = [](Fetched& topics) { topics[0].partitions.push_back({.partition_index = 0, .committed_offset = 7}); };
    EXPECT_THAT(failure_of_reading(), HasSubstr("twice"));
    EXPECT_EQ(condition, errc::bad_answer);
    spoil_fetch = [](Fetched& topics) {
        topics.emplace_back().name = "foreign";
        topics.back().partitions.push_back({.partition_index = 9, .committed_offset = 7});
    };
    EXPECT_THAT(failure_of_reading(), AllOf(HasSubstr("foreign"), HasSubstr("not asked for")));
    EXPECT_EQ(condition, errc::bad_answer);
}

TEST_F(KafkaAnswers, NoErrorOfAPartitionMeansThatThereIsNoOffset) {
    for (const ErrorCode code : {ErrorCode::unstable_offset_commit, ErrorCode::stale_member_epoch,
                                 ErrorCode::unknown_topic_or_partition, ErrorCode::topic_authorization_failed,
                                 ErrorCode::unknown_server_error}) {
        spoil_fetch = [code](Fetched& topics) {
            topics[0].partitions[0].committed_offset = -1;
            topics[0].partitions[0].error_code = code;
        };
        failure_of_reading();
        EXPECT_EQ(condition, errc::broker_error) << to_string(code);
        EXPECT_FALSE(manager->mark_as_processed(tp, 1)) << to_string(code);
    }
    int left = 3;
    spoil_fetch = [&left](Fetched& topics) {
        if (left-- > 0) topics[0].partitions[0].error_code = ErrorCode::unstable_offset_commit;
    };
    EXPECT_EQ(run(manager->initialize_partition(tp)), 42);
}

TEST_F(KafkaAnswers, APartLeftOutOfACommitIsTriedAgainAndNamedIfItStaysAway) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 50);
    int left = 3;
    spoil_commit = [&left](Committed& topics) {
        if (left-- > 0) topics.clear();
    };
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 4);
    left = 1'000'000;
    manager->mark_as_processed(tp, 51);
    const auto failures = run(manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].error.condition(), errc::bad_answer);
    EXPECT_THAT(failures[0].error.what(), HasSubstr("leaves out this partition"));
    EXPECT_EQ(manager->committed(tp), 50);
}

TEST_F(KafkaAnswers, ForeignPartsOfACommitAreNamed) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 50);
    spoil_commit = [](Committed& topics) { topics[0].partitions.push_back({.partition_index = 3}); };
    const auto failures = run(manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_THAT(failures[0].error.what(), HasSubstr("not asked for"));
}

TEST_F(KafkaAnswers, ATopicThatTheCoordinatorDoesNotKnowYetIsCommittedLater) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 50);
    int left = 5;
    spoil_commit = [&left](Committed& topics) {
        if (left-- > 0) topics[0].partitions[0].error_code = ErrorCode::unknown_topic_or_partition;
    };
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(manager->committed(tp), 50);
}

TEST_F(KafkaAnswers, TheLeaderEpochIsReadAndStored) {
    EXPECT_EQ(run(manager->initialize_partition(tp)), 42);
    EXPECT_EQ(manager->committed_leader_epoch(tp), 3);
    manager->mark_with_leader_epoch(tp, 50, 4);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(last_commit.topics.at(0).partitions.at(0).committed_leader_epoch, 4);
    EXPECT_EQ(manager->committed_leader_epoch(tp), 4);
}

TEST_F(KafkaAnswers, AMemberOfTheBrokersGroupCommitsUnderItsGeneration) {
    manager->use_identity({.member = "m-1", .instance = "worker", .generation_or_epoch = 7});
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 50);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(last_commit.generation_id_or_member_epoch, 7);
    EXPECT_EQ(last_commit.member_id, "m-1");
    EXPECT_EQ(last_commit.group_instance_id, "worker");
    manager->use_identity({.member = "m-1", .instance = "worker", .generation_or_epoch = 8});
    manager->mark_as_processed(tp, 51);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(last_commit.generation_id_or_member_epoch, 8);
}

TEST_F(KafkaAnswers, ACommitThatMeetsANewEpochIsTriedAgainUnderIt) {
    manager->use_identity({.member = "m-1", .generation_or_epoch = 7});
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 50);
    spoil_commit = [this](Committed& topics) {
        if (last_commit.generation_id_or_member_epoch == 7) topics[0].partitions[0].error_code = ErrorCode::stale_member_epoch;
    };
    const auto flushing = loop.start(manager->flush());
    loop.advance(1s);
    EXPECT_FALSE(flushing->done());
    manager->use_identity({.member = "m-1", .generation_or_epoch = 8});
    loop.advance(1s);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), IsEmpty());
    EXPECT_EQ(manager->committed(tp), 50);
}

}  // namespace
}  // namespace kwire
