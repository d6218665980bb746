// The rules that every public asynchronous operation keeps, tried on an operation of so many steps.
#include <future>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <kwire/net/async.h>
#include <kwire/net/error.h>
#include <kwire/net/topic_names.h>
#include <kwire/protocol/topic_partition.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

/// What became of the operations of one test; touched on the strand.
struct Record {
    int begun = 0;
    int ended = 0;
    int undone = 0;
    int off_the_strand = 0;
};

Task<std::string> in_steps(std::shared_ptr<Runtime> runtime, std::shared_ptr<Record> record, int steps,
                           std::vector<std::string> words) {
    ++record->begun;
    for (int step = 0; step < steps; ++step) {
        if (!runtime->on_runtime()) ++record->off_the_strand;
        Timer timer(*runtime);
        co_await timer.wait_for(1ms);
    }
    if (!runtime->on_runtime()) ++record->off_the_strand;
    ++record->ended;
    std::string all;
    for (const auto& word : words) all += word;
    co_return all;
}

Task<void> only_waits(std::shared_ptr<Runtime> runtime) {
    Timer timer(*runtime);
    co_await timer.wait_for(1ms);
}

/// A public object as kwire's own are: a shared inside, and operations that hold it.
class Thing {
 public:
    explicit Thing(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}

    template <class Token = asio::use_awaitable_t<>>
    auto async_say(TopicNames words, int steps, Token&& token = Token()) {
        return detail::async_operation<std::string>(runtime_, in_steps(runtime_, record_, steps, std::move(words)),
                                                    std::forward<Token>(token), std::stop_source(),
                                                    [record = record_](std::string) { ++record->undone; });
    }
    template <class Token = asio::use_awaitable_t<>>
    auto async_wait(Token&& token = Token()) {
        return detail::async_operation<void>(runtime_, only_waits(runtime_), std::forward<Token>(token));
    }
    template <class Token = asio::use_awaitable_t<>>
    auto async_name(TopicPartition tp, Token&& token = Token()) {
        return async_say(TopicNames(tp.to_string()), 1, std::forward<Token>(token));
    }
    const std::shared_ptr<Record>& record() const { return record_; }

 private:
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<Record> record_ = std::make_shared<Record>();
};

std::vector<std::string> hello() {
    return {"hello ", "world"};
}

/// What a handler is completed with, and on which thread.
struct Completion {
    int count = 0;
    std::string value;
    std::exception_ptr failure;
    std::thread::id thread;

    auto handler() {
        return [this](std::exception_ptr its_failure, std::string its_value) {
            ++count;
            failure = std::move(its_failure);
            value = std::move(its_value);
            thread = std::this_thread::get_id();
        };
    }
    bool aborted() const {
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const std::system_error& e) {
            return e.code() == asio::error::operation_aborted;
        }
        return false;
    }
};

std::string words_of(const std::exception_ptr& failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        return e.what();
    } catch (int number) {
        return "the number " + std::to_string(number);
    }
    return "";
}

class AsyncTest : public testing::Test {
 protected:
    VirtualLoop loop;
    Thing thing{loop.runtime()};
};

TEST_F(AsyncTest, ACallbackIsCompletedOnTheStrandAndNeverInsideTheCall) {
    Completion done;
    bool on_strand = false;
    thing.async_say(hello(), 0, [&, handler = done.handler()](std::exception_ptr failure, std::string value) {
        on_strand = loop.runtime()->on_runtime();
        handler(failure, value);
    });
    EXPECT_EQ(thing.record()->begun, 0);
    loop.run_until_idle();
    EXPECT_EQ(done.count, 1);
    EXPECT_EQ(done.value, "hello world");
    EXPECT_TRUE(on_strand);

    // Neither where it is begun on the strand.
    int order = 0;
    loop.runtime()->post([&] {
        thing.async_say(hello(), 0, [&](std::exception_ptr, const std::string&) { EXPECT_EQ(++order, 2); });
        EXPECT_EQ(++order, 1);
    });
    loop.run_until_idle();
    EXPECT_EQ(order, 2);
}

