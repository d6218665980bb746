// The judge of the faults must find each thing that must not be.
#include "observed.h"

#include <gmock/gmock.h>

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Clock::time_point at(std::chrono::milliseconds when) {
    return Clock::time_point(1000s + when);
}

class JudgeTest : public testing::Test {
 protected:
    JudgeTest() : members(2) {
        members[0].member = "a";
        members[1].member = "b";
        for (int i = 0; i < 50; ++i) log.push_back({0, i, std::nullopt, "v" + std::to_string(i)});
    }
    void tell(std::size_t member, std::chrono::milliseconds when, const char* what, std::int64_t offset = -1) {
        members[member].events.push_back({what, at(when), 0, offset, "v" + std::to_string(offset)});
    }
    void deliver(std::size_t member, std::chrono::milliseconds when, std::int64_t from, std::int64_t to) {
        for (auto offset = from; offset < to; ++offset) tell(member, when, "delivered", offset);
    }
    /// a reads the first half and commits it, b the other.
    void hand_over() {
        tell(0, 0ms, "assigned");
        deliver(0, 1ms, 0, 25);
        tell(0, 2ms, "committed", 25);
        tell(1, 3ms, "assigned");
        deliver(1, 4ms, 25, 50);
        tell(1, 5ms, "committed", 50);
    }
    Verdict verdict(std::int64_t stored = 50, Promised promised = {}) const {
        return judge(log, members, {{0, stored}}, promised);
    }

    std::vector<real::Record> log;
    std::vector<Observed> members;
};

TEST_F(JudgeTest, a_clean_hand_over_breaks_nothing) {
    hand_over();
    const auto seen = verdict();
    EXPECT_EQ(seen.broken, "");
    EXPECT_EQ(seen.written, 50U);
    EXPECT_EQ(seen.duplicates + seen.lost + seen.skipped + seen.overlaps + seen.late + seen.commits, 0U);
}

TEST_F(JudgeTest, what_nobody_was_handed_is_lost) {
    hand_over();
    log.push_back({0, 50, std::nullopt, "v50"});
    EXPECT_EQ(verdict().lost, 1U);
    EXPECT_THAT(verdict().broken, HasSubstr("offset 50 of partition 0 was handed to nobody"));
}

TEST_F(JudgeTest, another_value_at_the_same_offset_is_another_message) {
    hand_over();
    log[10].value = "of another log";
    EXPECT_EQ(verdict().lost, 1U);
}

TEST_F(JudgeTest, a_message_that_comes_twice_is_a_duplicate) {
    tell(0, 0ms, "assigned");
    deliver(0, 1ms, 0, 50);
    tell(1, 3ms, "assigned");
    deliver(1, 4ms, 49, 50);
    EXPECT_EQ(verdict().duplicates, 1U);
    EXPECT_NE(verdict().broken, "");
    EXPECT_EQ(verdict(50, {.no_duplicates = false}).broken, "");
}

TEST_F(JudgeTest, offsets_rise_within_a_claim_and_skip_nothing) {
    tell(0, 0ms, "assigned");
    deliver(0, 1ms, 0, 50);
    tell(0, 2ms, "delivered", 7);
    EXPECT_EQ(verdict().disorder, 1U);
    members[0].events.clear();
    tell(0, 0ms, "assigned");
    deliver(0, 1ms, 0, 20);
    deliver(0, 1ms, 22, 50);
    EXPECT_EQ(verdict().skipped, 2U);
    tell(0, 2ms, "assigned");  // a new claim begins where the offset is
    deliver(0, 2ms, 20, 22);
    EXPECT_EQ(verdict().disorder, 0U);
}

TEST_F(JudgeTest, who_is_handed_messages_of_another_overlaps) {
    hand_over();
    tell(0, 6ms, "delivered", 25);
    EXPECT_EQ(verdict().overlaps, 1U);
    EXPECT_THAT(verdict().broken, HasSubstr("a is handed offset 25 of partition 0 after it went to b"));
}

