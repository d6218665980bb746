// How a member comes and goes when things are refused to it, when the program's parts throw, and when nobody waits for it.
#include <chrono>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <kwire/offsets/offset_store.h>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LifecycleTest : public GroupFixture {
 protected:
    GroupConfig in_zookeeper() {
        auto made = config();
        made.offset_manager = nullptr;
        return made;
    }
    GroupConfig instance(const std::string& name) {
        auto made = in_zookeeper();
        made.group_instance_id = name;
        return made;
    }
    /// What join throws, and nothing if it does not.
    std::string failure_of_join(GroupConfig made) {
        try {
            close(join(std::move(made)));
        } catch (const Error& error) {
            return error.what();
        }
        return {};
    }
};

TEST_F(LifecycleTest, ARegistrationThatAnAclRefusesFailsTheJoinAtOnce_M1) {
    create_topic("t", 1);
    for (const std::string denied : {"/consumers/g/ids", "/consumers/g", "/consumers"}) {
        ensemble.deny(denied);
        const TimePoint before = loop.now();
        const std::string failure = failure_of_join(in_zookeeper());
        EXPECT_LT(loop.now() - before, 1s) << denied;
        EXPECT_THAT(failure, HasSubstr(denied));
        EXPECT_THAT(failure, HasSubstr("no auth"));
        ensemble.allow(denied);
    }
    EXPECT_EQ(ensemble.open_sessions(), 0U);
    EXPECT_THAT(failure_of_join(in_zookeeper()), IsEmpty());
}

TEST_F(LifecycleTest, ARegistrationThatIsRefusedLaterIsReportedAndTriedAgain) {
    create_topic("t", 1, 5);
    const auto group = join(in_zookeeper());
    ensemble.deny("/consumers/g/ids");
    ensemble.expire(session_of(group));
    loop.advance(10s);
    EXPECT_THAT(errors_of(group), Contains(HasSubstr("/consumers/g/ids")));
    ensemble.allow("/consumers/g/ids");
    loop.advance(10s);
    EXPECT_THAT(group->owned(), SizeIs(1));
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(LifecycleTest, WhateverASessionFactoryThrowsIsAnErrorOfTheJoin_T3) {
    create_topic("t", 1);
    auto throws_int = in_zookeeper();
    throws_int.session_factory = []() -> Task<std::shared_ptr<zk::Session>> { throw 7; };
    EXPECT_THAT(failure_of_join(throws_int), HasSubstr("std::exception"));
    auto throws_text = in_zookeeper();
    throws_text.session_factory = []() -> Task<std::shared_ptr<zk::Session>> { throw std::runtime_error("no vault"); };
    EXPECT_THAT(failure_of_join(throws_text), HasSubstr("no vault"));
    auto gives_nothing = in_zookeeper();
    gives_nothing.session_factory = []() -> Task<std::shared_ptr<zk::Session>> { co_return nullptr; };
    EXPECT_THAT(failure_of_join(gives_nothing), HasSubstr("session_factory"));
}

TEST_F(LifecycleTest, WhateverALoggerOrACallbackThrowsEndsNothing_T3) {
    create_topic("t", 2, 5);
    auto made = in_zookeeper();
    made.logger = [](LogLevel, std::string_view) { throw 7; };
    made.on_assigned = [](const auto&) { throw 7; };
    made.on_revoked = [](const auto&) { throw std::string("no"); };
    made.on_committed = [](const auto&) { throw 7; };
    made.on_error = [](const Error&) { throw 7; };
    const auto group = join(made, {"t", "missing"});
    EXPECT_THAT(read_all(group), SizeIs(10));
    loop.run(group->async_flush_offsets());
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(offset_of("t", 0), "5");
}

TEST_F(LifecycleTest, OnlyAFirstRegistrationTakesAnInstanceOver_T16) {
    create_topic("t", 2, 5);
    const auto older = join(instance("worker-1"));
    const auto session = session_of(older);
    ensemble.disconnect(session);
    loop.advance(6s);
    ensemble.expire(session);
    const auto younger = join(instance("worker-1"));
    loop.advance(5s);
    ensemble.reconnect(session);
    loop.advance(20s);
    EXPECT_THAT(younger->owned(), SizeIs(2));
    EXPECT_FALSE(younger->closed());
    EXPECT_THAT(read_all(younger), SizeIs(10));
    EXPECT_TRUE(older->closed());
    ASSERT_TRUE(older->ended().has_value());
    EXPECT_EQ(older->ended()->reason, EndReason::fenced);
    EXPECT_THAT(older->ended()->error->what(), HasSubstr("worker-1"));
    close(older);
    close(younger);
    EXPECT_EQ(younger->ended()->reason, EndReason::closed);
}

TEST_F(LifecycleTest, AMessageOfAnotherGroupIsRefused_M6) {
    create_topic("t", 1, 5);
    const auto group = join(in_zookeeper());
    auto other_config = in_zookeeper();
    other_config.group_id = "other";
    other_config.topics = {"t"};
    other_config.zookeeper.connect = "memory";
    const auto other = loop.run(ConsumerGroup::async_join(other_config));
    loop.advance(1s);
    const auto message = read_one(group);
    ASSERT_TRUE(message.has_value());
    EXPECT_FALSE(other->commit_upto(*message));
    EXPECT_FALSE(other->acknowledge(*message));
    EXPECT_TRUE(group->commit_upto(*message));
    loop.advance(1s);
    EXPECT_THAT(errors_of(other), Contains(HasSubstr("did not hand out")));
    close(group);
    close(other);
}

TEST_F(LifecycleTest, ResettingAStoreOfTheProgramsOwnLeavesZooKeepersAlone_M4) {
    create_topic("t", 1, 5);
    ensemble.put("/consumers/g/offsets/t/0", "3");
    auto made = config();
    made.offsets.reset_offsets = true;
    EXPECT_THAT(failure_of_join(made), HasSubstr("reset")) << "the store of this test cannot";
    EXPECT_EQ(offset_of("t", 0), "3");
    made.offset_manager = nullptr;
    const auto group = join(made);
    EXPECT_THAT(read_all(group), SizeIs(5));
    close(group);
}

TEST_F(LifecycleTest, DroppingAGroupWaitsForNothing_T5) {
    create_topic("t", 1, 5);
    auto made = in_zookeeper();
    made.offsets.processing_timeout = 60s;
    auto group = join(made);
    ASSERT_TRUE(read_one(group).has_value()) << "and it is never acknowledged";
    const TimePoint before = loop.now();
    group.reset();
    EXPECT_EQ(loop.now(), before);
    loop.advance(6s);
    EXPECT_EQ(ensemble.open_sessions(), 0U);
    EXPECT_EQ(owner_of("t", 0), "nobody");
}

/// Positions in memory.
class StoreInMemory : public OffsetStore {
 public:
    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity) override {
        ++reads;
        Outcomes outcomes;
        for (const auto& tp : which) {
            const auto found = next.find(tp);
            if (found != next.end()) outcomes[tp].stored.next = found->second;
            else outcomes[tp];
        }
        co_return outcomes;
    }
    Task<Outcomes> write(std::vector<Write> writes, CommitIdentity identity, TimePoint) override {
        members.insert(identity.member);
        Outcomes outcomes;
        for (const auto& write : writes) {
            next[write.tp] = write.next;
            outcomes[write.tp].stored.next = write.next;
        }
        co_return outcomes;
    }
    std::map<TopicPartition, std::int64_t> next;
    std::set<std::string> members;
    int reads = 0;
};

