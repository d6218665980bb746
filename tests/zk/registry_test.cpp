#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/zk/gather.h>
#include <kwire/zk/memory_session.h>
#include <kwire/zk/registry.h>

#include "virtual_clock.h"

namespace kwire::zk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class RegistryTest : public ::testing::Test {
 protected:
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    /// The operation after skip more is lost, with or without effect.
    void lose(Fault fault, std::uint64_t skip = 0) {
        const std::uint64_t number = ensemble.operations() + skip;
        ensemble.on_operation([=](const MemoryOperation& operation) {
            return operation.number == number ? fault : Fault::none;
        });
    }
    errc condition_of(const std::function<void()>& body) {
        try {
            body();
        } catch (const Error& error) {
            message = error.what();
            return error.condition();
        }
        return errc{};
    }
    static Registration subscribed(const std::string& topic) {
        Registration registration;
        registration.subscription[topic] = 1;
        return registration;
    }

    test::VirtualLoop loop;
    MemoryEnsemble ensemble{loop.runtime()};
    std::shared_ptr<Session> first = ensemble.open();
    std::shared_ptr<Session> second = ensemble.open();
    Registry a{first};
    Registry b{second};
    const TopicPartition tp{"t", 3};
    std::string message;
};

TEST_F(RegistryTest, ListsBrokersAndWarnsOfBrokenOnes) {
    EXPECT_THAT(run(a.brokers()), IsEmpty());
    ensemble.put("/brokers/ids/10", R"({"version":1,"host":"ten","port":1})");
    ensemble.put("/brokers/ids/2", R"({"version":1,"host":"two","port":2})");
    ensemble.put("/brokers/ids/3", "");
    ensemble.put("/brokers/ids/x", "{}");
    const auto brokers = run(a.brokers());
    ASSERT_THAT(brokers, SizeIs(2));
    EXPECT_EQ(brokers[0].address.to_string(), "two:2");
    EXPECT_EQ(brokers[1].address.to_string(), "ten:1");
    const auto warnings = a.take_warnings();
    ASSERT_THAT(warnings, SizeIs(2));
    EXPECT_EQ(warnings[0].path, "/brokers/ids/3");
    EXPECT_THAT(warnings[0].what, HasSubstr("empty"));
    EXPECT_THAT(a.take_warnings(), IsEmpty());
}

