#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/zk/gather.h>
#include <kwire/zk/memory_session.h>

#include "virtual_clock.h"

namespace kwire::zk {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MemorySession : public ::testing::Test {
 protected:
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    Code create(const std::shared_ptr<Session>& session, const std::string& path,
                const std::string& data = "", CreateMode mode = CreateMode::persistent) {
        return run(session->create(path, data, mode)).code;
    }
    Watch note(const std::string& who) {
        return [this, who](const WatchEvent& event) {
            static const char* const types[] = {"created", "deleted", "data", "children",
                                                "session"};
            seen.push_back(who + " " + types[static_cast<int>(event.type)] + " " + event.path);
        };
    }

    test::VirtualLoop loop;
    MemoryEnsemble ensemble{loop.runtime()};
    std::shared_ptr<Session> a = ensemble.open();
    std::shared_ptr<Session> b = ensemble.open();
    std::vector<std::string> seen;
};

TEST_F(MemorySession, AnswersWithZooKeepersCodes) {
    EXPECT_EQ(create(a, "/x/y"), Code::no_node);
    EXPECT_EQ(create(a, "/x", "1"), Code::ok);
    EXPECT_EQ(create(b, "/x", "2"), Code::node_exists);
    EXPECT_EQ(create(a, "/x/"), Code::bad_arguments);
    EXPECT_EQ(create(a, "/e", "", CreateMode::ephemeral), Code::ok);
    EXPECT_EQ(create(a, "/e/f"), Code::no_children_for_ephemerals);
    EXPECT_EQ(run(b->get("/x")).value.data, "1");
    EXPECT_EQ(run(b->get("/nothing")).code, Code::no_node);
    EXPECT_EQ(run(b->set("/x", "3", 5)).code, Code::bad_version);
    EXPECT_EQ(run(b->set("/x", "3", 0)).value.version, 1);
    EXPECT_EQ(create(a, "/x/y"), Code::ok);
    EXPECT_EQ(run(a->remove("/x", -1)), Code::not_empty);
    EXPECT_EQ(run(a->remove("/x/y", 1)), Code::bad_version);
    EXPECT_EQ(run(a->remove("/x/y", 0)), Code::ok);
    EXPECT_EQ(run(a->remove("/x/y", -1)), Code::no_node);
    EXPECT_THAT(run(a->children("/")).value.names, ElementsAre("e", "x", "zookeeper"));
    EXPECT_EQ(run(a->exists("/e")).value.ephemeral_owner, a->id());
    EXPECT_EQ(run(a->sync("/")), Code::ok);
}

TEST_F(MemorySession, MultiIsAllOrNothing) {
    const auto failed = run(a->multi({CreateOp{"/x", "1"}, CheckOp{"/no"}, CreateOp{"/y", ""}}));
    EXPECT_EQ(failed.code, Code::no_node);
    ASSERT_EQ(failed.value.size(), 3U);
    EXPECT_EQ(failed.value[0].code, Code::ok);
    EXPECT_EQ(failed.value[1].code, Code::no_node);
    EXPECT_EQ(failed.value[2].code, Code::runtime_inconsistency);
    EXPECT_FALSE(ensemble.peek("/x"));

    const auto done = run(a->multi({CreateOp{"/x", "1"}, SetOp{"/x", "2", 0}, CheckOp{"/x", 1},
                                    CreateOp{"/y", ""}, DeleteOp{"/y", 0}}));
    EXPECT_EQ(done.code, Code::ok);
    EXPECT_EQ(done.value[1].stat.version, 1);
    EXPECT_EQ(ensemble.peek("/x")->data, "2");
    EXPECT_FALSE(ensemble.peek("/y"));
}

TEST_F(MemorySession, WatchesAreOneShotAndComeBeforeTheNewData) {
    create(a, "/x", "1");
    run(b->get("/x", note("b")));
    auto read = std::vector<Task<Reply<Node>>>();
    auto change = loop.start(a->set("/x", "2", -1));
    loop.run_until_idle();
    EXPECT_TRUE(change->done());
    EXPECT_THAT(seen, ElementsAre("b data /x"));
    run(a->set("/x", "3", -1));
    EXPECT_EQ(seen.size(), 1U);
}

TEST_F(MemorySession, WatchesTellEachKindOfChange) {
    run(a->exists("/x", note("coming")));
    run(a->children("/", note("root")));
    create(b, "/x");
    EXPECT_THAT(seen, ElementsAre("coming created /x", "root children /"));
    seen.clear();
    run(a->get("/x", note("data")));
    run(a->children("/x", note("below")));
    run(a->get("/y", note("never")));
    create(b, "/y");
    run(b->remove("/x", -1));
    EXPECT_THAT(seen, ElementsAre("data deleted /x", "below deleted /x"));
}

TEST_F(MemorySession, ChrootIsMadeAndHidden) {
    SessionConfig config;
    config.hosts = "memory/kafka/one";
    const auto inside = ensemble.open(config);
    EXPECT_EQ(run(inside->create("/x", "1", CreateMode::persistent)).value, "/x");
    EXPECT_EQ(ensemble.peek("/kafka/one/x")->data, "1");
    run(inside->get("/x", note("inside")));
    run(inside->children("/", note("root")));
    ensemble.erase("/kafka/one/x");
    loop.run_until_idle();
    EXPECT_THAT(seen, ElementsAre("inside deleted /x", "root children /"));
}

TEST_F(MemorySession, ExpiryTakesTheEphemeralNodesAndTellsTheClient) {
    std::vector<SessionState> states;
    const auto listening = a->on_state([&](SessionState state) { states.push_back(state); });
    create(a, "/e", "", CreateMode::ephemeral);
    run(a->get("/e", note("a")));
    run(b->exists("/e", note("b")));
    ensemble.expire(a->id());
    EXPECT_FALSE(ensemble.peek("/e"));
    EXPECT_EQ(run(a->get("/")).code, Code::session_expired);
    EXPECT_THAT(states, ElementsAre(SessionState::suspended, SessionState::expired));
    EXPECT_THAT(seen, ElementsAre("b deleted /e", "a session /e"));
    EXPECT_EQ(a->state(), SessionState::expired);
}

TEST_F(MemorySession, SuspendedItFailsAtOnceAndLaterHearsWhatItMissed) {
    create(a, "/x");
    create(a, "/gone");
    run(a->get("/x", note("a")));
    run(a->get("/gone", note("a")));
    run(a->exists("/new", note("a")));
    run(a->exists("/not-new", note("a")));
    run(a->children("/", note("a")));
    ensemble.disconnect(a->id());
    EXPECT_EQ(a->state(), SessionState::connected) << "it has not noticed yet";
    EXPECT_EQ(run(a->get("/x")).code, Code::connection_loss);
    EXPECT_EQ(a->state(), SessionState::suspended);
    ensemble.put("/x", "2");
    ensemble.erase("/gone");
    ensemble.put("/new", "");
    loop.run_until_idle();
    EXPECT_THAT(seen, IsEmpty());
    ensemble.reconnect(a->id());
    loop.run_until_idle();
    EXPECT_EQ(a->state(), SessionState::connected);
    EXPECT_THAT(seen,
                ElementsAre("a deleted /gone", "a data /x", "a created /new", "a children /"));
    ensemble.put("/not-new", "");
    loop.run_until_idle();
    EXPECT_EQ(seen.back(), "a created /not-new");
}

TEST_F(MemorySession, ExpiredWhileSuspendedIsToldOnReconnection) {
    create(a, "/e", "", CreateMode::ephemeral);
    ensemble.disconnect(a->id());
    ensemble.expire(a->id());
    EXPECT_EQ(run(a->get("/")).code, Code::connection_loss);
    EXPECT_EQ(a->state(), SessionState::suspended);
    EXPECT_FALSE(ensemble.peek("/e"));
    ensemble.reconnect(a->id());
    loop.run_until_idle();
    EXPECT_EQ(a->state(), SessionState::expired);
}

TEST_F(MemorySession, AnyOperationCanLoseItsAnswer) {
    std::vector<SessionState> states;
    const auto listening = a->on_state([&](SessionState state) { states.push_back(state); });
    for (const bool effect : {false, true}) {
        const std::uint64_t number = ensemble.operations();
        ensemble.on_operation([=](const MemoryOperation& operation) {
            if (operation.number != number) return Fault::none;
            return effect ? Fault::connection_loss_after : Fault::connection_loss_before;
        });
        EXPECT_EQ(create(a, "/x"), Code::connection_loss);
        EXPECT_EQ(ensemble.peek("/x").has_value(), effect);
        loop.run_until_idle();
        EXPECT_EQ(a->state(), SessionState::connected);
    }
    EXPECT_EQ(states.size(), 4U);
    ensemble.on_operation([](const MemoryOperation&) { return Fault::expire_after; });
    EXPECT_EQ(create(a, "/e", "", CreateMode::ephemeral), Code::session_expired);
    EXPECT_FALSE(ensemble.peek("/e"));
}

TEST_F(MemorySession, ClosingEndsItOnTheServer) {
    create(a, "/e", "", CreateMode::ephemeral);
    run(a->get("/e", note("a")));
    run(a->close());
    EXPECT_EQ(a->state(), SessionState::closed);
    EXPECT_FALSE(ensemble.peek("/e"));
    EXPECT_THAT(seen, ElementsAre("a session /e"));
    EXPECT_EQ(create(a, "/x"), Code::closing);
    run(a->close());

    create(b, "/f", "", CreateMode::ephemeral);
    b.reset();
    EXPECT_FALSE(ensemble.peek("/f"));
}

TEST_F(MemorySession, ReopenedAndClosedElsewhereItExpires) {
    create(a, "/e", "", CreateMode::ephemeral);
    SessionConfig config;
    config.reopen = {a->id(), a->password()};
    auto rescue = ensemble.open(config);
    EXPECT_EQ(rescue->id(), a->id());
    run(rescue->close());
    EXPECT_FALSE(ensemble.peek("/e"));
    EXPECT_EQ(a->state(), SessionState::expired);
    EXPECT_THROW(ensemble.open(config), Error);
}

TEST_F(MemorySession, ChrootIsMadeOnlyWhereItMayBe) {
    SessionConfig config;
    config.hosts = "memory:2181/one/two";
    config.create_chroot = false;
    EXPECT_THROW(ensemble.open(config), Error);
    EXPECT_FALSE(ensemble.peek("/one"));
    config.create_chroot = true;
    run(ensemble.open(config)->close());
    EXPECT_TRUE(ensemble.peek("/one/two"));
    config.create_chroot = false;
    run(ensemble.open(config)->close());
}

TEST_F(MemorySession, FactoryThrowsWhileUnavailable) {
    const SessionFactory factory = ensemble.factory();
    ensemble.set_available(false);
    EXPECT_THROW(run(factory()), Error);
    ensemble.set_available(true);
    EXPECT_EQ(run(factory())->state(), SessionState::connected);
}

TEST_F(MemorySession, GatherKeepsTheOrderAndWaitsForAll) {
    std::vector<Task<Reply<std::string>>> tasks;
    for (int i = 0; i < 100; ++i) {
        const std::string path = i == 0 ? "/0" : "/0/" + std::to_string(i);
        tasks.push_back(a->create(path, std::to_string(i), CreateMode::persistent));
    }
    const auto replies = run(gather(std::move(tasks)));
    ASSERT_EQ(replies.size(), 100U);
    for (const auto& reply : replies) EXPECT_TRUE(reply.ok());
    EXPECT_EQ(replies[7].value, "/0/7");
    EXPECT_TRUE(run(gather(std::vector<Task<Code>>())).empty());
}

Task<int> throwing(int value) {
    if (value % 2 == 1) throw Error(errc::closed, "odd");
    co_return value;
}

TEST_F(MemorySession, GatherThrowsTheFirstFailureAfterAllEnded) {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(throwing(i));
    EXPECT_THROW(run(gather(std::move(tasks))), Error);
}

}  // namespace
}  // namespace kwire::zk
