// What consume prints of a message.
#include "message_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kwire::tools {
namespace {

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string base64(std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

MessageFields fields() {
    return {"t", 3, 42, 1'700'000'000'123, TimestampType::create_time, "k", "v", {}};
}

std::string json_line(const MessageFields& message) {
    std::string out;
    append_json(out, message);
    return out;
}

TEST(Base64, is_that_of_rfc_4648) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foob"), "Zm9vYg==");
    EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64(std::string_view("\xff\xfe\x00\xfb", 4)), "//4A+w==");
}

TEST(JsonString, every_ascii_character_comes_back_at_every_place) {
    for (int c = 0; c < 128; ++c) {
        for (std::size_t before = 0; before < 9; ++before) {
            std::string text(before, 'x');
            text += static_cast<char>(c);
            text += "12345678";
            EXPECT_EQ(nlohmann::json::parse(json_string(text)).get<std::string>(), text) << c;
        }
    }
}

TEST(JsonString, escapes_are_the_short_ones) {
    EXPECT_EQ(json_string("a\"b\\c\n\r\t\b\f"), R"("a\"b\\c\n\r\t\b\f")");
    EXPECT_EQ(json_string(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001F\\u007F\"");
}

/// U+009B begins an escape sequence of a terminal as ESC does.
TEST(JsonString, has_no_control_character_of_any_kind) {
    EXPECT_EQ(json_string("a\u0080\u009b2J\u009f\u00a0\x7f" "12345678\x7f"),
              "\"a\\u0080\\u009B2J\\u009F\u00a0\\u007F12345678\\u007F\"");
}

TEST(JsonString, utf8_stays_as_it_is) {
    for (const std::string text : {"\u00e9", "\u20ac", "\U0001f600", "x\u00e9y\u20acz", "\ud7ff",
                                   "\ue000", "\U0010ffff", "0123456\u00e901234567"}) {
        EXPECT_EQ(json_string(text), '"' + text + '"');
    }
}

TEST(JsonString, what_is_not_utf8_is_base64) {
    for (const std::string text :
         {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
          "abcdefgh\xe2\x28\xa1", "abc\xf0\x9f\x98"}) {
        EXPECT_EQ(json_string(text), "{\"base64\":\"" + base64(text) + "\"}");
    }
}

TEST(MessageJson, has_all_fields_in_their_order) {
    EXPECT_EQ(json_line(fields()),
              "{\"topic\":\"t\",\"partition\":3,\"offset\":42,\"timestamp\":1700000000123,"
              "\"timestamp_type\":\"CreateTime\",\"key\":\"k\",\"value\":\"v\",\"headers\":[]}\n");
}

TEST(MessageJson, null_is_not_empty) {
    MessageFields message = fields();
    message.key = std::nullopt;
    message.value = "";
    const auto line = nlohmann::json::parse(json_line(message));
    EXPECT_TRUE(line["key"].is_null());
    EXPECT_EQ(line["value"], "");
}

TEST(MessageJson, old_format_has_no_timestamp) {
    MessageFields message = fields();
    message.timestamp_type = TimestampType::none;
    message.timestamp_ms = -1;
    const auto line = nlohmann::json::parse(json_line(message));
    EXPECT_TRUE(line["timestamp"].is_null());
    EXPECT_EQ(line["timestamp_type"], "NoTimestampType");

    message.timestamp_type = TimestampType::append_time;
    EXPECT_EQ(nlohmann::json::parse(json_line(message))["timestamp_type"], "LogAppendTime");
}

TEST(MessageJson, headers_are_pairs_and_may_repeat) {
    // Each: key size, key, value size, value; sizes as zigzag varints, -1 for null.
    const std::string_view encoded(
        "\x02"
        "a\x02"
        "1\x02"
        "a\x01\x02"
        "b\x02\xff",
        11);
    MessageFields message = fields();
    message.headers = RecordHeaders(encoded, 3);
    const auto line = nlohmann::json::parse(json_line(message));
    EXPECT_EQ(line["headers"].dump(), R"([["a","1"],["a",null],["b",{"base64":"/w=="}]])");
}

}  // namespace
}  // namespace kwire::tools
