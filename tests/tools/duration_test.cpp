#include "duration.h"

#include <gtest/gtest.h>

#include "numbers.h"

namespace kwire::tools {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, takes_a_number_and_a_unit) {
    EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
    EXPECT_EQ(parse_duration("5s"), milliseconds(5000));
    EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
    EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
    EXPECT_EQ(parse_duration("1h"), milliseconds(3'600'000));
    EXPECT_EQ(parse_duration("0s"), milliseconds(0));
}

TEST(ParseDuration, refuses_anything_else) {
    for (const auto text : {"", "5", "s", "5 s", " 5s", "5s ", "5S", "-1s", "5sec", "1e3s", "nan",
                            "inf s", "5d", "999999999999h"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(ShowDuration, grows_coarser) {
    EXPECT_EQ(show_duration(milliseconds(1)), "0.00 s");
    EXPECT_EQ(show_duration(milliseconds(530)), "0.53 s");
    EXPECT_EQ(show_duration(milliseconds(12'340)), "12.3 s");
    EXPECT_EQ(show_duration(milliseconds(125'000)), "2 m 05 s");
}

TEST(ShowCount, has_commas) {
    EXPECT_EQ(show_count(0), "0");
    EXPECT_EQ(show_count(999), "999");
    EXPECT_EQ(show_count(1000), "1,000");
    EXPECT_EQ(show_count(1234567), "1,234,567");
}

TEST(ShowBytes, picks_the_unit) {
    EXPECT_EQ(show_bytes(1), "1 byte");
    EXPECT_EQ(show_bytes(999), "999 bytes");
    EXPECT_EQ(show_bytes(1000), "1.0 kB");
    EXPECT_EQ(show_bytes(999'960), "1.0 MB");
    EXPECT_EQ(show_bytes(27'345'678), "27.3 MB");
}

}  // namespace
}  // namespace kwire::tools
