#include "connecting/cluster_view.h"

#include <gtest/gtest.h>

#include <kwire/net/topic_error.h>

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
    const ClusterView after = merged(before, answer, Names{"a", "b"}, true);
    EXPECT_TRUE(after.topics.empty());
    EXPECT_EQ(after.topic_errors.at("a"), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(after.topic_errors.at("b"), ErrorCode::unknown_topic_or_partition)
        << "old brokers are asked for all their topics";
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

TEST(ClusterViewTest, AnOlderLeaderEpochThatStaysIsBelieved) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 2, 7)};
    ClusterView view = merged({}, answer, std::nullopt);
    answer.topics = {topic("a", 1, 0)};
    for (int i = 0; i < 5; ++i) {
        view = merged(view, answer, std::nullopt);
        EXPECT_EQ(view.find({"a", 0})->leader_epoch, 7) << "a broker that lags behind";
    }
    view = merged(view, answer, std::nullopt);
    EXPECT_EQ(view.find({"a", 0})->leader_epoch, 0) << "a topic that was made anew, of brokers that have no ids";
    answer.topics = {topic("a", 2, 7)};
    view = merged(view, answer, std::nullopt);
    answer.topics = {topic("a", 1, 0)};
    view = merged(view, answer, std::nullopt);
    EXPECT_EQ(view.find({"a", 0})->leader_epoch, 7) << "counted anew";
}

TEST(ClusterViewTest, ATopicThatTheAnswerLeavesOutIsNotUnknown) {
    auto answer = answer_with_broker();
    answer.topics = {topic("a", 1, 5)};
    const ClusterView before = merged({}, answer, std::nullopt);
    answer.topics.clear();
    const ClusterView after = merged(before, answer, Names{"a", "b"});
    EXPECT_TRUE(after.topic_errors.empty());
    EXPECT_TRUE(after.find({"a", 0})) << "what is known stays";
    EXPECT_EQ(after.topics.count("b"), 0u);
    EXPECT_NE(why_missing(after, "b").find("leaves the topic out"), std::string::npos);
    EXPECT_EQ(missing_topic(after, "b").condition(), errc::no_leader);
    answer.topics = {topic("a", 1, 5)};
    EXPECT_TRUE(merged(after, answer, Names{"a", "b"}).topic_faults.contains("b"));
    EXPECT_FALSE(merged(after, answer, Names{"a"}).topic_faults.contains("a"));
}

TEST(ClusterViewTest, ARefusalKeepsItsReason) {
    auto answer = answer_with_broker();
    for (const auto& [name, code] :
         {std::pair("denied", ErrorCode::topic_authorization_failed),
          std::pair("wrong name", ErrorCode::invalid_topic_exception),
          std::pair("new", ErrorCode::leader_not_available), std::pair("odd", ErrorCode{4711}),
          std::pair("none", ErrorCode::unknown_topic_or_partition)}) {
        answer.topics.emplace_back().name = name;
        answer.topics.back().error_code = code;
    }
    const ClusterView view = merged({}, answer, Names{"denied", "wrong name", "new", "odd", "none"});
    const Error denied = missing_topic(view, "denied", {.api = "Fetch"});
    EXPECT_EQ(denied.condition(), errc::broker_error);
    EXPECT_EQ(denied.broker_code(), ErrorCode::topic_authorization_failed);
    EXPECT_EQ(denied.where().topic, "denied");
    EXPECT_EQ(denied.reason(), why_missing(view, "denied"));
    EXPECT_NE(denied.reason().find("TOPIC_AUTHORIZATION_FAILED"), std::string::npos) << denied.what();
    EXPECT_NE(why_missing(view, "wrong name").find("INVALID_TOPIC"), std::string::npos);
    EXPECT_NE(why_missing(view, "new").find("LEADER_NOT_AVAILABLE"), std::string::npos);
    EXPECT_NE(why_missing(view, "odd").find("4711"), std::string::npos);
    for (const char* name : {"denied", "wrong name", "new", "odd", "never asked for"}) {
        EXPECT_EQ(why_missing(view, name).find("does not exist"), std::string::npos) << name;
        EXPECT_NE(missing_topic(view, name).condition(), errc::unknown_topic) << name;
    }
    EXPECT_EQ(missing_topic(view, "none").condition(), errc::unknown_topic);
    EXPECT_NE(why_missing(view, "none").find("does not exist"), std::string::npos);
}

TEST(ClusterViewTest, NumbersThatCannotBeAreNamedAndLeftOut) {
    auto answer = answer_with_broker();
    answer.controller_id = INT32_MIN;
    answer.brokers.push_back({-1, "b", 9092, std::nullopt});
    answer.brokers.push_back({1, "elsewhere", 9092, std::nullopt});
    answer.topics = {topic("a", 1, 5), topic("a", 7, 5), topic("foreign", 1, 1), topic(std::string(1 << 20, 'x'), 1, 1)};
    const auto sound = answer.topics[0].partitions[0];
    for (const std::int32_t id : {-1, INT32_MIN, INT32_MAX, partition_id_max + 1, 5, 5}) {
        answer.topics[0].partitions.push_back(sound);
        answer.topics[0].partitions.back().partition_index = id;
    }
    answer.topics[0].partitions[0].leader_id = -7;
    answer.topics[0].partitions[0].replica_nodes = {-1, 3, INT32_MIN};
    const ClusterView view = merged({}, answer, Names{"a"});
    EXPECT_EQ(view.controller, -1);
    EXPECT_EQ(view.brokers.size(), 1u);
    EXPECT_EQ(view.brokers.at(1).address.host, "b1") << "the first of two stays";
    EXPECT_EQ(view.topics.at("a").partitions.size(), 2u) << "0 and 5: gaps stay gaps";
    EXPECT_EQ(view.find({"a", 0})->leader, -1);
    EXPECT_EQ(view.find({"a", 0})->replicas, std::vector<std::int32_t>{3});
    EXPECT_TRUE(view.topic_faults.contains("a"));
    EXPECT_EQ(view.topics.size(), 1u);
    EXPECT_EQ(view.faults.size(), 4u);
    for (const auto& fault : view.faults) EXPECT_LT(fault.size(), 300u);
    EXPECT_TRUE(merged(view, answer_with_broker(), Names{}).faults.empty());
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
