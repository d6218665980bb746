#include "kept_capture.h"
#include "output.h"

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace kwire::tools {
namespace {

class OutputTest : public testing::Test {
 protected:
    void SetUp() override {
        std::signal(SIGPIPE, SIG_IGN);
        ASSERT_EQ(pipe(ends_), 0);
    }
    void TearDown() override {
        close(ends_[0]);
        close(ends_[1]);
    }
    std::string read_some() {
        char bytes[100];
        const auto count = read(ends_[0], bytes, sizeof bytes);
        return std::string(bytes, static_cast<std::size_t>(count));
    }
    int ends_[2];
};

TEST_F(OutputTest, nothing_is_written_before_flush) {
    Output output(ends_[1]);
    output.line("one");
    output.buffer() += "two\n";
    ASSERT_TRUE(output.flush());
    EXPECT_EQ(read_some(), "one\ntwo\n");
    EXPECT_TRUE(output.buffer().empty());
}

TEST_F(OutputTest, a_reader_that_is_gone_is_told) {
    close(ends_[0]);
    Output output(ends_[1]);
    output.line("one");
    EXPECT_FALSE(output.flush());
    EXPECT_TRUE(output.reader_gone());
    EXPECT_EQ(output.written(), 0U);
    EXPECT_EQ(finish(output), 0);
}

TEST_F(OutputTest, a_reader_that_is_gone_is_found_without_writing) {
    Output output(ends_[1]);
    output.look_for_reader();
    EXPECT_FALSE(output.failure());
    close(ends_[0]);
    output.look_for_reader();
    EXPECT_TRUE(output.reader_gone());
}

TEST_F(OutputTest, what_was_written_before_the_reader_went_is_counted) {
    Output output(ends_[1]);
    output.buffer().assign(4 << 20, 'x');
    std::thread reader([this] {
        std::size_t left = 1000;
        char bytes[1000];
        while (left > 0) left -= static_cast<std::size_t>(read(ends_[0], bytes, left));
        close(ends_[0]);
    });
    EXPECT_FALSE(output.flush());
    reader.join();
    EXPECT_TRUE(output.reader_gone());
    EXPECT_GE(output.written(), 1000U);
    EXPECT_LT(output.written(), std::size_t{4} << 20);
}

TEST_F(OutputTest, a_descriptor_that_does_not_block_is_waited_for) {
    fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    Output output(ends_[1]);
    output.buffer().assign(1 << 20, 'x');
    std::size_t seen = 0;
    std::thread reader([&] {
        char bytes[4096];
        while (seen < 1 << 20) {
            seen += static_cast<std::size_t>(read(ends_[0], bytes, sizeof bytes));
        }
    });
    EXPECT_TRUE(output.flush());
    reader.join();
    EXPECT_EQ(seen, std::size_t{1} << 20);
}

TEST(Output, a_full_disk_is_a_failure) {
    const int full = open("/dev/full", O_WRONLY);
    Output output(full);
    output.line("one");
    EXPECT_FALSE(output.flush());
    EXPECT_FALSE(output.reader_gone());
    EXPECT_EQ(finish(output), 1);
    close(full);
}

TEST(KeptCapture, keeps_nothing_back_once_the_disk_is_full) {
    KeptCapture capture("/dev/full");
    for (int i = 0; i < 10; ++i) capture.add(std::string(1 << 20, 'x'));
    capture.flush();
    EXPECT_TRUE(capture.failed());
    EXPECT_EQ(capture.unwritten_bytes(), 0U);
}

/// What a person reads is shown on a terminal; the same bytes pass through a pipe as they are.
TEST(OutputTerminal, control_characters_do_not_reach_it) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(master, 0);
    ASSERT_EQ(grantpt(master), 0);
    ASSERT_EQ(unlockpt(master), 0);
    const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(terminal, 0);
    Output output(terminal);
    output.line("a\x1b[2J\tb\xc2\x9b" "c");
    EXPECT_EQ(finish(output), 0);
    char bytes[100];
    const auto count = read(master, bytes, sizeof bytes);
    EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(count)), "a\\x1b[2J\tb\\xc2\\x9bc\r\n");
    close(terminal);
    close(master);
}

TEST_F(OutputTest, data_in_a_pipe_passes_as_it_is) {
    Output output(ends_[1]);
    output.line("a\x1b[2J");
    EXPECT_EQ(finish(output), 0);
    EXPECT_EQ(read_some(), "a\x1b[2J\n");
}

TEST_F(OutputTest, a_descriptor_that_cannot_be_written_is_found_without_writing) {
    Output output(ends_[0]);
    output.look_for_reader();
    EXPECT_TRUE(output.failure());
    EXPECT_FALSE(output.reader_gone());
    EXPECT_EQ(finish(output), 1);
}

}  // namespace
}  // namespace kwire::tools
