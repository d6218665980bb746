// Who reads what, end to end in memory: the rule that members agree on, subscriptions that change, members that keep
// their place.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SubscriptionTest : public GroupFixture {
 protected:
    std::shared_ptr<ConsumerGroup> join_to(MemberSubscription subscription, GroupConfig config) {
        auto group = loop.run(ConsumerGroup::async_join("g", std::move(subscription), "memory", std::move(config)));
        settle();
        return group;
    }
    GroupConfig instance(const std::string& name) {
        auto named = config();
        named.group_instance_id = name;
        return named;
    }
    void put_member(const std::string& id, const std::string& topic) {
        ensemble.put("/consumers/g/ids/" + id, R"({"version":1,"subscription":{")" + topic +
                                                   R"(":1},"pattern":"static","timestamp":"1"})");
        settle();
    }
};

TEST_F(SubscriptionTest, MembersBalanceOverAllTopicsAndKeepWhatTheyHave) {
    for (const auto* topic : {"t", "u", "v"}) create_topic(topic, 1, 5);
    const auto first = join(config(), {"t", "u", "v"});
    EXPECT_THAT(first->owned(), SizeIs(3));
    const auto second = join(config(), {"t", "u", "v"});
    const auto third = join(config(), {"t", "u", "v"});
    for (const auto& member : {first, second, third}) EXPECT_THAT(member->owned(), SizeIs(1));
    const auto kept_by_third = third->owned();
    const auto kept_by_first = first->owned();
    close(second);
    settle();
    EXPECT_EQ(first->owned().size() + third->owned().size(), 3U);
    for (const auto& tp : kept_by_third) EXPECT_THAT(third->owned(), Contains(tp));
    for (const auto& tp : kept_by_first) EXPECT_THAT(first->owned(), Contains(tp));
    close(first);
    close(third);
}

TEST_F(SubscriptionTest, MembersWithDifferentTopicsLeaveNothingUnread) {
    create_topic("t", 4, 1);
    create_topic("u", 2, 1);
    const auto first = join(config(), {"t"});
    const auto second = join(config(), {"t", "u"});
    EXPECT_THAT(first->owned(), SizeIs(3));
    EXPECT_THAT(second->owned(), SizeIs(3));
    for (int p = 0; p < 2; ++p) EXPECT_EQ(owner_of("u", p), second->member_id());
    close(first);
    close(second);
}

TEST_F(SubscriptionTest, AGoMemberMakesTheRuleOriginalAndAJavaMemberRange) {
    create_topic("t", 4);
    const auto group = join();
    EXPECT_THAT(group->owned(), SizeIs(4));
    const std::string go = "aaa:3e5d8a52-6a2a-4a4e-9c0f-1f6f4f1b2c3d";
    put_member(go, "other");
    EXPECT_THAT(group->owned(), SizeIs(2)) << "every member counts under the rule of Go members";
    ensemble.erase("/consumers/g/ids/" + go);
    settle();
    EXPECT_THAT(group->owned(), SizeIs(4));
    put_member("g_aaa-1447700000000-3e5d8a52", "t");
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"t", 2}, TopicPartition{"t", 3}));
    EXPECT_THAT(errors_of(group), IsEmpty());
    put_member(go, "t");
    EXPECT_THAT(errors_of(group), ElementsAre(HasSubstr("Go members and Java members")));
    close(group);
}

TEST_F(SubscriptionTest, AWhiteListReadsTopicsThatAppearAndGrowWithinASecond) {
    create_topic("clicks-a", 1, 2);
    create_topic("other", 1, 2);
    const auto group = join_to(MemberSubscription::white_list("clicks-.*, views"), config());
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"clicks-a", 0}));
    create_topic("clicks-b", 1, 3);
    create_topic("__consumer_offsets", 1, 3);
    loop.advance(1s);
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"clicks-a", 0}, TopicPartition{"clicks-b", 0}));
    create_topic("views", 2, 1);
    write_topic_node("clicks-b", 2);
    kafka.add_partitions("clicks-b", 1);
    loop.advance(1s);
    EXPECT_THAT(group->owned(), SizeIs(5));
    EXPECT_THAT(read_all(group), SizeIs(2 + 3 + 2));
    close(group);
}

TEST_F(SubscriptionTest, ABlackListReadsEverythingElse) {
    create_topic("t", 1);
    create_topic("u", 1);
    create_topic("secret-1", 1);
    const auto group = join_to(MemberSubscription::black_list("secret.*"), config());
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"t", 0}, TopicPartition{"u", 0}));
    ensemble.erase("/brokers/topics/u");
    loop.advance(1s);
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"t", 0}));
    close(group);
}