TEST_F(RegistryTest, WatchesWhatIsNotThereYet) {
    int called = 0;
    const Watch watch = [&](const WatchEvent&) { ++called; };
    EXPECT_FALSE(run(a.topic("t", watch)));
    ensemble.put("/brokers/topics/t", R"({"version":1,"partitions":{"0":[1]}})");
    loop.run_until_idle();
    EXPECT_EQ(called, 1);
    EXPECT_TRUE(run(a.topic("t", watch)));
    ensemble.put("/brokers/topics/t", R"({"version":1,"partitions":{"0":[1],"1":[1]}})");
    loop.run_until_idle();
    EXPECT_EQ(called, 2);
    EXPECT_THAT(run(a.member_ids("g", watch)), IsEmpty());
    EXPECT_EQ(run(b.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(called, 3);
    EXPECT_THAT(run(a.member_ids("g", watch)), ElementsAre("m"));
    EXPECT_EQ(run(b.deregister_member("g", "m")), Code::ok);
    EXPECT_EQ(called, 4);
}

TEST_F(RegistryTest, CreatesATopicForTheController) {
    EXPECT_EQ(condition_of([&] { run(a.create_topic("t", 1, 1, {})); }), errc::invalid_config);
    EXPECT_THAT(message, HasSubstr("0 brokers"));
    for (const char* id : {"1", "2", "3"}) ensemble.put(std::string("/brokers/ids/") + id, "{}");
    run(a.create_topic("t", 7, 2, {{"retention.ms", "1000"}}));
    EXPECT_EQ(ensemble.peek("/config/topics/t")->data,
              R"({"version":1,"config":{"retention.ms":"1000"}})");
    const auto assignment = run(a.topic("t"));
    ASSERT_TRUE(assignment);
    ASSERT_THAT(assignment->replicas, SizeIs(7));
    std::map<std::int32_t, int> led;
    for (const auto& [partition, replicas] : assignment->replicas) {
        ASSERT_THAT(replicas, SizeIs(2));
        EXPECT_NE(replicas[0], replicas[1]);
        ++led[replicas[0]];
    }
    for (const auto& [broker, count] : led) EXPECT_GE(count, 2) << broker;
    EXPECT_THAT(run(a.topics()), ElementsAre("t"));
    EXPECT_THAT(run(a.topic_config("t")), ElementsAre(Pair("retention.ms", "1000")));
    EXPECT_EQ(condition_of([&] { run(a.create_topic("t", 1, 1, {})); }), errc::zookeeper_error);
    EXPECT_EQ(condition_of([&] { run(a.create_topic("u", 1, 4, {})); }), errc::invalid_config);
    EXPECT_EQ(condition_of([&] { run(a.create_topic("u", 0, 1, {})); }), errc::invalid_config);
    EXPECT_EQ(condition_of([&] { run(a.create_topic("a b", 1, 1, {})); }), errc::invalid_config);
    run(a.delete_topic("t"));
    EXPECT_TRUE(ensemble.peek("/admin/delete_topics/t"));
    EXPECT_EQ(condition_of([&] { run(a.delete_topic("u")); }), errc::unknown_topic);
}

TEST_F(RegistryTest, SpreadsReplicasDistinctlyForEveryShape) {
    for (int brokers = 1; brokers <= 5; ++brokers) {
        ensemble.put("/brokers/ids/" + std::to_string(brokers), "{}");
        for (int replication = 1; replication <= brokers; ++replication) {
            const std::string topic =
                "t" + std::to_string(brokers) + "-" + std::to_string(replication);
            run(a.create_topic(topic, 12, replication, {}));
            const auto assignment = run(a.topic(topic));
            for (auto [partition, replicas] : assignment->replicas) {
                std::ranges::sort(replicas);
                EXPECT_EQ(std::ranges::adjacent_find(replicas), replicas.end());
                EXPECT_THAT(replicas, SizeIs(replication));
            }
        }
    }
}

TEST_F(RegistryTest, KnowsLegalTopicNames) {
    EXPECT_TRUE(Registry::valid_topic_name("a.B_c-9"));
    EXPECT_TRUE(Registry::valid_topic_name(std::string(249, 'x')));
    for (const std::string& name :
         {std::string(), std::string("."), std::string(".."), std::string(250, 'x'),
          std::string("a/b"), std::string("ä"), std::string("a b")}) {
        EXPECT_FALSE(Registry::valid_topic_name(name)) << name;
    }
}

TEST_F(RegistryTest, FirstJoinsAtTheSameTimeAllSucceed_Fault12) {
    std::vector<std::shared_ptr<Registry>> members;
    std::vector<Task<Outcome>> joins;
    for (int i = 0; i < 20; ++i) {
        members.push_back(std::make_shared<Registry>(ensemble.open()));
        joins.push_back(
            members.back()->register_member("g", "m" + std::to_string(i), subscribed("t")));
    }
    for (const Outcome& code : run(gather(std::move(joins)))) EXPECT_EQ(code, Code::ok);
    EXPECT_THAT(run(a.member_ids("g")), SizeIs(20));
    EXPECT_THAT(run(a.groups()), ElementsAre("g"));
}

TEST_F(RegistryTest, RegistersSafelyWhenTheAnswerIsLost) {
    run(a.create_group("g"));
    lose(Fault::connection_loss_after);
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::connection_loss);
    loop.run_until_idle();
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("u"))), Code::ok);
    const auto member = run(a.member("g", "m"));
    ASSERT_TRUE(member && member->registration);
    EXPECT_THAT(member->registration->subscription, ElementsAre(Pair("u", 1)));
    EXPECT_EQ(member->stat.ephemeral_owner, first->id());
    EXPECT_EQ(run(b.register_member("g", "m", subscribed("t"))), Code::node_exists);
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("v"))), Code::ok);
    EXPECT_EQ(run(a.deregister_member("g", "m")), Code::ok);
    EXPECT_EQ(run(a.deregister_member("g", "m")), Code::no_node);
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("v"))), Code::no_node);
}

TEST_F(RegistryTest, ReadsBrokenMembersAsMembers) {
    ensemble.put("/consumers/g/ids/empty", "");
    const auto member = run(a.member("g", "empty"));
    ASSERT_TRUE(member);
    EXPECT_FALSE(member->registration);
    EXPECT_THAT(member->problem, HasSubstr("empty"));
    EXPECT_THAT(a.take_warnings(), SizeIs(1));
    EXPECT_FALSE(run(a.member("g", "nobody")));
}

