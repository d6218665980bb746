#include "connecting/cluster_view.h"

#include <gtest/gtest.h>

namespace kwire {
namespace {

using protocol::MetadataResponse;
using Names = std::set<std::string>;

MetadataResponse answer_with_broker() {
    MetadataResponse answer;
    answer.brokers.push_back({1, "b1", 9092, std::nullopt});
    return answer;
}

MetadataResponse::Topic topic(std::string name, std::int32_t leader, std::int32_t epoch) {
    MetadataResponse::Topic made;
    made.name = std::move(name);
    MetadataResponse::Partition partition;
    partition.leader_id = leader;
    partition.leader_epoch = epoch;
    made.partitions.push_back(std::move(partition));
    return made;
}

TEST(ClusterViewTest, MergesTopicByTopic) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 1, 5), topic("b", 1, 5)};
    const ClusterView both = merged({}, answer, std::nullopt);
    ASSERT_TRUE(both.find({"a", 0}));
    EXPECT_EQ(both.find({"a", 1}), nullptr);
    EXPECT_EQ(both.find({"c", 0}), nullptr);

    answer.topics = {topic("a", 2, 6)};
    const ClusterView one = merged(both, answer, Names{"a"});
    EXPECT_EQ(one.find({"a", 0})->leader, 2);
    EXPECT_TRUE(one.find({"b", 0})) << "what was not asked for stays";

    const ClusterView all = merged(both, answer, std::nullopt);
    EXPECT_FALSE(all.find({"b", 0})) << "the answer to all topics is all there is";
}

TEST(ClusterViewTest, ATopicThatIsGoneIsAbsentWithItsReason) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 1, 5)};
    const ClusterView before = merged({}, answer, std::nullopt);
    MetadataResponse::Topic gone;
    gone.name = "a";
    gone.error_code = ErrorCode::unknown_topic_or_partition;
    answer.topics = {gone};
    const ClusterView after = merged(before, answer, Names{"a", "b"});
    EXPECT_TRUE(after.topics.empty());
    EXPECT_EQ(after.topic_errors.at("a"), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(after.topic_errors.at("b"), ErrorCode::unknown_topic_or_partition)
        << "old brokers leave it out";
    answer.topics = {topic("a", 1, 6)};
    EXPECT_FALSE(merged(after, answer, Names{"a"}).topic_errors.contains("a"));
}

TEST(ClusterViewTest, ATopicInTheMakingKeepsWhatIsKnown) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 1, 5)};
    const ClusterView before = merged({}, answer, std::nullopt);
    MetadataResponse::Topic making;
    making.name = "a";
    making.error_code = ErrorCode::leader_not_available;
    answer.topics = {making};
    EXPECT_TRUE(merged(before, answer, Names{"a"}).find({"a", 0}));
    EXPECT_TRUE(merged({}, answer, Names{"a"}).topics.empty());
}

TEST(ClusterViewTest, LeaderOfWhichNothingIsKnownIsNone) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 1, 5)};
    answer.topics[0].partitions[0].error_code = ErrorCode::leader_not_available;
    EXPECT_EQ(merged({}, answer, std::nullopt).find({"a", 0})->leader, -1);
    answer.topics[0].partitions[0].error_code = ErrorCode::replica_not_available;
    EXPECT_EQ(merged({}, answer, std::nullopt).find({"a", 0})->leader, 1);
}

TEST(ClusterViewTest, TheNewerLeaderEpochStays) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 2, 7)};
    const ClusterView newer = merged({}, answer, std::nullopt);
    answer.topics = {topic("a", 1, 6)};
    EXPECT_EQ(merged(newer, answer, std::nullopt).find({"a", 0})->leader, 2);
    answer.topics[0].topic_id.bytes[0] = 1;
    EXPECT_EQ(merged(newer, answer, std::nullopt).find({"a", 0})->leader, 1)
        << "another topic of that name begins anew";
    answer.topics = {topic("a", 1, -1)};
    EXPECT_EQ(merged(newer, answer, std::nullopt).find({"a", 0})->leader, 1)
        << "a broker that knows no epochs is believed";
}

TEST(ClusterViewTest, BrokersThatCannotBeReachedAreLeftOut) {
    MetadataResponse answer;
    answer.brokers = {
        {1, "", 9092, std::nullopt}, {2, "b2", 0, {}}, {3, "b3", 70000, {}}, {4, "b4", 9092, "r1"}};
    const ClusterView view = merged({}, answer, std::nullopt);
    ASSERT_EQ(view.brokers.size(), 1u);
    EXPECT_EQ(view.brokers.at(4), (BrokerEndpoint{4, {"b4", 9092}, "r1"}));
}

}  // namespace
}  // namespace kwire
