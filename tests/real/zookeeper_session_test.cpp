// The session on a real ZooKeeper, and the ensemble in memory held against it.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <map>
#include <random>

#include <asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/zk/gather.h>
#include <kwire/zk/memory_session.h>
#include <kwire/zk/registry.h>
#include <kwire/zk/session.h>

#include "real_cluster.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;
using zk::Code;
using zk::CreateMode;
using zk::SessionState;
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

class ZooKeeperSession : public ::testing::Test {
 protected:
    static zk::SessionConfig config(std::chrono::milliseconds timeout = 6s) {
        zk::SessionConfig config;
        config.hosts = shared_cluster().zookeeper();
        config.timeout = timeout;
        return config;
    }
    std::shared_ptr<zk::Session> open(zk::SessionConfig config) {
        return runtime->block_on(zk::open_session(runtime, std::move(config)));
    }
    template <class T>
    T run(Task<T> task) {
        return runtime->block_on(std::move(task));
    }

    /// Waits for states of a session on the test's own thread.
    class States {
     public:
        States(std::shared_ptr<Runtime> runtime, std::shared_ptr<zk::Session> session)
            : runtime_(std::move(runtime)), session_(std::move(session)) {}
        bool reach(SessionState wanted, std::chrono::milliseconds limit) {
            return runtime_->block_on(await(runtime_, session_, wanted, limit));
        }

     private:
        static Task<bool> await(std::shared_ptr<Runtime> runtime,
                                std::shared_ptr<zk::Session> session, SessionState wanted,
                                std::chrono::milliseconds limit) {
            Event changed(*runtime);
            const auto listening = session->on_state([&](SessionState) { changed.notify_all(); });
            const TimePoint deadline = runtime->now() + limit;
            while (session->state() != wanted) {
                const bool in_time = co_await changed.wait_until(deadline);
                if (!in_time) co_return false;
            }
            co_return true;
        }
        std::shared_ptr<Runtime> runtime_;
        std::shared_ptr<zk::Session> session_;
    };

    std::shared_ptr<Runtime> runtime = Runtime::with_own_thread();
};

TEST_F(ZooKeeperSession, connects_and_closes_at_once) {
    run(open(config())->close());  // the cluster is up then
    const auto begin = Clock::now();
    const auto session = open(config());
    std::cout << "connected in " << milliseconds_since(begin) << " ms\n";
    EXPECT_EQ(session->state(), SessionState::connected);
    EXPECT_EQ(session->timeout(), 6s);
    EXPECT_EQ(run(session->create("/e", "1", CreateMode::ephemeral)).code, Code::ok);
    const auto other = open(config());
    EXPECT_EQ(run(other->get("/e")).value.stat.ephemeral_owner, session->id());
    const auto closing = Clock::now();
    run(session->close());
    std::cout << "closed in " << milliseconds_since(closing) << " ms\n";
    EXPECT_EQ(session->state(), SessionState::closed);
    run(other->sync("/"));
    EXPECT_EQ(run(other->exists("/e")).code, Code::no_node);
    EXPECT_EQ(run(session->get("/")).code, Code::closing);
    run(session->close());
    run(other->close());
}

TEST_F(ZooKeeperSession, dropped_without_close_it_ends_on_the_server_too) {
    auto session = open(config());
    EXPECT_EQ(run(session->create("/dropped", "1", CreateMode::ephemeral)).code, Code::ok);
    const auto other = open(config());
    std::promise<void> gone;
    EXPECT_TRUE(
        run(other->exists("/dropped", [&](const zk::WatchEvent&) { gone.set_value(); })).ok());
    session.reset();
    EXPECT_EQ(gone.get_future().wait_for(2s), std::future_status::ready);
    run(other->close());
}

