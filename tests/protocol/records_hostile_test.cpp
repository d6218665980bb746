// Batches that are cut, damaged or made to mislead. Every read is from a block of exactly the
// data's size, so that the address sanitizer sees each byte too many.
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/protocol/crc32.h>

#include "records_support.h"

namespace kwire {
namespace {

using ::kwire::test::OwnedRecord;
using ::kwire::test::read_all;
using protocol::append_varint;

struct Kind {
    std::int8_t magic;
    Compression compression;
};

void PrintTo(const Kind& kind, std::ostream* out) {
    *out << 'v' << int{kind.magic} << ' ' << to_string(kind.compression);
}

/// From first_offset on: with keys and headers, null and empty, enough for the quick path and for
/// the slow one.
std::string build(Kind kind, std::int64_t first_offset, int records) {
    RecordBatchBuilder batches({.base_offset = first_offset, .compression = kind.compression});
    MessageSetBuilder messages(
        {.magic = kind.magic, .base_offset = first_offset, .compression = kind.compression});
    const std::vector<RecordHeader> headers = {{"h", "1"}, {"h", std::nullopt}};
    for (int i = 0; i < records; ++i) {
        const std::optional<std::string_view> key =
            i % 2 == 0 ? std::optional<std::string_view>("key") : std::nullopt;
        const std::string value(static_cast<std::size_t>(20 * i), 'v');
        if (kind.magic == 2)
            batches.append(1000 + i, key, value, i == 1 ? headers : std::vector<RecordHeader>{});
        else
            messages.append(1000 + i, key, value);
    }
    Compressor compressor;
    return kind.magic == 2 ? batches.build(compressor) : messages.build(compressor);
}

class RecordsHostile : public ::testing::TestWithParam<Kind> {};

TEST_P(RecordsHostile, CutAtEveryByteGivesTheWholeBatchesBeforeIt) {
    const std::string first = build(GetParam(), 0, 4);
    const std::string second = build(GetParam(), 4, 3);
    const std::string both = first + second;
    const bool is_run = GetParam().magic < 2 && GetParam().compression == Compression::none;
    std::size_t last_count = 0;
    for (std::size_t cut = 0; cut <= both.size(); ++cut) {
        const auto read = read_all(both.substr(0, cut));
        ASSERT_FALSE(read.error) << cut << ": " << read.error->message();
        if (!is_run) {
            EXPECT_EQ(read.records.size(), cut == both.size()    ? 7U
                                           : cut >= first.size() ? 4U
                                                                 : 0U)
                << cut;
            const std::size_t whole = cut == both.size()    ? cut
                                      : cut >= first.size() ? first.size()
                                                            : 0;
            EXPECT_EQ(read.truncated_bytes, cut - whole) << cut;
            const std::size_t size = whole == 0 ? first.size() : second.size();
            EXPECT_EQ(read.needed_bytes, cut - whole >= 12 ? size : 0U) << cut;
        }
        EXPECT_GE(read.records.size(), last_count);
        last_count = read.records.size();
    }
    EXPECT_EQ(last_count, 7U);
}

TEST_P(RecordsHostile, FlippedBitIsAnErrorWhereTheCrcCovers) {
    const std::string good = build(GetParam(), 10, 3);
    // v2: the CRC and all behind it; its version is not covered, but no other version's CRC fits.
    // Before: from the CRC on.
    const std::size_t covered_from = GetParam().magic == 2 ? 16 : 12;
    const bool is_run = GetParam().magic < 2 && GetParam().compression == Compression::none;
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        const auto read = read_all(bad);
        if (is_run) continue;  // has offsets and sizes in between; the next test is for it
        if (bit / 8 >= covered_from) {
            EXPECT_TRUE(read.error) << "bit " << bit;
            EXPECT_TRUE(read.records.empty()) << "bit " << bit;
        }
    }
}

TEST_P(RecordsHostile, FlippedBitWithoutCrcDoesNoHarm) {
    const std::string good = build(GetParam(), 10, 5);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        const auto read = read_all(bad, {.check_crc = false, .decompressed_bytes_max = 1 << 20});
        for (const OwnedRecord& r : read.records) EXPECT_GE(r.offset, 0);
    }
}

