// What the builders write, the cursor and the reader read: all formats, all codecs, all shapes of a
// record.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "records_support.h"

namespace kwire {
namespace {

using ::kwire::test::OwnedRecord;
using ::kwire::test::read_all;

constexpr std::int64_t start_time = 1'700'000'000'123;

std::vector<OwnedRecord> sample_records(bool with_headers) {
    std::vector<OwnedRecord> records = {
        {100, start_time, "key", "value", {}},
        {101, start_time + 5, std::nullopt, "value without a key", {}},
        {102, start_time - 70'000, "deleted", std::nullopt, {}},
        {103, start_time + 8'000'000'000, "", "", {}},
        {110, start_time, std::nullopt, std::nullopt, {}},
        {2'000'100, start_time + 1, "far", std::string(100'000, 'x'), {}},
        {2'000'101, start_time + 1, std::string(300, 'k'), "last", {}},
    };
    if (with_headers) {
        records[0].headers = {{"a", "1"}, {"a", std::nullopt}, {"", ""}};
        records[4].headers = {{std::string(200, 'h'), std::string(1000, 'v')}};
        records[6].headers = {{"z", "end"}};
    }
    return records;
}

std::string build_v2(const std::vector<OwnedRecord>& records, RecordBatchOptions options) {
    RecordBatchBuilder builder(options);
    for (const OwnedRecord& r : records) {
        std::vector<RecordHeader> headers;
        for (const auto& [key, value] : r.headers) headers.push_back({key, value});
        EXPECT_TRUE(builder.append_at(r.offset, r.timestamp, r.key, r.value, headers));
    }
    Compressor compressor;
    return builder.build(compressor);
}

class RecordsCodec : public ::testing::TestWithParam<Compression> {};

TEST_P(RecordsCodec, V2GivesBackWhatWasWritten) {
    const auto records = sample_records(true);
    const auto read = read_all(build_v2(records, {.base_offset = 100, .compression = GetParam()}));
    EXPECT_FALSE(read.error) << read.error->message();
    EXPECT_EQ(read.records, records);
    EXPECT_EQ(read.next_offset, 2'000'102);
}

TEST_P(RecordsCodec, V2AppendTimeCountsForEveryRecord) {
    auto records = sample_records(true);
    const auto data =
        build_v2(records, {.base_offset = 100, .compression = GetParam(), .append_time = 42});
    for (OwnedRecord& r : records) r.timestamp = 42;
    const auto read = read_all(data);
    EXPECT_EQ(read.records, records);
    EXPECT_EQ(read.batches.at(0).timestamp_type, TimestampType::append_time);
}

TEST_P(RecordsCodec, ManySmallRecordsAreRead) {
    std::vector<OwnedRecord> records;
    for (int i = 0; i < 20'000; ++i)
        records.push_back(
            {i, start_time + i / 7, std::nullopt, "{\"n\":" + std::to_string(i) + "}", {}});
    const auto read =
        read_all(build_v2(records, {.compression = GetParam(), .size_bytes_max = 1 << 24}));
    EXPECT_FALSE(read.error) << read.error->message();
    EXPECT_EQ(read.records, records);
}

INSTANTIATE_TEST_SUITE_P(All, RecordsCodec,
                         ::testing::Values(Compression::none, Compression::gzip,
                                           Compression::snappy, Compression::lz4,
                                           Compression::zstd),
                         [](const auto& codec) { return std::string(to_string(codec.param)); });

struct LegacyCase {
    std::int8_t magic;
    Compression compression;
};

void PrintTo(const LegacyCase& legacy, std::ostream* out) {
    *out << 'v' << int{legacy.magic} << ' ' << to_string(legacy.compression);
}

class RecordsLegacy : public ::testing::TestWithParam<LegacyCase> {};

std::vector<OwnedRecord> legacy_sample(std::int8_t magic) {
    auto records = sample_records(false);
    if (magic == 0)
        for (OwnedRecord& r : records) r.timestamp = -1;
    return records;
}

std::string build_legacy(const std::vector<OwnedRecord>& records, MessageSetOptions options) {
    MessageSetBuilder builder(options);
    for (const OwnedRecord& r : records)
        EXPECT_TRUE(builder.append_at(r.offset, r.timestamp, r.key, r.value));
    Compressor compressor;
    return builder.build(compressor);
}

TEST_P(RecordsLegacy, GivesBackWhatWasWritten) {
    const auto [magic, compression] = GetParam();
    const auto records = legacy_sample(magic);
    const auto read = read_all(build_legacy(records, {.magic = magic, .compression = compression}));
    EXPECT_FALSE(read.error) << read.error->message();
    EXPECT_EQ(read.records, records);
    EXPECT_EQ(read.next_offset, 2'000'102);
    EXPECT_EQ(read.batches.size(), 1U);
}

TEST_P(RecordsLegacy, AppendTimeCountsForEveryRecord) {
    const auto [magic, compression] = GetParam();
    auto records = legacy_sample(magic);
    const auto data =
        build_legacy(records, {.magic = magic, .compression = compression, .append_time = 42});
    for (OwnedRecord& r : records) r.timestamp = magic == 0 ? -1 : 42;
    EXPECT_EQ(read_all(data).records, records);
}

TEST_P(RecordsLegacy, SetsOfAllKindsFollowEachOther) {
    const auto [magic, compression] = GetParam();
    const auto records = legacy_sample(magic);
    const std::string one = build_legacy(records, {.magic = magic, .compression = compression});
    const std::string two = build_legacy({{3'000'000, 5, "k", "v", {}}}, {.magic = 1});
    const std::string three = build_v2({{3'000'001, 6, "k", "v", {}}}, {.base_offset = 3'000'001});
    const auto read = read_all(one + two + three);
    EXPECT_FALSE(read.error) << read.error->message();
    ASSERT_EQ(read.records.size(), records.size() + 2);
    EXPECT_EQ(read.records.back().offset, 3'000'001);
    EXPECT_EQ(read.next_offset, 3'000'002);
}

INSTANTIATE_TEST_SUITE_P(
    All, RecordsLegacy,
    ::testing::Values(LegacyCase{0, Compression::none}, LegacyCase{0, Compression::gzip},
                      LegacyCase{0, Compression::snappy}, LegacyCase{0, Compression::lz4},
                      LegacyCase{1, Compression::none}, LegacyCase{1, Compression::gzip},
                      LegacyCase{1, Compression::snappy}, LegacyCase{1, Compression::lz4}),
    [](const auto& legacy) {
        return "v" + std::to_string(legacy.param.magic) + "_" +
               std::string(to_string(legacy.param.compression));
    });

TEST(Records, BatchSaysWhatItsHeaderSays) {
    const std::string data = build_v2(sample_records(false), {.base_offset = 100,
                                                              .compression = Compression::zstd,
                                                              .producer_id = 77,
                                                              .producer_epoch = 3,
                                                              .base_sequence = 9,
                                                              .partition_leader_epoch = 5,
                                                              .is_transactional = true});
    RecordBatchCursor cursor(Bytes::copy_of(data));
    RecordBatch batch;
    ASSERT_TRUE(cursor.next(batch));
    EXPECT_EQ(batch.magic, 2);
    EXPECT_EQ(batch.base_offset, 100);
    EXPECT_EQ(batch.last_offset, 2'000'101);
    EXPECT_EQ(batch.next_offset(), 2'000'102);
    EXPECT_EQ(batch.compression, Compression::zstd);
    EXPECT_EQ(batch.producer_id, 77);
    EXPECT_EQ(batch.producer_epoch, 3);
    EXPECT_EQ(batch.base_sequence, 9);
    EXPECT_EQ(batch.partition_leader_epoch, 5);
    EXPECT_EQ(batch.record_count, 7);
    EXPECT_EQ(batch.base_timestamp, start_time);
    EXPECT_EQ(batch.max_timestamp, start_time + 8'000'000'000);
    EXPECT_TRUE(batch.is_transactional);
    EXPECT_FALSE(batch.is_control);
    EXPECT_EQ(batch.size_bytes(), data.size());
    EXPECT_EQ(cursor.slice(batch).view(), data);
    EXPECT_FALSE(cursor.next(batch));
    EXPECT_FALSE(cursor.error());
    EXPECT_EQ(cursor.truncated_bytes(), 0U);
}

TEST(Records, BuilderStopsAtItsLimitAndGoesOnWithTheNextBatch) {
    RecordBatchBuilder builder({.base_sequence = 0x7ffffffe, .size_bytes_max = 200});
    EXPECT_TRUE(builder.append(1, std::nullopt, std::string(500, 'x')));
    EXPECT_FALSE(builder.append(1, std::nullopt, "y"));
    EXPECT_EQ(builder.record_count(), 1);
    Compressor compressor;
    std::string data = builder.build(compressor);
    EXPECT_TRUE(builder.empty());
    EXPECT_TRUE(builder.append(2, std::nullopt, "y"));
    EXPECT_TRUE(builder.append(2, std::nullopt, "z"));
    data += builder.build(compressor);
    EXPECT_TRUE(builder.append(3, std::nullopt, "0"));
    data += builder.build(compressor);
    const auto read = read_all(data);
    ASSERT_EQ(read.batches.size(), 3U);
    EXPECT_EQ(read.batches[1].base_offset, 1);
    EXPECT_EQ(read.batches[1].base_sequence, 0x7fffffff);
    EXPECT_EQ(read.batches[2].base_sequence, 1);
    ASSERT_EQ(read.records.size(), 4U);
    EXPECT_EQ(read.records[3].offset, 3);
}

TEST(Records, CompactedBatchMovesThePositionOn) {
    for (const Compression codec : {Compression::none, Compression::lz4}) {
        RecordBatchBuilder builder({.base_offset = 50, .compression = codec, .last_offset = 79});
        Compressor compressor;
        std::string data = builder.build(compressor);
        if (codec == Compression::none) {
            EXPECT_EQ(data.size(), 61U);
        }
        data += build_v2({{85, 1, "k", "v", {}}}, {.base_offset = 80, .last_offset = 99});
        const auto read = read_all(data);
        EXPECT_FALSE(read.error) << read.error->message();
        ASSERT_EQ(read.batches.size(), 2U);
        EXPECT_EQ(read.batches[0].next_offset(), 80);
        ASSERT_EQ(read.records.size(), 1U);
        EXPECT_EQ(read.records[0].offset, 85);
        EXPECT_EQ(read.next_offset, 100);
    }
}

TEST(Records, ReaderIsUsedAgainAfterAnErrorAndInTheMiddleOfABatch) {
    const std::string good =
        build_v2(sample_records(true), {.base_offset = 100, .compression = Compression::lz4});
    std::string bad = good;
    bad.back() = static_cast<char>(bad.back() + 1);
    RecordReader reader;
    Record record;
    RecordBatch batch;
    EXPECT_FALSE(reader.next(record));
    for (const std::string& data : {good, bad, good}) {
        RecordBatchCursor cursor(Bytes::copy_of(data));
        ASSERT_TRUE(cursor.next(batch));
        EXPECT_EQ(reader.open(batch, {}), data == good);
        EXPECT_EQ(reader.error().has_value(), data != good);
        EXPECT_EQ(reader.next(record), data == good);
    }
}

}  // namespace
}  // namespace kwire
