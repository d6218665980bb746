// What `kwire log` makes of batches.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <kwire/protocol/record_batch_builder.h>

#include "log_internal.h"
#include "log_records.h"
#include "numbers.h"

namespace kwire::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Shown {
    std::string out;
    LogRecordsSummary summary;
};

Shown show(const std::string& file, const LogRecordsOptions& options) {
    Shown shown;
    shown.summary = append_batches(shown.out, Bytes::copy_of(file), "0.log", options, [] { return true; });
    return shown;
}

std::string two_batches() {
    Compressor compressor;
    RecordBatchBuilder builder({.base_offset = 10,
                                .compression = Compression::lz4,
                                .producer_id = 7,
                                .producer_epoch = 1,
                                .base_sequence = 5});
    builder.append(1'700'000'000'123, "k", "v");
    builder.append(1'700'000'000'124, std::nullopt, "w");
    const std::string first = builder.build(compressor);
    return first + build_control_batch(12, 1'700'000'000'125, 7, 1, ControlRecord::Type::commit);
}

TEST(LogRecords, a_line_for_each_batch_and_what_is_in_it_if_asked) {
    const Shown plain = show(two_batches(), {});
    EXPECT_THAT(plain.out, StartsWith("10 to 11  2 records  v2  lz4  "));
    EXPECT_THAT(plain.out, HasSubstr("  producer 7 epoch 1 from 5\n12 to 12  1 records  v2  none"));
    EXPECT_THAT(plain.out, HasSubstr("transactional  control\n"));
    EXPECT_EQ(plain.summary.batches, 2U);
    EXPECT_EQ(plain.summary.records, 3U);
    EXPECT_EQ(plain.summary.first_offset, 10);
    EXPECT_EQ(plain.summary.next_offset, 13);
    const Shown opened = show(two_batches(), {.json = false, .records = true, .show = {}});
    EXPECT_THAT(opened.out, HasSubstr("    10  2023-11-14T22:13:20.123Z  \"k\" = \"v\"\n"
                                      "    11  2023-11-14T22:13:20.124Z  null = \"w\"\n"));
}

TEST(LogRecords, json_lines_have_the_header_and_the_records) {
    const Shown shown = show(two_batches(), {.json = true, .records = true, .show = {}});
    const auto line = nlohmann::json::parse(shown.out.substr(0, shown.out.find('\n')));
    EXPECT_EQ(line["file"], "0.log");
    EXPECT_EQ(line["position"], 0);
    EXPECT_EQ(line["base_offset"], 10);
    EXPECT_EQ(line["last_offset"], 11);
    EXPECT_EQ(line["compression"], "lz4");
    EXPECT_EQ(line["producer_id"], 7);
    EXPECT_EQ(line["control"], false);
    ASSERT_EQ(line["records"].size(), 2U);
    EXPECT_EQ(line["records"][0]["key"], "k");
    EXPECT_EQ(line["records"][1]["key"], nullptr);
    EXPECT_FALSE(line.contains("error"));
}

