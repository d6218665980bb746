#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/zk/async.h>
#include <kwire/zk/memory_session.h>

namespace kwire::zk {
namespace {

class ZookeeperAsync : public ::testing::Test {
 protected:
    std::shared_ptr<Runtime> runtime = Runtime::with_own_thread();
    MemoryEnsemble ensemble{runtime};
    std::shared_ptr<Session> session = runtime->block_on(ensemble.factory()());
    std::shared_ptr<Registry> registry = std::make_shared<Registry>(session);
    const TopicPartition tp{"t", 0};
};

TEST_F(ZookeeperAsync, FuturesFromManyThreads) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            const TopicPartition mine{"t", i};
            for (int next = 1; next <= 50; ++next) {
                const auto set = [mine, next](Registry& r) { return r.set_offset("g", mine, next); };
                async_with(registry, set, asio::use_future).get();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    const auto all = async_with(registry, [](Registry& r) { return r.offsets("g"); }, asio::use_future).get();
    ASSERT_EQ(all.size(), 4U);
    for (const auto& [which, stored] : all) EXPECT_EQ(stored.next, 50);
}

TEST_F(ZookeeperAsync, CompletesOnTheHandlersExecutorAndTellsFailures) {
    asio::thread_pool pool(1);
    std::promise<bool> on_pool;
    async_with(session, [](Session& s) { return s.exists("/zookeeper"); },
               asio::bind_executor(pool, [&](std::exception_ptr failure, Reply<Stat> reply) {
                   on_pool.set_value(!failure && reply.ok() && pool.get_executor().running_in_this_thread());
               }));
    EXPECT_TRUE(on_pool.get_future().get());
    auto refused = async_with(registry, [](Registry& r) { return r.create_group("a/b"); }, asio::use_future);
    EXPECT_THROW(refused.get(), Error);
    pool.join();
}

Task<int> of_a_foreign_loop(std::shared_ptr<Registry> registry, TopicPartition tp) {
    const auto set = [tp](Registry& r) { return r.set_offset("g", tp, 7); };
    const auto get = [tp](Registry& r) { return r.offset("g", tp); };
    co_await async_with(registry, set);
    auto [failure, stored] = co_await async_with(registry, get, asio::experimental::as_tuple(asio::use_awaitable));
    co_return failure ? -1 : static_cast<int>(stored.next);
}

TEST_F(ZookeeperAsync, IsAwaitedOnAForeignExecutor) {
    asio::io_context foreign;
    int read = 0;
    asio::co_spawn(foreign, of_a_foreign_loop(registry, tp), [&](std::exception_ptr failure, int value) {
        read = failure ? -2 : value;
    });
    foreign.run();
    EXPECT_EQ(read, 7);
}

TEST_F(ZookeeperAsync, CancellingEndsTheWaitingOnly) {
    asio::io_context loop;
    asio::cancellation_signal cancel;
    std::exception_ptr told;
    const auto set = [tp = tp](Registry& r) { return r.set_offset("g", tp, 9); };
    async_with(registry, set,
               asio::bind_cancellation_slot(cancel.slot(), asio::bind_executor(loop, [&](std::exception_ptr failure) {
                                                told = failure;
                                            })));
    cancel.emit(asio::cancellation_type::all);
    loop.run();
    // Whichever came first; what was begun is done all the same.
    const auto get = [tp = tp](Registry& r) { return r.offset("g", tp); };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::int64_t stored = -1;
    while (stored != 9 && std::chrono::steady_clock::now() < deadline) {
        stored = async_with(registry, get, asio::use_future).get().next;
    }
    EXPECT_EQ(stored, 9);
    if (told) {
        EXPECT_THROW(std::rethrow_exception(told), std::system_error);
    }
}

TEST_F(ZookeeperAsync, OpeningReportsWhatIsWrong) {
    SessionConfig config;
    config.hosts = "127.0.0.1:1";
    config.connect_timeout = std::chrono::milliseconds(50);
    auto opening = open_session(runtime, config, asio::use_future);
    EXPECT_THROW(opening.get(), Error);
}

}  // namespace
}  // namespace kwire::zk
