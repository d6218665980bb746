// A group's asynchronous operations with every kind of completion token, on any executor, cancelled anywhere.
#include <future>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <kwire/group/consumer_group.h>

#include "group_fixture.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::GroupFixture;
using test::VirtualLoop;

bool is_aborted(const std::exception_ptr& failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    }
    return false;
}

class AsyncFaceTest : public GroupFixture {
 protected:
    AsyncFaceTest() { create_topic("t", 2, 3); }
};

TEST_F(AsyncFaceTest, CallbacksWork) {
    std::shared_ptr<ConsumerGroup> group;
    ConsumerGroup::async_join("g", {"t"}, "", config(), [&](std::exception_ptr failure, auto joined) {
        EXPECT_FALSE(failure);
        group = std::move(joined);
    });
    loop.advance(1s);
    ASSERT_TRUE(group);
    int seen = 0;
    group->async_poll(1s, [&](std::exception_ptr, MessageBatch batch) {
        for (const Message& message : batch) seen += group->commit_upto(message) ? 1 : 0;
    });
    loop.advance(1s);
    EXPECT_EQ(seen, 3);
    bool flushed = false;
    group->async_flush_offsets([&](std::exception_ptr failure) { flushed = !failure; });
    bool registered = false;
    group->async_instance_registered([&](std::exception_ptr, bool yes) { registered = yes; });
    bool read = false;
    group->async_reading([&](std::exception_ptr failure, const ReadingState&) { read = !failure; });
    loop.advance(1s);
    EXPECT_TRUE(flushed && registered && read);
    bool left = false;
    group->async_close(0ms, [&](std::exception_ptr failure, const CloseReport&) { left = !failure; });
    loop.advance(10s);
    EXPECT_TRUE(left);
}

TEST_F(AsyncFaceTest, FuturesWork) {
    auto joining = ConsumerGroup::async_join("g", {"t"}, "", config(), asio::use_future);
    loop.advance(1s);
    const auto group = joining.get();
    auto polling = group->async_poll(1s, asio::use_future);
    auto closing = group->async_close(0ms, asio::use_future);
    loop.advance(10s);
    polling.get();
    closing.get();
    EXPECT_TRUE(group->closed());

    ensemble.set_available(false);
    auto failing = ConsumerGroup::async_join("g", {"t"}, "", config(), asio::use_future);
    loop.advance(120s);
    ASSERT_EQ(failing.wait_for(0s), std::future_status::ready);
    EXPECT_THROW(failing.get(), Error);
    EXPECT_EQ(ensemble.open_sessions(), 0);
}

Task<void> whole_life(GroupConfig config, std::string* log) {
    const auto group = co_await ConsumerGroup::async_join("g", {"t"}, "", config);
    auto polling = group->async_poll(1s);
    const auto batch = co_await std::move(polling);
    *log += batch.empty() ? "nothing " : "something ";
    const auto tuple = co_await group->async_instance_registered(asio::experimental::as_tuple(asio::use_awaitable));
    *log += std::get<1>(tuple) ? "registered " : "not registered ";
    const auto report = co_await group->async_close(0ms);
    *log += report.clean() ? "clean" : "unclean";
}

TEST_F(AsyncFaceTest, ACoroutineAwaitsItWithBracedArgumentsOnTheStrand) {
    std::string log;
    loop.run(whole_life(config(), &log));
    EXPECT_EQ(log, "something registered clean");
}

TEST_F(AsyncFaceTest, ACoroutineAwaitsItOnAnExecutorOfItsOwn) {
    asio::io_context callers;
    std::string log;
    bool over = false;
    asio::co_spawn(callers, whole_life(config(), &log), [&](std::exception_ptr failure) {
        EXPECT_FALSE(failure);
        over = true;
    });
    for (int i = 0; i < 100 && !over; ++i) {
        callers.restart();
        callers.poll();
        loop.advance(200ms);
    }
    EXPECT_TRUE(over);
    EXPECT_EQ(log, "something registered clean");
}

Task<std::string> polls_of_the_dead(GroupConfig config) {
    auto group = co_await ConsumerGroup::async_join("g", {"t"}, "", config);
    auto poll = group->async_poll(10ms);
    group.reset();
    const auto batch = co_await std::move(poll);
    co_return batch.empty() ? "nothing" : "something";
}

TEST_F(AsyncFaceTest, AnOperationOutlivesItsGroup) {
    EXPECT_NO_THROW(loop.run(polls_of_the_dead(config())));
    loop.advance(10s);
    EXPECT_EQ(ensemble.open_sessions(), 0);
}

// ---- cancelled

/// Cancels what was begun after so many turns. False once it had ended before.
template <class Begin>
bool cancelled_after(VirtualLoop& loop, int turns, Begin begin) {
    asio::cancellation_signal signal;
    int completed = 0;
    bool aborted = false;
    begin(signal, [&](const std::exception_ptr& failure) {
        ++completed;
        aborted = is_aborted(failure);
    });
    for (int i = 0; i < turns; ++i) loop.turn();
    signal.emit(asio::cancellation_type::terminal);
    loop.advance(60s);
    EXPECT_EQ(completed, 1);
    return aborted;
}