TEST_P(RecordsHostile, RandomDamageDoesNoHarm) {
    std::mt19937 random(42);
    const std::string good = build(GetParam(), 10, 6) + build(GetParam(), 16, 2);
    for (int round = 0; round < 3000; ++round) {
        std::string bad = good;
        for (unsigned i = 0; i <= random() % 8; ++i)
            bad[random() % bad.size()] = static_cast<char>(random());
        if (random() % 4 == 0) bad.resize(random() % bad.size());
        const auto read = read_all(bad, {.check_crc = false, .decompressed_bytes_max = 1 << 20});
        EXPECT_LE(read.records.size(), 100'000U);
    }
}

INSTANTIATE_TEST_SUITE_P(All, RecordsHostile,
                         ::testing::Values(Kind{0, Compression::none}, Kind{0, Compression::gzip},
                                           Kind{0, Compression::snappy}, Kind{0, Compression::lz4},
                                           Kind{1, Compression::none}, Kind{1, Compression::gzip},
                                           Kind{1, Compression::snappy}, Kind{1, Compression::lz4},
                                           Kind{2, Compression::none}, Kind{2, Compression::gzip},
                                           Kind{2, Compression::snappy}, Kind{2, Compression::lz4},
                                           Kind{2, Compression::zstd}),
                         [](const auto& kind) {
                             return "v" + std::to_string(kind.param.magic) + "_" +
                                    std::string(to_string(kind.param.compression));
                         });

/// Puts a big-endian number into data.
void put(std::string& data, std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        data[at + i] = static_cast<char>(value >> (8 * (size - 1 - i)) & 255);
}

/// A v2 batch around any bytes, its size and CRC right.
std::string sealed(std::string_view records, std::int32_t count,
                   std::int32_t last_offset_delta = 99, std::int64_t base_offset = 0) {
    Compressor compressor;
    std::string batch = RecordBatchBuilder({.last_offset = 0}).build(compressor);
    batch.append(records);
    put(batch, 0, static_cast<std::uint64_t>(base_offset), 8);
    put(batch, 8, batch.size() - 12, 4);
    put(batch, 23, static_cast<std::uint32_t>(last_offset_delta), 4);
    put(batch, 27, 5000, 8);
    put(batch, 57, static_cast<std::uint32_t>(count), 4);
    put(batch, 17, protocol::crc32c(std::string_view(batch).substr(21)), 4);
    return batch;
}

struct RawRecord {
    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    std::int32_t key_size = -1;
    std::int32_t value_size = 1;
    std::string value = "v";
    std::int32_t header_count = 0;
    std::string headers = {};
    std::int32_t length_error = 0;
};

std::string raw(const RawRecord& r) {
    std::string body(1, '\0');
    append_varint(body, r.timestamp_delta);
    append_varint(body, r.offset_delta);
    append_varint(body, r.key_size);
    append_varint(body, r.value_size);
    body += r.value;
    append_varint(body, r.header_count);
    body += r.headers;
    std::string out;
    append_varint(out, static_cast<std::int32_t>(body.size()) + r.length_error);
    return out + body;
}

/// The error's text, for one bad record: as the only one, so that the slow path meets it, and in
/// front of many good ones, so that the quick path does.
void expect_error(const std::string& bad, const std::string& expected) {
    std::string behind;
    for (int i = 0; i < 20; ++i) behind += raw({.offset_delta = 50 + i});
    for (const auto& [records, count] : {std::pair(bad, 1), std::pair(bad + behind, 21)}) {
        const auto read = read_all(sealed(records, count));
        ASSERT_TRUE(read.error) << expected << " with " << count;
        EXPECT_NE(read.error->message().find(expected), std::string::npos)
            << read.error->message() << " with " << count;
        EXPECT_TRUE(read.records.empty());
    }
}

TEST(RecordsHostileV2, LengthsThatMislead) {
    expect_error(raw({.key_size = 1000}), "records[0]");
    expect_error(raw({.key_size = -2}), "records[0].key");
    expect_error(raw({.key_size = std::numeric_limits<std::int32_t>::max()}), "records[0].key");
    expect_error(raw({.key_size = std::numeric_limits<std::int32_t>::min()}), "records[0].key");
    expect_error(raw({.value_size = 1000}), "records[0].value");
    expect_error(raw({.value_size = -2}), "records[0].value");
    expect_error(raw({.value_size = std::numeric_limits<std::int32_t>::max()}), "records[0].value");
    expect_error(raw({.value_size = 0}), "records[0].headers");
    expect_error(raw({.header_count = 1}), "records[0].headers");
    expect_error(raw({.header_count = -1}), "records[0].headers");
    expect_error(raw({.header_count = std::numeric_limits<std::int32_t>::max()}),
                 "records[0].headers");
    expect_error(raw({.header_count = 1, .headers = std::string("\x01\x01", 2)}),
                 "records[0].headers");
    expect_error(raw({.header_count = 1,
                      .headers = std::string("\x02"
                                             "a\x03",
                                             3)}),
                 "records[0].headers");
    expect_error(raw({.header_count = 1,
                      .headers = std::string("\x02"
                                             "a\x01"
                                             "x",
                                             4)}),
                 "records[0].headers");
    expect_error(raw({.length_error = -1}), "records[0]");
    expect_error(raw({.length_error = -8}), "records[0]");
    expect_error(raw({.length_error = 100'000}), "records[0]");
    expect_error(raw({.length_error = std::numeric_limits<std::int32_t>::min() + 100}),
                 "records[0]");
    expect_error(raw({.length_error = std::numeric_limits<std::int32_t>::max() - 100}),
                 "records[0]");
}

TEST(RecordsHostileV2, VarintsThatDoNotEnd) {
    const std::string endless(30, '\xff');
    expect_error(endless, "records[0].length");
    const auto with_body = [](const std::string& body) {
        std::string out;
        append_varint(out, static_cast<std::int32_t>(body.size()));
        return out + body;
    };
    expect_error(with_body(std::string(1, '\0') + endless), "records[0].timestampDelta");
    expect_error(with_body(std::string(2, '\0') + endless), "records[0].offsetDelta");
    expect_error(with_body(std::string(3, '\0') + endless), "records[0].key");
    expect_error(with_body(std::string(3, '\0') + '\1' + endless), "records[0].value");
    expect_error(with_body(std::string(3, '\0') + "\1\1" + endless), "records[0].headers");
    expect_error(with_body(std::string(1, '\0')), "records[0].timestampDelta");
}

TEST(RecordsHostileV2, RecordOfNoBytes) {
    expect_error(std::string(1, '\0'), "records[0]");
}

TEST(RecordsHostileV2, OffsetsOutsideTheBatch) {
    expect_error(raw({.offset_delta = -1}), "records[0].offsetDelta");
    expect_error(raw({.offset_delta = 100}), "records[0].offsetDelta");
    expect_error(raw({.offset_delta = std::numeric_limits<std::int32_t>::min()}),
                 "records[0].offsetDelta");
    EXPECT_FALSE(read_all(sealed(raw({.offset_delta = 99}), 1)).error);
}

TEST(RecordsHostileV2, HeaderOffsetsThatOverflow) {
    constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
    EXPECT_TRUE(read_all(sealed("", 0, 0, max)).error);
    EXPECT_TRUE(read_all(sealed("", 0, 10, max - 10)).error);
    EXPECT_TRUE(read_all(sealed("", 0, -1, 5)).error);
    EXPECT_TRUE(read_all(sealed("", 0, 0, -1)).error);
    EXPECT_TRUE(read_all(sealed("", -1, 0, 0)).error);
    const auto read = read_all(sealed("", 0, 10, max - 11));
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.next_offset, max);
}

TEST(RecordsHostileV2, CountThatDoesNotFit) {
    std::string records;
    for (int i = 0; i < 30; ++i) records += raw({.offset_delta = i});
    const auto too_many = read_all(sealed(records, 31));
    ASSERT_TRUE(too_many.error);
    EXPECT_EQ(too_many.records.size(), 30U);
    EXPECT_NE(too_many.error->message().find("records[30]: the batch ends before it"),
              std::string::npos)
        << too_many.error->message();
    const auto too_few = read_all(sealed(records, 29));
    ASSERT_TRUE(too_few.error);
    EXPECT_EQ(too_few.records.size(), 29U);
    EXPECT_NE(too_few.error->message().find("behind the last record"), std::string::npos);
    EXPECT_TRUE(read_all(sealed("", 1)).error);
    EXPECT_TRUE(read_all(sealed("x", 0)).error);
}

TEST(RecordsHostileV2, TimestampsFarApartWrap) {
    constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
    const auto read = read_all(sealed(raw({.timestamp_delta = far}), 1));
    ASSERT_EQ(read.records.size(), 1U);
    EXPECT_EQ(read.records[0].timestamp,
              static_cast<std::int64_t>(static_cast<std::uint64_t>(far) + std::uint64_t{5000}));
    RecordBatchBuilder builder({});
    builder.append(std::numeric_limits<std::int64_t>::min(), std::nullopt, "a");
    builder.append(std::numeric_limits<std::int64_t>::max(), std::nullopt, "b");
    Compressor compressor;
    const auto back = read_all(builder.build(compressor));
    ASSERT_EQ(back.records.size(), 2U);
    EXPECT_EQ(back.records[1].timestamp, far);
}

TEST(RecordsHostileV2, NegativeTimestampDeltasAreFine) {
    const auto read = read_all(sealed(raw({.timestamp_delta = -4000}), 1));
    ASSERT_EQ(read.records.size(), 1U);
    EXPECT_EQ(read.records[0].timestamp, 1000);
}

TEST(RecordsHostileV2, UnknownCompressionIsAnErrorOfItsBatch) {
    for (int codec = 5; codec <= 7; ++codec) {
        std::string batch = build({2, Compression::none}, 0, 1);
        batch[22] = static_cast<char>(codec);
        put(batch, 17, protocol::crc32c(std::string_view(batch).substr(21)), 4);
        const auto read = read_all(batch);
        ASSERT_TRUE(read.error);
        EXPECT_NE(read.error->what.find("no compression " + std::to_string(codec)),
                  std::string::npos);
    }
}

TEST(RecordsHostileV2, BombIsAnErrorThatSaysTheLimit) {
    for (const Compression codec :
         {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd}) {
        RecordBatchBuilder builder({.compression = codec, .size_bytes_max = 1 << 26});
        builder.append(1, std::nullopt, std::string(16 << 20, 'x'));
        Compressor compressor;
        const auto read = read_all(builder.build(compressor), {.decompressed_bytes_max = 1 << 20});
        ASSERT_TRUE(read.error) << to_string(codec);
        EXPECT_NE(read.error->what.find("1048576 bytes allowed"), std::string::npos)
            << read.error->what;
    }
}

TEST(RecordsHostile, HeadersThatCannotBe) {
    const std::string good = build({2, Compression::none}, 0, 2);
    const auto with = [&](std::size_t at, std::uint64_t value, std::size_t size) {
        std::string bad = good;
        put(bad, at, value, size);
        return read_all(bad);
    };
    EXPECT_TRUE(with(16, 3, 1).error);
    EXPECT_TRUE(with(16, 0xff, 1).error);
    EXPECT_TRUE(with(8, 0, 4).error);
    EXPECT_TRUE(with(8, 0xffffffff, 4).error);
    EXPECT_TRUE(with(8, 0x80000000, 4).error);
    EXPECT_TRUE(with(8, 48, 4).error);
    const auto huge = with(8, 0x7fffffff, 4);
    EXPECT_FALSE(huge.error);
    EXPECT_EQ(huge.needed_bytes, 0x7fffffffU + 12U);
    EXPECT_EQ(huge.truncated_bytes, good.size());
}

TEST(RecordsHostile, CrcErrorNamesBothSums) {
    std::string bad = build({2, Compression::none}, 7, 2);
    bad.back() = '\x55';
    const auto read = read_all(bad);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.error->path, "RecordBatch(offset 7)");
    EXPECT_NE(read.error->what.find("CRC 0x"), std::string::npos);
    EXPECT_EQ(read.error->offset, 17U);
}

// Message sets

TEST(RecordsHostileLegacy, DamagedMessageStopsItsRunAndKeepsWhatCameBefore) {
    std::string set = build({1, Compression::none}, 100, 4);
    set.back() = '\x55';
    const auto read = read_all(set);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.records.size(), 3U);
    EXPECT_EQ(read.records.back().offset, 102);
    EXPECT_NE(read.error->path.find("records[3]"), std::string::npos) << read.error->path;
}

/// The bytes of a wrapper's value, wrapped with the CRC right.
std::string wrapped(std::int8_t magic, std::int64_t offset, Compression codec,
                    const std::string& inner) {
    std::string packed;
    Compressor().compress(codec, std::nullopt, magic, inner, packed);
    MessageSetBuilder builder({.magic = magic, .base_offset = offset});
    builder.append(77, std::nullopt, packed);
    Compressor compressor;
    std::string message = builder.build(compressor);
    message[17] = static_cast<char>(codec);
    put(message, 12, protocol::crc32(std::string_view(message).substr(16)), 4);
    return message;
}

TEST(RecordsHostileLegacy, NestedCompressionIsRefused) {
    for (const std::int8_t magic : {std::int8_t{0}, std::int8_t{1}}) {
        const std::string inner =
            wrapped(magic, 0, Compression::gzip, build({magic, Compression::none}, 0, 2));
        const auto read = read_all(wrapped(magic, 5, Compression::snappy, inner));
        ASSERT_TRUE(read.error);
        EXPECT_NE(read.error->what.find("compressed message inside"), std::string::npos)
            << read.error->what;
    }
}

TEST(RecordsHostileLegacy, WrapperOfAnotherVersionIsRefused) {
    EXPECT_TRUE(
        read_all(wrapped(1, 9, Compression::gzip, build({0, Compression::none}, 0, 2))).error);
    EXPECT_TRUE(
        read_all(wrapped(0, 9, Compression::gzip, build({1, Compression::none}, 0, 2))).error);
    EXPECT_TRUE(
        read_all(wrapped(1, 90, Compression::gzip, build({2, Compression::none}, 0, 2))).error);
}

TEST(RecordsHostileLegacy, OffsetsInsideAreRelativeInV1AndAbsoluteInV0) {
    const auto v1 =
        read_all(wrapped(1, 1002, Compression::lz4, build({1, Compression::none}, 0, 3)));
    ASSERT_EQ(v1.records.size(), 3U);
    EXPECT_EQ(v1.records[0].offset, 1000);
    EXPECT_EQ(v1.records[2].offset, 1002);
    EXPECT_EQ(v1.next_offset, 1003);
    const auto v0 =
        read_all(wrapped(0, 1002, Compression::lz4, build({0, Compression::none}, 1000, 3)));
    ASSERT_EQ(v0.records.size(), 3U);
    EXPECT_EQ(v0.records[0].offset, 1000);
    EXPECT_EQ(v0.records[2].offset, 1002);
}

TEST(RecordsHostileLegacy, OffsetsInsideThatCannotBe) {
    EXPECT_TRUE(
        read_all(wrapped(1, 1, Compression::lz4, build({1, Compression::none}, 0, 3))).error);
    EXPECT_TRUE(
        read_all(wrapped(0, 1, Compression::lz4, build({0, Compression::none}, 0, 3))).error);
    std::string negative = build({1, Compression::none}, 0, 1);
    put(negative, 0, ~std::uint64_t{0}, 8);
    EXPECT_TRUE(read_all(negative).error);
    EXPECT_TRUE(read_all(wrapped(1, 5, Compression::gzip, negative)).error);
}

TEST(RecordsHostileLegacy, InsideIsCheckedToo) {
    std::string inner = build({1, Compression::none}, 0, 3);
    EXPECT_TRUE(
        read_all(wrapped(1, 5, Compression::gzip, inner.substr(0, inner.size() - 1))).error);
    EXPECT_TRUE(read_all(wrapped(1, 5, Compression::gzip, inner + "abc")).error);
    inner.back() = '\x55';
    const auto read = read_all(wrapped(1, 5, Compression::gzip, inner));
    ASSERT_TRUE(read.error);
    EXPECT_NE(read.error->what.find("CRC"), std::string::npos);
    EXPECT_FALSE(read_all(wrapped(1, 5, Compression::gzip, inner), {.check_crc = false}).error);
    EXPECT_TRUE(read_all(wrapped(1, 5, Compression::gzip, "")).records.empty());
}

}  // namespace
}  // namespace kwire
