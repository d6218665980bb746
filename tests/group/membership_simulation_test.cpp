#include "membership_simulation.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace kwire::simulation {
namespace {

using namespace std::chrono_literals;

MembershipConfig config_for(Assignment rule, std::vector<std::string> topics) {
    MembershipConfig config;
    config.topics = std::move(topics);
    config.rule = rule;
    return config;
}

TEST(Simulation, ASecondMemberTakesHalfAndTheOtherHalfIsNotTouched) {
    World world(1);
    world.set_topic("t", 8);
    auto& first = world.add("a", config_for(Assignment::java_range, {"t"}));
    world.run_for(2s);
    ASSERT_EQ(first.reading.size(), 8U);
    const auto before = first.reading;
    auto& second = world.add("b", config_for(Assignment::java_range, {"t"}));
    world.run_for(2s);
    EXPECT_EQ(first.reading.size(), 4U);
    EXPECT_EQ(second.reading.size(), 4U);
    for (const auto& [tp, span] : first.reading) EXPECT_EQ(before.at(tp), span) << tp.to_string();
    EXPECT_EQ(world.first_overlap, "");
}

TEST(Simulation, AMemberThatLeavesIsReplacedAtOnce) {
    World world(2);
    world.set_topic("t", 8);
    world.add("a", config_for(Assignment::original, {"t"}));
    auto& second = world.add("b", config_for(Assignment::original, {"t"}));
    world.run_for(3s);
    second.handle(event::CloseRequested{});
    world.run_for(1s);
    EXPECT_TRUE(second.closed());
    EXPECT_EQ(world.unread(), "");
    EXPECT_EQ(world.ids.size(), 1U);
}

TEST(Simulation, AKilledMemberIsReplacedWhenItsSessionEnds) {
    World world(3);
    world.set_topic("t", 8);
    world.add("a", config_for(Assignment::original, {"t"}));
    auto& second = world.add("b", config_for(Assignment::original, {"t"}));
    world.run_for(3s);
    world.kill(second);
    world.run_for(7s);
    EXPECT_EQ(world.unread(), "");
}

TEST(Simulation, FiftyMembersJoinWithinASecond) {
    World world(4);
    world.set_topic("t", 200);
    for (int i = 0; i < 50; ++i) {
        world.after(world.delay(1'000'000), [&world, i] {
            world.add("m" + std::to_string(i), config_for(Assignment::java_range, {"t"}));
        });
    }
    world.run_for(6s);
    EXPECT_EQ(world.unread(), "");
    EXPECT_EQ(world.first_overlap, "");
    for (const auto& process : world.processes) EXPECT_EQ(process->reading.size(), 4U);
}

/// Faults from a seed for a minute; then a quiet time after which everything must be read by somebody.
void run_seed(std::uint64_t seed) {
    World world(seed);
    const auto rules = {Assignment::original, Assignment::java_range, Assignment::java_roundrobin};
    const auto rule = *(rules.begin() + static_cast<std::ptrdiff_t>(seed % rules.size()));
    world.set_topic("t", 3 + static_cast<std::int32_t>(world.random() % 12));
    int names = 0;
    const auto add = [&] { world.add("m" + std::to_string(names++), config_for(rule, {"t", "late"})); };
    for (std::size_t i = 0; i < 1 + seed % 5; ++i) add();

    for (int fault = 0; fault < 20; ++fault) {
        world.run_for(world.delay(3'000'000));
        auto& victim = *world.processes[world.random() % world.processes.size()];
        const bool well = victim.alive && !victim.closed() && victim.connected;
        switch (world.random() % 7) {
            case 0: add(); break;
            case 1: victim.handle(event::CloseRequested{}); break;
            case 2: world.kill(victim); break;
            case 3: if (well && victim.session() != 0) world.expire(victim); break;
            case 4: world.set_topic("late", 1 + static_cast<std::int32_t>(world.random() % 9)); break;
            case 5: world.set_topic("t", 15 + fault); break;
            case 6:
                if (!well || victim.session() == 0) break;
                world.lose_connection(victim);
                world.after(world.delay(3'000'000), [&world, &victim] {
                    if (victim.session() != 0) world.restore_connection(victim);
                });
                break;
        }
        ASSERT_EQ(world.first_overlap, "") << "after fault " << fault;
    }
    add();
    world.run_for(40s);
    EXPECT_EQ(world.unread(), "");
    EXPECT_EQ(world.first_overlap, "");
}

TEST(Simulation, SeededFaults) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        run_seed(seed);
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace kwire::simulation