TEST_F(JudgeTest, who_stood_still_may_go_on_with_what_it_had_in_its_hands_and_no_more) {
    tell(0, 0ms, "assigned");
    deliver(0, 1ms, 0, 10);
    members[0].unknowing.emplace_back(at(2ms), at(9'000ms));
    tell(1, 7'000ms, "assigned");
    deliver(1, 7'001ms, 0, 50);
    deliver(0, 9'001ms, 10, 42);
    const Promised twice{.no_duplicates = false};
    EXPECT_EQ(verdict(50, twice).late, 32U);
    EXPECT_EQ(verdict(50, twice).broken, "");
    deliver(0, 9'002ms, 42, 43);
    EXPECT_EQ(verdict(50, twice).overlaps, 1U);
    members[0].events.pop_back();
    deliver(0, 19'000ms, 42, 43);
    EXPECT_EQ(verdict(50, twice).overlaps, 1U) << "long after it went on";
}

TEST_F(JudgeTest, commits_go_forward_are_of_what_was_handed_out_and_the_owners) {
    hand_over();
    tell(1, 6ms, "committed", 40);
    EXPECT_THAT(verdict().broken, HasSubstr("b commits 40 of partition 0 after 50"));
    members[1].events.back() = {"committed", at(6ms), 0, 51, ""};
    EXPECT_THAT(verdict().broken, HasSubstr("which nobody was handed"));
    members[1].events.pop_back();
    tell(0, 6ms, "committed", 50);
    EXPECT_THAT(verdict().broken, HasSubstr("which is b's"));
    EXPECT_EQ(verdict().commits, 1U);
}

TEST_F(JudgeTest, a_commit_may_be_told_a_little_after_the_partition_moved) {
    hand_over();
    tell(0, 6ms, "committed", 25);
    EXPECT_EQ(verdict().broken, "");
    members[0].events.back().at = at(2'000ms);
    EXPECT_THAT(verdict().broken, HasSubstr("a commits 25 of partition 0, which is b's"));
    EXPECT_EQ(verdict(50, {.waits_for_on_revoked = false}).broken, "") << "it is told when that has returned";
}

TEST_F(JudgeTest, who_is_given_a_partition_while_on_revoked_runs_overlaps) {
    hand_over();
    members[0].events.push_back({"revoked", at(2ms), 0, -1, ""});
    EXPECT_THAT(verdict().broken, HasSubstr("b is given partition 0 while on_revoked of a runs"));
    EXPECT_EQ(verdict().overlaps, 1U);
    EXPECT_EQ(verdict(50, {.waits_for_on_revoked = false}).broken, "");
    members[0].events.push_back({"returned", at(2ms), 0, -1, ""});
    EXPECT_EQ(verdict().broken, "");
    members[0].events.back().at = at(9ms);
    EXPECT_EQ(verdict().overlaps, 1U);
}

TEST_F(JudgeTest, what_was_aborted_is_handed_to_nobody) {
    hand_over();
    tell(1, 4ms, "assigned");
    members[1].events.push_back({"delivered", at(5ms), 0, 50, "aborted 7"});
    EXPECT_THAT(verdict().broken, HasSubstr("offset 50 of partition 0, which is of an aborted transaction"));
}

TEST_F(JudgeTest, what_is_left_behind_is_what_was_read) {
    hand_over();
    EXPECT_EQ(verdict(25).commits, 1U);
    EXPECT_EQ(verdict(-1).commits, 1U);
}

TEST_F(JudgeTest, what_no_reader_sees_may_be_committed) {
    hand_over();
    tell(1, 6ms, "committed", 57);
    EXPECT_EQ(verdict(57).commits, 2U) << "told, and left behind";
    EXPECT_EQ(verdict(57, {.aborted = true}).broken, "");
    log.push_back({0, 56, std::nullopt, "v56"});
    EXPECT_EQ(verdict(57, {.aborted = true}).commits, 2U);
}

TEST_F(JudgeTest, what_is_left_behind_of_a_log_that_lost_its_end_is_its_end) {
    hand_over();
    log.resize(40);
    tell(1, 6ms, "assigned");
    deliver(1, 7ms, 30, 40);
    const Promised another_log{.no_duplicates = false, .one_log = false};
    EXPECT_EQ(verdict(40, another_log).broken, "");
    EXPECT_THAT(verdict(50, another_log).broken, HasSubstr("read up to 39 and its offset is left at 50"));
    log[35].value = "written after that";
    EXPECT_EQ(verdict(40, another_log).lost, 1U) << "read on as if nothing was";
}

TEST_F(JudgeTest, a_log_that_was_to_begin_anew_must_have) {
    hand_over();
    EXPECT_THAT(verdict(50, {.no_duplicates = false, .one_log = false}).broken, HasSubstr("there was no fault"));
}

TEST_F(JudgeTest, descriptors_stay_about_as_many) {
    hand_over();
    members[0].events.push_back({"descriptors", at(0ms), 20, -1, ""});
    members[0].events.push_back({"descriptors", at(9ms), 28, -1, ""});
    members[1].events.push_back({"descriptors", at(9ms), 60, -1, ""});
    EXPECT_EQ(verdict().broken, "");
    members[0].events.push_back({"descriptors", at(10ms), 29, -1, ""});
    EXPECT_EQ(verdict().broken, "a has 29 descriptors, and had 20");
}

TEST_F(JudgeTest, a_slow_close_is_told) {
    hand_over();
    members[0].events.push_back({"closed", at(9ms), 0, 7000, ""});
    EXPECT_THAT(verdict().broken, HasSubstr("a needs 7000 ms to close"));
}

TEST(ParseEvents, leaves_out_a_line_that_a_kill_cut_off) {
    const auto events = parse_events("delivered 1000000 3 17 5 message 1\nassigned 2000000 4 -1 \ndelivered 30");
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].what, "delivered");
    EXPECT_EQ(events[0].at, Clock::time_point(1s));
    EXPECT_EQ(events[0].partition, 3);
    EXPECT_EQ(events[0].offset, 17);
    EXPECT_EQ(events[0].value, "5 message 1");
    EXPECT_EQ(events[1].partition, 4);
    EXPECT_EQ(events[1].offset, -1);
}

}  // namespace
}  // namespace kwire::faults
