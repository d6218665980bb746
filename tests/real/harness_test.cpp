// The launcher and kcat themselves, before anything of kwire is judged by them.

#include <gtest/gtest.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

TEST(Harness, kcat_reads_what_kcat_wrote_in_every_codec_of_the_line) {
    auto& cluster = shared_cluster();
    for (const auto& codec : cluster.codecs()) {
        const auto topic = "harness-" + codec;
        std::vector<std::string> lines;
        for (int i = 0; i < 200; ++i) {
            lines.push_back("line " + std::to_string(i) + " in " + codec);
        }
        cluster.kcat_produce(topic, 0, codec, lines);
        const auto records = cluster.kcat_read(topic);
        ASSERT_EQ(records.size(), lines.size()) << codec;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            EXPECT_EQ(records[i].value, lines[i]);
            EXPECT_EQ(records[i].offset, static_cast<std::int64_t>(i));
            EXPECT_EQ(records[i].partition, 0);
        }
    }
}

TEST(Harness, java_tool_creates_a_topic_with_the_asked_partitions) {
    auto& cluster = shared_cluster();
    cluster.create_topic("harness-created", 7);
    EXPECT_EQ(cluster.leaders_of("harness-created").size(), 7U);
}

TEST(Harness, a_program_that_does_not_end_is_killed_and_named) {
    const auto result = run_process({"sleep", "600"}, {}, std::chrono::milliseconds(50));
    EXPECT_EQ(result.exit_code, 128 + 9);
    EXPECT_NE(result.err.find("sleep did not end"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace kwire::real