TEST_F(AsyncTest, AFutureGetsValuesAndFailures) {
    auto future = thing.async_say(hello(), 3, asio::use_future);
    auto nothing = thing.async_wait(asio::use_future);
    loop.advance(10ms);
    ASSERT_EQ(future.wait_for(0s), std::future_status::ready);
    EXPECT_EQ(future.get(), "hello world");
    ASSERT_EQ(nothing.wait_for(0s), std::future_status::ready);
    nothing.get();
}

Task<void> co_awaits(std::shared_ptr<Thing> thing, std::vector<std::string>* said) {
    std::string plain = co_await thing->async_say({"a", "b", "c"}, 1);
    said->push_back(plain);
    const auto tuple = co_await thing->async_say({"a string that is too long for its own place", "d"}, 2,
                                                 asio::experimental::as_tuple(asio::use_awaitable));
    EXPECT_FALSE(std::get<0>(tuple));
    said->push_back(std::get<1>(tuple));
    said->push_back(co_await thing->async_name({"a topic with a name that is too long for its own place", 7}));
    co_await thing->async_wait();
    auto made_before = thing->async_say({"kept", std::string(" until then")}, 1);
    thing.reset();
    said->push_back(co_await std::move(made_before));
}

TEST_F(AsyncTest, ACoroutineAwaitsItWithBracedArgumentsToo) {
    std::vector<std::string> said;
    auto its_thing = std::make_shared<Thing>(loop.runtime());
    loop.run(co_awaits(std::move(its_thing), &said));
    const std::vector<std::string> expected{"abc", "a string that is too long for its own placed",
                                            "a topic with a name that is too long for its own place/7", "kept until then"};
    EXPECT_EQ(said, expected);
}

Task<std::string> throws(int kind) {
    if (kind == 0) throw Error(errc::timed_out, "an Error of kwire");
    if (kind == 1) throw std::runtime_error("some exception");
    if (kind == 2) throw std::bad_alloc();
    if (kind == 3) throw 42;
    co_return "";
}

TEST_F(AsyncTest, WhateverIsThrownReachesTheHandlerAsItIs) {
    const std::vector<std::string> expected{"an Error of kwire", "some exception", "std::bad_alloc", "the number 42"};
    for (int kind = 0; kind < 4; ++kind) {
        Completion done;
        detail::async_operation<std::string>(loop.runtime(), throws(kind), done.handler());
        loop.run_until_idle();
        EXPECT_EQ(done.count, 1);
        EXPECT_EQ(words_of(done.failure), expected[static_cast<std::size_t>(kind)]);

        auto future = detail::async_operation<std::string>(loop.runtime(), throws(kind), asio::use_future);
        loop.run_until_idle();
        EXPECT_ANY_THROW(future.get());
    }
}

TEST_F(AsyncTest, WhatAHandlerThrowsGoesOutOfItsExecutorAndHarmsNobody) {
    thing.async_say(hello(), 1, [](std::exception_ptr, const std::string&) { throw std::runtime_error("handler"); });
    EXPECT_THROW(loop.advance(10ms), std::runtime_error);
    Completion done;
    thing.async_say(hello(), 1, done.handler());
    loop.advance(10ms);
    EXPECT_EQ(done.value, "hello world");
}

TEST_F(AsyncTest, CancellingAtEverySuspensionPointStopsTheWaitingAlone) {
    constexpr int steps = 4;
    for (int cancel_after = 0; cancel_after <= steps; ++cancel_after) {
        SCOPED_TRACE(cancel_after);
        Thing fresh(loop.runtime());
        Completion done;
        asio::cancellation_signal signal;
        fresh.async_say(hello(), steps, asio::bind_cancellation_slot(signal.slot(), done.handler()));
        if (cancel_after > 0) loop.run_until_idle();
        for (int i = 1; i < cancel_after; ++i) loop.advance(1ms);
        signal.emit(asio::cancellation_type::terminal);
        EXPECT_EQ(done.count, 0) << "it must not be completed inside the call that cancels";
        loop.run_until_idle();
        ASSERT_EQ(done.count, 1);
        EXPECT_TRUE(done.aborted());
        EXPECT_EQ(fresh.record()->ended, 0);
        loop.advance(100ms);
        EXPECT_EQ(done.count, 1);
        EXPECT_EQ(fresh.record()->ended, 1) << "the operation itself goes on";
        EXPECT_EQ(fresh.record()->undone, 1) << "and what it made is undone";
        signal.emit(asio::cancellation_type::all);
        loop.run_until_idle();
        EXPECT_EQ(done.count, 1);
    }
}