TEST(LogRecords, old_formats_are_read_too) {
    Compressor compressor;
    for (const std::int8_t magic : {0, 1}) {
        MessageSetBuilder builder({.magic = magic, .base_offset = 3, .compression = Compression::gzip});
        builder.append(1'000, "k", "v");
        builder.append(2'000, "k", "w");
        const Shown shown = show(builder.build(compressor), {.json = true, .records = true, .show = {}});
        const auto line = nlohmann::json::parse(shown.out);
        EXPECT_EQ(line["magic"], magic);
        EXPECT_EQ(line["records"].size(), 2U);
        EXPECT_EQ(line["records"][1]["offset"], 4);
        EXPECT_EQ(shown.summary.records, 2U);
    }
}

TEST(LogRecords, damage_is_told_and_what_follows_is_still_read) {
    std::string file = two_batches();
    file[70] = static_cast<char>(file[70] ^ 1);
    const Shown shown = show(file, {});
    EXPECT_EQ(shown.summary.damaged, 1U);
    EXPECT_EQ(shown.summary.batches, 2U);
    EXPECT_THAT(shown.out, HasSubstr("DAMAGED: "));
    EXPECT_EQ(shown.summary.next_offset, 13);
}

TEST(LogRecords, an_end_that_is_cut_off_unused_or_broken) {
    const std::string file = two_batches();
    const std::size_t last = build_control_batch(12, 1'700'000'000'125, 7, 1, ControlRecord::Type::commit).size();
    EXPECT_EQ(show(file.substr(0, file.size() - 1), {}).summary.cut_off_bytes, last - 1);
    const Shown unused = show(file + std::string(100, '\0'), {});
    EXPECT_EQ(unused.summary.unused_bytes, 100U);
    EXPECT_EQ(unused.summary.broken, "");
    const Shown broken = show(file + std::string(100, '\x7f'), {});
    EXPECT_NE(broken.summary.broken, "");
    EXPECT_EQ(broken.summary.records, 3U);
}

std::string batch_at(std::int64_t base, int records = 3) {
    Compressor compressor;
    RecordBatchBuilder builder({.base_offset = base});
    for (int i = 0; i < records; ++i) builder.append(1'700'000'000'000, std::nullopt, "value " + std::to_string(i));
    return builder.build(compressor);
}

/// Batches of offsets 0 to 2 and 6 to 8, with something in the middle.
struct Middle {
    const char* what;
    std::string bytes;
    bool is_batch = false;  // one that is shown as damaged, not skipped
};

std::vector<Middle> middles() {
    const std::string sound = batch_at(3);
    const auto with = [&sound](std::size_t at, const std::string& bytes) {
        std::string changed = sound;
        return changed.replace(at, bytes.size(), bytes);
    };
    return {
        {"another format", with(16, "\x09")},
        {"a negative last offset delta", with(23, "\xff\xff\xff\xfb")},
        {"a negative count", with(57, "\xff\xff\xff\xff")},
        {"a negative offset", with(0, "\xff")},
        {"no size", with(8, std::string(4, '\0'))},
        {"a negative size", with(8, "\xff")},
        {"a size beyond the file", with(8, std::string("\0\1\0\0", 4))},
        {"few zeros", std::string(9, '\0')},
        {"zeros", std::string(300, '\0')},
        {"one byte", "x"},
        {"text", std::string(1000, 'x')},
        {"half a batch", sound.substr(0, sound.size() / 2)},
        {"a wrong CRC", with(sound.size() - 1, "\x7f"), true},
        {"a wrong size within the file", with(11, std::string(1, static_cast<char>(sound[11] + 20))), true},
        {"a size that is too small", with(11, std::string(1, static_cast<char>(sound[11] - 20))), true},
    };
}

TEST(LogRecords, behind_whatever_stands_in_the_middle_the_rest_is_shown) {
    const std::string front = batch_at(0);
    for (const Middle& middle : middles()) {
        const std::string file = front + middle.bytes + batch_at(6);
        const Shown shown = show(file, {});
        EXPECT_THAT(shown.out, StartsWith("0 to 2  3 records")) << middle.what;
        EXPECT_THAT(shown.out, HasSubstr("\n6 to 8  3 records")) << middle.what;
        EXPECT_EQ(shown.summary.records, 6U) << middle.what;
        EXPECT_FALSE(shown.summary.is_sound()) << middle.what;
        EXPECT_EQ(shown.summary.broken, "") << middle.what;
        EXPECT_EQ(shown.summary.cut_off_bytes, 0U) << middle.what;
        if (middle.is_batch) {
            EXPECT_EQ(shown.summary.damaged, 1U) << middle.what;
            continue;
        }
        EXPECT_EQ(shown.summary.skips, 1U) << middle.what;
        EXPECT_EQ(shown.summary.skipped_bytes, middle.bytes.size()) << middle.what;
        const std::size_t size = middle.bytes.size();
        const std::string place =
            std::to_string(size) + (size == 1 ? " byte at " : " bytes at ") + std::to_string(front.size());
        const bool has_comma = middle.bytes.size() >= 1000;
        EXPECT_THAT(shown.out, HasSubstr("\nSKIPPED: " + (has_comma ? "1,000 bytes" : place))) << middle.what;
        const Shown json = show(file, {.json = true, .show = {}});
        EXPECT_THAT(json.out, HasSubstr(",\"position\":" + std::to_string(front.size()) + ",\"bytes\":" +
                                        std::to_string(middle.bytes.size()) + ",\"skipped\":true,\"error\":\""))
            << middle.what;
    }
}

TEST(LogRecords, several_places_are_skipped_and_zeros_at_the_end_are_still_unused) {
    const Shown shown = show(std::string(5, 'x') + batch_at(0) + std::string(40, '\0') + batch_at(3) +
                                 std::string(100, '\0'),
                             {});
    EXPECT_EQ(shown.summary.records, 6U);
    EXPECT_EQ(shown.summary.skips, 2U);
    EXPECT_EQ(shown.summary.skipped_bytes, 45U);
    EXPECT_THAT(shown.summary.skipped, StartsWith("5 bytes at 0 ("));
    EXPECT_EQ(shown.summary.unused_bytes, 100U);
}

/// Each has a CRC of its own, so those behind it are sound.
TEST(LogRecords, a_damaged_message_of_an_old_format_hides_none_behind_it) {
    for (const std::int8_t magic : {0, 1}) {
        Compressor compressor;
        MessageSetBuilder builder({.magic = magic, .base_offset = 0});
        for (int i = 0; i < 5; ++i) builder.append(1'000, std::nullopt, "value");
        std::string file = builder.build(compressor);
        const std::size_t each = file.size() / 5;
        file[3 * each - 1] = 'X';
        const Shown shown = show(file, {});
        EXPECT_THAT(shown.out, StartsWith("0 to 2  2 records")) << shown.out;
        EXPECT_THAT(shown.out, HasSubstr("\n3 to 4  2 records  v" + std::to_string(magic) + "  none  " +
                                         std::to_string(2 * each) + " bytes at " + std::to_string(3 * each)));
        EXPECT_EQ(shown.summary.damaged, 1U);
        EXPECT_EQ(shown.summary.records, 4U);
    }
}

TEST(LogRecords, a_wrapper_begins_with_its_first_record) {
    for (const std::int8_t magic : {0, 1}) {
        Compressor compressor;
        MessageSetBuilder builder({.magic = magic, .base_offset = 10, .compression = Compression::gzip});
        for (int i = 0; i < 5; ++i) builder.append(1'000, std::nullopt, "value");
        const Shown shown = show(builder.build(compressor), {});
        EXPECT_THAT(shown.out, StartsWith("10 to 14  5 records"));
        EXPECT_EQ(shown.summary.first_offset, 10);
    }
}

TEST(LogRecords, offsets_that_go_back_are_said) {
    const Shown sound = show(batch_at(0) + batch_at(10), {});
    EXPECT_EQ(sound.summary.backwards, 0U) << "gaps are normal";
    EXPECT_TRUE(sound.summary.is_sound());
    const Shown shown = show(batch_at(10) + batch_at(5) + batch_at(7), {});
    EXPECT_THAT(shown.out, HasSubstr("5 to 7  3 records"));
    EXPECT_THAT(shown.out, HasSubstr("OFFSETS GO BACK: 5 follows 12\n"));
    EXPECT_THAT(shown.out, HasSubstr("OFFSETS GO BACK: 7 follows 7\n"));
    EXPECT_EQ(shown.summary.backwards, 2U);
    EXPECT_FALSE(shown.summary.is_sound());
    EXPECT_THAT(show(batch_at(10) + batch_at(5), {.json = true, .show = {}}).out,
                HasSubstr("\"offsets_go_back\":\"5 follows 12\""));
    // Within a run of messages, too.
    std::string run;
    Compressor compressor;
    for (const std::int64_t base : {4, 2}) {
        MessageSetBuilder builder({.magic = 1, .base_offset = base});
        builder.append(1'000, std::nullopt, "value");
        run += builder.build(compressor);
    }
    EXPECT_THAT(show(run, {}).out, HasSubstr("OFFSETS GO BACK: 2 follows 4"));
}

TEST(LogRecords, a_record_of_a_known_form_is_shown_by_whoever_knows_it) {
    LogRecordsOptions options{.json = true, .records = true, .show = {}};
    options.show = [](std::string& out, const RecordBatch&, const Record& record) {
        if (record.offset == 10) out += "{\"known\":1}";
    };
    const Shown shown = show(two_batches(), options);
    const auto line = nlohmann::json::parse(shown.out.substr(0, shown.out.find('\n')));
    EXPECT_EQ(line["records"][0]["decoded"]["known"], 1);
    EXPECT_EQ(line["records"][1]["value"], "w");
}

TEST(InternalLog, is_known_by_its_folder_however_the_path_is_written) {
    using protocol::InternalLog;
    for (const char* path : {"__consumer_offsets-0/000.log", "__consumer_offsets-0/./000.log",
                             "/data/__consumer_offsets-12/../__consumer_offsets-3/000.log"}) {
        EXPECT_EQ(internal_log_of_path(path), InternalLog::consumer_offsets) << path;
    }
    EXPECT_EQ(internal_log_of_path("clicks-0/./000.log"), std::nullopt);
}

TEST(Printable, shows_control_characters_as_what_they_are) {
    EXPECT_EQ(printable("billing"), "billing");
    EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
    EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f"
                        "e \xc2\x9b"
                        "2J"),
              "Gr\xc3\xbc\xc3\x9f"
              "e \\xc2\\x9b"
              "2J");
}

TEST(Utc, before_1970_and_beyond_all_years) {
    const auto utc = [](std::int64_t time, std::int64_t per_second) {
        std::string out;
        append_utc(out, time, per_second);
        return out;
    };
    EXPECT_EQ(utc(0, 1), "1970-01-01T00:00:00Z");
    EXPECT_EQ(utc(-1, 1'000'000), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(utc(-1'000'000, 1'000'000), "1969-12-31T23:59:59.000000Z");
    EXPECT_EQ(utc(1'700'000'000'007, 1000), "2023-11-14T22:13:20.007Z");
    EXPECT_EQ(utc(INT64_MAX, 1), "9223372036854775807");
}

TEST(Timestamps, are_shown_as_utc) {
    EXPECT_EQ(show_timestamp(1'700'000'000'007), "2023-11-14T22:13:20.007Z");
    EXPECT_EQ(show_timestamp(-1), "-");
    EXPECT_EQ(show_timestamp(-1'001), "1969-12-31T23:59:58.999Z");
}

}  // namespace
}  // namespace kwire::tools
