#include "bench_figures.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace kwire::tools {
namespace {

using testing::HasSubstr;

Figures run(double rate) {
    return {{"messages", std::int64_t{1000}}, {"messages_per_second", rate}, {"codec", std::string("zstd"), false}};
}

TEST(BenchFigures, a_run_is_one_json_object_in_order) {
    EXPECT_EQ(json_line(run(2.5)), R"({"messages":1000,"messages_per_second":2.5,"codec":"zstd"})");
}

TEST(BenchFigures, several_runs_have_minimum_median_and_maximum) {
    const auto odd = nlohmann::json::parse(json_summary({run(3), run(1), run(2)}, 1));
    EXPECT_EQ(odd["runs"], 3);
    EXPECT_EQ(odd["warm_up_runs"], 1);
    EXPECT_EQ(odd["codec"], "zstd");
    EXPECT_EQ(odd["messages_per_second"], (nlohmann::json{{"min", 1.0}, {"median", 2.0}, {"max", 3.0}}));
    const auto even = nlohmann::json::parse(json_summary({run(3), run(1)}, 0));
    EXPECT_EQ(even["messages_per_second"]["median"], 2.0);
}

/// Not a test by itself: what the next one starts.
TEST(BenchFigures, DISABLED_prints_its_peak) { std::printf("peak=%lld\n", static_cast<long long>(Usage::now().peak_rss_bytes)); }

TEST(BenchFigures, the_peak_is_not_that_of_the_process_that_started_it) {
    constexpr std::size_t large = 768 << 20;  // with sanitizers the command alone takes 250 MB
    const std::string held(large, 'x');
    ASSERT_GT(Usage::now().peak_rss_bytes, static_cast<std::int64_t>(large));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execl("/proc/self/exe", "test", "--gtest_also_run_disabled_tests",
              "--gtest_filter=BenchFigures.DISABLED_prints_its_peak", nullptr);
        _exit(127);
    }
    close(ends[1]);
    std::string output;
    char bytes[4096];
    for (ssize_t count = 0; (count = read(ends[0], bytes, sizeof bytes)) > 0;) {
        output.append(bytes, static_cast<std::size_t>(count));
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    const auto at = output.find("peak=");
    ASSERT_NE(at, std::string::npos) << output;
    const std::int64_t peak = std::stoll(output.substr(at + 5));
    EXPECT_GT(peak, 1 << 20);
    EXPECT_LT(peak, static_cast<std::int64_t>(large) / 2);
}

TEST(BenchFigures, people_get_a_table) {
    const std::string text = text_summary({run(3'000'000), run(1'000'000), run(2'000'000)}, 2);
    EXPECT_THAT(text, HasSubstr("3 runs after 2 that did not count"));
    EXPECT_THAT(text, HasSubstr("1,000,000  2,000,000  3,000,000"));
    EXPECT_EQ(text.find("codec"), std::string::npos);
}

TEST(BenchFigures, a_transfer_tells_joining_from_reading) {
    Transfer transfer;
    transfer.first_message();
    transfer.ended(10, 1000);
    const auto result = nlohmann::json::parse(json_line(transfer.result(true).figures));
    for (const char* key : {"messages", "bytes", "seconds", "messages_per_second", "cpu_seconds", "cpu_ns_per_message",
                            "peak_rss_bytes", "join_seconds"}) {
        EXPECT_TRUE(result.contains(key)) << key;
    }
    EXPECT_EQ(result["messages"], 10);
    EXPECT_THAT(transfer.result(true).sentence, HasSubstr("10 messages (1.0 kB)"));
}

}  // namespace
}  // namespace kwire::tools
