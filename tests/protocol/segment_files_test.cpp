#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/segment_files.h>

namespace kwire {
namespace {

using testing::HasSubstr;

std::string number(std::int64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
}

TEST(SegmentFileNames, say_what_a_file_is_and_where_it_begins) {
    EXPECT_EQ(segment_file_of("00000000000000000007.log"), SegmentFile::records);
    EXPECT_EQ(segment_file_of("00000000000000000007.log.deleted"), SegmentFile::records);
    EXPECT_EQ(segment_file_of("00000000000000000009-0000000001.checkpoint"), SegmentFile::records);
    EXPECT_EQ(segment_file_of("00000000000000000007.index"), SegmentFile::offset_index);
    EXPECT_EQ(segment_file_of("00000000000000000007.timeindex"), SegmentFile::time_index);
    EXPECT_EQ(segment_file_of("00000000000000000007.txnindex"), SegmentFile::transaction_index);
    EXPECT_EQ(segment_file_of("00000000000000000007.snapshot"), SegmentFile::producer_snapshot);
    EXPECT_EQ(segment_file_of("leader-epoch-checkpoint"), std::nullopt);
    EXPECT_EQ(base_offset_of("00000000000000000007.log"), 7);
    EXPECT_EQ(base_offset_of("00000000000000000009-0000000001.checkpoint"), 9);
    EXPECT_EQ(base_offset_of("data.log"), std::nullopt);
    EXPECT_EQ(base_offset_of("99999999999999999999.log"), std::nullopt);
}

TEST(OffsetIndex, entries_unused_room_and_disorder) {
    std::string file = number(5, 4) + number(100, 4) + number(9, 4) + number(4200, 4);
    auto read = read_offset_index(file + std::string(80, '\0'), 1000);
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.unused_bytes, 80U);
    ASSERT_EQ(read.entries.size(), 2U);
    EXPECT_EQ(read.entries[1].offset, 1009);
    EXPECT_EQ(read.entries[1].position, 4200);

    read = read_offset_index(file + number(9, 4) + number(5000, 4), 1000);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.entries.size(), 2U);
    EXPECT_THAT(read.error->message(),
                HasSubstr("index[2]: offset 1009 stands behind 1009; the broker rebuilds such an "
                          "index at byte 16"));
    read = read_offset_index(file + "abc", 0);
    ASSERT_TRUE(read.error);
    EXPECT_THAT(read.error->message(), HasSubstr("needs 8 bytes, 3 left at byte 16"));
    EXPECT_EQ(read_offset_index(std::string(64, '\0'), 0).unused_bytes, 64U);
}

TEST(OffsetIndex, an_offset_beyond_all_is_refused) {
    constexpr std::int64_t last = INT64_MAX;
    const auto index = read_offset_index(number(1, 4) + number(100, 4), last);
    ASSERT_TRUE(index.error);
    EXPECT_THAT(index.error->message(), HasSubstr("beyond 2^63 - 1"));
    const auto times = read_time_index(number(5, 8) + number(1, 4), last);
    ASSERT_TRUE(times.error);
    EXPECT_THAT(times.error->message(), HasSubstr("9223372036854775807"));
    EXPECT_FALSE(read_offset_index(number(0, 4) + number(100, 4), last).error);
}

TEST(TimeIndex, entries_of_zeros_before_a_used_one_are_entries) {
    const auto read = read_time_index(std::string(12 * 400'000, '\0') + number(1, 8) + number(4, 4), 10);
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.entries.size(), 400'001U) << "and not in time that grows with the square";
    EXPECT_EQ(read.unused_bytes, 0U);
}

TEST(TimeIndex, entries) {
    const auto read = read_time_index(number(1'700'000'000'123, 8) + number(4, 4), 10);
    EXPECT_FALSE(read.error);
    ASSERT_EQ(read.entries.size(), 1U);
    EXPECT_EQ(read.entries[0].timestamp, 1'700'000'000'123);
    EXPECT_EQ(read.entries[0].offset, 14);
}

TEST(TransactionIndex, entries) {
    const std::string entry = number(0, 2) + number(77, 8) + number(1, 8) + number(5, 8) + number(6, 8);
    const auto read = read_transaction_index(entry);
    EXPECT_FALSE(read.error);
    ASSERT_EQ(read.entries.size(), 1U);
    EXPECT_EQ(read.entries[0].producer_id, 77);
    EXPECT_EQ(read.entries[0].last_stable_offset, 6);
    EXPECT_TRUE(read_transaction_index(number(3, 2) + entry.substr(2)).error);
}

std::string snapshot(std::int32_t claimed) {
    const std::string body = number(claimed, 4) + number(42, 8) + number(3, 2) + number(9, 4) + number(100, 8) +
                             number(2, 4) + number(1'700'000'000'000, 8) + number(-1, 4) + number(-1, 8);
    return number(1, 2) + number(protocol::crc32c(body), 4) + body;
}

TEST(ProducerSnapshot, entries_and_crc) {
    const std::string file = snapshot(1);
    auto read = read_producer_snapshot(file);
    EXPECT_FALSE(read.error);
    ASSERT_EQ(read.entries.size(), 1U);
    EXPECT_EQ(read.entries[0].producer_id, 42);
    EXPECT_EQ(read.entries[0].epoch, 3);
    EXPECT_EQ(read.entries[0].last_offset, 100);
    EXPECT_EQ(read.entries[0].current_txn_first_offset, -1);
    std::string damaged = file;
    damaged[20] ^= 1;
    EXPECT_THAT(read_producer_snapshot(damaged).error->message(), HasSubstr("CRC is wrong"));
    EXPECT_THAT(read_producer_snapshot(snapshot(9)).error->message(), HasSubstr("claims 9 producers and has 1"));
    for (std::size_t size = 0; size < file.size(); ++size) {
        EXPECT_TRUE(read_producer_snapshot(file.substr(0, size)).error) << size;
    }
}

}  // namespace
}  // namespace kwire