TEST_F(ZooKeeperSession, pipelines_a_thousand_ephemeral_nodes) {
    const auto session = open(config());
    run(session->create("/many", "", CreateMode::persistent));
    const auto begin = Clock::now();
    std::vector<Task<zk::Reply<std::string>>> tasks;
    for (int i = 0; i < 1'000; ++i) {
        tasks.push_back(
            session->create("/many/" + std::to_string(i), "member", CreateMode::ephemeral));
    }
    const auto replies = run(zk::gather(std::move(tasks)));
    std::cout << "1,000 nodes in " << milliseconds_since(begin) << " ms\n";
    for (const auto& reply : replies) ASSERT_EQ(reply.code, Code::ok);
    EXPECT_EQ(run(session->children("/many")).value.names.size(), 1'000U);
    const auto reading = Clock::now();
    std::vector<Task<zk::Reply<zk::Node>>> gets;
    for (int i = 0; i < 1'000; ++i) gets.push_back(session->get("/many/" + std::to_string(i)));
    for (const auto& reply : run(zk::gather(std::move(gets)))) {
        ASSERT_EQ(reply.value.data, "member");
    }
    std::cout << "read in " << milliseconds_since(reading) << " ms\n";
    run(session->close());
}

TEST_F(ZooKeeperSession, tries_all_servers_and_resolves_names) {
    auto with_dead = config();
    with_dead.hosts = "127.0.0.1:1,localhost:2,[::1]:3," + with_dead.hosts;
    const auto begin = Clock::now();
    const auto session = open(with_dead);
    std::cout << "connected past dead servers in " << milliseconds_since(begin) << " ms\n";
    EXPECT_TRUE(run(session->exists("/")).ok());
    run(session->close());

    auto nowhere = config();
    nowhere.hosts = "127.0.0.1:1,127.0.0.1:2";
    nowhere.connect_timeout = 300ms;
    try {
        open(nowhere);
        FAIL() << "connected to nothing";
    } catch (const Error& error) {
        EXPECT_EQ(error.condition(), errc::zookeeper_unavailable);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("127.0.0.1:1,127.0.0.1:2"));
    }
    nowhere.hosts = "no-such-host.invalid:2181";
    EXPECT_THROW(open(nowhere), Error);
    nowhere.hosts = shared_cluster().bootstrap();  // a broker does not speak ZooKeeper
    EXPECT_THROW(open(nowhere), Error);
}

TEST_F(ZooKeeperSession, makes_its_chroot_and_hides_it) {
    auto rooted = config();
    rooted.hosts += "/kwire-test/deeper";
    const auto session = open(rooted);
    std::promise<std::string> path;
    EXPECT_EQ(
        run(session->exists("/x", [&](const zk::WatchEvent& e) { path.set_value(e.path); })).code,
        Code::no_node);
    EXPECT_EQ(run(session->create("/x", "1", CreateMode::persistent)).value, "/x");
    EXPECT_EQ(path.get_future().get(), "/x");
    const auto plain = open(config());
    EXPECT_EQ(run(plain->get("/kwire-test/deeper/x")).value.data, "1");
    run(session->close());
    run(plain->close());
}

TEST_F(ZooKeeperSession, a_chroot_that_is_not_to_be_made_is_missed_by_name) {
    auto rooted = config();
    rooted.hosts += "/kafak";
    rooted.create_chroot = false;
    try {
        open(rooted);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.condition(), errc::invalid_config);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("/kafak; is the chroot"));
    }
    const auto plain = open(config());
    EXPECT_EQ(run(plain->exists("/kafak")).code, Code::no_node);
    run(plain->create("/kafak", "", CreateMode::persistent));
    run(open(rooted)->close());
    run(plain->close());
}

TEST_F(ZooKeeperSession, reopened_and_closed_elsewhere_it_expires) {
    const auto session = open(config());
    EXPECT_EQ(run(session->create("/mine", "", CreateMode::ephemeral)).code, Code::ok);
    std::promise<zk::WatchEvent::Type> watched;
    run(session->get("/mine", [&](const zk::WatchEvent& e) { watched.set_value(e.type); }));
    auto again = config();
    again.reopen = {session->id(), session->password()};
    const auto begin = Clock::now();
    // The two take the session from each other until one is done, so once may not be enough; and that it is gone the
    // server may know long before the client that lost it has asked again.
    bool gone = false;
    for (int i = 0; i < 10 && !gone; ++i) {
        try {
            const auto rescue = open(again);
            EXPECT_EQ(rescue->id(), session->id());
            run(rescue->close());
            gone = States(runtime, session).reach(SessionState::expired, 500ms);
        } catch (const Error& error) {
            EXPECT_EQ(error.condition(), errc::session_expired);
            gone = true;
        }
    }
    EXPECT_TRUE(States(runtime, session).reach(SessionState::expired, 20s));
    std::cout << "expired after " << milliseconds_since(begin) << " ms\n";
    // The server may still have told it that the session took its node with it.
    EXPECT_THAT(watched.get_future().get(), ::testing::AnyOf(zk::WatchEvent::Type::session, zk::WatchEvent::Type::deleted));
    EXPECT_EQ(run(session->get("/")).code, Code::session_expired);
    EXPECT_THROW(open(again), Error);
    run(session->close());
}