TEST_F(SubscriptionTest, ASubscriptionChangesWhileReadingAndWhatStaysGoesOn) {
    create_topic("t", 2, 10);
    create_topic("u", 1, 10);
    std::vector<TopicPartition> revoked;
    auto watched = config();
    watched.on_revoked = [&](const auto& partitions) { revoked.insert(revoked.end(), partitions.begin(), partitions.end()); };
    const auto group = join(watched, {"t"});
    EXPECT_THAT(read_all(group), SizeIs(20));
    group->subscribe({"t", "u"});
    settle();
    EXPECT_THAT(group->owned(), SizeIs(3));
    loop.advance(1s);  // the fetch that waits for more of t is answered
    EXPECT_THAT(read_all(group), SizeIs(10));
    EXPECT_THAT(revoked, IsEmpty());
    group->subscribe(MemberSubscription::white_list("u"));
    settle();
    EXPECT_THAT(group->owned(), ElementsAre(TopicPartition{"u", 0}));
    EXPECT_THAT(revoked, SizeIs(2));
    EXPECT_THAT(ensemble.peek("/consumers/g/ids/" + group->member_id())->data, HasSubstr("white_list"));
    EXPECT_THAT(stored->next, SizeIs(2)) << "what was given up was committed";
    EXPECT_THROW(group->subscribe(std::vector<std::string>{}), Error);
    EXPECT_THROW(group->subscribe(MemberSubscription::white_list("(")), Error);
    close(group);
}

TEST_F(SubscriptionTest, PeersFollowAChangedSubscription) {
    create_topic("t", 4);
    const auto first = join(config(), {"t"});
    const auto second = join(config(), {"other"});
    EXPECT_THAT(first->owned(), SizeIs(4));
    second->subscribe({"t"});
    settle();
    EXPECT_THAT(first->owned(), SizeIs(2));
    EXPECT_THAT(second->owned(), SizeIs(2));
    close(first);
    close(second);
}

TEST_F(SubscriptionTest, ARestartWithTheSameInstanceIdMovesNothing) {
    create_topic("t", 4, 10);
    std::vector<TopicPartition> disturbed;
    auto watched = config();
    watched.on_revoked = watched.on_lost = watched.on_assigned = [&](const auto& partitions) {
        disturbed.insert(disturbed.end(), partitions.begin(), partitions.end());
    };
    const auto first = join(watched);
    auto second = join(instance("second"));
    const auto before = second->owned();
    EXPECT_THAT(before, SizeIs(2));
    read_all(second);
    disturbed.clear();
    EXPECT_TRUE(close(second).clean());
    settle();
    EXPECT_EQ(owner_of("t", before.front().partition), "second") << "its place is kept";
    second = join(instance("second"));
    EXPECT_EQ(second->owned(), before);
    EXPECT_THAT(read_all(second), IsEmpty()) << "what it had read was committed when it left";
    EXPECT_THAT(disturbed, IsEmpty());
    logs.append(before.front(), 3);
    EXPECT_THAT(read_all(second), SizeIs(3));
    close(second);
    close(first);
}

TEST_F(SubscriptionTest, ASecondProcessOfOneInstanceIdPutsTheFirstOutOfTheGroup) {
    create_topic("t", 2, 5);
    const auto older = join(instance("one"));
    EXPECT_THAT(older->owned(), SizeIs(2));
    const auto held = read_one(older);
    ASSERT_TRUE(held);
    const auto old_session = session_of(older);
    zk::SessionConfig again;
    again.reopen = {old_session, std::to_string(old_session)};
    again.reopen->second.resize(16, '.');
    const auto younger = join(instance("one"));
    EXPECT_TRUE(older->closed());
    EXPECT_THAT(older->owned(), IsEmpty());
    EXPECT_THAT(errors_of(older), Contains(HasSubstr("group.instance.id one")));
    EXPECT_FALSE(older->commit_upto(*held));
    EXPECT_NE(old_session, session_of(younger));
    EXPECT_THROW(ensemble.open(again), Error) << "its session is over before the program closes it";
    EXPECT_THAT(younger->owned(), SizeIs(2));
    EXPECT_THAT(read_all(younger), SizeIs(10));
    close(older);
    EXPECT_TRUE(close(younger).clean());
}

}  // namespace
}  // namespace kwire::test