TEST_F(RegistryTest, ClaimsOnceAndSafelyAgain) {
    EXPECT_EQ(run(a.claim("g", "", tp, "m1")), Code::ok);
    EXPECT_EQ(run(a.claim("g", "", tp, "m1")), Code::ok);
    EXPECT_EQ(run(b.claim("g", "", tp, "m2")), Code::node_exists);
    EXPECT_EQ(run(b.owner("g", tp))->id, "m1");
    EXPECT_EQ(run(a.release("g", "", tp)), Code::ok);
    EXPECT_FALSE(run(b.owner("g", tp)));
    lose(Fault::connection_loss_after);
    EXPECT_EQ(run(b.claim("g", "", tp, "m2")), Code::connection_loss);
    loop.run_until_idle();
    EXPECT_EQ(run(b.claim("g", "", tp, "m2")), Code::ok);
    EXPECT_EQ(run(a.release("g", "", {"t", 4})), Code::no_node);
}

TEST_F(RegistryTest, OwnIdOfAnExpiredSessionIsNoClaim_Fault1) {
    // The old session is not gone yet: its node stands with our id in it, and would vanish under
    // us.
    EXPECT_EQ(run(a.claim("g", "", tp, "m")), Code::ok);
    EXPECT_EQ(run(b.claim("g", "", tp, "m")), Code::node_exists);
    ensemble.expire(first->id());
    EXPECT_EQ(run(b.claim("g", "", tp, "m")), Code::ok);
    EXPECT_EQ(run(b.owner("g", tp))->stat.ephemeral_owner, second->id());
}

TEST_F(RegistryTest, ReleaseSparesTheClaimOfAnother_Fault2) {
    EXPECT_EQ(run(b.claim("g", "", tp, "m2")), Code::ok);
    EXPECT_EQ(run(a.release("g", "", tp)), Code::node_exists);
    EXPECT_EQ(run(a.owner("g", tp))->id, "m2");
}

// The claim may stand at a server that is ahead of the one asked now, which would say "no node".
TEST_F(RegistryTest, AReleaseAfterALostAnswerIsOfAServerThatIsUpToDate) {
    using Kind = MemoryOperation::Kind;
    EXPECT_EQ(run(a.claim("g", "", tp, "m1")), Code::ok);
    std::vector<Kind> begun;
    ensemble.on_operation([&](const MemoryOperation& operation) {
        begun.push_back(operation.kind);
        return Fault::none;
    });
    EXPECT_EQ(run(a.release("g", "", tp, true)), Code::ok);
    EXPECT_EQ(begun, (std::vector<Kind>{Kind::sync, Kind::get, Kind::remove}));
}

TEST_F(RegistryTest, ARegistrationThatIsTakenOverFencesTheFormerOne) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim("g", "", tp, "m")), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 5, -1)).code, Code::ok);
    EXPECT_EQ(run(b.register_member("g", "m", subscribed("t"))), Code::node_exists);
    EXPECT_EQ(run(b.claim_again("g", "m", tp, "m")), Code::ok) << "nothing is known of b's registration yet";
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok) << "an answer may be lost";
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 6, 0)).code, Code::no_node);
    EXPECT_EQ(run(a.write_plan("g", "m", {{tp, "m"}}, -1)).code, Code::no_node);
    EXPECT_EQ(run(a.claim_again("g", "m", tp, "m")), Code::node_exists);
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("u"))), Code::node_exists);
    EXPECT_EQ(run(b.commit_offset("g", "m", tp, 6, 0)).code, Code::ok);
    EXPECT_EQ(run(b.owner("g", tp))->stat.ephemeral_owner, second->id());
    EXPECT_EQ(run(b.member("g", "m"))->stat.ephemeral_owner, second->id());
    ensemble.expire(first->id());
    EXPECT_EQ(run(b.owner("g", tp))->id, "m");
}

TEST_F(RegistryTest, ATakeOverAfterAnUpdateFencesToo) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("u"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 5, -1)).code, Code::ok);
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 6, 0)).code, Code::no_node);
    EXPECT_EQ(run(b.commit_offset("g", "m", tp, 6, 0)).code, Code::ok);
}