TEST_F(ZooKeeperSession, digest_and_acl_keep_others_out) {
    auto secured = config();
    secured.auth = {"digest", "kwire:secret"};
    secured.acl = {zk::Acl{31, "auth", ""}, zk::Acl{1, "world", "anyone"}};
    const auto session = open(secured);
    const std::string path = "/secured-" + std::to_string(session->id());
    EXPECT_EQ(run(session->create(path, "1", CreateMode::persistent)).code, Code::ok);
    const auto other = open(config());
    EXPECT_EQ(run(other->get(path)).value.data, "1");
    EXPECT_EQ(run(other->set(path, "2", -1)).code, Code::no_auth);
    EXPECT_EQ(run(session->set(path, "2", -1)).code, Code::ok);
    const auto same = open(secured);
    EXPECT_EQ(run(same->remove(path, -1)), Code::ok);
    for (const auto& each : {session, other, same}) run(each->close());
}

/// A group with an ACL of its own is the first of all, in a chroot that it makes.
TEST_F(ZooKeeperSession, the_acl_of_a_group_locks_no_other_group_out) {
    auto secured = config();
    secured.hosts += "/chroot-of-a-secured-group";
    secured.auth = {"digest", "team-a:secret"};
    secured.acl = {zk::Acl{31, "auth", ""}};
    auto plain = config();
    plain.hosts = secured.hosts;
    const auto a = open(secured);
    const auto b = open(plain);
    zk::Registry of_a{a}, of_b{b};
    zk::Registration registration;
    registration.subscription["t"] = 1;
    EXPECT_EQ(run(of_a.register_member("secured", "m", registration)), Code::ok);
    EXPECT_EQ(run(of_b.register_member("plain", "m", registration)), Code::ok);
    EXPECT_EQ(run(of_b.claim("plain", "m", {"t", 0}, "m")), Code::ok);
    const zk::Outcome refused = run(of_b.register_member("secured", "n", registration));
    EXPECT_EQ(refused, Code::no_auth);
    EXPECT_EQ(refused.path, "/consumers/secured/ids/n");
    EXPECT_EQ(run(of_b.commit_offset("secured", "", {"t", 0}, 1, -1)).code, Code::no_auth);
    EXPECT_EQ(run(of_a.claim("secured", "m", {"t", 0}, "m")), Code::ok);
    EXPECT_EQ(run(of_a.commit_offset("secured", "m", {"t", 0}, 1, -1)).code, Code::ok);
    for (const auto& each : {a, b}) run(each->close());
}

TEST_F(ZooKeeperSession, a_request_as_large_as_is_let_through_is_taken_by_the_server) {
    const auto session = open(config());
    EXPECT_EQ(run(session->create("/large", "", CreateMode::persistent)).code, Code::ok);
    std::size_t size = 1'048'700;
    Code code = Code::too_large;
    for (; code == Code::too_large; --size) code = run(session->set("/large", std::string(size, 'x'), -1)).code;
    EXPECT_EQ(code, Code::ok) << size;
    EXPECT_GT(size, 1'048'400U);
    std::vector<zk::Op> ops(1, zk::SetOp{"/large", std::string(size, 'x'), -1});
    EXPECT_EQ(run(session->multi(ops)).code, Code::too_large) << "a transaction has more headers";
    ops = {zk::SetOp{"/large", std::string(size - 17, 'x'), -1}};
    EXPECT_EQ(run(session->multi(ops)).code, Code::ok);
    EXPECT_EQ(session->state(), SessionState::connected);
    EXPECT_EQ(run(session->remove("/large", -1)), Code::ok);
    run(session->close());
}

