#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/protocol/delete_groups.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_delete.h>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

/// A coordinator that keeps offsets as brokers do, and errors to answer first.
class KafkaOffsets : public ::testing::Test {
 protected:
    KafkaOffsets() {
        kafka.on<OffsetFetchRequest>([this](const OffsetFetchRequest& request,
                                            const test::Exchange& exchange, std::int32_t broker) {
            asked_at.push_back(broker);
            versions.push_back(exchange.version());
            exchange.reply(fetched(request, exchange.version()));
        });
        kafka.on<OffsetCommitRequest>([this](const OffsetCommitRequest& request,
                                             const test::Exchange& exchange, std::int32_t broker) {
            asked_at.push_back(broker);
            versions.push_back(exchange.version());
            generation = request.generation_id_or_member_epoch;
            member = request.member_id;
            if (silent) return;
            exchange.reply(committed(request));
        });
    }

    std::shared_ptr<Cluster> connect() {
        kafka.add_brokers(2);
        kafka.create_topic("t", 4);
        return kafka.connect();
    }
    ErrorCode next_error() {
        if (errors.empty()) return ErrorCode::none;
        const ErrorCode code = errors.front();
        errors.erase(errors.begin());
        return code;
    }
    template <class Partition>
    Partition answer(const TopicPartition& which, ErrorCode code) {
        Partition partition;
        partition.partition_index = which.partition;
        const auto found = stored.find(which);
        partition.committed_offset =
            found == stored.end() || code != ErrorCode::none ? -1 : found->second;
        partition.error_code = code;
        return partition;
    }
    OffsetFetchResponse fetched(const OffsetFetchRequest& request, std::int16_t version) {
        OffsetFetchResponse response;
        const ErrorCode code = next_error();
        if (version < 8) {
            for (const auto& topic : *request.topics) {
                auto& out = response.topics.emplace_back();
                out.name = topic.name;
                for (const auto index : topic.partition_indexes) {
                    out.partitions.push_back(
                        answer<OffsetFetchResponse::Partition>({topic.name, index}, code));
                }
            }
            return response;
        }
        auto& group = response.groups.emplace_back();
        group.group_id = request.groups.at(0).group_id;
        group.error_code = code;
        if (request.groups[0].topics) {
            for (const auto& topic : *request.groups[0].topics) {
                auto& out = group.topics.emplace_back();
                out.name = topic.name;
                for (const auto index : topic.partition_indexes) {
                    out.partitions.push_back(answer<OffsetFetchResponse::GroupPartition>(
                        {topic.name, index}, ErrorCode::none));
                }
            }
        } else {
            for (const auto& [each, next] : stored) {
                auto& out = group.topics.emplace_back();
                out.name = each.topic;
                out.partitions.push_back(
                    answer<OffsetFetchResponse::GroupPartition>(each, ErrorCode::none));
            }
        }
        return response;
    }
    OffsetCommitResponse committed(const OffsetCommitRequest& request) {
        OffsetCommitResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions) {
                const ErrorCode code = next_error();
                if (code == ErrorCode::none) {
                    stored[{topic.name, partition.partition_index}] = partition.committed_offset;
                    EXPECT_EQ(partition.committed_metadata, "");
                }
                out.partitions.push_back({partition.partition_index, code});
            }
        }
        return response;
    }
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    errc condition_of(const std::function<void()>& body) {
        try {
            body();
        } catch (const Error& error) {
            message = error.what();
            return error.condition();
        }
        return errc{};
    }
    TimePoint in(Duration duration) const { return loop.now() + duration; }

    test::VirtualLoop loop;
    test::FakeCluster kafka{loop};
    std::map<TopicPartition, std::int64_t> stored;
    std::vector<ErrorCode> errors;  ///< Answered one after the other, then none.
    std::vector<std::int32_t> asked_at;
    std::vector<std::int16_t> versions;
    std::int32_t generation = 0;
    std::string member = "?";
    std::string message;
    bool silent = false;
    std::shared_ptr<Cluster> cluster = connect();
    std::shared_ptr<OffsetManager> manager = make_offset_manager(loop.runtime(), kafka_offset_store(cluster, "g"));
    const TopicPartition tp{"t", 0};
};