TEST_F(RegistryTest, ClaimAgainSparesTheClaimOfAnotherName) {
    EXPECT_EQ(run(b.claim("g", "", tp, "other")), Code::ok);
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim_again("g", "m", tp, "m")), Code::node_exists);
    EXPECT_EQ(run(a.owner("g", tp))->id, "other");
}

TEST_F(RegistryTest, ThePlanIsReplacedOnlyAtTheVersionThatWasRead) {
    int changes = 0;
    const Watch watch = [&](const WatchEvent&) { ++changes; };
    EXPECT_EQ(run(a.plan("g", watch)).version, -1);
    EXPECT_EQ(run(a.write_plan("g", "m1", {{tp, "m1"}}, -1)).code, Code::no_node) << "not registered";
    EXPECT_EQ(run(a.register_member("g", "m1", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(b.register_member("g", "m2", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.write_plan("g", "m1", {{tp, "m1"}, {{"u", 0}, "m2"}}, -1)).code, Code::ok);
    loop.run_until_idle();
    EXPECT_EQ(changes, 1);
    EXPECT_EQ(run(b.write_plan("g", "m2", {{tp, "m2"}}, -1)).code, Code::node_exists);
    const auto read = run(b.plan("g"));
    EXPECT_EQ(read.version, 0);
    EXPECT_THAT(read.owners, ElementsAre(Pair(tp, "m1"), Pair(TopicPartition{"u", 0}, "m2")));
    EXPECT_EQ(run(b.write_plan("g", "m2", {}, 0)).value, 1);
    EXPECT_EQ(run(a.write_plan("g", "m1", {{tp, "m1"}}, 0)).code, Code::bad_version);
    EXPECT_THAT(run(a.plan("g")).owners, IsEmpty());
}

TEST_F(RegistryTest, APlanThatCannotBeReadIsEmptyAndMayBeReplaced) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    for (const auto* text : {"", "{}", "[", R"({"members":1,"topics":{}})", R"({"members":[],"topics":{"t":["x"]}})"}) {
        ensemble.put("/consumers/g/plan", text);
        const auto read = run(a.plan("g"));
        EXPECT_THAT(read.owners, IsEmpty()) << text;
        EXPECT_GE(read.version, 0);
        EXPECT_THAT(a.take_warnings(), SizeIs(1)) << text;
    }
    ensemble.put("/consumers/g/plan", R"({"members":["m",7],"topics":{"t":[0,1,2,-5,0]}})");
    EXPECT_THAT(run(a.plan("g")).owners,
                ElementsAre(Pair(TopicPartition{"t", 0}, "m"), Pair(TopicPartition{"t", 4}, "m")));
}

TEST_F(RegistryTest, ListsOwnersOfAllTopicsInThreeRounds) {
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(run(a.claim("g", "", {"t", i}, "m1")), Code::ok);
        EXPECT_EQ(run(b.claim("g", "", {"u", i}, "m2")), Code::ok);
    }
    ensemble.put("/consumers/g/owners/t/junk", "?");
    const auto owners = run(a.owners("g"));
    EXPECT_THAT(owners, SizeIs(10));
    EXPECT_EQ(owners.at({"t", 4}).id, "m1");
    EXPECT_EQ(owners.at({"u", 0}).id, "m2");
    EXPECT_THAT(run(a.owners("nobody")), IsEmpty());
}

TEST_F(RegistryTest, StoresOffsetsAsDecimalText) {
    EXPECT_EQ(run(a.offset("g", tp)).next, -1);
    run(a.set_offset("g", tp, 42));
    EXPECT_EQ(ensemble.peek("/consumers/g/offsets/t/3")->data, "42");
    run(a.set_offset("g", tp, 7));
    const auto stored = run(a.offset("g", tp));
    EXPECT_EQ(stored.next, 7);
    EXPECT_EQ(stored.version, ensemble.peek("/consumers/g/offsets/t/3")->stat.version);
    ensemble.put("/consumers/g/offsets/t/5", "junk");
    EXPECT_EQ(condition_of([&] { run(a.offset("g", {"t", 5})); }), errc::bad_stored_offset);
    EXPECT_THAT(message, HasSubstr("/consumers/g/offsets/t/5 holds `junk`"));
    const auto all = run(a.offsets("g"));
    EXPECT_THAT(all, SizeIs(2)) << "unreadable is not absent";
    EXPECT_EQ(all.at(tp).problem, "");
    EXPECT_EQ(all.at({"t", 5}).next, -1);
    EXPECT_EQ(all.at({"t", 5}).problem, "holds `junk`, which is not an offset");
    EXPECT_THAT(a.take_warnings(), SizeIs(1));
    run(a.reset_offsets("g"));
    EXPECT_THAT(run(a.offsets("g")), IsEmpty());
    run(a.reset_offsets("nobody"));
}

TEST_F(RegistryTest, WhatItMayNotReadHidesNothingElse) {
    ensemble.put("/consumers/g/offsets/t/0", "5");
    ensemble.put("/consumers/g/offsets/t/1", "6");
    ensemble.put("/consumers/g/offsets/secret/0", "7");
    ensemble.put("/consumers/g/owners/t/0", "me");
    ensemble.put("/consumers/g/owners/t/1", "you");
    ensemble.put("/consumers/g/ids/me", "{}");
    const std::set<std::string> denied{"/consumers/g/offsets/t/1", "/consumers/g/offsets/secret", "/consumers/g/owners/t/1",
                                       "/consumers/g/ids/me"};
    ensemble.on_operation([&](const MemoryOperation& operation) {
        return denied.contains(operation.path) ? Fault::no_auth : Fault::none;
    });
    const auto offsets = run(a.offsets("g"));
    EXPECT_THAT(offsets, SizeIs(2));
    EXPECT_EQ(offsets.at({"t", 0}).next, 5);
    EXPECT_THAT(offsets.at({"t", 1}).problem, HasSubstr("no auth"));
    const auto owners = run(a.owners("g"));
    EXPECT_EQ(owners.at({"t", 0}).id, "me");
    EXPECT_THAT(owners.at({"t", 1}).problem, HasSubstr("no auth"));
    const auto member = run(a.member("g", "me"));
    ASSERT_TRUE(member);
    EXPECT_FALSE(member->registration);
    EXPECT_THAT(member->problem, HasSubstr("no auth"));
    std::set<std::string> named;
    for (const auto& warning : a.take_warnings()) named.insert(warning.path);
    EXPECT_EQ(named, denied);
}

TEST_F(RegistryTest, CommitsOnlyWhileRegisteredAndAtTheRememberedVersion) {
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 1, -1)).code, Code::no_node);
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    auto reply = run(a.commit_offset("g", "m", tp, 1, -1));
    EXPECT_EQ(reply.code, Code::ok);
    EXPECT_EQ(reply.value, 0);
    reply = run(a.commit_offset("g", "m", tp, 2, 0));
    EXPECT_EQ(reply.code, Code::ok);
    EXPECT_EQ(reply.value, 1);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 3, 0)).code, Code::bad_version);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 3, -1)).code, Code::node_exists);
    EXPECT_EQ(run(a.commit_offset("g", "other", tp, 3, 1)).code, Code::no_node);
    EXPECT_EQ(run(a.offset("g", tp)).next, 2);
    run(a.reset_offsets("g"));
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 3, 1)).code, Code::bad_version);
    EXPECT_EQ(run(a.commit_offset("g", "", tp, 3, -1)).code, Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "", {"new", 0}, 3, -1)).code, Code::ok);
}