TEST_F(LifecycleTest, AStoreOfTheProgramsOwnIsAllThatItNeedsToBring) {
    create_topic("t", 40, 1);
    const auto store = std::make_shared<StoreInMemory>();
    auto made = in_zookeeper();
    made.offset_store = store;
    auto group = join(made);
    EXPECT_LE(store->reads, 3) << "partitions that start together are read together";
    EXPECT_THAT(read_all(group), SizeIs(40));
    EXPECT_TRUE(close(group).clean());
    EXPECT_THAT(store->members, SizeIs(1));
    EXPECT_THAT(store->next, SizeIs(40));
    group = join(made);
    EXPECT_THAT(read_all(group), IsEmpty());
    close(group);
    made.offset_manager = config().offset_manager;
    EXPECT_THAT(failure_of_join(made), HasSubstr("set one of them"));
}

TEST_F(LifecycleTest, AnIdleMemberAsksBrokersForTopicsAFewTimesAMinute_M5) {
    for (int i = 0; i < 30; ++i) create_topic("other" + std::to_string(i), 2);
    create_topic("clicks", 1);
    auto made = in_zookeeper();
    made.bootstrap = kafka.config().bootstrap;
    const auto group = loop.run(ConsumerGroup::async_join("g", MemberSubscription::white_list("clicks.*"), "memory", made));
    loop.advance(5s);
    const auto before = kafka.count(ApiKey::metadata);
    loop.advance(60s);
    EXPECT_LE(kafka.count(ApiKey::metadata) - before, 18);
    kafka.create_topic("clicks-more", 1);
    loop.advance(31s);
    EXPECT_THAT(group->owned(), SizeIs(2)) << "and yet it finds what is new";
    close(group);
}

TEST_F(LifecycleTest, TopicsThatStartTogetherAreLookedUpTogether) {
    std::vector<std::string> topics;
    for (int i = 0; i < 100; ++i) {
        topics.push_back("t" + std::to_string(i));
        create_topic(topics.back(), 1);
    }
    const auto before = kafka.count(ApiKey::metadata);
    const auto group = join(in_zookeeper(), topics);
    loop.advance(1s);
    EXPECT_THAT(group->owned(), SizeIs(100));
    EXPECT_LE(kafka.count(ApiKey::metadata) - before, 12);
    close(group);
}

TEST_F(LifecycleTest, ALostConnectionAndItsReturnAreToldOnce) {
    create_topic("t", 1);
    std::vector<std::string> told;
    auto made = in_zookeeper();
    made.on_suspended = [&] { told.emplace_back("suspended"); };
    made.on_resumed = [&] { told.emplace_back("resumed"); };
    const auto group = join(made);
    const auto session = session_of(group);
    ensemble.disconnect(session);
    loop.advance(1s);
    EXPECT_THAT(told, ElementsAre("suspended"));
    ensemble.reconnect(session);
    loop.advance(1s);
    EXPECT_THAT(told, ElementsAre("suspended", "resumed"));
    close(group);
}

}  // namespace
}  // namespace kwire::test
