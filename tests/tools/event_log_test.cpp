#include "event_log.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace kwire::tools {
namespace {

using Json = nlohmann::json;

TEST(EventLog, WritesALineOfJsonForEachEvent) {
    const std::string path = testing::TempDir() + "events-" + std::to_string(getpid());
    {
        EventLog log(path);
        log.happened("says \"hello\"\n");
        log.partitions("assigned", {{"page-views", 0}, {"\xff", 7}});
        log.committed({{{"page-views", 3}, 9'000'000'000}});
    }
    std::vector<Json> events;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) events.push_back(Json::parse(line));
    unlink(path.c_str());

    ASSERT_EQ(events.size(), 4U);
    for (Json& event : events) {
        EXPECT_GT(event["time_us"].get<std::int64_t>(), 1'700'000'000'000'000);
        EXPECT_EQ(event["pid"], getpid());
        event.erase("time_us");
        event.erase("pid");
    }
    EXPECT_EQ(events[0], (Json{{"event", "says \"hello\"\n"}}));
    EXPECT_EQ(events[1], (Json{{"event", "assigned"}, {"topic", "page-views"}, {"partition", 0}}));
    EXPECT_EQ(events[2], (Json{{"event", "assigned"}, {"topic", "\xEF\xBF\xBD"}, {"partition", 7}}));
    EXPECT_EQ(events[3],
              (Json{{"event", "committed"}, {"topic", "page-views"}, {"partition", 3}, {"offset", 9'000'000'000}}));
}

}  // namespace
}  // namespace kwire::tools