TEST_F(RegistryTest, DeletesAGroupWithoutMembers) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    run(a.set_offset("g", tp, 1));
    EXPECT_TRUE(run(a.group_exists("g")));
    EXPECT_EQ(condition_of([&] { run(b.delete_group("g")); }), errc::zookeeper_error);
    EXPECT_EQ(run(a.deregister_member("g", "m")), Code::ok);
    run(b.delete_group("g"));
    EXPECT_FALSE(run(a.group_exists("g")));
    run(b.delete_group("g"));
}

TEST_F(RegistryTest, NamesWhatFailedAndWhy) {
    ensemble.disconnect(first->id());
    EXPECT_EQ(condition_of([&] { run(a.topics()); }), errc::connection_lost);
    EXPECT_THAT(message, HasSubstr("/brokers/topics"));
    ensemble.expire(second->id());
    EXPECT_EQ(condition_of([&] { run(b.offset("g", tp)); }), errc::session_expired);
    EXPECT_EQ(condition_of([&] { run(a.groups()); }), errc::connection_lost);
    for (const char* name : {"", ".", "..", "a/b"}) {
        EXPECT_EQ(condition_of([&] { run(a.create_group(name)); }), errc::invalid_config) << name;
    }
}

}  // namespace
}  // namespace kwire::zk