TEST_F(AsyncFaceTest, AJoinThatIsCancelledAnywhereLeavesNoSession) {
    int cancelled = 0;
    for (int turns = 0; turns < 2'000; ++turns) {
        SCOPED_TRACE(turns);
        std::shared_ptr<ConsumerGroup> group;
        const bool aborted = cancelled_after(loop, turns, [&](asio::cancellation_signal& signal, auto note) {
            const auto handler = [&group, note](std::exception_ptr failure, std::shared_ptr<ConsumerGroup> joined) {
                group = std::move(joined);
                note(failure);
            };
            ConsumerGroup::async_join("g", {"t"}, "", config(), asio::bind_cancellation_slot(signal.slot(), handler));
        });
        if (!aborted) {
            ASSERT_TRUE(group);
            close(group);
            group.reset();
            loop.advance(60s);
        }
        ASSERT_EQ(ensemble.open_sessions(), 0);
        EXPECT_EQ(owner_of("t", 0), "nobody");
        if (!aborted) break;
        ++cancelled;
    }
    EXPECT_GT(cancelled, 10) << "it was cancelled at many places";
}

TEST_F(AsyncFaceTest, ACloseThatIsCancelledAnywhereLeavesAllTheSame) {
    int cancelled = 0;
    for (int turns = 0; turns < 2'000; ++turns) {
        SCOPED_TRACE(turns);
        auto group = join();
        read_all(group);
        const bool aborted = cancelled_after(loop, turns, [&](asio::cancellation_signal& signal, auto note) {
            const auto handler = [note](std::exception_ptr failure, const CloseReport&) { note(failure); };
            group->async_close(1s, asio::bind_cancellation_slot(signal.slot(), handler));
        });
        EXPECT_TRUE(group->closed());
        EXPECT_EQ(ensemble.open_sessions(), 0) << "before the group itself goes";
        EXPECT_EQ(stored->next[(TopicPartition{"t", 0})], 3);
        EXPECT_TRUE(close(group).clean()) << "a second close returns the report";
        group.reset();
        if (!aborted) break;
        ++cancelled;
    }
    EXPECT_GT(cancelled, 5);
}

TEST_F(AsyncFaceTest, ACancelledPollLosesNoMessage) {
    auto group = join();
    settle();
    for (int turns = 0; turns < 6; ++turns) {
        cancelled_after(loop, turns, [&](asio::cancellation_signal& signal, auto note) {
            const auto handler = [note](std::exception_ptr failure, MessageBatch) { note(failure); };
            group->async_poll(1s, asio::bind_cancellation_slot(signal.slot(), handler));
        });
    }
    EXPECT_EQ(read_all(group).size(), 6u);
    close(group);
}

// ---- the end of the loop

TEST(AsyncFaceEndTest, AGroupMayOutliveItsStoppedLoop) {
    asio::io_context io;
    const auto runtime = Runtime::on(io.get_executor());
    zk::MemoryEnsemble ensemble(runtime);
    GroupConfig config;
    config.runtime = runtime;
    config.session_factory = ensemble.factory();
    config.bootstrap.push_back(HostPort{"127.0.0.1", 1});
    std::shared_ptr<ConsumerGroup> group;
    ConsumerGroup::async_join("g", {"t"}, "x", config, [&](std::exception_ptr, auto joined) { group = std::move(joined); });
    for (int i = 0; i < 200 && !group; ++i) io.run_for(10ms);
    io.stop();
    group.reset();
}

// ---- real threads

Task<void> life_on_a_pool(std::shared_ptr<Runtime> runtime, zk::MemoryEnsemble* ensemble, int number,
                          std::atomic<int>* ended) {
    GroupConfig config;
    config.runtime = runtime;
    config.session_factory = ensemble->factory();
    config.bootstrap.push_back(HostPort{"127.0.0.1", 1});
    const std::string name = "g" + std::to_string(number);
    const auto group = co_await ConsumerGroup::async_join(name, {"t"}, "x", config);
    for (int i = 0; i < 20; ++i) {
        const auto batch = co_await group->async_poll(1ms);
        if (i % 7 == 0) co_await group->async_flush_offsets();
    }
    const bool registered = co_await group->async_instance_registered();
    const auto report = co_await group->async_close(0ms);
    if (registered && report.clean()) ++*ended;
}

TEST(AsyncFaceThreadsTest, CoroutinesOnAPoolOfFourThreadsUseGroups) {
    asio::thread_pool pool(4);
    std::vector<std::shared_ptr<Runtime>> runtimes;
    std::vector<std::unique_ptr<zk::MemoryEnsemble>> ensembles;
    std::atomic<int> ended{0};
    std::vector<std::future<void>> lives;
    for (int i = 0; i < 6; ++i) {
        runtimes.push_back(Runtime::on(pool.get_executor()));
        ensembles.push_back(std::make_unique<zk::MemoryEnsemble>(runtimes.back()));
        lives.push_back(asio::co_spawn(pool, life_on_a_pool(runtimes.back(), ensembles.back().get(), i, &ended),
                                       asio::use_future));
    }
    for (auto& life : lives) life.get();
    EXPECT_EQ(ended, 6);
    pool.stop();
    pool.join();
}

}  // namespace
}  // namespace kwire
