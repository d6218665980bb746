#include <kwire/net/backoff.h>

#include <gtest/gtest.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesUpToTheMaximumWithJitter) {
    Backoff backoff(100ms, 1000ms, 7);
    auto plain = 100ms;
    for (int i = 0; i < 40; ++i) {
        const auto wait = backoff.next();
        EXPECT_GE(wait, plain * 8 / 10) << i;
        EXPECT_LE(wait, plain * 12 / 10) << i;
        plain = std::min(1000ms, plain * 2);
    }
    backoff.reset();
    EXPECT_LE(backoff.next(), 120ms);
}

TEST(BackoffTest, WithoutASeedThereIsNoJitter) {
    Backoff backoff(100ms, 300ms);
    EXPECT_EQ(backoff.next(), 100ms);
    EXPECT_EQ(backoff.next(), 200ms);
    EXPECT_EQ(backoff.next(), 300ms);
    EXPECT_EQ(backoff.failures(), 3);
}

TEST(BackoffTest, NeverTriesMoreThanTwentyTimesASecond) {
    Backoff backoff(0ms, 0ms, 1);
    for (int i = 0; i < 100; ++i) EXPECT_GE(backoff.next(), 50ms);
}

TEST(BackoffTest, FollowsItsSeed) {
    Backoff one(100ms, 1000ms, 3);
    Backoff same(100ms, 1000ms, 3);
    Backoff other(100ms, 1000ms, 4);
    bool differs = false;
    for (int i = 0; i < 10; ++i) {
        const auto wait = one.next();
        EXPECT_EQ(wait, same.next());
        differs = differs || wait != other.next();
    }
    EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace kwire