TEST_F(KafkaOffsets, ReadsAndWritesAsASimpleConsumerInEveryVersion) {
    for (std::int16_t version = 1; version <= 10; ++version) {
        SCOPED_TRACE(version);
        kafka.versions[ApiKey::offset_fetch] = {0, version};
        kafka.versions[ApiKey::offset_commit] = {0, version};
        stored.clear();
        versions.clear();
        const auto fresh = kafka.connect();
        const auto each = make_offset_manager(loop.runtime(), kafka_offset_store(fresh, "g"));
        EXPECT_EQ(run(each->initialize_partition(tp)), -1);
        EXPECT_TRUE(each->mark_as_processed(tp, 7));
        EXPECT_THAT(run(each->flush()), IsEmpty());
        EXPECT_EQ(stored.at(tp), 7);
        EXPECT_EQ(run(each->initialize_partition(tp)), 7);
        EXPECT_EQ(generation, -1);
        EXPECT_EQ(member, "");
        const std::int16_t expected = std::min<std::int16_t>(version, 9);
        EXPECT_THAT(versions, ElementsAre(expected, expected, expected));
        fresh->close();
    }
}

TEST_F(KafkaOffsets, WhileTheCoordinatorLoadsOrMovesThereIsNoAnswerAndNeverNone) {
    stored[tp] = 42;
    for (const ErrorCode code :
         {ErrorCode::coordinator_load_in_progress, ErrorCode::coordinator_not_available,
          ErrorCode::not_coordinator}) {
        errors = {code, code, code};
        EXPECT_EQ(run(manager->initialize_partition(tp)), 42);
    }
    errors.assign(10'000, ErrorCode::coordinator_load_in_progress);
    EXPECT_EQ(condition_of([&] { run(manager->initialize_partition(tp)); }), errc::broker_error);
    EXPECT_THAT(message, HasSubstr("g"));
}

TEST_F(KafkaOffsets, ManyPartitionsAskTheCoordinatorTogether) {
    kafka.create_topic("many", 200);
    errors.assign(100'000, ErrorCode::coordinator_load_in_progress);
    std::vector<TopicPartition> all;
    for (std::int32_t p = 0; p < 200; ++p) all.push_back({"many", p});
    for (const TopicPartition& each : all) loop.start(manager->initialize_partition(each));
    loop.advance(1s);
    EXPECT_LE(kafka.count(ApiKey::offset_fetch), 20) << "while it loads";
    errors.clear();
    loop.advance(1s);
    for (const TopicPartition& each : all) EXPECT_TRUE(manager->mark_as_processed(each, 5)) << each.to_string();
    errors.assign(100'000, ErrorCode::coordinator_load_in_progress);
    for (const TopicPartition& each : all) loop.start(manager->finalize_partition(each, in(3s)));
    loop.advance(1s);
    EXPECT_LE(kafka.count(ApiKey::offset_commit), 20);
    errors.clear();
    loop.advance(1s);
    EXPECT_EQ(stored.size(), all.size());
}

TEST_F(KafkaOffsets, FollowsTheCoordinator) {
    kafka.coordinator = 1;
    EXPECT_EQ(run(manager->initialize_partition(tp)), -1);
    kafka.coordinator = 2;
    errors = {ErrorCode::not_coordinator};
    manager->mark_as_processed(tp, 3);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_THAT(asked_at, ElementsAre(1, 1, 2));
    EXPECT_EQ(stored.at(tp), 3);
}

TEST_F(KafkaOffsets, OnePartitionsErrorIsNotTheOthers) {
    for (int i = 0; i < 3; ++i) {
        run(manager->initialize_partition({"t", i}));
        manager->mark_as_processed({"t", i}, 10 + i);
    }
    errors = {ErrorCode::none, ErrorCode::topic_authorization_failed, ErrorCode::none};
    const auto failures = run(manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].tp, (TopicPartition{"t", 1}));
    EXPECT_EQ(failures[0].error.broker_code(), ErrorCode::topic_authorization_failed);
    EXPECT_THAT(stored,
                ElementsAre(Pair(TopicPartition{"t", 0}, 10), Pair(TopicPartition{"t", 2}, 12)));
    EXPECT_THAT(run(manager->flush()), IsEmpty()) << "the mark stayed";
    EXPECT_EQ(stored.at({"t", 1}), 11);
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 2) << "all partitions in one request";
}

TEST_F(KafkaOffsets, SaysThatABrokerManagedGroupIsInTheWay) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 3);
    errors = {ErrorCode::unknown_member_id};
    const auto failures = run(manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_THAT(failures[0].error.what(), HasSubstr("coordinates members"));
}

