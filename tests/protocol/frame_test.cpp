#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;
using namespace std::string_literals;

TEST(Frame, HeaderVersionsFollowTheMessage) {
    EXPECT_EQ(request_header_version(ApiKey::fetch, 11), 1);
    EXPECT_EQ(response_header_version(ApiKey::fetch, 11), 0);
    EXPECT_EQ(request_header_version(ApiKey::fetch, 12), 2);
    EXPECT_EQ(response_header_version(ApiKey::fetch, 12), 1);
    EXPECT_EQ(request_header_version(ApiKey::api_versions, 3), 2);
    EXPECT_EQ(response_header_version(ApiKey::api_versions, 3), 0);
    EXPECT_EQ(request_header_version(ApiKey::controlled_shutdown, 0), 0);
    EXPECT_EQ(request_header_version(ApiKey{93}, 0), 2) << "newer than kwire";
    EXPECT_EQ(response_header_version(ApiKey{93}, 0), 1);
    EXPECT_EQ(request_header_version(ApiKey{-1}, 0), 1);
}

TEST(Frame, HeaderVersionsAgreeWithEverySchema) {
    for (const Schema* schema : all_messages()) {
        if (!schema->api_key) continue;
        const ApiKey key = *schema->api_key;
        for (std::int16_t v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
            const bool flexible = schema->flexible.contains(v);
            if (schema == request_schema(key)) {
                if (key == ApiKey::controlled_shutdown && v == 0) continue;
                EXPECT_EQ(request_header_version(key, v), flexible ? 2 : 1) << schema->name << v;
            } else if (key != ApiKey::api_versions) {
                EXPECT_EQ(response_header_version(key, v), flexible ? 1 : 0) << schema->name << v;
            }
        }
    }
}

TEST(Frame, ARequestIsSizeHeaderAndBody) {
    std::string out = "before";
    ASSERT_FALSE(encode_request(ApiVersionsRequest{"kw", "1"}, 3, 7, "me", out));
    // Compact strings in the body, but not in the header.
    EXPECT_EQ(out,
              "before\0\0\0\x13\0\x12\0\x3\0\0\0\x7\0\x2me\0\x3kw\x2"
              "1\0"s);
}

TEST(Frame, AControlledShutdownOfVersion0HasNoClientId) {
    const Schema& schema = *request_schema(ApiKey::controlled_shutdown);
    for (const std::int16_t version : {std::int16_t{0}, std::int16_t{1}}) {
        std::string out;
        ASSERT_FALSE(encode_request(schema, schema.make().get(), version, 7, "me", out));
        RequestFrame frame;
        ASSERT_FALSE(decode_request_header(Bytes::copy_of(out.substr(4)), frame));
        EXPECT_EQ(frame.header_version, version);
        EXPECT_EQ(frame.body.size(), 4U) << "the broker's id";
        const auto message = schema.make();
        EXPECT_FALSE(decode(schema, message.get(), version, frame.body));
    }
}

TEST(Frame, ARefusedRequestLeavesNothingBehind) {
    std::string out = "before";
    const auto error = encode_request(MetadataRequest{.topics = std::nullopt}, 0, 1, "me", out);
    ASSERT_TRUE(error);
    EXPECT_EQ(out, "before");
}

TEST(Frame, ARequestIsTakenApart) {
    std::string out;
    const FetchRequest request{.topics = {{.topic = "t"}}};
    for (const std::int16_t version : {std::int16_t{11}, std::int16_t{12}}) {
        out.clear();
        ASSERT_FALSE(encode_request(request, version, 7, "me", out));
        EXPECT_EQ(frame_size(out.data()), static_cast<std::int32_t>(out.size() - 4));
        RequestFrame frame;
        ASSERT_FALSE(decode_request_header(Bytes::copy_of(out.substr(4)), frame));
        EXPECT_EQ(frame.header.request_api_key, ApiKey::fetch);
        EXPECT_EQ(frame.header.request_api_version, version);
        EXPECT_EQ(frame.header.correlation_id, 7);
        EXPECT_EQ(frame.header.client_id, "me");
        FetchRequest back;
        ASSERT_FALSE(decode(back, version, frame.body));
        EXPECT_EQ(back, request);
    }
}

TEST(Frame, AResponseIsTakenApart) {
    std::string out;
    ASSERT_FALSE(encode_response(ApiVersionsResponse{.throttle_time_ms = 5}, 3, 9, out));
    ResponseFrame frame;
    const std::int16_t header_version = response_header_version(ApiKey::api_versions, 3);
    ASSERT_FALSE(decode_response_header(Bytes::copy_of(out.substr(4)), header_version, frame));
    EXPECT_EQ(frame.header.correlation_id, 9);
    ApiVersionsResponse back;
    ASSERT_FALSE(decode(back, 3, frame.body));
    EXPECT_EQ(back.throttle_time_ms, 5);
}

TEST(Frame, AShortHeaderIsAnError) {
    ResponseFrame response;
    const auto error = decode_response_header(Bytes::copy_of("\0\0\0"s), 0, response);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message(), "ResponseHeader.correlation_id: needs 4 bytes, 3 left at byte 0");
    RequestFrame request;
    EXPECT_TRUE(decode_request_header(Bytes::copy_of("\0\x1\0\x1\0\0\0\x1\0"s), request));
}

std::string judged(std::string_view first_bytes) {
    return wrong_frame_size(frame_size(first_bytes.data()), 100 << 20).value_or("fine");
}

TEST(Frame, SizesThatAreNoneAreExplained) {
    EXPECT_EQ(judged("\0\0\0\x1"s), "fine");
    EXPECT_EQ(judged("\0\0\0\0"s), "a frame of 0 bytes, but a frame holds at least a header");
    EXPECT_EQ(judged("\xff\xff\xff\xff"s), "a frame of -1 bytes, which is not a Kafka frame");
    EXPECT_EQ(judged("\x7f\0\0\0"s), "a frame of 2130706432 bytes, more than the allowed 104857600");
    EXPECT_NE(judged("\x15\x03\x03\0"s).find("TLS alert"), std::string::npos);
    EXPECT_NE(judged("\x16\x03\x01\x02"s).find("TLS handshake"), std::string::npos);
    EXPECT_NE(judged("HTTP"s).find("web server"), std::string::npos);
    EXPECT_NE(judged("This"s).find("ZooKeeper"), std::string::npos);
}

}  // namespace
}  // namespace kwire::test
