#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/net/lease.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;

const TimePoint now = TimePoint{} + 1h;

TEST(Lease, HoldsUntilItsTimeAndNotAtIt) {
    Lease lease(now + 1s);
    EXPECT_TRUE(lease.holds(now));
    EXPECT_TRUE(lease.holds(now + 999ms));
    EXPECT_FALSE(lease.holds(now + 1s));
    EXPECT_FALSE(lease.ended()) << "lapsed, and may be renewed";
}

TEST(Lease, DoesNotHoldBeforeItIsExtended) {
    Lease lease;
    EXPECT_FALSE(lease.holds(now));
    lease.extend(now + 1s);
    EXPECT_TRUE(lease.holds(now));
}

TEST(Lease, IsNeverShortened) {
    Lease lease(now + 5s);
    lease.extend(now + 1s);
    EXPECT_EQ(lease.until(), now + 5s);
    lease.extend(now + 9s);
    EXPECT_EQ(lease.until(), now + 9s);
}

TEST(Lease, LapsedIsRenewedByAnAnswerThatComesLate) {
    Lease lease(now);
    EXPECT_FALSE(lease.holds(now + 1s));
    lease.extend(now + 2s);
    EXPECT_TRUE(lease.holds(now + 1s));
}

TEST(Lease, EndedIsForEver) {
    Lease lease(now + 5s);
    lease.end();
    EXPECT_FALSE(lease.holds(now));
    lease.extend(now + 1h);
    EXPECT_FALSE(lease.holds(now));
    EXPECT_TRUE(lease.ended());
    EXPECT_EQ(lease.until(), TimePoint::min());
}

TEST(Lease, UnboundedHoldsAtEveryTime) {
    EXPECT_TRUE(Lease::unbounded()->holds(now + std::chrono::hours(24 * 365 * 100)));
    EXPECT_EQ(Lease::unbounded(), Lease::unbounded());
}

TEST(Lease, AnEndIsNotUndoneByAnExtensionOfAnotherThread) {
    for (int round = 0; round < 200; ++round) {
        Lease lease(now);
        std::vector<std::thread> threads;
        for (int i = 1; i <= 3; ++i) {
            threads.emplace_back([&lease, i] {
                for (int step = 0; step < 50; ++step) lease.extend(now + std::chrono::seconds(step * i));
            });
        }
        lease.end();
        for (auto& thread : threads) thread.join();
        ASSERT_TRUE(lease.ended());
    }
}

}  // namespace
}  // namespace kwire
