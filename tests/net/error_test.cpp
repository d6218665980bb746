#include <type_traits>

#include <gtest/gtest.h>

#include <kwire/net/error.h>

namespace kwire {
namespace {

TEST(ErrorTest, SaysWhatAndWhere) {
    const Error error(errc::connection_lost, "the other side closed the connection",
                      {.target = "b1:9092",
                       .api = "Fetch",
                       .api_version = 12,
                       .topic = "clicks",
                       .partition = 3,
                       .offset = 17});
    EXPECT_STREQ(error.what(),
                 "the other side closed the connection (b1:9092, Fetch v12, clicks/3, offset 17)");
    EXPECT_EQ(error.code(), errc::connection_lost);
    EXPECT_EQ(error.condition(), errc::connection_lost);
    EXPECT_EQ(error.broker_code(), ErrorCode::none);
    EXPECT_EQ(error.where().offset, 17);
}

TEST(ErrorTest, LeavesOutWhatIsNotKnown) {
    EXPECT_STREQ(Error(errc::closed, "closed").what(), "closed");
    EXPECT_STREQ(Error(errc::unknown_topic, "no such topic", {.topic = "clicks"}).what(),
                 "no such topic (topic clicks)");
    EXPECT_STREQ(Error(errc::broken_frame, "bad", {.api = "Fetch"}).what(), "bad (Fetch)");
}

TEST(ErrorTest, NamesTheCodeOfTheBroker) {
    const Error error(ErrorCode::not_coordinator, "the commit was refused", {.target = "b1:9092"});
    EXPECT_EQ(error.condition(), errc::broker_error);
    EXPECT_EQ(error.broker_code(), ErrorCode::not_coordinator);
    EXPECT_STREQ(error.what(), "the commit was refused: NOT_COORDINATOR (16) (b1:9092)");
}

TEST(ErrorTest, CopiesWithoutThrowing) {
    EXPECT_TRUE(std::is_nothrow_copy_constructible_v<Error>);
    const Error error(errc::closed, "closed");
    const std::system_error& base = error;
    EXPECT_STREQ(Error(error).what(), base.what());
}

TEST(ErrorTest, WhateverIsThrownBecomesAnError) {
    const auto of = [](auto thrown) { return as_error(std::make_exception_ptr(thrown)); };
    EXPECT_EQ(of(Error(errc::no_leader, "none", {.target = "b1:9092"})).where().target, "b1:9092");
    EXPECT_EQ(of(std::bad_alloc()).condition(), errc::internal);
    EXPECT_NE(of(std::bad_alloc()).reason().find("memory"), std::string::npos);
    EXPECT_NE(of(std::logic_error("odd")).reason().find("odd"), std::string::npos);
    EXPECT_EQ(of(42).condition(), errc::internal);
    EXPECT_EQ(as_error(nullptr).condition(), errc::internal);
}

TEST(ErrorTest, EveryConditionHasWords) {
    for (int i = 1; i <= static_cast<int>(errc::bad_stored_offset); ++i) {
        EXPECT_NE(kwire_category().message(i).rfind("error ", 0), 0u) << i;
    }
}

}  // namespace
}  // namespace kwire
