#include <ostream>
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

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << name(outcome.code) << " " << outcome.path << " " << outcome.detail;
}

namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Not;
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
    EXPECT_EQ(begun, (std::vector<Kind>{Kind::sync, Kind::exists, Kind::multi}));
}

TEST_F(RegistryTest, ARegistrationThatIsTakenOverFencesTheFormerOne) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim("g", "", tp, "m")), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 5, -1)).code, Code::ok);
    EXPECT_EQ(run(b.register_member("g", "m", subscribed("t"))), Code::node_exists);
    EXPECT_EQ(run(b.claim_again("g", "m", tp, "m")), Code::no_node) << "b is not registered yet";
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok) << "an answer may be lost";
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 6, 0)).code, Code::no_node);
    EXPECT_EQ(run(a.write_plan("g", "m", {{tp, "m"}}, -1)).code, Code::no_node);
    EXPECT_EQ(run(b.claim_again("g", "m", tp, "m")), Code::ok);
    EXPECT_EQ(run(a.claim_again("g", "m", tp, "m")), Code::no_node);
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

TEST_F(RegistryTest, AnUpdateOfTheSubscriptionDisturbsNoCommit_M8) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 1, -1)).code, Code::ok);
    const auto update = loop.start(a.update_member("g", "m", subscribed("u")));
    const auto commit = loop.start(a.commit_offset("g", "m", tp, 2, 0));
    const auto plan = loop.start(a.write_plan("g", "m", {{tp, "m"}}, -1));
    loop.run_until_idle();
    EXPECT_EQ(update->take(), Code::ok);
    EXPECT_EQ(commit->take().code, Code::ok);
    EXPECT_EQ(plan->take().code, Code::ok);
}

TEST_F(RegistryTest, AnUpdateWhoseAnswerIsLostDisturbsNoCommit_M2) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    for (const Fault fault : {Fault::connection_loss_before, Fault::connection_loss_after}) {
        lose(fault, 1);  // the transaction, after the node was looked at
        EXPECT_EQ(run(a.update_member("g", "m", subscribed("u"))), Code::connection_loss);
        loop.run_until_idle();
        const auto stored = run(a.offset("g", tp));
        EXPECT_EQ(run(a.commit_offset("g", "m", tp, 2, stored.version)).code, Code::ok);
        EXPECT_EQ(run(a.update_member("g", "m", subscribed("v"))), Code::ok);
    }
}

/// Every operation that registers, claims, releases and leaves, with every answer lost in turn, and repeated: what an
/// undisturbed run ends in.
TEST_F(RegistryTest, WhateverAnswerIsLostARepetitionSettlesIt) {
    for (const Fault fault : {Fault::connection_loss_before, Fault::connection_loss_after}) {
        for (std::uint64_t lost = 0; lost < 40; ++lost) {
            SCOPED_TRACE(lost);
            ensemble.erase("/consumers");
            auto older = ensemble.open();
            auto younger = ensemble.open();
            Registry x{older}, y{younger};
            const std::uint64_t number = ensemble.operations() + lost;
            ensemble.on_operation([=](const MemoryOperation& o) { return o.number == number ? fault : Fault::none; });
            const auto settle = [&](const std::function<Task<Outcome>()>& ask) {
                Outcome outcome = run(ask());
                for (; outcome == Code::connection_loss; outcome = run(ask())) loop.run_until_idle();
                return outcome.code;
            };
            EXPECT_EQ(settle([&] { return x.register_member("g", "m", subscribed("t")); }), Code::ok);
            EXPECT_EQ(settle([&] { return x.claim("g", "m", tp, "m"); }), Code::ok);
            EXPECT_EQ(settle([&] { return y.take_over_member("g", "m", subscribed("t")); }), Code::ok);
            EXPECT_EQ(settle([&] { return x.release("g", "m", tp); }), Code::node_exists);
            EXPECT_EQ(settle([&] { return y.claim_again("g", "m", tp, "m"); }), Code::ok);
            EXPECT_EQ(ensemble.peek("/consumers/g/owners/t/3")->stat.ephemeral_owner, younger->id());
            EXPECT_EQ(settle([&] { return x.deregister_member("g", "m"); }), Code::node_exists);
            EXPECT_EQ(settle([&] { return y.update_member("g", "m", subscribed("u")); }), Code::ok);
            EXPECT_THAT(settle([&] { return y.release("g", "m", tp); }), AnyOf(Code::ok, Code::no_node));
            EXPECT_THAT(settle([&] { return y.deregister_member("g", "m"); }), AnyOf(Code::ok, Code::no_node));
            EXPECT_FALSE(ensemble.peek("/consumers/g/owners/t/3"));
            EXPECT_THAT(ensemble.children_of("/consumers/g/ids"), IsEmpty());
            ensemble.on_operation(nullptr);
            run(older->close());
            EXPECT_THAT(ensemble.children_of("/consumers/g/fences"), IsEmpty());
            run(younger->close());
        }
    }
}