TEST_F(KafkaOffsets, SaysThatABrokerIsTooOld) {
    kafka.versions[ApiKey::offset_fetch] = {0, 0};
    EXPECT_EQ(condition_of([&] { run(manager->initialize_partition(tp)); }),
              errc::unsupported_version);
    EXPECT_THAT(message, HasSubstr("offsets.storage=zookeeper"));
}

TEST_F(KafkaOffsets, FinaliseEndsByItsDeadlineAndWritesNothingLater_Fault4) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 3);
    silent = true;
    const TimePoint begin = loop.now();
    const auto failure = run(manager->finalize_partition(tp, in(5s)));
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->next, 3);
    EXPECT_LE(loop.now() - begin, 5s);
    silent = false;
    loop.advance(1min);
    EXPECT_THAT(stored, IsEmpty());
    EXPECT_FALSE(manager->mark_as_processed(tp, 4));
}

TEST_F(KafkaOffsets, AFlushThatIsTriedAgainWritesNothingOfWhatWasGivenUpMeanwhile) {
    run(manager->initialize_partition(tp));
    run(manager->initialize_partition({"t", 1}));
    manager->mark_as_processed(tp, 3);
    manager->mark_as_processed({"t", 1}, 4);
    errors.assign(1'000, ErrorCode::coordinator_load_in_progress);
    const auto flushing = loop.start(manager->flush());
    loop.advance(1s);
    ASSERT_FALSE(flushing->done());
    EXPECT_TRUE(run(manager->finalize_partition(tp, in(1s))));
    errors.clear();
    stored[tp] = 9;  // the next owner
    loop.advance(1min);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), IsEmpty());
    EXPECT_EQ(stored[tp], 9);
    EXPECT_EQ((stored[{"t", 1}]), 4);
}

TEST_F(KafkaOffsets, ALogThatBeginsAnewIsCommittedBack) {
    stored[tp] = 1'000;
    run(manager->initialize_partition(tp));
    manager->restart_partition(tp, 0);
    manager->mark_as_processed(tp, 600);
    EXPECT_FALSE(run(manager->finalize_partition(tp, in(5s))));
    EXPECT_EQ(stored[tp], 600);
}

TEST_F(KafkaOffsets, CloseWritesAllAndLaterCallsDoNotHang_Fault9) {
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 1);
    EXPECT_THAT(run(manager->close(in(5s))), IsEmpty());
    EXPECT_EQ(stored.at(tp), 1);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_THAT(run(manager->close(in(5s))), IsEmpty());
}

TEST_F(KafkaOffsets, IdlePartitionsAreCommittedAgainBeforeTheBrokerForgetsThem) {
    stored[tp] = 5;
    run(manager->initialize_partition(tp));
    run(manager->initialize_partition({"t", 1}));  // nothing stored: nothing to refresh
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 0);
    stored.clear();
    loop.advance(11min);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_THAT(stored, ElementsAre(Pair(tp, 5)));
    loop.advance(5h);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 1);
    loop.advance(2h);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 2);
}

