// The balanced assignment over random groups: balance, fewest moves, no dependence on order or chance.
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/group/assignment.h>

namespace kwire {
namespace {

struct Group {
    TopicPartitions topics;
    std::vector<GroupMember> members;
};

std::size_t below(std::mt19937& random, std::size_t count) { return random() % count; }

GroupMember member(const std::string& id, const std::vector<std::string>& topics) {
    return {id, true, MemberSubscription::of_topics(topics)};
}

Group random_group(std::mt19937& random, bool all_read_the_same) {
    Group group;
    std::vector<std::string> names;
    const auto topics = 1 + below(random, 4);
    for (std::size_t t = 0; t < topics; ++t) {
        names.push_back('t' + std::to_string(t));
        auto& partitions = group.topics[names.back()];
        const auto count = below(random, 9);
        for (std::size_t p = 0; p < count; ++p) partitions.push_back({static_cast<std::int32_t>(p), 0});
    }
    const auto members = 1 + below(random, 7);
    for (std::size_t m = 0; m < members; ++m) {
        std::vector<std::string> reads;
        for (const auto& name : names) {
            if (all_read_the_same || below(random, 2) == 0) reads.push_back(name);
        }
        group.members.push_back(member('m' + std::to_string(below(random, 1000) * 10 + m), reads));
    }
    return group;
}

std::map<std::string, std::size_t> loads(const Group& group, const OwnerPlan& plan) {
    std::map<std::string, std::size_t> counts;
    for (const auto& m : group.members) counts[m.id] = 0;
    for (const auto& [tp, owner] : plan) ++counts.at(owner);
    return counts;
}

bool may_read(const Group& group, const std::string& id, const std::string& topic) {
    return std::any_of(group.members.begin(), group.members.end(), [&](const auto& m) {
        return m.id == id && m.subscription.streams_of(topic) > 0;
    });
}

/// The sum of squares of the loads of the most even division, found by trying all hand-overs along all chains until none
/// helps, beginning from nothing in particular: another way to the optimum than balance() takes.
std::size_t sum_of_squares(const std::map<std::string, std::size_t>& counts) {
    std::size_t sum = 0;
    for (const auto& [id, count] : counts) sum += count * count;
    return sum;
}

/// By trying every division of a small group.
std::size_t best_sum_of_squares(const Group& group) {
    std::vector<std::vector<std::size_t>> choices;
    for (const auto& [topic, partitions] : group.topics) {
        std::vector<std::size_t> readers;
        for (std::size_t m = 0; m < group.members.size(); ++m) {
            if (group.members[m].subscription.streams_of(topic) > 0) readers.push_back(m);
        }
        if (readers.empty()) continue;
        choices.insert(choices.end(), partitions.size(), readers);
    }
    std::vector<std::size_t> counts(group.members.size());
    std::size_t best = SIZE_MAX;
    const std::function<void(std::size_t, std::size_t)> go = [&](std::size_t i, std::size_t sum) {
        if (sum >= best) return;
        if (i == choices.size()) {
            best = sum;
            return;
        }
        for (const auto m : choices[i]) {
            const auto more = 2 * counts[m]++ + 1;
            go(i + 1, sum + more);
            --counts[m];
        }
    };
    go(0, 0);
    return best;
}

std::size_t moves(const OwnerPlan& before, const OwnerPlan& after) {
    return static_cast<std::size_t>(std::count_if(after.begin(), after.end(), [&](const auto& entry) {
        const auto old = before.find(entry.first);
        return old != before.end() && old->second != entry.second;
    }));
}

TEST(Balance, IsAsEvenAsAnyDivisionWhateverEachMemberReads) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        auto group = random_group(random, false);
        std::size_t partitions = 0;
        for (const auto& [topic, infos] : group.topics) partitions += infos.size();
        if (partitions > 9 || group.members.size() > 4) continue;  // the other way takes too long
        const auto plan = balance(group.topics, group.members, {});
        EXPECT_EQ(sum_of_squares(loads(group, plan)), best_sum_of_squares(group)) << "round " << round;
    }
}