Task<void> set_and_read(Registry& registry, TopicPartition tp, std::int64_t next) {
    co_await registry.set_offset("g", tp, next);
    const StoredOffset stored = co_await registry.offset("g", tp);
    EXPECT_EQ(stored.next, next);
}

/// task, begun so many operations later.
Task<Outcome> after(int operations, std::shared_ptr<Session> session, Task<Outcome> task) {
    for (int i = 0; i < operations; ++i) co_await session->sync("/");
    Outcome outcome = co_await std::move(task);
    co_return outcome;
}

/// What the older process does at whatever point of its successor's steps: nothing of the successor's goes.
TEST_F(RegistryTest, ReleaseAndLeavingSpareTheSuccessor_T13) {
    for (int delay = 0; delay < 64; ++delay) {
        SCOPED_TRACE(delay);
        ensemble.erase("/consumers");
        auto older = ensemble.open();
        auto younger = ensemble.open();
        Registry x{older}, y{younger};
        EXPECT_EQ(run(x.register_member("g", "m", subscribed("t"))), Code::ok);
        EXPECT_EQ(run(x.claim("g", "m", tp, "m")), Code::ok);
        const auto entering = loop.start(y.take_over_member("g", "m", subscribed("t")));
        const auto claiming = loop.start(after(4, younger, y.claim_again("g", "m", tp, "m")));
        const auto releasing = loop.start(after(delay % 8, older, x.release("g", "m", tp)));
        const auto leaving = loop.start(after(delay / 8, older, x.deregister_member("g", "m")));
        loop.run_until_idle();
        const Code entered = entering->take().code;
        releasing->take();
        leaving->take();
        Code claimed = claiming->take().code;
        if (entered == Code::no_node || entered == Code::bad_version) {
            EXPECT_EQ(run(y.register_member("g", "m", subscribed("t"))), Code::ok);
        } else {
            EXPECT_EQ(entered, Code::ok);
        }
        if (claimed == Code::no_node) claimed = run(y.claim_again("g", "m", tp, "m")).code;
        if (claimed == Code::node_exists) {
            run(older->close());
            claimed = run(y.claim_again("g", "m", tp, "m")).code;
        }
        EXPECT_EQ(claimed, Code::ok);
        run(older->close());
        ASSERT_TRUE(ensemble.peek("/consumers/g/owners/t/3"));
        EXPECT_EQ(ensemble.peek("/consumers/g/owners/t/3")->stat.ephemeral_owner, younger->id());
        ASSERT_TRUE(ensemble.peek("/consumers/g/ids/m"));
        EXPECT_EQ(ensemble.peek("/consumers/g/ids/m")->stat.ephemeral_owner, younger->id());
        EXPECT_EQ(run(y.commit_offset("g", "m", tp, 1, -1)).code, Code::ok);
        run(younger->close());
    }
}

TEST_F(RegistryTest, LeavingSparesTheRegistrationOfAnother_M7) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    ensemble.erase("/consumers/g/ids/m");
    EXPECT_EQ(run(b.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.deregister_member("g", "m")), Code::node_exists);
    EXPECT_EQ(ensemble.peek("/consumers/g/ids/m")->stat.ephemeral_owner, second->id());
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 1, -1)).code, Code::no_node) << "it has left";
    EXPECT_EQ(run(b.commit_offset("g", "m", tp, 1, -1)).code, Code::ok);
}

TEST_F(RegistryTest, AFenceThatAToolDeletedIsMadeAgain) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 1, -1)).code, Code::ok);
    ensemble.erase("/consumers/g/fences");
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 2, 0)).code, Code::ok);
    EXPECT_THAT(ensemble.children_of("/consumers/g/fences"), SizeIs(1));
    ensemble.erase("/consumers/g/fences");
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 3, 1)).code, Code::no_node);
}