TEST_F(AsyncTest, ACancellationThatComesTooLateChangesNothing) {
    Completion done;
    {
        asio::cancellation_signal signal;
        thing.async_say(hello(), 1, asio::bind_cancellation_slot(signal.slot(), done.handler()));
        loop.advance(10ms);
        signal.emit(asio::cancellation_type::terminal);
    }
    loop.run_until_idle();
    EXPECT_EQ(done.count, 1);
    EXPECT_EQ(done.value, "hello world");
    EXPECT_EQ(thing.record()->undone, 0);
}

Task<void> waits_for_stop(std::shared_ptr<Runtime> runtime, std::stop_token abandoned, std::shared_ptr<Record> record) {
    Event stopped(*runtime);
    const std::stop_callback wake(abandoned, [runtime, &stopped] { runtime->post([&stopped] { stopped.notify_all(); }); });
    while (!abandoned.stop_requested()) co_await stopped.wait();
    ++record->ended;
}

TEST_F(AsyncTest, AnOperationThatWaitsForEverMayEndOnceNobodyWaitsForIt) {
    const auto record = std::make_shared<Record>();
    asio::cancellation_signal signal;
    std::stop_source abandoned;
    int completed = 0;
    detail::async_operation<void>(loop.runtime(), waits_for_stop(loop.runtime(), abandoned.get_token(), record),
                                  asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ++completed; }),
                                  abandoned);
    loop.advance(1s);
    EXPECT_EQ(record->ended, 0);
    signal.emit(asio::cancellation_type::total);
    loop.run_until_idle();
    EXPECT_EQ(record->ended, 1);
    EXPECT_EQ(completed, 1);
}

Task<void> cancelled_caller(std::shared_ptr<Thing> thing, int* aborted) {
    try {
        co_await thing->async_say({"never"}, 1000);
    } catch (const std::system_error& e) {
        if (e.code() == asio::error::operation_aborted) ++*aborted;
    }
}