TEST(Balance, GivesEachPartitionOnceAndOnlyToAReader) {
    std::mt19937 random(12);
    for (int round = 0; round < 300; ++round) {
        const auto group = random_group(random, round % 2 == 0);
        const auto plan = balance(group.topics, group.members, {});
        for (const auto& [topic, partitions] : group.topics) {
            const bool read = std::any_of(group.members.begin(), group.members.end(),
                                          [&, name = &topic](const auto& m) { return m.subscription.streams_of(*name) > 0; });
            for (const auto& info : partitions) EXPECT_EQ(plan.count({topic, info.partition}), read ? 1U : 0U);
        }
        for (const auto& [tp, owner] : plan) EXPECT_TRUE(may_read(group, owner, tp.topic));
    }
}

/// With everybody reading the same, each member must give up what it has above its share, and nothing more.
std::size_t fewest_moves(const Group& group, const OwnerPlan& before) {
    std::size_t partitions = 0;
    for (const auto& [topic, infos] : group.topics) partitions += infos.size();
    const std::size_t share = partitions / group.members.size();
    std::size_t larger_shares = partitions % group.members.size();
    std::vector<std::size_t> kept;
    for (const auto& m : group.members) {
        kept.push_back(static_cast<std::size_t>(std::count_if(before.begin(), before.end(), [&](const auto& entry) {
            const auto topic = group.topics.find(entry.first.topic);
            return entry.second == m.id && topic != group.topics.end() &&
                   entry.first.partition < static_cast<std::int32_t>(topic->second.size());
        })));
    }
    std::sort(kept.rbegin(), kept.rend());
    std::size_t needed = 0;
    for (const auto count : kept) {
        const auto most = share + (larger_shares > 0 ? 1 : 0);
        if (larger_shares > 0) --larger_shares;
        needed += count > most ? count - most : 0;
    }
    return needed;
}

TEST(Balance, MovesNoMoreThanItMustWhenMembersAndTopicsChange) {
    std::mt19937 random(13);
    for (int round = 0; round < 200; ++round) {
        auto group = random_group(random, true);
        OwnerPlan plan = balance(group.topics, group.members, {});
        for (int change = 0; change < 8; ++change) {
            std::vector<std::string> names;
            for (const auto& [topic, partitions] : group.topics) names.push_back(topic);
            if (below(random, 3) == 0) {
                auto& partitions = group.topics[names[below(random, names.size())]];
                partitions.push_back({static_cast<std::int32_t>(partitions.size()), 0});
            } else if (group.members.size() > 1 && below(random, 2) == 0) {
                group.members.erase(group.members.begin() + static_cast<std::ptrdiff_t>(below(random, group.members.size())));
            } else {
                group.members.push_back(member("n" + std::to_string(round) + '-' + std::to_string(change), names));
            }
            const auto next = balance(group.topics, group.members, plan);
            EXPECT_EQ(moves(plan, next) , fewest_moves(group, plan) +
                      static_cast<std::size_t>(std::count_if(plan.begin(), plan.end(), [&](const auto& entry) {
                          return !may_read(group, entry.second, entry.first.topic);  // of those that left
                      })));
            const auto counts = loads(group, next);
            const auto [least, most] = std::minmax_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                return a.second < b.second;
            });
            EXPECT_LE(most->second - least->second, 1U);
            plan = next;
        }
    }
}

TEST(Balance, IsStableAndDoesNotDependOnTheOrderOfTheInput) {
    std::mt19937 random(14);
    for (int round = 0; round < 200; ++round) {
        auto group = random_group(random, false);
        const auto plan = balance(group.topics, group.members, {});
        EXPECT_EQ(balance(group.topics, group.members, plan), plan) << "what is balanced stays";
        std::shuffle(group.members.begin(), group.members.end(), random);
        for (auto& [topic, partitions] : group.topics) std::shuffle(partitions.begin(), partitions.end(), random);
        EXPECT_EQ(balance(group.topics, group.members, {}), plan);
    }
}

