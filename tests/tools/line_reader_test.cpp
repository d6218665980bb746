#include "line_reader.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace kwire::tools {
namespace {

/// The lines of text, as they come through a pipe.
std::vector<std::string> lines_of(const std::string& text) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size();) {
            at += static_cast<std::size_t>(write(ends[1], text.data() + at, text.size() - at));
        }
        close(ends[1]);
    });
    LineReader reader(ends[0]);
    std::vector<std::string> lines;
    while (const auto line = reader.next()) lines.emplace_back(*line);
    EXPECT_FALSE(reader.failure());
    writer.join();
    close(ends[0]);
    return lines;
}

using Lines = std::vector<std::string>;

TEST(LineReader, a_last_line_needs_no_newline) {
    EXPECT_EQ(lines_of("a\nb\n"), (Lines{"a", "b"}));
    EXPECT_EQ(lines_of("a\nb"), (Lines{"a", "b"}));
}

TEST(LineReader, empty_lines_count) {
    EXPECT_EQ(lines_of(""), Lines{});
    EXPECT_EQ(lines_of("\n"), Lines{""});
    EXPECT_EQ(lines_of("\n\nx\n\n"), (Lines{"", "", "x", ""}));
}

TEST(LineReader, any_length_and_any_byte) {
    const std::string long_line(1'000'000, 'y');
    const std::string bytes("\0\xff\r", 3);
    EXPECT_EQ(lines_of(long_line + "\n" + bytes + "\n" + long_line),
              (Lines{long_line, bytes, long_line}));
    Lines many(20'000, "0123456789");
    std::string text;
    for (const auto& line : many) text += line + "\n";
    EXPECT_EQ(lines_of(text), many);
}

TEST(LineReader, a_failure_is_not_an_end) {
    LineReader reader(-1);
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.failure(), std::errc::bad_file_descriptor);
}

TEST(LineReaderAtHand, knows_whether_a_whole_line_was_read_already) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], "one\ntwo\nhal", 11), 11);
    LineReader lines(ends[0]);
    EXPECT_FALSE(lines.has_line()) << "nothing was read yet";
    EXPECT_EQ(lines.next(), "one");
    EXPECT_TRUE(lines.has_line());
    EXPECT_TRUE(lines.has_line());
    EXPECT_EQ(lines.next(), "two");
    EXPECT_FALSE(lines.has_line()) << "half a line is none";
    ASSERT_EQ(write(ends[1], "f\n", 2), 2);
    EXPECT_EQ(lines.next(), "half");
    close(ends[1]);
    EXPECT_FALSE(lines.has_line());
    EXPECT_EQ(lines.next(), std::nullopt);
    close(ends[0]);
}

}  // namespace
}  // namespace kwire::tools