TEST_F(AsyncTest, CancellingACoroutineEndsItsWaiting) {
    const auto its_thing = std::make_shared<Thing>(loop.runtime());
    asio::cancellation_signal signal;
    int aborted = 0;
    asio::co_spawn(loop.runtime()->executor(), cancelled_caller(its_thing, &aborted),
                   asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    loop.advance(5ms);
    signal.emit(asio::cancellation_type::terminal);
    loop.run_until_idle();
    EXPECT_EQ(aborted, 1);
    loop.advance(2s);
    EXPECT_EQ(its_thing->record()->ended, 1);
}

// ---- other threads and executors

TEST(AsyncThreadsTest, TheHandlerRunsOnItsExecutorAndTheWorkOnTheStrand) {
    const auto runtime = Runtime::with_own_thread();
    Thing thing(runtime);
    asio::io_context callers;
    Completion done;
    thing.async_say(hello(), 2, asio::bind_executor(callers.get_executor(), done.handler()));
    callers.run();  // the operation counts as work of the caller's loop, or this would return at once
    EXPECT_EQ(done.count, 1);
    EXPECT_EQ(done.value, "hello world");
    EXPECT_EQ(done.thread, std::this_thread::get_id());
    EXPECT_EQ(thing.record()->off_the_strand, 0);
}

Task<void> many_on_a_pool(std::shared_ptr<Thing> thing, std::atomic<int>* right) {
    for (int i = 0; i < 20; ++i) {
        const std::string said = co_await thing->async_say({"one ", "two"}, i % 3);
        if (said == "one two") ++*right;
        co_await thing->async_wait();
    }
}

TEST(AsyncThreadsTest, CoroutinesOnAPoolOfFourThreadsShareAnObject) {
    asio::thread_pool pool(4);
    const auto runtime = Runtime::on(pool.get_executor());
    const auto thing = std::make_shared<Thing>(runtime);
    std::atomic<int> right{0};
    std::vector<std::future<void>> ended;
    for (int i = 0; i < 8; ++i) ended.push_back(asio::co_spawn(pool, many_on_a_pool(thing, &right), asio::use_future));
    for (auto& one : ended) one.get();
    pool.join();
    EXPECT_EQ(right, 160);
    EXPECT_EQ(thing->record()->ended, 160);
    EXPECT_EQ(thing->record()->off_the_strand, 0);
}

TEST(AsyncThreadsTest, CancelledFromThePoolWhileItEndsItIsCompletedOnce) {
    asio::thread_pool pool(4);
    const auto runtime = Runtime::on(pool.get_executor());
    const auto thing = std::make_shared<Thing>(runtime);
    constexpr int rounds = 200;
    std::atomic<int> completed{0};
    std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
    for (int i = 0; i < rounds; ++i) {
        const auto& signal = signals.emplace_back(std::make_unique<asio::cancellation_signal>());
        const auto strand = asio::make_strand(pool.get_executor());
        asio::post(strand, [=, &completed, signal = signal.get()] {
            thing->async_say({"x"}, 0, asio::bind_cancellation_slot(
                signal->slot(), asio::bind_executor(strand, [&completed](std::exception_ptr, const std::string&) {
                    ++completed;
                })));
            asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
        });
    }
    pool.join();
    EXPECT_EQ(completed, rounds);
    EXPECT_EQ(thing->record()->ended, rounds);
}

TEST(AsyncThreadsTest, TheLastReferenceMayGoWhileACallbackIsOwed) {
    std::promise<std::string> said;
    {
        Thing thing(Runtime::with_own_thread());
        thing.async_say(hello(), 3, [&](std::exception_ptr, std::string value) { said.set_value(std::move(value)); });
    }
    EXPECT_EQ(said.get_future().get(), "hello world");
}

// ---- the end of the loop

TEST(AsyncEndOfLoopTest, AHandlerOfTheSameLoopIsDestroyedWithIt) {
    const auto token = std::make_shared<int>();
    int completed = 0;
    const auto handler = [&completed, token](std::exception_ptr, const std::string&) { ++completed; };
    {
        VirtualLoop loop;  // runs on before it ends
        Thing thing(loop.runtime());
        thing.async_say(hello(), 3, handler);
        EXPECT_EQ(token.use_count(), 3);
    }
    for (const bool begun : {false, true}) {
        asio::io_context stopped;
        Thing thing(Runtime::on(stopped.get_executor()));
        thing.async_say(hello(), 3, handler);
        if (begun) stopped.poll();
        EXPECT_EQ(token.use_count(), 3);
    }
    EXPECT_EQ(token.use_count(), 2);
    EXPECT_EQ(completed, 0);
}

TEST(AsyncEndOfLoopTest, AHandlerOfAnotherLoopIsToldThatItEnded) {
    for (const bool begun : {false, true}) {
        asio::io_context callers;
        Completion done;
        std::future<std::string> future;
        {
            VirtualLoop loop;
            Thing thing(loop.runtime());
            thing.async_say(hello(), 3, asio::bind_executor(callers.get_executor(), done.handler()));
            future = thing.async_say(hello(), 3, asio::use_future);
            if (begun) loop.run_until_idle();
        }
        callers.run();
        EXPECT_EQ(done.count, 1);
        EXPECT_NE(words_of(done.failure).find("loop was destroyed"), std::string::npos) << words_of(done.failure);
        EXPECT_THROW(future.get(), Error);
    }
}

TEST(AsyncEndOfLoopTest, WaitingForAStoppedLoopCanBeCancelled) {
    asio::io_context stopped;
    asio::io_context callers;
    Thing thing(Runtime::on(stopped.get_executor()));
    Completion done;
    asio::cancellation_signal signal;
    thing.async_say(hello(), 1, asio::bind_cancellation_slot(
        signal.slot(), asio::bind_executor(callers.get_executor(), done.handler())));
    signal.emit(asio::cancellation_type::terminal);
    callers.run();
    EXPECT_TRUE(done.aborted());
}

// ---- without a spawn

Task<std::string> on_the_strand(std::shared_ptr<Thing> thing) {
    std::string said = co_await thing->async_say({"part of ", "the caller"}, 1, use_task);
    co_return said;
}

TEST_F(AsyncTest, OnTheStrandItIsATaskOfTheCaller) {
    EXPECT_EQ(loop.run(on_the_strand(std::make_shared<Thing>(loop.runtime()))), "part of the caller");
}

}  // namespace
}  // namespace kwire
