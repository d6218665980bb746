#include "fetching/trouble.h"

#include <gtest/gtest.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;

const TimePoint begun = TimePoint(1h);

TEST(Trouble, WhatPassesSoonIsNoNews) {
    Trouble trouble;
    trouble.note(Error(errc::no_leader, "none"), begun);
    EXPECT_TRUE(trouble.any());
    EXPECT_FALSE(trouble.news(begun + 1s));
    trouble.over();
    EXPECT_FALSE(trouble.any());
    EXPECT_FALSE(trouble.news(begun + 10s));
    trouble.note(Error(errc::no_leader, "none"), begun + 20s);
    EXPECT_FALSE(trouble.news(begun + 21s)) << "its time begins anew";
}

TEST(Trouble, WhatStaysIsReportedOnceForEachReason) {
    Trouble trouble;
    trouble.note(Error(errc::no_leader, "none"), begun);
    EXPECT_EQ(trouble.news(begun + 2s)->condition(), errc::no_leader);
    trouble.note(Error(errc::no_leader, "none"), begun + 3s);
    EXPECT_FALSE(trouble.news(begun + 60s));
    trouble.note(Error(ErrorCode::kafka_storage_error, "disk"), begun + 61s);
    EXPECT_EQ(trouble.news(begun + 61s)->broker_code(), ErrorCode::kafka_storage_error);
    trouble.note(Error(errc::no_leader, "none"), begun + 62s);
    EXPECT_FALSE(trouble.news(begun + 62s));
    trouble.over();
    trouble.note(Error(errc::no_leader, "none"), begun + 70s);
    EXPECT_TRUE(trouble.news(begun + 72s)) << "it worked in between";
}

TEST(Trouble, WhatSomebodyMustChangeIsReportedAtOnce) {
    Trouble trouble;
    trouble.note(Error(ErrorCode::topic_authorization_failed, "denied"), begun, Trouble::Report::at_once);
    EXPECT_TRUE(trouble.news(begun));
}

TEST(Trouble, WhatOthersReportIsOnlyKnown) {
    Trouble trouble;
    trouble.note(Error(errc::cannot_connect, "nobody"), begun, Trouble::Report::by_others);
    EXPECT_FALSE(trouble.news(begun + 60s));
    EXPECT_EQ(trouble.reason()->condition(), errc::cannot_connect);
}

}  // namespace
}  // namespace kwire
