#include "bench_figures.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

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