TEST_F(KafkaOffsets, ToolsReadAllAndSetBack) {
    stored = {{{"t", 0}, 5}, {{"t", 2}, 7}};
    EXPECT_THAT(run(fetch_offsets(cluster, "g", std::nullopt)),
                ElementsAre(Pair(TopicPartition{"t", 0}, 5), Pair(TopicPartition{"t", 2}, 7)));
    const std::vector<TopicPartition> some{{"t", 1}, {"t", 2}};
    EXPECT_THAT(run(fetch_offsets(cluster, "g", some)),
                ElementsAre(Pair(TopicPartition{"t", 2}, 7)));
    run(store_offsets(cluster, "g", {{{"t", 2}, 1}}));
    EXPECT_EQ(stored.at({"t", 2}), 1);
    errors = {ErrorCode::group_authorization_failed};
    EXPECT_EQ(condition_of([&] {
                  run(store_offsets(cluster, "g", {{{"t", 3}, 1}}));
              }),
              errc::broker_error);
    EXPECT_THAT(message, HasSubstr("t"));
}

/// Brokers that can remove a group, only single offsets, or nothing.
class KafkaReset : public KafkaOffsets {
 protected:
    KafkaReset() {
        kafka.create_topic("other", 1);
        stored = {{{"t", 0}, 5}, {{"t", 2}, 7}, {{"other", 0}, 9}};
        kafka.on<protocol::DeleteGroupsRequest>([this](const auto& request, const test::Exchange& exchange, std::int32_t) {
            protocol::DeleteGroupsResponse response;
            auto& result = response.results.emplace_back();
            result.group_id = request.groups_names.at(0);
            result.error_code = group_refusal;
            if (group_refusal == ErrorCode::none) stored.clear();
            exchange.reply(response);
        });
        kafka.on<protocol::OffsetDeleteRequest>([this](const auto& request, const test::Exchange& exchange, std::int32_t) {
            protocol::OffsetDeleteResponse response;
            for (const auto& topic : request.topics) {
                auto& out = response.topics.emplace_back();
                out.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    out.partitions.push_back({partition.partition_index, offset_refusal});
                    if (offset_refusal == ErrorCode::none) stored.erase({topic.name, partition.partition_index});
                }
            }
            exchange.reply(response);
        });
        kafka.on<protocol::ListOffsetsRequest>([](const auto& request, const test::Exchange& exchange, std::int32_t) {
            protocol::ListOffsetsResponse response;
            for (const auto& topic : request.topics) {
                auto& out = response.topics.emplace_back();
                out.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    auto& answer = out.partitions.emplace_back();
                    answer.partition_index = partition.partition_index;
                    answer.offset = partition.timestamp == -1 ? 100 : 3;
                }
            }
            exchange.reply(response);
        });
    }
    void reset(bool newest = false) {
        OffsetReset what;
        what.reads = [](const std::string& topic) { return topic == "t"; };
        what.newest = newest;
        loop.run(manager->reset(std::move(what)));
    }
    ErrorCode group_refusal = ErrorCode::none;
    ErrorCode offset_refusal = ErrorCode::none;
};

TEST_F(KafkaReset, RemovesTheGroup) {
    reset();
    EXPECT_THAT(stored, IsEmpty());
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 0);
}

TEST_F(KafkaReset, RemovesWhatTheGroupReadsIfTheGroupMayNotGo) {
    group_refusal = ErrorCode::group_authorization_failed;
    reset();
    EXPECT_THAT(stored, ElementsAre(Pair(TopicPartition{"other", 0}, 9)));
    EXPECT_EQ(kafka.count(ApiKey::offset_commit), 0);
}

TEST_F(KafkaReset, SetsToWhereReadingBeginsWhatCannotBeRemoved) {
    group_refusal = ErrorCode::non_empty_group;
    offset_refusal = ErrorCode::group_subscribed_to_topic;
    reset();
    EXPECT_EQ((stored.at({"t", 0})), 3);
    EXPECT_EQ((stored.at({"t", 2})), 3);
    reset(true);
    EXPECT_EQ((stored.at({"t", 0})), 100);
    EXPECT_EQ((stored.at({"other", 0})), 9);
    EXPECT_FALSE(stored.contains({"t", 1})) << "nothing was stored of it";
}

}  // namespace
}  // namespace kwire
