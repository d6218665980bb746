#include "idle_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kwire::tools {
namespace {

using namespace std::chrono_literals;
using Verdict = IdleWatch::Verdict;
using testing::HasSubstr;
using testing::Not;

class IdleWatchTest : public testing::Test {
 protected:
    ReadingState all_read() const {
        ReadingState state;
        state.confirmed = now;
        return state;
    }
    static ReadingState no_leader() {
        ReadingState state;
        state.obstacles.push_back({{"t", 0}, "has no leader at the moment"});
        return state;
    }
    static ReadingState behind(std::int64_t position) {
        ReadingState state;
        state.obstacles.push_back({{"t", 0}, "is read up to", true});
        state.progress = position;
        return state;
    }
    /// Looks four times a second until something else than go_on is said, or time has passed.
    template <class Make>
    Verdict look_for(Duration time, Make make) {
        for (const TimePoint end = now + time; now < end;) {
            now += 250ms;
            const auto verdict = watch.look(make(), now);
            if (verdict != Verdict::go_on) return verdict;
        }
        return Verdict::go_on;
    }

    TimePoint now{1000s};
    const TimePoint begun = now;
    IdleWatch watch{5s, now};
};

TEST_F(IdleWatchTest, idle_time_counts_from_the_last_message_while_all_is_read) {
    EXPECT_EQ(look_for(3s, [&] { return all_read(); }), Verdict::go_on);
    watch.message(now);
    EXPECT_EQ(look_for(4s, [&] { return all_read(); }), Verdict::go_on);
    EXPECT_EQ(look_for(2s, [&] { return all_read(); }), Verdict::idle);
    EXPECT_EQ(now - begun, 8s);
}

TEST_F(IdleWatchTest, an_outage_ends_at_the_idle_time_too_and_not_as_idle) {
    EXPECT_EQ(look_for(20s, no_leader), Verdict::stuck);
    EXPECT_EQ(now - begun, 5s);
}

TEST_F(IdleWatchTest, what_was_no_idle_time_does_not_count_afterwards) {
    EXPECT_EQ(look_for(4s, no_leader), Verdict::go_on);
    EXPECT_EQ(look_for(20s, [&] { return all_read(); }), Verdict::idle);
    EXPECT_EQ(now - begun, 9s + 250ms) << "from the first look at which all was read";
}

TEST_F(IdleWatchTest, an_end_that_no_answer_confirms_any_more_is_not_idle) {
    EXPECT_EQ(look_for(3s, [&] { return all_read(); }), Verdict::go_on);
    const auto silent = [last = all_read()] { return last; };
    EXPECT_EQ(look_for(60s, silent), Verdict::go_on);
}

TEST_F(IdleWatchTest, partitions_that_come_and_go_end_it_nevertheless) {
    Verdict verdict = Verdict::go_on;
    int rounds = 0;
    for (; verdict == Verdict::go_on && rounds < 100; ++rounds) {
        verdict = look_for(1s, no_leader);
        if (verdict == Verdict::go_on) verdict = look_for(1s, [&] { return all_read(); });
    }
    EXPECT_EQ(verdict, Verdict::stuck);
    EXPECT_LE(rounds, 6);
}

TEST_F(IdleWatchTest, a_log_without_messages_that_is_read_on_is_not_stuck) {
    std::int64_t position = 0;
    EXPECT_EQ(look_for(60s, [&] { return behind(++position); }), Verdict::go_on);
    EXPECT_EQ(look_for(60s, [&] { return behind(position); }), Verdict::stuck);
}

TEST_F(IdleWatchTest, a_short_idle_time_leaves_time_to_join) {
    watch = IdleWatch(100ms, now);
    EXPECT_EQ(look_for(1s, no_leader), Verdict::go_on);
    EXPECT_EQ(look_for(10s, [&] { return all_read(); }), Verdict::idle);
}

TEST_F(IdleWatchTest, without_an_idle_time_it_never_ends_by_itself) {
    watch = IdleWatch(std::nullopt, now);
    EXPECT_EQ(look_for(60s, [&] { return all_read(); }), Verdict::go_on);
    EXPECT_EQ(look_for(60s, no_leader), Verdict::go_on);
}

TEST_F(IdleWatchTest, trouble_is_what_lasts) {
    look_for(1s, no_leader);
    EXPECT_FALSE(watch.in_trouble(now)) << "a leader that moves";
    look_for(2s, no_leader);
    EXPECT_TRUE(watch.in_trouble(now));
    std::int64_t position = 0;
    look_for(1s, [&] { return behind(++position); });
    EXPECT_FALSE(watch.in_trouble(now)) << "to be in the middle of a log is none";
}

TEST_F(IdleWatchTest, what_is_wrong_is_named_before_what_is_only_late) {
    ReadingState state = behind(1);
    for (int p = 0; p < 8; ++p) state.obstacles.push_back({{"u", p}, "has no leader"});
    EXPECT_THAT(describe(state), testing::StartsWith("u/0 has no leader; u/1 "));
    EXPECT_THAT(describe(state), HasSubstr("and 4 more"));
    EXPECT_THAT(describe(state), Not(HasSubstr("t/0")));
}

}  // namespace
}  // namespace kwire::tools
