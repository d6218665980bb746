// Finding the message that a record of Kafka's own topics holds. What the messages look like is the
// oracle's.
#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/embedded.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;
using namespace std::string_literals;

std::string json_of_key(InternalLog log, const std::string& key) {
    EmbeddedMessage found;
    std::string out;
    if (const auto error = find_key(log, Bytes::own(key), found)) return error->message();
    append_embedded_json(out, found);
    return out;
}

std::string json_of_value(InternalLog log, const std::string& key, const std::string& value) {
    EmbeddedMessage found;
    std::string out;
    if (const auto error = find_value(log, Bytes::own(key), Bytes::own(value), found)) {
        return error->message();
    }
    append_embedded_json(out, found);
    return out;
}

const std::string offset_key = "\0\1\0\1g\0\1t\0\0\0\3"s;

TEST(Embedded, AnOffsetHasItsKeyAndItsValue) {
    EXPECT_EQ(internal_log("__consumer_offsets"), InternalLog::consumer_offsets);
    EXPECT_EQ(internal_log("orders"), std::nullopt);
    EXPECT_EQ(json_of_key(InternalLog::consumer_offsets, offset_key),
              R"({"type":1,"name":"OffsetCommitKey","version":0,)"
              R"("data":{"group":"g","topic":"t","partition":3}})");
    EXPECT_EQ(json_of_value(InternalLog::consumer_offsets, offset_key,
                            "\0\3\0\0\0\0\0\0\0\x2a\0\0\0\7\0\0\0\0\0\0\0\0\0\1"s),
              R"({"type":1,"name":"OffsetCommitValue","version":3,)"
              R"("data":{"offset":42,"leaderEpoch":7,"metadata":"","commitTimestamp":1}})");
}

TEST(Embedded, MetadataRecordsSayWhatTheyAre) {
    EXPECT_EQ(json_of_value(InternalLog::cluster_metadata, "", "\1\14\0\2f\0\3\0"s),
              R"({"type":12,"name":"FeatureLevelRecord","version":0,)"
              R"("data":{"name":"f","featureLevel":3}})");
    EXPECT_EQ(json_of_value(InternalLog::cluster_metadata, "", "\1\35\0\0\0\0\5\0"s),
              R"({"type":29,"name":"UnregisterControllerRecord","version":0,"data":{"controllerId":5}})");
    EXPECT_EQ(json_of_value(InternalLog::cluster_metadata, "", "\2\14\0"s),
              "metadata record: has frame version 2, only 1 is known at byte 0");
    EXPECT_EQ(json_of_value(InternalLog::cluster_metadata, "", "\1\x8c"s),
              "metadata record: type is cut off at byte 1");
}

TEST(Embedded, ControlRecordsSayItInTheirKey) {
    EmbeddedMessage found;
    std::string out;
    ASSERT_FALSE(find_control_value(Bytes::own("\0\0\0\1"s), Bytes::own("\0\0\0\0\0\5"s), found));
    append_embedded_json(out, found);
    EXPECT_EQ(out, R"({"type":1,"name":"EndTxnMarker","version":0,"data":{"coordinatorEpoch":5}})");
    out.clear();
    ASSERT_FALSE(find_control_value(Bytes::own("\0\0\0\5"s), Bytes::own("\0\0\0\1\0"s), found));
    append_embedded_json(out, found);
    EXPECT_EQ(
        out,
        R"({"type":5,"name":"KRaftVersionRecord","version":0,"data":{"version":0,"kRaftVersion":1}})");
}

TEST(Embedded, WhatIsNewerThanKwireIsShownAsItIs) {
    EXPECT_EQ(json_of_key(InternalLog::consumer_offsets, "\0\x63\1\2"s),
              R"({"type":99,"version":0,"hex":"0102","note":"a type newer than kwire"})");
    EXPECT_EQ(json_of_value(InternalLog::consumer_offsets, offset_key, "\0\x63\1\2"s),
              R"({"type":1,"name":"OffsetCommitValue","version":99,"hex":"0102",)"
              R"("note":"a version newer than kwire"})");
    EXPECT_EQ(json_of_value(InternalLog::consumer_offsets, offset_key, "\0\3\1"s),
              R"({"type":1,"name":"OffsetCommitValue","version":3,"hex":"01",)"
              R"("error":"OffsetCommitValue.offset: needs 8 bytes, 1 left at byte 0"})");
    EXPECT_EQ(json_of_key(InternalLog::consumer_offsets, "\0"s),
              "key: needs 2 bytes, 1 left at byte 0");
}

}  // namespace
}  // namespace kwire::test