TEST_F(RegistryTest, ARegistrationThatAToolDeletedIsMadeAgainUnderTheSameFence) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim("g", "m", tp, "m")), Code::ok);
    ensemble.erase("/consumers/g/ids");
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 1, -1)).code, Code::ok) << "nobody took its place";
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("t"))), Code::no_node);
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 2, 0)).code, Code::ok);
    ensemble.erase("/consumers/g/ids");
    ensemble.erase("/consumers/g/fences");
    EXPECT_EQ(run(a.commit_offset("g", "m", tp, 3, 1)).code, Code::no_node);
    EXPECT_EQ(run(a.release("g", "m", tp)), Code::ok) << "the claim is still its own";
    EXPECT_FALSE(ensemble.peek("/consumers/g/owners/t/3"));
}

/// The older process cannot make its fence again once it was taken over, whoever deleted what before.
TEST_F(RegistryTest, ATakeOverFencesAlsoWhoseFenceAToolDeleted_T16) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    for (const std::string& fence : ensemble.children_of("/consumers/g/fences")) {
        ensemble.erase("/consumers/g/fences/" + fence);
    }
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    const auto commit = run(a.commit_offset("g", "m", tp, 1, -1));
    EXPECT_EQ(commit.code, Code::no_node);
    EXPECT_THAT(commit.detail, HasSubstr("another process"));
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::node_exists);
    EXPECT_EQ(run(a.claim("g", "m", tp, "m")), Code::no_node);
    EXPECT_EQ(run(a.update_member("g", "m", subscribed("u"))), Code::node_exists);
    EXPECT_EQ(run(b.commit_offset("g", "m", tp, 1, -1)).code, Code::ok);
}

/// A third process may come between looking and replacing: then its claim is spared.
TEST_F(RegistryTest, AClaimIsReplacedOnlyIfItIsTheOneThatWasSeen) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim("g", "m", tp, "m")), Code::ok);
    EXPECT_EQ(run(b.take_over_member("g", "m", subscribed("t"))), Code::ok);
    const auto third = ensemble.open();
    Registry c{third};
    EXPECT_EQ(run(c.register_member("g", "other", subscribed("t"))), Code::ok);
    bool is_done = false;
    ensemble.on_operation([&](const MemoryOperation& o) {
        // After the node was looked at, before the transaction that is to replace it.
        if (is_done || o.kind != MemoryOperation::Kind::exists || !o.is_about("/fences/")) return Fault::none;
        is_done = true;
        ensemble.expire(first->id());
        loop.start(c.claim("g", "other", tp, "other"));
        return Fault::none;
    });
    EXPECT_EQ(run(b.claim_again("g", "m", tp, "m")), Code::node_exists);
    EXPECT_TRUE(is_done);
    EXPECT_EQ(ensemble.peek("/consumers/g/owners/t/3")->stat.ephemeral_owner, third->id());
}

TEST_F(RegistryTest, APersistentOwnerNodeIsNamed_T10) {
    ensemble.put("/consumers/g/owners/t/3", "m");
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    for (const Outcome& claimed : {run(a.claim("g", "m", tp, "m")), run(a.claim_again("g", "m", tp, "m"))}) {
        EXPECT_EQ(claimed, Code::node_exists);
        EXPECT_EQ(claimed.path, "/consumers/g/owners/t/3");
        EXPECT_THAT(claimed.detail, HasSubstr("persistent"));
    }
    EXPECT_EQ(run(a.owner("g", tp))->stat.ephemeral_owner, 0);
    EXPECT_EQ(run(a.release("g", "m", tp)), Code::node_exists);
    EXPECT_TRUE(ensemble.peek("/consumers/g/owners/t/3"));
}

TEST_F(RegistryTest, ARefusalNamesTheNodeAndWhatToDo_M1) {
    ensemble.deny("/consumers");
    const auto refused = run(a.register_member("g", "m", subscribed("t")));
    EXPECT_EQ(refused, Code::no_auth);
    EXPECT_EQ(refused.path, "/consumers/g");
    EXPECT_TRUE(permanent(refused));
    const Error error = refusal("registering the member at", refused);
    EXPECT_THAT(error.what(), HasSubstr("/consumers/g: no auth"));
    EXPECT_THAT(error.what(), HasSubstr("zookeeper.auth"));
    ensemble.allow("/consumers");
    run(a.create_group("g"));
    ensemble.deny("/consumers/g/ids");
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))).path, "/consumers/g/ids/m");
    ensemble.allow("/consumers/g/ids");
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    ensemble.deny("/consumers/g/owners");
    const auto claimed = run(a.claim("g", "m", tp, "m"));
    EXPECT_EQ(claimed, Code::no_auth);
    EXPECT_EQ(claimed.path, "/consumers/g/owners/t");
    EXPECT_FALSE(permanent(Code::node_exists) || permanent(Code::connection_loss) || permanent(Code::ok));
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

