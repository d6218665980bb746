// Several members of one group, end to end in memory.
#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using RebalanceTest = GroupFixture;

TEST_F(RebalanceTest, TwoMembersReadEverythingOnce) {
    create_topic("t", 4);
    const auto first = join();
    const auto second = join();
    for (int p = 0; p < 4; ++p) logs.append({"t", p}, 50);
    auto values = read_all(first);
    const auto rest = read_all(second);
    EXPECT_THAT(values, SizeIs(100));
    EXPECT_THAT(rest, SizeIs(100));
    values.insert(values.end(), rest.begin(), rest.end());
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), 200U);
    close(first);
    close(second);
}

TEST_F(RebalanceTest, AKeptPartitionKeepsItsCursorAndAMovedOneIsReadOnFromTheLastAcknowledged) {
    create_topic("t", 2, 10);
    const auto first = join();
    std::map<std::int32_t, std::shared_ptr<PartitionCursor>> cursors;
    while (const auto message = read_one(first)) {
        cursors[message->partition] = message->cursor;
        EXPECT_TRUE(first->commit_upto(*message));
    }
    ASSERT_THAT(cursors, SizeIs(2));
    const auto second = join();
    ASSERT_THAT(first->owned(), SizeIs(1));
    ASSERT_THAT(second->owned(), SizeIs(1));
    const int kept = first->owned()[0].partition;
    EXPECT_EQ(cursors.at(kept)->state(), PartitionCursor::State::flowing);
    EXPECT_EQ(cursors.at(1 - kept)->state(), PartitionCursor::State::retired);

    logs.append({"t", 0}, 1);
    logs.append({"t", 1}, 1);
    const auto of_kept = read_one(first);
    ASSERT_TRUE(of_kept);
    EXPECT_EQ(of_kept->cursor, cursors.at(kept));
    EXPECT_TRUE(first->commit_upto(*of_kept));
    EXPECT_THAT(read_all(second), ElementsAre("t/" + std::to_string(1 - kept) + "@10"));
    EXPECT_TRUE(close(first).clean());
    EXPECT_TRUE(close(second).clean());
}

TEST_F(RebalanceTest, AHandOverWaitsForTheAcknowledgementAndNotLonger) {
    create_topic("t", 2, 1);
    const auto first = join();
    std::map<std::int32_t, OwnedMessage> held;
    while (const auto message = read_one(first)) held[message->partition] = *message;
    ASSERT_THAT(held, SizeIs(2));
    const auto second = join();
    loop.advance(10s);
    EXPECT_THAT(second->owned(), IsEmpty());
    for (const auto& [partition, message] : held) EXPECT_TRUE(first->commit_upto(message));
    settle();
    EXPECT_THAT(second->owned(), SizeIs(1));
    EXPECT_THAT(read_all(second), IsEmpty()) << "what was acknowledged is not read again";
    close(first);
    close(second);
}

TEST_F(RebalanceTest, Fault6TheNextOwnerIsWokenByTheNodeThatGoes) {
    create_topic("t", 4, 5);
    const auto first = join();
    const auto second = join();
    EXPECT_THAT(second->owned(), SizeIs(2));
    close(first);
    settle();
    EXPECT_THAT(second->owned(), SizeIs(4));
    EXPECT_THAT(read_all(second), SizeIs(20));
    close(second);
}

TEST_F(RebalanceTest, AMemberThatDiesIsReplaced) {
    create_topic("t", 4, 5);
    const auto first = join();
    const auto second = join();
    const auto session = session_of(first);
    ensemble.disconnect(session);
    ensemble.expire(session);
    settle();
    EXPECT_THAT(second->owned(), SizeIs(4));
    EXPECT_THAT(read_all(second), SizeIs(20));
    EXPECT_THAT(read_all(first), IsEmpty());
    close(second);
    ensemble.reconnect(session);
    loop.advance(1s);
    EXPECT_THAT(first->owned(), SizeIs(4)) << "it came back as a new member";
    close(first);
}

