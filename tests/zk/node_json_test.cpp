#include "node_json.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/compressor.h>

namespace kwire::zk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(NodeJson, ReadsBrokersOfEveryVersion) {
    const struct {
        const char* json;
        const char* address;
    } cases[] = {
        {R"({"jmx_port":-1,"timestamp":"1416","host":"a","version":1,"port":9092})", "a:9092"},
        {R"({"version":1,"host":"a","port":"9092"})", "a:9092"},
        {R"({"endpoints":["SSL://s:1","PLAINTEXT://p:2"],"host":"x","port":3,"version":2})", "p:2"},
        {R"({"endpoints":["PLAINTEXT://[::1]:2"],"host":null,"port":-1,"version":3,"rack":"r"})",
         "[::1]:2"},
        {R"({"listener_security_protocol_map":{"IN":"SSL","OUT":"PLAINTEXT"},"version":4,
             "endpoints":["IN://a:1","OUT://b:2"],"host":null,"port":-1})",
         "b:2"},
        {R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"version":5,
             "endpoints":["PLAINTEXT://b:2"],"host":"b","port":2})",
         "b:2"},
    };
    for (const auto& each : cases) {
        const auto broker = read_broker(7, each.json);
        ASSERT_TRUE(broker.value) << each.json << broker.problem;
        ASSERT_EQ(broker.value->size(), 1U);
        EXPECT_EQ(broker.value->front().address.to_string(), each.address);
        EXPECT_EQ(broker.value->front().id, 7);
    }
    const auto ssl_only =
        read_broker(1, R"({"endpoints":["SSL://s:1"],"host":null,"port":-1,"version":2})");
    EXPECT_FALSE(ssl_only.value);
    EXPECT_EQ(ssl_only.problem, "has no PLAINTEXT listener, only SSL");
}

TEST(NodeJson, ReadsEveryListenerThatSpeaksPlaintext) {
    const auto broker = read_broker(1, R"({"listener_security_protocol_map":{"A":"PLAINTEXT","B":"SASL_SSL","C":"PLAINTEXT"},
        "endpoints":["A://a:1","B://b:2","C://c:3"],"version":4})");
    ASSERT_TRUE(broker.value);
    ASSERT_EQ(broker.value->size(), 2U);
    EXPECT_EQ(broker.value->at(0).address.to_string(), "a:1");
    EXPECT_EQ(broker.value->at(1).address.to_string(), "c:3");
}

TEST(NodeJson, ReadsTheRegistrationsOfJavaAndGo) {
    const auto java = read_registration(
        R"({"version":1,"subscription":{"t":2,"u":"1"},"pattern":"static","timestamp":"1416000000000"})");
    ASSERT_TRUE(java.value);
    EXPECT_THAT(java.value->subscription, ElementsAre(Pair("t", 2), Pair("u", 1)));
    EXPECT_EQ(java.value->timestamp_ms, 1416000000000);
    const auto go = read_registration(
        R"({"pattern":"white_list","subscription":{"a|b":1},"timestamp":1416000000,"version":1})");
    ASSERT_TRUE(go.value);
    EXPECT_EQ(go.value->pattern, SubscriptionPattern::white_list);
    EXPECT_EQ(go.value->timestamp_ms, 1416000000);
}

