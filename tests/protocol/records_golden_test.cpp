// What the official Java clients wrote, read here; what they found in it is in the same files
// (oracle/RecordsGolden.java).
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/protocol/crc32.h>

#include "records_support.h"

namespace kwire {
namespace {

using ::kwire::test::OwnedRecord;
using ::kwire::test::read_all;

struct GoldenCase {
    std::string client;
    std::string name;
    std::string data;
    std::vector<std::string> records;
};

void PrintTo(const GoldenCase& golden, std::ostream* out) {
    *out << golden.client << ' ' << golden.name;
}

std::string base64(std::string_view bytes) {
    constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group =
                group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out.push_back(i + k > bytes.size() ? '=' : letters[group >> (18 - 6 * k) & 63]);
    }
    return out;
}

std::string from_base64(const std::string& text) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        if (c == '=') break;
        bits = bits << 6 | static_cast<std::uint32_t>(letters.find(c));
        count += 6;
        if (count >= 8) out.push_back(static_cast<char>(bits >> (count -= 8) & 255));
    }
    return out;
}

std::string text_of(const std::optional<std::string>& bytes) {
    if (!bytes) return "null";
    if (bytes->size() <= 64) return "=" + base64(*bytes);
    char crc[16];
    std::snprintf(crc, sizeof crc, "%x", protocol::crc32(*bytes));
    return "#" + std::to_string(bytes->size()) + ":" + crc;
}

std::string text_of(const OwnedRecord& r) {
    std::string headers;
    for (const auto& [key, value] : r.headers)
        headers +=
            (headers.empty() ? "" : ",") + text_of(std::optional(key)) + ":" + text_of(value);
    return std::to_string(r.offset) + " " + std::to_string(r.timestamp) + " " + text_of(r.key) +
           " " + text_of(r.value) + " " + (headers.empty() ? "-" : headers);
}

std::vector<GoldenCase> golden_cases() {
    std::vector<GoldenCase> cases;
    for (const char* client : {"0.8.2.2", "0.10.2.2", "1.1.1", "3.9.1"}) {
        std::ifstream in(std::string(KWIRE_RECORDS_DATA) + "/records-" + client + ".txt");
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string word;
            words >> word;
            if (word == "case") {
                GoldenCase golden{client, {}, {}, {}};
                words >> golden.name >> word;
                golden.data = from_base64(word);
                cases.push_back(golden);
            } else {
                cases.back().records.push_back(line.substr(word.size() + 1));
            }
        }
    }
    return cases;
}

class RecordsGolden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(RecordsGolden, IsReadAsJavaReadsIt) {
    const auto read = read_all(GetParam().data);
    ASSERT_FALSE(read.error) << read.error->message();
    EXPECT_EQ(read.truncated_bytes, 0U);
    std::vector<std::string> records;
    for (const OwnedRecord& r : read.records) records.push_back(text_of(r));
    EXPECT_EQ(records, GetParam().records);
}

TEST_P(RecordsGolden, HeaderSaysWhatTheNameSays) {
    const std::string& name = GetParam().name;
    const auto read = read_all(GetParam().data);
    ASSERT_FALSE(read.batches.empty());
    const RecordBatch& batch = read.batches.front();
    EXPECT_EQ("v" + std::to_string(batch.magic) + "-" + std::string(to_string(batch.compression)),
              name.substr(0, name.find('-', 3)));
    EXPECT_EQ(batch.timestamp_type == TimestampType::append_time, name.ends_with("append"));
    EXPECT_EQ(batch.is_control, name.ends_with("marker"));
    EXPECT_EQ(batch.is_transactional,
              name.find("transaction") != std::string::npos || name.ends_with("marker"));
    EXPECT_EQ(read.batches.size(), 1U);
    if (name.find("empty") != std::string::npos) {
        EXPECT_EQ(batch.next_offset(), 30);
    }
}

/// Without compression there is one way only to write a thing down.
TEST_P(RecordsGolden, IsWrittenAsJavaWritesIt) {
    const auto& [client, name, data, lines] = GetParam();
    if (name.find("-none-") == std::string::npos || name.find("empty") != std::string::npos) return;
    const auto read = read_all(data);
    const RecordBatch& batch = read.batches.front();
    Compressor compressor;
    const std::optional<std::int64_t> append_time =
        batch.timestamp_type == TimestampType::append_time ? std::optional(batch.max_timestamp)
                                                           : std::nullopt;
    if (batch.is_control) return;
    if (batch.magic == 2) {
        // The deltas of a batch with append time are those of the times of creation, which cannot
        // be known from outside.
        if (append_time) return;
        RecordBatchBuilder builder({.base_offset = batch.base_offset,
                                    .producer_id = batch.producer_id,
                                    .producer_epoch = batch.producer_epoch,
                                    .base_sequence = batch.base_sequence,
                                    .partition_leader_epoch = batch.partition_leader_epoch,
                                    .is_transactional = batch.is_transactional});
        for (const OwnedRecord& r : read.records) {
            std::vector<RecordHeader> headers;
            for (const auto& [key, value] : r.headers) headers.push_back({key, value});
            builder.append_at(r.offset, r.timestamp, r.key, r.value, headers);
        }
        EXPECT_EQ(base64(builder.build(compressor)), base64(data));
    } else {
        MessageSetBuilder builder(
            {.magic = batch.magic, .base_offset = batch.base_offset, .append_time = append_time});
        for (const OwnedRecord& r : read.records)
            builder.append_at(r.offset, r.timestamp, r.key, r.value);
        EXPECT_EQ(base64(builder.build(compressor)), base64(data));
    }
}

INSTANTIATE_TEST_SUITE_P(Java, RecordsGolden, ::testing::ValuesIn(golden_cases()),
                         [](const auto& golden) {
                             std::string name = golden.param.client + "_" + golden.param.name;
                             for (char& c : name)
                                 if (c == '.' || c == '-') c = '_';
                             return name;
                         });

TEST(RecordsGoldenFiles, AreAllThere) {
    EXPECT_EQ(golden_cases().size(), 36U + 29U + 18U + 7U);
}

TEST(RecordsGoldenFiles, ControlMarkersSayTheirType) {
    for (const GoldenCase& golden : golden_cases()) {
        if (!golden.name.ends_with("marker")) continue;
        RecordBatchCursor cursor(Bytes::copy_of(golden.data));
        RecordBatch batch;
        RecordReader reader;
        Record record;
        ASSERT_TRUE(cursor.next(batch));
        ASSERT_TRUE(reader.open(batch, {}));
        ASSERT_TRUE(reader.next(record));
        const auto control = ControlRecord::parse(record);
        ASSERT_TRUE(control);
        EXPECT_EQ(control->type, golden.name.find("abort") != std::string::npos
                                     ? ControlRecord::Type::abort
                                     : ControlRecord::Type::commit);
        EXPECT_EQ(batch.producer_id, 4000);
        EXPECT_EQ(batch.producer_epoch, 2);
    }
}

}  // namespace
}  // namespace kwire