TEST_F(ZooKeeperSession, a_stopped_server_suspends_it_and_closing_does_not_block) {
    const auto session = open(config(9s));
    States states(runtime, session);
    EXPECT_EQ(run(session->create("/stopped", "1", CreateMode::persistent)).code, Code::ok);
    std::promise<zk::WatchEvent::Type> watched;
    run(session->get("/stopped", [&](const zk::WatchEvent& e) { watched.set_value(e.type); }));
    const auto closer = open(config(9s));
    shared_cluster().signal("zookeeper-1", "STOP");
    const auto begin = Clock::now();
    run(closer->close());
    EXPECT_LT(milliseconds_since(begin), 3'000);
    // Two thirds of its timeout after the last sign of life it gives the connection up, which
    // leaves a third until the server may end the session: that clock runs while it is stopped,
    // too.
    EXPECT_EQ(run(session->get("/")).code, Code::connection_loss);
    EXPECT_EQ(session->state(), SessionState::suspended);
    shared_cluster().signal("zookeeper-1", "CONT");
    std::cout << "suspended after " << milliseconds_since(begin) << " ms\n";
    EXPECT_TRUE(states.reach(SessionState::connected, 10s));
    EXPECT_EQ(run(session->set("/stopped", "2", -1)).code, Code::ok);
    EXPECT_EQ(watched.get_future().get(), zk::WatchEvent::Type::data_changed);
    EXPECT_EQ(run(session->remove("/stopped", -1)), Code::ok);
    run(session->close());
}

/// Left again in one request they would be 1.5 MB, which the server answers by closing the connection, at every try.
TEST_F(ZooKeeperSession, twenty_thousand_watches_outlive_a_lost_connection) {
    constexpr int count = 20'000;
    const auto path = [](int i) {
        return "/watched/a-topic-with-a-name-of-about-sixty-characters-as-they-are-" + std::to_string(i);
    };
    const auto other_runtime = Runtime::with_own_thread();
    const auto other = other_runtime->block_on(zk::open_session(other_runtime, config(30s)));
    const auto change = [&](std::vector<zk::Op> ops) {
        EXPECT_EQ(other_runtime->block_on(other->multi(std::move(ops))).code, Code::ok);
    };
    change({zk::CreateOp{"/watched", "", CreateMode::persistent}});
    for (int begin = 0; begin < count; begin += 1'000) {
        std::vector<zk::Op> ops;
        for (int i = begin; i < begin + 1'000; ++i) ops.push_back(zk::CreateOp{path(i), "1", CreateMode::persistent});
        change(std::move(ops));
    }
    const auto session = open(config(30s));
    States states(runtime, session);
    States other_states(other_runtime, other);
    std::map<std::string, std::vector<zk::WatchEvent::Type>> seen;  // on the session's own thread
    const zk::Watch watch = [&](const zk::WatchEvent& e) { seen[e.path].push_back(e.type); };
    run(session->children("/watched", watch));
    for (int begin = 0; begin < count; begin += 1'000) {
        std::vector<Task<zk::Reply<zk::Stat>>> exists;
        for (int i = begin; i < begin + 1'000; ++i) exists.push_back(session->exists(path(i), watch));
        for (const auto& reply : run(zk::gather(std::move(exists)))) EXPECT_EQ(reply.code, Code::ok);
    }
    EXPECT_EQ(run(session->exists("/watched/absent", watch)).code, Code::no_node);
    EXPECT_EQ(run(session->exists("/watched/absent-2", watch)).code, Code::no_node);
    EXPECT_EQ(run(session->children(path(5), watch)).code, Code::ok);
    EXPECT_EQ(run(session->children(path(6), watch)).code, Code::ok);

    using Type = zk::WatchEvent::Type;
    for (int round = 0; round < 2; ++round) {
        shared_cluster().signal("zookeeper-1", "KILL");
        EXPECT_TRUE(states.reach(SessionState::suspended, 5s));
        // It does not come back before others have made their changes.
        std::promise<void> may_go_on;
        asio::post(runtime->executor(), [going = may_go_on.get_future().share()] { going.wait(); });
        shared_cluster().restart("zookeeper-1");
        EXPECT_TRUE(other_states.reach(SessionState::connected, 20s));
        const int first = 10 + round;
        if (round == 0) {
            change({zk::SetOp{path(first), "2"}, zk::SetOp{path(count - first), "2"},
                    zk::DeleteOp{path(count - first - 100)},
                    zk::CreateOp{"/watched/absent", "", CreateMode::persistent},
                    zk::CreateOp{path(6) + "/child", "", CreateMode::persistent}});
        }
        may_go_on.set_value();
        ASSERT_TRUE(states.reach(SessionState::connected, 20s));
    }
    // Reads go behind what is still being restored; one after the other until the last watch was asked for again.
    const auto count_of = [&] { return run([](auto& all) -> Task<std::size_t> { co_return all.size(); }(seen)); };
    const auto deadline = Clock::now() + 30s;
    while (count_of() < 6 && Clock::now() < deadline) run(session->sync("/"));
    EXPECT_EQ(session->state(), SessionState::connected);
    EXPECT_THAT(seen[path(10)], testing::ElementsAre(Type::data_changed));
    EXPECT_THAT(seen[path(count - 10)], testing::ElementsAre(Type::data_changed));
    EXPECT_THAT(seen[path(count - 110)], testing::ElementsAre(Type::deleted));
    EXPECT_THAT(seen["/watched/absent"], testing::ElementsAre(Type::created));
    EXPECT_THAT(seen["/watched"], testing::ElementsAre(Type::children_changed));
    EXPECT_THAT(seen[path(6)], testing::ElementsAre(Type::children_changed));
    EXPECT_EQ(seen.size(), 6U) << "and nothing else was called";

    // What did not change is watched as before.
    change({zk::SetOp{path(20), "3"}, zk::SetOp{path(count - 20), "3"}, zk::DeleteOp{path(count - 21)},
            zk::CreateOp{"/watched/absent-2", "", CreateMode::persistent},
            zk::CreateOp{path(5) + "/child", "", CreateMode::persistent}});
    while (count_of() < 11 && Clock::now() < deadline) run(session->sync("/"));
    EXPECT_THAT(seen[path(20)], testing::ElementsAre(Type::data_changed));
    EXPECT_THAT(seen[path(count - 20)], testing::ElementsAre(Type::data_changed));
    EXPECT_THAT(seen[path(count - 21)], testing::ElementsAre(Type::deleted));
    EXPECT_THAT(seen["/watched/absent-2"], testing::ElementsAre(Type::created));
    EXPECT_THAT(seen[path(5)], testing::ElementsAre(Type::children_changed));
    run(session->close());
    other_runtime->block_on(other->close());
}

TEST_F(ZooKeeperSession, a_killed_server_suspends_it_and_it_comes_back) {
    const auto session = open(config());
    States states(runtime, session);
    EXPECT_EQ(run(session->create("/survivor", "1", CreateMode::ephemeral)).code, Code::ok);
    std::vector<Task<zk::Reply<zk::Node>>> gets;
    shared_cluster().signal("zookeeper-1", "KILL");
    EXPECT_TRUE(states.reach(SessionState::suspended, 5s));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(run(session->get("/")).code, Code::connection_loss);
    shared_cluster().restart("zookeeper-1");
    EXPECT_TRUE(states.reach(SessionState::connected, 10s));
    EXPECT_EQ(run(session->get("/survivor")).value.stat.ephemeral_owner, session->id());
    run(session->close());
}

TEST_F(ZooKeeperSession, destroyed_in_every_state_it_leaves_nothing_behind) {
    const auto descriptors = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    run(open(config())->close());  // the runtime opens some of its own at first use
    const auto before = descriptors();
    for (int i = 0; i < 20; ++i) {
        auto session = open(config());
        std::vector<Task<zk::Reply<zk::Node>>> gets;
        for (int n = 0; n < 50; ++n) gets.push_back(session->get("/"));
        if (i % 2 == 0) {
            run(session->close());
        } else {
            session.reset();  // the tasks that were not begun still hold it
        }
        gets.clear();
    }
    run(zk::gather(std::vector<Task<Code>>()));  // a turn of the strand: all is torn down
    EXPECT_EQ(descriptors(), before);
}

/// One random operation, done the same way on both sides and described the same way.
Task<std::string> random_operation(std::shared_ptr<zk::Session> session, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const char* const names[] = {"/a", "/b", "/a/c", "/a/d", "/a/c/e", "/b/f", "/", "/x//y"};
    const auto path = [&] { return std::string(names[random() % 8]); };
    const auto version = [&] { return static_cast<std::int32_t>(random() % 4) - 1; };
    const auto show = [](const zk::Stat& stat) {
        return " v" + std::to_string(stat.version) + " c" + std::to_string(stat.cversion) + " n" +
               std::to_string(stat.children_count) + " l" + std::to_string(stat.data_length) +
               (stat.ephemeral_owner != 0 ? " e" : "");
    };
    const std::string where = path();
    const std::string data = std::to_string(random() % 100);
    const auto mode = random() % 4 == 0 ? CreateMode::ephemeral : CreateMode::persistent;
    std::string said = where + " ";
    switch (random() % 7) {
        case 0: {
            const auto reply = co_await session->create(where, data, mode);
            co_return said + "create " + std::string(name(reply.code)) + " " +
                (reply.ok() ? reply.value : "");
        }
        case 1: {
            const auto code = co_await session->remove(where, version());
            co_return said + "remove " + std::string(name(code));
        }
        case 2: {
            const auto reply = co_await session->set(where, data, version());
            // The root's own cversion counts other users' nodes.
            co_return said + "set " + std::string(name(reply.code)) +
                (reply.ok() && where != "/" ? show(reply.value) : "");
        }
        case 3: {
            const auto reply = co_await session->get(where);
            co_return said + "get " + std::string(name(reply.code)) +
                (reply.ok() && where != "/" ? " " + reply.value.data + show(reply.value.stat) : "");
        }
        case 4: {
            const auto reply = co_await session->children(where);
            std::string listed;
            if (where != "/") {
                for (const auto& each : reply.value.names) listed += " " + each;
            }
            co_return said + "children " + std::string(name(reply.code)) + listed;
        }
        case 5: {
            const auto reply = co_await session->exists(where);
            co_return said + "exists " + std::string(name(reply.code)) +
                (reply.ok() && where != "/" ? show(reply.value) : "");
        }
        default:
            break;
    }
    std::vector<zk::Op> ops;
    for (int i = 0; i < 3; ++i) {
        switch (random() % 4) {
            case 0:
                ops.push_back(zk::CreateOp{path(), data, mode});
                break;
            case 1:
                ops.push_back(zk::DeleteOp{path(), version()});
                break;
            case 2:
                ops.push_back(zk::SetOp{path(), data, version()});
                break;
            default:
                ops.push_back(zk::CheckOp{path(), version()});
                break;
        }
    }
    const auto reply = co_await session->multi(ops);
    said += "multi " + std::string(name(reply.code));
    for (const auto& result : reply.value) {
        said += " " + std::string(name(result.code)) + " v" + std::to_string(result.stat.version);
    }
    co_return said;
}

TEST_F(ZooKeeperSession, the_ensemble_in_memory_answers_as_the_real_one) {
    auto rooted = config();
    rooted.hosts += "/kwire-compare";
    const auto real = open(rooted);
    zk::MemoryEnsemble ensemble(runtime);
    zk::SessionConfig in_memory;
    in_memory.hosts = "memory/kwire-compare";
    const auto memory = run(ensemble.factory(in_memory)());
    std::map<std::string, int> outcomes;
    for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
        const std::string expected = run(random_operation(real, seed));
        const std::string answered = run(random_operation(memory, seed));
        ASSERT_EQ(answered, expected) << "operation " << seed;
        ++outcomes[expected.substr(expected.find(' ') + 1, 12)];
    }
    EXPECT_GT(outcomes.size(), 15U) << "the sequence is too dull to prove anything";
    run(real->close());
    run(memory->close());
}

}  // namespace
}  // namespace kwire::real