TEST(NodeJson, WritesTheRegistrationAsJavaNeedsIt) {
    Registration registration;
    registration.subscription = {{"clicks", 1}};
    registration.timestamp_ms = 1416000000123;
    EXPECT_EQ(write_registration(registration),
              R"({"version":1,"subscription":{"clicks":1},"pattern":"static",)"
              R"("timestamp":"1416000000123"})");
    registration.pattern = SubscriptionPattern::black_list;
    registration.subscription = {{R"(a"\b)", 3}};
    const auto again = read_registration(write_registration(registration));
    ASSERT_TRUE(again.value);
    EXPECT_EQ(again.value->pattern, SubscriptionPattern::black_list);
    EXPECT_EQ(again.value->subscription, registration.subscription);
}

TEST(NodeJson, RefusesHostileNodesInWords) {
    std::string deep(100'000, '[');
    std::string deep_object;
    for (int i = 0; i < 10'000; ++i) deep_object += R"({"subscription":)";
    const std::string hostile[] = {
        "",
        " ",
        "null",
        "[]",
        "42",
        "{",
        "{}",
        deep,
        deep_object,
        std::string(5'000'000, ' '),
        "\xff\xfe{}",
        std::string("{\"pattern\":\"\xc0\x80\"}"),
        std::string("\0\0", 2),
        R"({"pattern":"static"})",
        R"({"pattern":"wild","subscription":{}})",
        R"({"pattern":"static","subscription":[]})",
        R"({"pattern":"static","subscription":{"t":-1}})",
        R"({"pattern":"static","subscription":{"t":9223372036854775808}})",
        R"({"pattern":"static","subscription":{"t":1.5}})",
        R"({"pattern":"static","subscription":{"t":null}})",
        R"({"partitions":{"x":[1]}})",
        R"({"partitions":{"0":1}})",
        R"({"partitions":{"-1":[]}})",
        R"({"partitions":{"0":["a"]}})",
        R"({"partitions":{"2147483647":[1]}})",
        R"({"partitions":{"1000000":[1]}})",
        R"({"partitions":{"0":[-1]}})",
        R"({"brokerid":-1})",
        R"({"pattern":"static","subscription":{"t":2147483647}})",
    };
    for (const std::string& text : hostile) {
        const auto registration = read_registration(text);
        EXPECT_FALSE(registration.value) << text.substr(0, 80);
        EXPECT_FALSE(registration.problem.empty());
        EXPECT_LT(registration.problem.size(), 300U);
        EXPECT_FALSE(read_broker(1, text).value);
        EXPECT_FALSE(read_topic(text).value);
        EXPECT_FALSE(read_partition_state(text).value);
        EXPECT_FALSE(read_controller(text).value);
    }
}

TEST(NodeJson, SurvivesEveryCutOfItsInput) {
    const std::string whole =
        R"({"version":1,"subscription":{"t":2},"pattern":"static","timestamp":"14\u0031"})";
    ASSERT_TRUE(read_registration(whole).value);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(read_registration(whole.substr(0, size)).value) << size;
    }
}

TEST(NodeJson, APlanIsAsLongAsItHasPartitionsWhateverTheirIds) {
    const std::map<TopicPartition, std::string> owners = {{{"gaps", 3}, "a"},
                                                          {{"gaps", partition_id_max}, "b"},
                                                          {{"whole", 0}, "a"},
                                                          {{"whole", 2}, "b"}};
    const std::string text = write_plan(owners).value();
    EXPECT_LT(text.size(), 200U);
    EXPECT_NE(text.find(R"("whole":[0,-1,1])"), std::string::npos) << text;
    const auto plan = read_plan(text);
    ASSERT_TRUE(plan.value) << plan.problem;
    EXPECT_EQ(*plan.value, owners);
    EXPECT_LT(write_plan({{{"t", -1}, "a"}, {{"t", INT32_MAX}, "a"}, {{"u", INT32_MIN}, "a"}})->size(), 200U);
    for (const char* wrong : {R"({"members":["a"],"topics":{"t":{"2147483647":0}}})",
                              R"({"members":["a"],"topics":{"t":{"-1":0}}})",
                              R"({"members":["a"],"topics":{"t":{"0":"a"}}})"}) {
        EXPECT_FALSE(read_plan(wrong).value) << wrong;
    }
}

TEST(NodeJson, APlanOf16000TopicsOfLongNamesFitsANode) {
    std::mt19937 random(1);
    const auto letters = [&](std::size_t count) {
        std::string text;
        constexpr char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        while (text.size() < count) text += all[random() % 64];
        return text;
    };
    std::map<TopicPartition, std::string> owners;
    for (int i = 0; i < 16'000; ++i) owners[{letters(60), 0}] = "kwire:host:4711:" + std::to_string(i % 50);
    const std::string packed = write_plan(owners).value();
    EXPECT_LT(packed.size(), 1'000'000U) << "even of names that nothing shortens";
    EXPECT_EQ(read_plan(packed).value, owners);
    for (std::size_t size : {packed.size() - 1, packed.size() / 2, std::size_t{2}, std::size_t{10}}) {
        EXPECT_FALSE(read_plan(packed.substr(0, size)).value) << size;
    }
    std::map<TopicPartition, std::string> partitions;
    for (int i = 0; i < 20'000; ++i) partitions[{"one topic", i}] = "m" + std::to_string(i % 50);
    EXPECT_LT(write_plan(partitions)->size(), 65'000U);
    EXPECT_EQ(read_plan(write_plan(partitions).value()).value, partitions);
}

TEST(NodeJson, APlanThatDecompressesToTooMuchIsRefused) {
    std::string bomb;
    Compressor().compress(Compression::gzip, std::nullopt, 2, std::string(50'000'000, ' '), bomb);
    EXPECT_LT(bomb.size(), 100'000U);
    const ReadPlan plan = read_plan(bomb);
    EXPECT_FALSE(plan.value);
    EXPECT_FALSE(plan.replaceable);
    std::map<TopicPartition, std::string> owners;
    for (int i = 0; i < 100'000; ++i) owners[{std::string(90, 'a') + std::to_string(i), 0}] = "m";
    EXPECT_FALSE(write_plan(owners)) << "more than anybody reads again";
}

TEST(NodeJson, APlanOfAnUnknownVersionIsNoPlanAndNotReplaceable) {
    for (const char* text : {R"({"version":2,"coordination":"broker"})",
                             R"({"version":7,"members":["m"],"topics":{"t":[0]}})",
                             R"({"version":"1x","members":[],"topics":{}})",
                             R"({"version":0,"members":[],"topics":{}})"}) {
        const ReadPlan plan = read_plan(text);
        EXPECT_FALSE(plan.value) << text;
        EXPECT_FALSE(plan.replaceable) << text;
        EXPECT_THAT(plan.problem, HasSubstr("version")) << text;
    }
    EXPECT_TRUE(read_plan(R"({"members":["m"],"topics":{"t":[0]}})").value) << "one without a version is of the first";
    EXPECT_TRUE(read_plan("junk").replaceable);
}

TEST(NodeJson, ReadsTopicsStatesAndConfigs) {
    const auto topic = read_topic(
        R"({"removing_replicas":{},"partitions":{"2":[3,1],"10":[1]},"topic_id":"x","version":3})");
    ASSERT_TRUE(topic.value);
    EXPECT_THAT(topic.value->replicas,
                ElementsAre(Pair(2, ElementsAre(3, 1)), Pair(10, ElementsAre(1))));
    EXPECT_EQ(write_topic({{{0, {1, 2}}, {1, {2, 1}}}}),
              R"({"version":1,"partitions":{"0":[1,2],"1":[2,1]}})");
    const auto state = read_partition_state(
        R"({"controller_epoch":4,"leader":-1,"version":1,"leader_epoch":9,"isr":[2,1]})");
    ASSERT_TRUE(state.value);
    EXPECT_EQ(state.value->leader, -1);
    EXPECT_EQ(state.value->leader_epoch, 9);
    EXPECT_THAT(state.value->isr, ElementsAre(2, 1));
    const auto config = read_topic_config(R"({"version":1,"config":{"retention.ms":"5","a":6}})");
    ASSERT_TRUE(config.value);
    EXPECT_THAT(*config.value, ElementsAre(Pair("a", "6"), Pair("retention.ms", "5")));
    EXPECT_EQ(write_topic_config({{"retention.ms", "5"}}),
              R"({"version":1,"config":{"retention.ms":"5"}})");
}

TEST(NodeJson, ReadsOnlyOffsets) {
    EXPECT_EQ(read_offset("0"), 0);
    EXPECT_EQ(read_offset("9223372036854775807"), 9223372036854775807);
    for (const char* text : {"", " 1", "1 ", "-1", "-0", "+1", "0x1", "1.0", "9223372036854775808",
                             "99999999999999999999999", "one", "1\n"}) {
        EXPECT_FALSE(read_offset(text)) << text;
    }
}

}  // namespace
}  // namespace kwire::zk
