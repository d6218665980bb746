#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>

#include <gmock/gmock.h>

#include "faults.h"
#include "world.h"

namespace kwire::simulation {
namespace {

using namespace std::chrono_literals;

MembershipConfig config_for(Assignment rule, const std::vector<std::string>& topics = {"t"}) {
    MembershipConfig config;
    config.subscription = MemberSubscription::of_topics(topics);
    config.rule = rule;
    return config;
}

class Scenario : public testing::TestWithParam<Assignment> {
 protected:
    Process& add(const std::string& name) { return world.add(name, config_for(GetParam())); }
    void TearDown() override { EXPECT_EQ(world.broken(), ""); }
    World world{7};
};

TEST_P(Scenario, ASecondMemberTakesHalfAndTheOtherHalfIsNotTouched) {
    world.set_topic("t", 8);
    auto& first = add("a");
    world.run_for(2s);
    ASSERT_EQ(first.reading().size(), 8U);
    const auto before = first.reading();
    auto& second = add("b");
    world.run_for(3s);
    EXPECT_EQ(first.reading().size(), 4U);
    EXPECT_EQ(second.reading().size(), 4U);
    for (const auto& [tp, span] : first.reading()) EXPECT_EQ(before.at(tp), span) << tp.to_string();
}

TEST_P(Scenario, AMemberThatLeavesIsReplacedAtOnce) {
    world.set_topic("t", 8);
    add("a");
    auto& second = add("b");
    world.run_for(3s);
    world.close(second);
    world.run_for(3s);
    EXPECT_TRUE(second.closed());
    EXPECT_EQ(world.unread(), "");
    EXPECT_EQ(world.nodes.members().size(), 1U);
    EXPECT_EQ(world.duplicates, 0U);
}

TEST_P(Scenario, AKilledMemberIsReplacedWhenItsSessionEnds) {
    world.set_topic("t", 8);
    add("a");
    auto& second = add("b");
    world.run_for(3s);
    world.kill(second);
    world.run_for(session_timeout + 1s);
    EXPECT_EQ(world.unread(), "");
}

TEST_P(Scenario, FiftyMembersJoinWithinASecond) {
    world.set_topic("t", 200);
    for (int i = 0; i < 50; ++i) {
        world.after(world.delay(1s), [this, i] { add('m' + std::to_string(i)); });
    }
    world.run_for(5s);
    EXPECT_EQ(world.unread(), "");
    for (const auto& process : world.processes) EXPECT_EQ(process->reading().size(), 4U);
}

INSTANTIATE_TEST_SUITE_P(Rules, Scenario,
                         testing::Values(Assignment::automatic, Assignment::original, Assignment::java_range));

TEST(Simulation, ALeaverOfManyMovesItsOwnPartitionsOnly) {
    World world(5);
    world.set_topic("t", 40);
    for (int i = 0; i < 8; ++i) world.add('m' + std::to_string(i), config_for(Assignment::automatic));
    world.run_for(5s);
    const auto claims = world.claims;
    world.close(*world.processes[3]);
    world.run_for(5s);
    EXPECT_EQ(world.unread(), "");
    EXPECT_EQ(world.claims - claims, 5U);
    EXPECT_EQ(world.broken(), "");
}

TEST(Simulation, ARestartWithinTheSessionMovesNothing) {
    World world(6);
    world.set_topic("t", 9);
    auto config = config_for(Assignment::automatic);
    config.static_member = true;
    for (const auto* name : {"a", "b", "c"}) world.add(name, config);
    world.run_for(5s);
    const auto reading = [&](std::size_t i) { return world.processes[i]->reading(); };
    const auto first = reading(0);
    const auto third = reading(2);
    const auto second = reading(1);
    world.close(*world.processes[1]);
    world.run_for(2s);
    auto& again = world.add("b", config);
    world.run_for(10s);
    EXPECT_EQ(reading(0), first);
    EXPECT_EQ(reading(2), third);
    ASSERT_EQ(again.reading().size(), second.size());
    for (const auto& [tp, span] : second) EXPECT_EQ(again.reading().count(tp), 1U) << tp.to_string();
    EXPECT_EQ(world.duplicates, 0U);
    EXPECT_EQ(world.broken(), "");
}

TEST(Simulation, TwoOfOneInstanceIdLeaveTheYoungerInTheGroup) {
    World world(8);
    world.set_topic("t", 4);
    auto config = config_for(Assignment::automatic);
    config.static_member = true;
    auto& older = world.add("a", config);
    world.run_for(3s);
    auto& younger = world.add("a", config);
    world.run_for(3s);
    EXPECT_TRUE(older.closed());
    EXPECT_EQ(younger.reading().size(), 4U);
}

// What its strand stands still, in a callback of the program's, is not the member's time.
TEST(Simulation, ACloseIsExpectedInTheTimeThatTheMemberHas) {
    World world(10);
    world.set_topic("t", 3);
    auto config = config_for(Assignment::automatic);
    config.processing_timeout = 1s;
    auto& member = world.add("a", config);
    world.run_for(3s);
    world.close(member);
    world.block(member, 5900ms);
    world.run_for(20s);
    EXPECT_TRUE(member.closed());
    EXPECT_EQ(world.broken(), "");
}

TEST(Simulation, ACloseThatTakesTooLongIsNoticed) {
    for (const auto blocked : {0ms, 3000ms}) {
        World world(11);
        world.set_topic("t", 3);
        auto config = config_for(Assignment::automatic);
        config.processing_timeout = 1s;
        config.leave_timeout = 20s;
        auto& member = world.add("a", config);
        world.run_for(3s);
        world.stop_zookeeper(60s);
        world.close(member);
        if (blocked > 0ms) world.block(member, blocked);
        world.run_for(5900ms + blocked);
        EXPECT_EQ(world.broken(), "") << blocked.count();
        world.run_for(200ms);
        EXPECT_THAT(world.broken(), testing::HasSubstr("a does not close")) << blocked.count();
    }
}

// "Own partitions only": what a join costs does not grow with the partitions of the others.
TEST(Simulation, WhatAJoinCostsInALargeGroup) {
    World world(9);
    world.set_topic("t", 1000);
    for (int i = 0; i < 100; ++i) world.add('m' + std::to_string(1000 + i), config_for(Assignment::automatic));
    world.run_for(20s);
    ASSERT_EQ(world.unread(), "");
    const auto operations = world.operations;
    const auto claims = world.claims;
    world.add("one-more", config_for(Assignment::automatic));
    world.run_for(2s);  // the commits of 1,000 partitions come every five seconds
    ASSERT_EQ(world.unread(), "");
    const auto cost = world.operations - operations;
    std::cout << "a 101st member of 1,000 partitions: " << cost << " operations of all members, "
              << world.claims - claims << " claims\n";
    RecordProperty("operations", std::to_string(cost));
    EXPECT_LE(world.claims - claims, 2 * 9U) << "each of its nine once before and once after it is free";
    EXPECT_EQ(world.broken(), "");
}

TEST(Simulation, ASeedDoesTheSameEachTime) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const auto once = run_seed(seed);
        const auto again = run_seed(seed);
        EXPECT_EQ(once.digest, again.digest) << "seed " << seed;
        EXPECT_EQ(once.operations, again.operations);
    }
}

}  // namespace
}  // namespace kwire::simulation