TEST_F(RegistryTest, APlanOfAnUnknownVersionIsReportedAndNotOverwritten_R2) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    const std::string newer = R"({"version":2,"coordination":"broker"})";
    ensemble.put("/consumers/g/plan", newer);
    const auto read = run(a.plan("g"));
    EXPECT_FALSE(read.replaceable);
    EXPECT_THAT(read.problem, HasSubstr("version `2`"));
    EXPECT_THAT(read.owners, IsEmpty());
    const auto written = run(a.write_plan("g", "m", {{tp, "m"}}, read.version));
    EXPECT_EQ(written.code, Code::bad_arguments);
    EXPECT_THAT(written.detail, HasSubstr("does not know"));
    EXPECT_EQ(ensemble.peek("/consumers/g/plan")->data, newer);
    ensemble.erase("/consumers/g/plan");
    EXPECT_EQ(run(a.plan("g")).version, -1);
    EXPECT_EQ(run(a.write_plan("g", "m", {{tp, "m"}}, -1)).code, Code::ok);
}

/// A real server closes the connection over such a request, at every try.
TEST_F(RegistryTest, WhatIsTooLargeForANodeIsRefusedWithItsSize) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    Registration large;
    for (int i = 0; i < 16'000; ++i) large.subscription[std::string(60, 'x') + std::to_string(i)] = 1;
    const auto updated = run(a.update_member("g", "m", large));
    EXPECT_EQ(updated, Code::too_large);
    EXPECT_EQ(updated.path, "/consumers/g/ids/m");
    EXPECT_THAT(updated.detail, AllOf(HasSubstr("1048575"), HasSubstr(" bytes")));
    EXPECT_THAT(refusal("updating the registration at", updated).what(), HasSubstr("jute.maxbuffer"));
    EXPECT_EQ(run(b.register_member("g", "n", large)), Code::too_large);
    EXPECT_EQ(first->state(), SessionState::connected);
    EXPECT_EQ(run(second->create("/a", std::string(1'100'000, 'x'), CreateMode::persistent)).code, Code::too_large);
    EXPECT_EQ(run(second->set("/zookeeper", std::string(1'100'000, 'x'), -1)).code, Code::too_large);
    EXPECT_EQ(run(second->exists("/" + std::string(1'100'000, 'x'))).code, Code::too_large);
    // As the server would have answered.
    SessionConfig raised;
    raised.request_bytes_max = 2'000'000;
    const auto session = ensemble.open(raised);
    const std::string large_data(1'100'000, 'x');
    EXPECT_EQ(run(session->create("/a", large_data, CreateMode::persistent)).code, Code::connection_loss);
    ensemble.set_request_bytes_max(2'000'000);
    loop.run_until_idle();
    EXPECT_EQ(run(session->create("/a", std::string(1'100'000, 'x'), CreateMode::persistent)).code, Code::ok);
}

TEST_F(RegistryTest, AnOffsetIsNeverSeenEmpty_SetOffsetGap) {
    std::vector<std::string> seen;
    ensemble.on_operation([&](const MemoryOperation&) {
        if (const auto node = ensemble.peek("/consumers/g/offsets/t/3")) seen.push_back(node->data);
        return Fault::none;
    });
    const auto one = loop.start(set_and_read(a, tp, 5));
    const auto other = loop.start(set_and_read(b, tp, 5));
    loop.run_until_idle();
    one->take();
    other->take();
    EXPECT_THAT(seen, AllOf(Not(IsEmpty()), Each(std::string("5"))));
    EXPECT_EQ(run(a.offset("g", tp)).next, 5);
}

TEST_F(RegistryTest, AnOwnerThatMayNotBeReadCanBeWatched_T1) {
    EXPECT_EQ(run(a.register_member("g", "m", subscribed("t"))), Code::ok);
    EXPECT_EQ(run(a.claim("g", "m", tp, "m")), Code::ok);
    ensemble.deny("/consumers/g/owners/t/3");
    int changes = 0;
    const auto owner = run(a.owner("g", tp, [&](const WatchEvent&) { ++changes; }));
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->stat.ephemeral_owner, first->id());
    EXPECT_THAT(owner->problem, HasSubstr("no auth"));
    ensemble.make_persistent("/consumers/g/owners/t/3");
    loop.run_until_idle();
    EXPECT_EQ(changes, 1);
    EXPECT_EQ(run(a.owner("g", tp))->stat.ephemeral_owner, 0);
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
