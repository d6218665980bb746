#include <random>
#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/header.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/offset_fetch.h>
#include <kwire/protocol/uuid.h>

#include "random_message.h"

namespace kwire::test {
namespace {

using namespace kwire::protocol;

template <Message M>
Bytes encoded(const M& message, std::int16_t version) {
    std::string out;
    const auto error = encode(message, version, out);
    EXPECT_FALSE(error) << error->message();
    return Bytes::own(std::move(out));
}

template <Message M>
std::string refusal(const M& message, std::int16_t version) {
    std::string out = "before";
    const auto error = encode(message, version, out);
    EXPECT_EQ(out, "before");
    EXPECT_FALSE(encoded_size(message, version));
    return error ? error->message() : "none";
}

template <Message M>
std::string complaint(std::int16_t version, std::string bytes) {
    M message;
    const auto error = decode(message, version, Bytes::own(std::move(bytes)));
    return error ? error->message() : "none";
}

TEST(Codec, RandomMessagesComeBackEqual) {
    std::mt19937_64 random(7);
    for (const Schema* schema : all_messages()) {
        for (std::int16_t v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
            for (int i = 0; i < 20; ++i) {
                const auto message = schema->make();
                fill_randomly(*schema, message.get(), v, random);
                std::string out;
                const auto refused = encode(*schema, message.get(), v, out);
                ASSERT_FALSE(refused) << refused->message();
                ASSERT_EQ(encoded_size(*schema, message.get(), v), out.size()) << schema->name;
                const auto back = schema->make();
                const auto error = decode(*schema, back.get(), v, Bytes::own(out));
                ASSERT_FALSE(error) << error->message();
                ASSERT_TRUE(equal(*schema, message.get(), back.get())) << schema->name << ' ' << v;
            }
        }
    }
}

TEST(Codec, DecodingStartsFromDefaults) {
    MetadataRequest request{.topics = std::nullopt, .allow_auto_topic_creation = false};
    ASSERT_FALSE(decode(request, 0, encoded(MetadataRequest{}, 0)));
    EXPECT_TRUE(request.allow_auto_topic_creation);
    EXPECT_EQ(request, MetadataRequest{});
}

TEST(Codec, RecordsShareTheFrame) {
    FetchResponse response;
    response.responses.push_back(
        {.topic = "t", .partitions = {{.records = Bytes::copy_of("batches")}}});
    const Bytes frame = encoded(response, 4);
    FetchResponse back;
    ASSERT_FALSE(decode(back, 4, frame));
    const Bytes& records = *back.responses.at(0).partitions.at(0).records;
    EXPECT_EQ(records.view(), "batches");
    EXPECT_GE(records.data(), frame.data());
    EXPECT_LE(records.data() + records.size(), frame.data() + frame.size());
}

TEST(Codec, RefusesAFieldThatTheVersionLacks) {
    FetchResponse response;
    response.responses.resize(2);
    response.responses[1].partitions.push_back({.preferred_read_replica = 3});
    EXPECT_EQ(refusal(response, 10),
              "FetchResponse.responses[1].partitions[0].preferred_read_replica: is set, and "
              "version 10 cannot carry it");
    EXPECT_FALSE(encoded(response, 11).empty());
}

TEST(Codec, DropsAnIgnorableFieldThatTheVersionLacks) {
    FetchRequest request{.rack_id = "r"};
    FetchRequest back;
    ASSERT_FALSE(decode(back, 10, encoded(request, 10)));
    EXPECT_EQ(back.rack_id, "");
    ASSERT_FALSE(decode(back, 11, encoded(request, 11)));
    EXPECT_EQ(back.rack_id, "r");
}

TEST(Codec, RefusesNullWhereTheVersionHasNone) {
    const MetadataRequest all_topics{.topics = std::nullopt};
    EXPECT_EQ(refusal(all_topics, 0),
              "MetadataRequest.topics: is null, which version 0 does not allow");
    MetadataRequest back;
    ASSERT_FALSE(decode(back, 1, encoded(all_topics, 1)));
    EXPECT_FALSE(back.topics);
}

TEST(Codec, RefusesWhatTheProtocolCannotSay) {
    EXPECT_EQ(refusal(FetchRequest{}, 19), "FetchRequest: version 19 is not known, only 0 to 18");
    EXPECT_EQ(refusal(FetchRequest{.rack_id = std::string(40000, 'x')}, 12),
              "FetchRequest.rack_id: has a length of 40000, more than the protocol's 32767");
    EXPECT_EQ(complaint<FetchRequest>(-1, ""),
              "FetchRequest: version -1 is not known, only 0 to 18 at byte 0");
}

TEST(Codec, ErrorsNameThePlaceAndTheByte) {
    FetchResponse response;
    response.responses.resize(2);
    response.responses[1] = {.topic = "topic",
                             .partitions = {{.records = Bytes::copy_of("12345678")}}};
    const Bytes frame = encoded(response, 0);
    FetchResponse back;
    const auto error = decode(back, 0, frame.slice(0, frame.size() - 3));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message(),
              "FetchResponse.responses[1].partitions[0].records: needs 8 bytes, 5 left at byte 39");
}

TEST(Codec, BadLengthsSayWhatTheyAre) {
    using namespace std::string_literals;
    EXPECT_EQ(complaint<FetchResponse>(0, "\xff\xff\xff\xff"s),
              "FetchResponse.responses: is null, which version 0 does not allow at byte 0");
    EXPECT_EQ(complaint<FetchResponse>(0, "\xff\xff\xff\xfe"s),
              "FetchResponse.responses: has a length of -2 at byte 0");
    EXPECT_EQ(complaint<FetchResponse>(0, "\x7f\xff\xff\xff\0\0\0\0\0\0"s),
              "FetchResponse.responses: claims 2147483647 elements of at least 6 bytes, 6 bytes "
              "left at byte 0");
    EXPECT_EQ(complaint<ListOffsetsResponse>(2, "\0\0\0\0\0\0\0\1\xff\xff"s),
              "ListOffsetsResponse.topics: claims 1 elements of at least 6 bytes, 2 bytes left at "
              "byte 4");
    EXPECT_EQ(complaint<OffsetFetchRequest>(6, "\xff\xff\xff\xff\x1f"s),
              "OffsetFetchRequest.group_id: an unsigned varint of more than 32 bits at byte 0");
    EXPECT_EQ(complaint<FetchResponse>(0, "\0\0\0\0\x1"s),
              "FetchResponse: 1 bytes left over at byte 4");
}

TEST(Codec, UnknownTagsAreSkippedOrKept) {
    using namespace std::string_literals;
    const std::string bytes = "\0\0\0\x9\x2\x5\0\x90\x1\x2hi"s;  // tags 5 and 144
    ResponseHeader header;
    ASSERT_FALSE(decode(header, 1, Bytes::copy_of(bytes)));
    EXPECT_EQ(header.correlation_id, 9);
    EXPECT_EQ(encoded(header, 1).view(), "\0\0\0\x9\0"s);

    UnknownTags unknown;
    ASSERT_FALSE(decode(header, 1, Bytes::copy_of(bytes), &unknown));
    ASSERT_EQ(unknown.size(), 2U);
    EXPECT_EQ(unknown[1].path, "ResponseHeader");
    EXPECT_EQ(unknown[1].tag, 144U);
    EXPECT_EQ(unknown[1].data.view(), "hi");
    std::string out;
    ASSERT_FALSE(encode(header, 1, out, &unknown));
    EXPECT_EQ(out, bytes);
}

TEST(Codec, ATagMustUseAllItsBytes) {
    FetchRequest request{.cluster_id = "c"};
    const Bytes whole = encoded(request, 12);
    std::string bytes(whole.view());
    // The tag's size is the third byte from the end: a byte too many for the string in it.
    ASSERT_EQ(bytes[bytes.size() - 3], 2);
    bytes[bytes.size() - 3] = 3;
    EXPECT_EQ(complaint<FetchRequest>(12, bytes + '\0'),
              "FetchRequest.cluster_id: 1 bytes left over in a tagged field at byte " +
                  std::to_string(bytes.size()));
}

TEST(Codec, TagsAtTheirDefaultAreNotWritten) {
    const Bytes bytes = encoded(FetchRequest{}, 12);
    EXPECT_EQ(bytes.view().back(), '\0');
    EXPECT_EQ(encoded(FetchRequest{.cluster_id = ""}, 12).size(), bytes.size() + 3);
}

TEST(Codec, UnknownEnumValuesSurvive) {
    FetchResponse response{.error_code = static_cast<ErrorCode>(4711)};
    FetchResponse back;
    ASSERT_FALSE(decode(back, 12, encoded(response, 12)));
    EXPECT_EQ(static_cast<int>(back.error_code), 4711);
    EXPECT_EQ(to_string(back.error_code), "error 4711");
}

TEST(Json, ShowsWhatTheVersionHas) {
    CreateTopicsRequest request{.topics = {{.name = "t", .configs = {{"a", std::nullopt}}}}};
    EXPECT_EQ(to_json(request, 0),
              R"({"topics":[{"name":"t","numPartitions":0,"replicationFactor":0,)"
              R"("assignments":[],"configs":[{"name":"a","value":null}]}],"timeoutMs":60000})");
    FetchResponse response;
    response.responses.push_back({.partitions = {{.records = Bytes::copy_of("\xff\xfe!")}}});
    EXPECT_NE(to_json(response, 0).find(R"("records":"//4h")"), std::string::npos);
    EXPECT_NE(to_json(response, 0, RecordsAs::size).find(R"("recordsSizeInBytes":3)"),
              std::string::npos);
}

TEST(Json, TextThatIsNotUtf8IsReplaced) {
    RequestHeader header{.client_id = "a\x80\xc3\xa9\xed\xa0\x80\xf5"};
    EXPECT_NE(to_json(header, 1).find("\"a\xef\xbf\xbd\xc3\xa9"), std::string::npos);
    EXPECT_EQ(to_json(header, 1).find('\xed'), std::string::npos);
    EXPECT_EQ(to_json(header, 1).find('\xf5'), std::string::npos);
}

TEST(Uuid, TextIsKafkas) {
    Uuid id;
    EXPECT_EQ(id.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
    EXPECT_TRUE(id.is_zero());
    for (std::size_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<std::uint8_t>(255 - i);
    EXPECT_EQ(id.to_string(), "__79_Pv6-fj39vX08_Lx8A");
    EXPECT_EQ(Uuid::parse(id.to_string()), id);
    EXPECT_FALSE(Uuid::parse(""));
    EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAA"));
    EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAB"));
    EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAA/A"));
}

TEST(ApiKey, NamesAreKafkas) {
    EXPECT_EQ(name(ApiKey::offset_for_leader_epoch), "OffsetForLeaderEpoch");
    EXPECT_EQ(api_key_of("findcoordinator"), ApiKey::find_coordinator);
    EXPECT_FALSE(api_key_of("nonsense"));
    EXPECT_EQ(to_string(static_cast<ApiKey>(999)), "API 999");
    for (const Schema* schema : all_messages()) {
        if (!schema->api_key) continue;
        const std::string api(name(*schema->api_key));
        EXPECT_TRUE(schema->name == api + "Request" || schema->name == api + "Response") << api;
    }
}

}  // namespace
}  // namespace kwire::test
