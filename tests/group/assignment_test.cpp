#include <kwire/group/assignment.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assignment/member_id.h"

namespace kwire {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

GroupMember reader(std::string id, std::map<std::string, std::int32_t> streams) {
    return {std::move(id), true, {MemberSubscription::Pattern::static_list, std::move(streams)}};
}

std::vector<PartitionLeader> partitions(std::size_t count) {
    std::vector<PartitionLeader> result;
    for (std::size_t i = 0; i < count; ++i) {
        result.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(i % 3)});
    }
    return result;
}

std::vector<GroupMember> readers(std::size_t count, const std::string& topic) {
    std::vector<GroupMember> result;
    for (std::size_t i = 0; i < count; ++i) result.push_back(reader("m" + std::to_string(100 + i), {{topic, 1}}));
    return result;
}

std::vector<std::int32_t> of_member(const AssignmentResult& result, const std::string& member) {
    std::vector<std::int32_t> found;
    for (const auto& [tp, who] : result) {
        if (who.member == member) found.push_back(tp.partition);
    }
    return found;
}

class Divisions : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(Divisions, EveryPartitionOnceAndSharesDifferByOneAtMost) {
    const auto member_count = static_cast<std::size_t>(GetParam().first);
    const auto partition_count = static_cast<std::size_t>(GetParam().second);
    for (const auto rule : {Assignment::original, Assignment::java_range, Assignment::java_roundrobin,
                            Assignment::java_roundrobin_08}) {
        const auto members = readers(member_count, "t");
        const auto result = assign(rule, {{"t", partitions(partition_count)}}, members);
        EXPECT_EQ(result.size(), partition_count);
        for (std::size_t i = 0; i < member_count; ++i) {
            const auto share = of_member(result, members[i].id).size();
            const auto more = i < partition_count % member_count ? 1U : 0U;
            EXPECT_EQ(share, partition_count / member_count + more) << "member " << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(OfTheOriginal, Divisions,
                         testing::Values(std::pair{2, 5}, std::pair{5, 2}, std::pair{9, 32},
                                         std::pair{10, 50}));

TEST(Assignment, OriginalSortsByLeaderThenPartition) {
    const TopicPartitions topics{{"t", {{0, 2}, {1, 1}, {2, 2}, {3, 1}, {4, -1}}}};
    const auto result = assign(Assignment::original, topics, readers(2, "t"));
    EXPECT_THAT(of_member(result, "m100"), ElementsAre(1, 3, 4));
    EXPECT_THAT(of_member(result, "m101"), ElementsAre(0, 2));
}

TEST(Assignment, OriginalCountsEveryMemberWhateverItReads) {
    std::vector<GroupMember> members{reader("a", {{"other", 1}}), reader("b", {{"t", 1}}), {"c", false, {}}};
    const auto result = assign(Assignment::original, {{"t", partitions(3)}}, members);
    EXPECT_EQ(of_member(result, "a").size(), 1U);
    EXPECT_EQ(of_member(result, "b").size(), 1U);
    EXPECT_EQ(of_member(result, "c").size(), 1U);
}

TEST(Assignment, RangeCountsSubscribersOnly) {
    std::vector<GroupMember> members{reader("a", {{"other", 1}}), reader("b", {{"t", 1}}), {"c", false, {}}};
    const auto result = assign(Assignment::java_range, {{"t", partitions(3)}}, members);
    EXPECT_THAT(of_member(result, "b"), ElementsAre(0, 1, 2));
}

TEST(Assignment, RangeSortsThreadIdsAsStrings) {
    const auto result = assign(Assignment::java_range, {{"t", partitions(12)}}, {reader("id", {{"t", 12}})});
    EXPECT_EQ(result.at({"t", 0}).owner_text, "id-0");
    EXPECT_EQ(result.at({"t", 1}).owner_text, "id-1");
    EXPECT_EQ(result.at({"t", 2}).owner_text, "id-10");
    EXPECT_EQ(result.at({"t", 3}).owner_text, "id-11");
    EXPECT_EQ(result.at({"t", 4}).owner_text, "id-2");
}

TEST(Assignment, RangeSplitsEightPartitionsOverThreeMembersThreeThreeTwo) {
    const auto result = assign(Assignment::java_range, {{"t", partitions(8)}}, readers(3, "t"));
    EXPECT_THAT(of_member(result, "m100"), ElementsAre(0, 1, 2));
    EXPECT_THAT(of_member(result, "m101"), ElementsAre(3, 4, 5));
    EXPECT_THAT(of_member(result, "m102"), ElementsAre(6, 7));
}

// The hashes were computed by hand from the definition s[0]*31^(n-1) + ... of java.lang.String.
TEST(Assignment, JavaHash) {
    EXPECT_EQ(java_hash(""), 0);
    EXPECT_EQ(java_hash("a"), 97);
    EXPECT_EQ(java_hash("ab"), 97 * 31 + 98);
    EXPECT_EQ(java_hash("polygenelubricants"), INT32_MIN);
}

TEST(Assignment, RoundRobinDealsByHashOfTheNameOfItsLine) {
    // [t,9] hashes below [t,10], which is longer; negative and positive hashes mix once topics are long.
    std::vector<std::pair<std::int32_t, int>> modern;
    std::vector<std::pair<std::int32_t, int>> old;
    const std::string topic = "page-views-of-a-long-name";
    for (int p = 0; p < 11; ++p) {
        modern.emplace_back(java_hash(topic + "-" + std::to_string(p)), p);
        old.emplace_back(java_hash("[" + topic + "," + std::to_string(p) + "]"), p);
    }
    std::sort(modern.begin(), modern.end());
    std::sort(old.begin(), old.end());
    const auto members = readers(2, topic);
    const auto by_modern = assign(Assignment::java_roundrobin, {{topic, partitions(11)}}, members);
    const auto by_old = assign(Assignment::java_roundrobin_08, {{topic, partitions(11)}}, members);
    for (std::size_t i = 0; i < 11; ++i) {
        EXPECT_EQ(by_modern.at({topic, modern[i].second}).member, members[i % 2].id);
        EXPECT_EQ(by_old.at({topic, old[i].second}).member, members[i % 2].id);
    }
}

TEST(Assignment, RoundRobinPassesOverThreadsThatDoNotReadTheTopic) {
    const auto result = assign(Assignment::java_roundrobin, {{"a", partitions(3)}, {"b", partitions(3)}},
                               {reader("x", {{"a", 1}}), reader("y", {{"a", 1}, {"b", 1}})});
    ASSERT_EQ(result.size(), 6U);
    for (int p = 0; p < 3; ++p) EXPECT_EQ(result.at({"b", p}).member, "y");
    EXPECT_GE(of_member(result, "x").size(), 1U);
}

TEST(Assignment, DoesNotDependOnTheOrderOfTheInput) {
    std::mt19937 random(1);
    auto members = readers(7, "t");
    auto infos = partitions(23);
    for (const auto rule : {Assignment::original, Assignment::java_range, Assignment::java_roundrobin}) {
        const auto expected = assign(rule, {{"t", infos}}, members);
        std::shuffle(members.begin(), members.end(), random);
        std::shuffle(infos.begin(), infos.end(), random);
        EXPECT_EQ(assign(rule, {{"t", infos}}, members), expected);
    }
}

TEST(Assignment, NobodyOrNothing) {
    for (const auto rule : {Assignment::original, Assignment::java_range, Assignment::java_roundrobin}) {
        EXPECT_TRUE(assign(rule, {{"t", partitions(3)}}, {}).empty());
        EXPECT_TRUE(assign(rule, {}, readers(3, "t")).empty());
        EXPECT_TRUE(assign(rule, {{"t", {}}}, readers(3, "t")).empty());
    }
}

TEST(TopicExpression, IsReadAsJavaReadsIt) {
    EXPECT_TRUE(white_list_matches("clicks", "clicks"));
    EXPECT_FALSE(white_list_matches("click", "clicks"));
    EXPECT_TRUE(white_list_matches(" a , b ", "b"));
    EXPECT_TRUE(white_list_matches("\"a.*\"", "abc"));
    EXPECT_FALSE(white_list_matches(".*", "__consumer_offsets"));
    EXPECT_TRUE(black_list_matches("a.*", "b"));
    EXPECT_FALSE(black_list_matches("a.*", "abc"));
    EXPECT_FALSE(black_list_matches("a.*", "__transaction_state"));
}

TEST(TopicExpression, ThatIsBrokenMatchesNothing) {
    EXPECT_FALSE(white_list_matches("(", "("));
    EXPECT_FALSE(black_list_matches("(", "a"));
    EXPECT_FALSE(white_list_matches(std::string(100'000, '('), "a"));
    EXPECT_FALSE(white_list_matches("(a*)*b", std::string(249, 'a')));
}

TEST(Assignment, WildcardPeersCountForTheTopicsTheyMatch) {
    GroupMember wild{"w", true, {MemberSubscription::Pattern::white_list, {{"t.*", 2}}}};
    const auto result = assign(Assignment::java_range, {{"t1", partitions(3)}, {"u", partitions(3)}},
                               {wild, reader("m", {{"t1", 1}, {"u", 1}})});
    EXPECT_THAT(of_member(result, "w"), ElementsAre(1, 2));
    EXPECT_EQ(result.at({"t1", 0}).owner_text, "m-0");
    EXPECT_EQ(result.at({"t1", 2}).owner_text, "w-1");
    EXPECT_EQ(result.at({"u", 2}).owner_text, "m-0");
}

TEST(MemberId, TellsWhatKindOfMemberItIs) {
    const auto hex = std::string("[0-9a-f]");
    EXPECT_THAT(new_member_id(Assignment::original, "g"),
                MatchesRegex(".+:" + hex + "{8}-" + hex + "{4}-4" + hex + "{3}-[89ab]" + hex + "{3}-" + hex + "{12}"));
    EXPECT_THAT(new_member_id(Assignment::java_range, "g"), MatchesRegex("g_.+-[0-9]{13}-" + hex + "{8}"));
    EXPECT_NE(new_member_id(Assignment::original, "g"), new_member_id(Assignment::original, "g"));
    EXPECT_EQ(owner_text(Assignment::original, "id"), "id");
    EXPECT_EQ(owner_text(Assignment::java_range, "id"), "id-0");
}

}  // namespace
}  // namespace kwire