TEST_F(RebalanceTest, APartitionThatCannotBeIsToldAndTheRestIsRead) {
    create_topic("t", 2, 10);
    for (const char* id : {"-1", "2147483647"}) {
        ensemble.put("/brokers/topics/bad", std::string(R"({"version":1,"partitions":{"0":[1],")") + id + R"(":[1]}})");
        const auto group = join(config(), {"t", "bad"});
        EXPECT_THAT(read_all(group), SizeIs(20)) << id;
        EXPECT_THAT(errors_of(group), testing::Contains(testing::HasSubstr("unreadable partition `" + std::string(id))));
        close(group);
        logs.append({"t", 0}, 10);
        logs.append({"t", 1}, 10);
    }
}

TEST_F(RebalanceTest, AFactoryThatThrowsAnythingIsReportedAndTriedAgain) {
    create_topic("t", 1, 1);
    int calls = 0;
    GroupConfig throwing = config();
    throwing.session_factory = [&calls, factory = ensemble.factory()]() {
        if (++calls == 2) throw 42;
        if (calls == 3) throw std::bad_alloc();
        return factory();
    };
    const auto group = join(throwing, {"t"});
    ensemble.expire(session_of(group));
    loop.advance(10s);
    settle();
    EXPECT_GE(calls, 4);
    EXPECT_THAT(group->owned(), SizeIs(1));
    const auto errors = errors_of(group);
    EXPECT_THAT(errors, testing::Contains(testing::HasSubstr("something unexpected was thrown")));
    EXPECT_THAT(errors, testing::Contains(testing::HasSubstr("not enough memory")));
    close(group);
}

TEST_F(RebalanceTest, TwoMembersOneAfterTheOther) {
    create_topic("t", 1, 20);
    const auto first = join();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(first->commit_upto(read_one(first).value()));
    close(first);
    const auto second = join();
    EXPECT_THAT(read_all(second), SizeIs(10));
    close(second);
}

TEST_F(RebalanceTest, Fault12FirstJoinsAtTheSameTimeOnAnEmptyEnsemble) {
    create_topic("t", 4);
    std::vector<std::shared_ptr<VirtualLoop::Outcome<std::shared_ptr<ConsumerGroup>>>> joins;
    for (int i = 0; i < 4; ++i) joins.push_back(loop.start(ConsumerGroup::async_join("g", {"t"}, "memory", config())));
    loop.advance(1s);
    std::vector<std::shared_ptr<ConsumerGroup>> groups;
    for (const auto& joined : joins) groups.push_back(joined->take());
    for (const auto& group : groups) EXPECT_THAT(group->owned(), SizeIs(1));
    for (const auto& group : groups) close(group);
}

TEST_F(RebalanceTest, Fault8APartitionOfAMemberThatDoesNotReadTheTopicIsAdopted) {
    create_topic("t", 2, 5);
    create_topic("u", 2, 5);
    const auto first = join(config(), {"t"});
    const auto second = join(config(), {"u"});
    loop.advance(20s);
    EXPECT_THAT(read_all(first), SizeIs(10));
    EXPECT_THAT(read_all(second), SizeIs(10));
    close(first);
    close(second);
}

TEST_F(RebalanceTest, JavaRangeWritesThreadIdsAndCountsSubscribersOnly) {
    create_topic("t", 8, 1);
    auto range = config();
    range.assignment = Assignment::java_range;
    ensemble.put("/consumers/g/ids/g_peer-1-aaaaaaaa",
                 R"({"version":1,"subscription":{"other":1},"pattern":"static","timestamp":"1"})");
    const auto group = join(range);
    EXPECT_THAT(group->owned(), SizeIs(8));
    EXPECT_EQ(owner_of("t", 0), group->member_id() + "-0");
    ensemble.put("/consumers/g/ids/g_peer-2-bbbbbbbb",
                 R"({"version":1,"subscription":{"t.*":2},"pattern":"white_list","timestamp":"1"})");
    read_all(group);
    settle();
    EXPECT_THAT(group->owned(), SizeIs(testing::Lt(4U)));
    close(group);
}

TEST_F(RebalanceTest, CallbacksTellWhatComesAndGoes) {
    create_topic("t", 2, 1);
    std::vector<std::string> told;
    auto watched = config();
    const auto note = [&](std::string what) {
        return [&told, what](const std::vector<TopicPartition>& partitions) {
            for (const auto& tp : partitions) told.push_back(what + tp.to_string());
        };
    };
    watched.on_assigned = note("+");
    watched.on_revoked = note("-");
    watched.on_lost = note("!");
    const auto first = join(watched);
    EXPECT_THAT(told, ElementsAre("+t/0", "+t/1"));
    told.clear();
    read_all(first);
    const auto second = join();
    EXPECT_THAT(told, SizeIs(1));
    close(second);
    settle();
    EXPECT_THAT(first->owned(), SizeIs(2));
    close(first);
}

}  // namespace
}  // namespace kwire::test