TEST(Balance, CountsOverAllTopics) {
    // Topic by topic the first member would get one of each.
    Group group;
    for (int t = 0; t < 4; ++t) group.topics['t' + std::to_string(t)] = {{0, 0}};
    for (const auto* id : {"a", "b", "c", "d"}) group.members.push_back(member(id, {"t0", "t1", "t2", "t3"}));
    for (const auto& [id, count] : loads(group, balance(group.topics, group.members, {}))) EXPECT_EQ(count, 1U) << id;
}

TEST(Balance, PassesAlongAChainWhereNoDirectHandOverHelps) {
    Group group;
    group.topics["x"] = {{0, 0}, {1, 0}, {2, 0}};
    group.topics["y"] = {{0, 0}, {1, 0}};
    group.members = {member("a", {"x"}), member("b", {"x", "y"}), member("c", {"y"})};
    const OwnerPlan before{{{"x", 0}, "a"}, {{"x", 1}, "a"}, {{"x", 2}, "a"}, {{"y", 0}, "b"}, {{"y", 1}, "b"}};
    const auto counts = loads(group, balance(group.topics, group.members, before));
    EXPECT_THAT(counts, testing::ElementsAre(testing::Pair("a", 2), testing::Pair("b", 2), testing::Pair("c", 1)));
}

TEST(Rule, FollowsTheKindsOfTheMembers) {
    GroupMember kwire{"kwire:h:1:00000000", true, {}, PeerKind::kwire};
    GroupMember go{"h:uuid", true, {}, PeerKind::go};
    GroupMember java{"g_h-1-1", true, {}, PeerKind::java};
    EXPECT_EQ(rule_for({}), Assignment::balanced);
    EXPECT_EQ(rule_for({kwire, kwire}), Assignment::balanced);
    EXPECT_EQ(rule_for({kwire, java}), Assignment::java_range);
    EXPECT_EQ(rule_for({kwire, go}), Assignment::original);
    EXPECT_EQ(rule_for({java, go}), Assignment::original);
    EXPECT_TRUE(kinds_disagree({java, kwire, go}));
    EXPECT_FALSE(kinds_disagree({kwire, go}));
}

TEST(Rule, ReadsWhatAMemberIsFromItsId) {
    const auto kind = [](std::string_view id) { return peer_kind(id, "clicks", "", ""); };
    EXPECT_EQ(kind("web1:3e5d8a52-6a2a-4a4e-9c0f-1f6f4f1b2c3d"), PeerKind::go);
    EXPECT_EQ(kind("clicks_web1-1447700000000-3e5d8a52"), PeerKind::java);
    EXPECT_EQ(kind("clicks_named"), PeerKind::java);
    EXPECT_EQ(kind("kwire:web1:4711:3e5d8a52"), PeerKind::kwire);
    EXPECT_EQ(kind("something else"), PeerKind::java);
    EXPECT_EQ(peer_kind("named", "clicks", "kwire 0.1.0", "auto"), PeerKind::kwire);
    EXPECT_EQ(peer_kind("named", "clicks", "kwire 0.1.0", "original"), PeerKind::go);
    EXPECT_EQ(peer_kind("named", "clicks", "kwire 0.1.0", "java-range"), PeerKind::java);
}

// A plan is made on the strand, which hands messages out at the same time.
TEST(Balance, ManyTopicsCostNoMoreThanManyPartitionsOfOne) {
    const auto cost = [](int topics) {
        TopicPartitions partitions;
        std::vector<std::string> names;
        for (int t = 0; t < topics; ++t) {
            names.push_back("t" + std::to_string(t));
            for (int p = 0; p < 4000 / topics; ++p) partitions[names.back()].push_back({p, 0});
        }
        std::vector<GroupMember> members;
        members.push_back({"a", true, MemberSubscription::of_topics(names)});
        const auto before = balance(partitions, members, {});
        members.push_back({"b", true, MemberSubscription::of_topics(names)});
        const auto began = std::clock();
        const auto after = balance(partitions, members, before);
        const auto used = std::clock() - began;
        EXPECT_EQ(std::count_if(after.begin(), after.end(), [](const auto& entry) { return entry.second == "b"; }), 2000);
        return static_cast<double>(used);
    };
    const double in_one = cost(1);
    EXPECT_LT(cost(4000), 3 * in_one);
}

}  // namespace
}  // namespace kwire
