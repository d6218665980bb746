// Nodes that tools delete, put or change under a group that runs, and members whose views differ; end to end in memory.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class OwnerNodes : public GroupFixture {
 protected:
    GroupConfig named(const std::string& id) {
        GroupConfig result = config();
        result.offset_manager = nullptr;
        result.member_id = id;
        return result;
    }
};

TEST_F(OwnerNodes, ADeletedOneIsMadeAgainAndThePartitionIsReadByItsOwnerAlone) {
    create_topic("t", 4, 5);
    const auto a = join(named("a"));
    const auto b = join(named("b"));
    loop.advance(10s);
    read_all(a);
    read_all(b);
    const auto tp = a->owned().front();
    ensemble.erase("/consumers/g/owners/" + tp.to_string());
    settle();
    EXPECT_EQ(owner_of(tp.topic, tp.partition), "a");
    loop.advance(1min);
    EXPECT_THAT(a->owned(), Contains(tp));
    EXPECT_THAT(b->owned(), Not(Contains(tp)));
    logs.append(tp, 3);
    EXPECT_THAT(read_all(a), SizeIs(3));
    EXPECT_THAT(read_all(b), IsEmpty());
    close(a);
    close(b);
}

TEST_F(OwnerNodes, OneThatIsAnothersMakesThePartitionLostAtOnceAndItsBlockIsReported) {
    create_topic("t", 1, 5);
    GroupConfig watched = named("a");
    std::vector<TopicPartition> lost;
    watched.on_lost = [&](const auto& partitions) { lost.insert(lost.end(), partitions.begin(), partitions.end()); };
    const auto group = join(watched);
    read_all(group);
    ensemble.erase("/consumers/g/owners/t/0");
    ensemble.put("/consumers/g/owners/t/0", "somebody");
    settle();
    EXPECT_THAT(lost, SizeIs(1));
    EXPECT_THAT(group->owned(), IsEmpty());
    logs.append({"t", 0}, 3);
    EXPECT_THAT(read_all(group), IsEmpty());
    const auto errors = errors_of(group);
    EXPECT_EQ(std::count_if(errors.begin(), errors.end(),
                            [](const auto& text) { return text.find("/consumers/g/owners/t/0") != std::string::npos; }),
              1);
    ensemble.erase("/consumers/g/owners/t/0");
    loop.advance(1s);
    EXPECT_THAT(group->owned(), SizeIs(1));
    EXPECT_THAT(read_all(group), SizeIs(8)) << "nothing was committed of what was lost";
    close(group);
}

TEST_F(OwnerNodes, APersistentOneIsReportedAndThePartitionReadOnceItIsDeleted) {
    create_topic("t", 2, 5);
    ensemble.put("/consumers/g/owners/t/0", "left behind");
    const auto group = join(named("a"));
    loop.advance(2min);
    EXPECT_THAT(group->owned(), SizeIs(1));
    const auto errors = errors_of(group);
    EXPECT_THAT(errors, Contains(AllOf(HasSubstr("/consumers/g/owners/t/0"), HasSubstr("persistent"), HasSubstr("delete"))));
    EXPECT_THAT(errors, SizeIs(1)) << "once";
    ensemble.erase("/consumers/g/owners/t/0");
    loop.advance(1s);
    EXPECT_THAT(read_all(group), SizeIs(10));
    close(group);
}

TEST_F(OwnerNodes, ADeletedPlanIsWrittenAgainAndMovesNothing) {
    create_topic("t", 4, 5);
    GroupConfig watched = named("a");
    int revoked = 0;
    watched.on_revoked = [&](const auto& partitions) { revoked += static_cast<int>(partitions.size()); };
    const auto a = join(watched);
    const auto b = join(named("b"));
    loop.advance(10s);
    const int before = revoked;
    const auto plan = ensemble.peek("/consumers/g/plan").value().data;
    ensemble.erase("/consumers/g/plan");
    loop.advance(1min);
    ASSERT_TRUE(ensemble.peek("/consumers/g/plan"));
    EXPECT_EQ(ensemble.peek("/consumers/g/plan")->data, plan);
    EXPECT_EQ(revoked, before);
    close(a);
    close(b);
}

TEST_F(OwnerNodes, APlanOfALaterVersionIsReportedAndLeftAlone) {
    create_topic("t", 4, 5);
    const auto group = join(named("a"));
    const std::string later = R"({"version":7,"coordination":"broker"})";
    ensemble.put("/consumers/g/plan", later);
    loop.advance(2min);
    EXPECT_EQ(ensemble.peek("/consumers/g/plan")->data, later);
    EXPECT_THAT(group->owned(), SizeIs(4));
    const auto errors = errors_of(group);
    EXPECT_THAT(errors, Contains(HasSubstr("/consumers/g/plan")));
    EXPECT_THAT(errors, SizeIs(1)) << "once";
    close(group);
}

// One by ZooKeeper, one by the brokers, whose numbers of partitions are not the same and never will be.
TEST_F(OwnerNodes, MembersWhoseViewsDifferForGoodDoNotFightAndSayWhatTheySee) {
    create_topic("t", 4, 5);
    GroupConfig by_zookeeper = named("a");
    GroupConfig by_brokers = named("b");
    by_brokers.bootstrap = {HostPort::parse("b1:9092", 9092)};
    int revoked = 0;
    by_zookeeper.on_revoked = [&](const auto& partitions) { revoked += static_cast<int>(partitions.size()); };
    by_brokers.on_revoked = by_zookeeper.on_revoked;
    const auto a = join(by_zookeeper);
    kafka.add_partitions("t", 4);
    const auto b = join(by_brokers);
    loop.advance(1min);
    const int before = revoked;
    EXPECT_EQ(a->owned().size() + b->owned().size(), 8U);
    loop.advance(3min);
    EXPECT_EQ(revoked, before);
    EXPECT_EQ(a->owned().size() + b->owned().size(), 8U);
    EXPECT_THAT(errors_of(a), Contains(AllOf(HasSubstr("4"), HasSubstr("8"), HasSubstr("partitions"))));
    close(a);
    close(b);
}

TEST_F(OwnerNodes, AnIdleGroupListsEachTopicOnceAMinute) {
    std::vector<std::string> topics;
    for (int t = 0; t < 80; ++t) {
        topics.push_back("t" + std::to_string(t));
        create_topic(topics.back(), 1);
    }
    std::vector<std::shared_ptr<ConsumerGroup>> groups;
    for (const auto* id : {"a", "b", "c", "d"}) groups.push_back(join(named(id), topics));
    loop.advance(2min);
    int lists = 0;
    ensemble.on_operation([&](const zk::MemoryOperation& operation) {
        const bool list = operation.kind == zk::MemoryOperation::Kind::children && operation.is_about("/owners/");
        if (list) ++lists;
        return zk::Fault::none;
    });
    loop.advance(2min);
    EXPECT_LE(lists, 2 * 80 * 11 / 10);
    EXPECT_GE(lists, 2 * 80 * 9 / 10);
    ensemble.on_operation(nullptr);
    for (const auto& group : groups) close(group);
}

}  // namespace
}  // namespace kwire::test
