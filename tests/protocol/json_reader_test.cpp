// What from_json takes and what it refuses; that it reads what append_json writes is the oracle's.
#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/fetch.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/record_batch_builder.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;

template <Message M>
std::string error_of(std::int16_t version, std::string_view text) {
    M message;
    const auto error = from_json(message, version, text);
    return error ? error->message() : "";
}

TEST(JsonReader, MissingFieldsKeepTheirDefaults) {
    FetchRequest request;
    EXPECT_FALSE(from_json(request, 12, "{}"));
    EXPECT_EQ(request, FetchRequest{});
    EXPECT_FALSE(from_json(request, 12, R"( { "maxWaitMs" : 7,
        "topics":[{"topic":"t\u00fc\ud83d\udc1f"}] } )"));
    EXPECT_EQ(request.max_wait_ms, 7);
    EXPECT_EQ(request.max_bytes, FetchRequest{}.max_bytes);
    ASSERT_EQ(request.topics.size(), 1U);
    EXPECT_EQ(request.topics[0].topic, "t\xc3\xbc\xf0\x9f\x90\x9f");
}

TEST(JsonReader, WhatAVersionLacksIsNamed) {
    EXPECT_EQ(error_of<FetchRequest>(12, R"({"topics":[{},{"topicId":"x"}]})"),
              "FetchRequest.topics[1].topicId: is no field of version 12 at byte 15");
    EXPECT_EQ(error_of<FetchRequest>(12, R"({"maxWait":7})"),
              "FetchRequest.maxWait: is no field of this message at byte 1");
    EXPECT_EQ(error_of<FetchRequest>(99, "{}"),
              "FetchRequest: version 99 is not known, only 0 to 18 at byte 0");
    EXPECT_EQ(error_of<MetadataRequest>(0, R"({"topics":null})"),
              "MetadataRequest.topics: is null, which version 0 does not allow at byte 10");
}

TEST(JsonReader, ValuesOfAnotherKindAreNamed) {
    EXPECT_EQ(error_of<FetchRequest>(12, R"({"maxWaitMs":"7"})"),
              "FetchRequest.max_wait_ms: is a string, not a number at byte 13");
    EXPECT_EQ(
        error_of<FetchRequest>(12, R"({"isolationLevel":128})"),
        "FetchRequest.isolation_level: is 128, not a whole number from -128 to 127 at byte 18");
    EXPECT_EQ(error_of<FetchRequest>(12, R"({"maxWaitMs":1.5})"),
              "FetchRequest.max_wait_ms: is 1.5, not a whole number from -2147483648 to 2147483647 "
              "at byte 13");
    EXPECT_EQ(error_of<FetchRequest>(12, R"({"topics":{}})"),
              "FetchRequest.topics: is an object, not a list at byte 10");
    EXPECT_EQ(
        error_of<FetchRequest>(13, R"({"topics":[{"topicId":"short"}]})"),
        "FetchRequest.topics[0].topic_id: is not a uuid of 22 characters as Kafka prints it at "
        "byte 22");
    EXPECT_EQ(
        error_of<FetchResponse>(12, R"({"responses":[{"partitions":[{"recordsSizeInBytes":9}]}]})"),
        "FetchResponse.responses[0].partitions[0].recordsSizeInBytes: tells the size of "
        "records and not the records themselves; show them as base64 at byte 30");
}

TEST(JsonReader, WhatIsNoJsonIsNamed) {
    for (const std::string text : {"",
                                   "{",
                                   "[]",
                                   "{}x",
                                   "{\"maxWaitMs\"",
                                   "{\"maxWaitMs\":",
                                   "{\"maxWaitMs\":1,}",
                                   "{\"maxWaitMs\":1 \"minBytes\":2}",
                                   "{\"maxWaitMs\":1,\"maxWaitMs\":1}",
                                   "{\"topics\":[}",
                                   "{\"topics\":[{}",
                                   "{\"topics\":[{},]}",
                                   "{\"topics\":[,{}]}",
                                   "{\"topics\":[{]}]}",
                                   "{\"rackId\":\"\\ud83d\"}",
                                   "{\"rackId\":\"\\u12\"}",
                                   "{\"rackId\":\"\\x\"}",
                                   "{\"rackId\":\"\n\"}",
                                   "{\"rackId\":\"",
                                   "{\"rackId\":nul}"}) {
        FetchRequest request;
        const auto error = from_json(request, 12, text);
        ASSERT_TRUE(error) << text;
        EXPECT_TRUE(error->path.starts_with("FetchRequest")) << error->message();
        EXPECT_LE(error->offset, text.size()) << text;
    }
}

TEST(JsonReader, Base64IsReadBack) {
    for (const std::string bytes : {"", "f", "fo", "foo", "foob", "\xff\x01\x80"}) {
        std::string text;
        append_base64(text, bytes);
        EXPECT_EQ(from_base64(text), bytes);
    }
    for (const char* text : {"Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Z===", "Zm9v-A=="}) {
        EXPECT_EQ(from_base64(text), std::nullopt) << text;
    }
}

TEST(RecordsJson, BatchesAreOpenedOnRequest) {
    RecordBatchBuilder builder({.base_offset = 5});
    builder.append(1'000, "k", "v\"");
    builder.append(1'001, std::nullopt, "\xff");
    Compressor compressor;
    const std::string records = builder.build(compressor);
    ProduceRequest request;
    auto& partition = request.topic_data.emplace_back().partition_data.emplace_back();
    partition.records = Bytes::own(records + records.substr(0, 30));
    const std::string json = to_json(request, 8, RecordsAs::batches);
    EXPECT_NE(json.find(R"("records":[{"baseOffset":5,"lastOffset":6,)"), std::string::npos)
        << json;
    EXPECT_NE(json.find(R"({"offset":5,"timestamp":1000,"key":"k","value":"v\"","headers":[]},)"
                        R"({"offset":6,"timestamp":1001,"key":null,"value":{"base64":"/w=="},)"),
              std::string::npos)
        << json;
    EXPECT_NE(json.find(R"({"truncatedBytes":30}])"), std::string::npos) << json;
    std::string damaged = records;
    damaged.back() ^= 1;
    partition.records = Bytes::own(damaged);
    EXPECT_NE(to_json(request, 8, RecordsAs::batches).find(R"("records":[],"error":")"),
              std::string::npos);
}

}  // namespace
}  // namespace kwire::test
