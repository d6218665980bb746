#include <atomic>
#include <cstdlib>
#include <future>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <time.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <gtest/gtest.h>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

Task<int> answer() {
    co_return 42;
}
Task<int> fail() {
    throw std::runtime_error("no answer");
    co_return 0;
}
Task<std::thread::id> thread_of_task() {
    co_return std::this_thread::get_id();
}

TEST(RuntimeTest, RunsTasksOnItsOwnThread) {
    const auto runtime = Runtime::with_own_thread();
    EXPECT_EQ(runtime->block_on(answer()), 42);
    EXPECT_NE(runtime->block_on(thread_of_task()), std::this_thread::get_id());
    EXPECT_FALSE(runtime->on_runtime());
}

TEST(RuntimeTest, BlockOnThrowsWhatTheTaskThrows) {
    const auto runtime = Runtime::with_own_thread();
    EXPECT_THROW(runtime->block_on(fail()), std::runtime_error);
}

TEST(RuntimeTest, ServesManyThreads) {
    const auto runtime = Runtime::with_own_thread();
    std::vector<std::thread> threads;
    std::atomic<int> sum = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 200; ++n) sum += runtime->block_on(answer());
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 4 * 200 * 42);
}

std::atomic<bool> exiting = false;
std::atomic<bool> wound_down = false;

/// Holds the runtime, perhaps as the last, until the program is about to end.
Task<void> hold_until_exit(std::shared_ptr<Runtime>) {
    while (!exiting) std::this_thread::yield();
    wound_down = true;
    co_return;
}

/// As a program whose main() is over: the first of these handlers runs last.
void end_while_a_thread_winds_down() {
    std::atexit([] {
        if (!wound_down) std::_Exit(3);
    });
    auto runtime = Runtime::with_own_thread();
    runtime->spawn(hold_until_exit(runtime));
    runtime.reset();
    std::atexit([] { exiting = true; });
    std::exit(0);
}

TEST(RuntimeExitTest, TheEndOfTheProgramWaitsForAThreadThatNobodyJoins) {
    // A process of its own, where no runtime was before.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(end_while_a_thread_winds_down(), testing::ExitedWithCode(0), "");
}

Task<bool> blocks_itself(std::shared_ptr<Runtime> runtime) {
    EXPECT_TRUE(runtime->on_runtime());
    bool refused = false;
    try {
        runtime->block_on(answer());
    } catch (const Error& e) {
        refused = e.condition() == errc::would_block_runtime;
    }
    co_return refused;
}

TEST(RuntimeTest, RefusesToBlockOnItself) {
    const auto own = Runtime::with_own_thread();
    EXPECT_TRUE(own->block_on(blocks_itself(own)));

    VirtualLoop loop;
    EXPECT_TRUE(loop.run(blocks_itself(loop.runtime())));
}

TEST(RuntimeTest, LastReferenceMayGoOnTheRuntimeItself) {
    std::promise<void> ours_gone;
    std::promise<void> gone;
    auto runtime = Runtime::with_own_thread();
    asio::post(runtime->executor(), [runtime, &ours_gone, &gone]() mutable {
        ours_gone.get_future().wait();
        runtime.reset();
        gone.set_value();
    });
    runtime.reset();  // not before it has posted: who posts holds what he posts to
    ours_gone.set_value();
    gone.get_future().wait();
}

Task<void> wait_for_ever(std::shared_ptr<Timer> timer, std::shared_ptr<std::promise<void>> begun,
                         std::shared_ptr<int> witness) {
    begun->set_value();
    co_await timer->wait_for(Duration::max());
    ++*witness;
}

TEST(RuntimeTest, WaitingTasksGoWithTheThread) {
    auto runtime = Runtime::with_own_thread();
    auto begun = std::make_shared<std::promise<void>>();
    const auto witness = std::make_shared<int>(0);
    runtime->spawn(wait_for_ever(std::make_shared<Timer>(*runtime), begun, witness));
    begun->get_future().wait();
    runtime.reset();
    EXPECT_EQ(witness.use_count(), 1);
    EXPECT_EQ(*witness, 0);
}

Task<void> throws_out() {
    throw std::runtime_error("left alone");
    co_return;
}

Task<void> throws_no_exception() {
    throw 42;
    co_return;
}
Task<int> seven() {
    co_return 7;
}

TEST(RuntimeTest, NothingThatIsThrownEndsTheProgram) {
    testing::internal::CaptureStderr();
    {
        const auto runtime = Runtime::with_own_thread();
        runtime->spawn(throws_out());
        runtime->spawn(throws_no_exception());
        runtime->post([] { throw std::bad_alloc(); });
        asio::post(runtime->executor(), [] { throw std::logic_error("out of a raw handler"); });
        EXPECT_EQ(runtime->block_on(seven()), 7) << "the thread goes on";
    }
    const std::string said = testing::internal::GetCapturedStderr();
    for (const char* words : {"left alone", "no std::exception", "not enough memory", "raw handler"}) {
        EXPECT_NE(said.find(words), std::string::npos) << said;
    }
}

TEST(RuntimeTest, SaysWhereACoroutineMustNotRun) {
    const auto runtime = Runtime::with_own_thread();
    try {
        runtime->require_on_runtime("Cluster::call");
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.condition(), errc::foreign_executor);
        EXPECT_NE(e.reason().find("Cluster::call"), std::string::npos);
    }
    std::promise<bool> fine;
    runtime->post([&] {
        runtime->require_on_runtime("Cluster::call");
        fine.set_value(true);
    });
    EXPECT_TRUE(fine.get_future().get());
}

TEST(RuntimeTest, TheClockCountsWhatTheMachineSlept) {
    const auto runtime = Runtime::with_own_thread();
    timespec boot{};
    ASSERT_EQ(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
    const TimePoint before(std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec));
    EXPECT_GE(runtime->now(), before);
    EXPECT_LE(runtime->now(), before + 10s);
}

Task<void> append(std::shared_ptr<std::string> log, char c) {
    *log += c;
    co_return;
}
Task<void> spawn_and_append(std::shared_ptr<Runtime> runtime, std::shared_ptr<std::string> log) {
    runtime->spawn(append(log, 'b'));
    *log += 'a';
    co_return;
}

TEST(RuntimeTest, SpawnNeverRunsInsideItsCaller) {
    VirtualLoop loop;
    const auto log = std::make_shared<std::string>();
    loop.run(spawn_and_append(loop.runtime(), log));
    loop.run_until_idle();
    EXPECT_EQ(*log, "ab");
}

// ---- Timer

TEST(TimerTest, ComesInTime) {
    VirtualLoop loop;
    Timer timer(*loop.runtime());
    auto wait = loop.start(timer.wait_for(10s));
    loop.advance(9999ms);
    EXPECT_FALSE(wait->done());
    loop.advance(1ms);
    ASSERT_TRUE(wait->done());
    EXPECT_TRUE(wait->take());
}

TEST(TimerTest, IsCutShort) {
    VirtualLoop loop;
    Timer timer(*loop.runtime());
    auto wait = loop.start(timer.wait_for(10s));
    loop.advance(1s);
    timer.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(wait->done());
    EXPECT_FALSE(wait->take());
    EXPECT_TRUE(loop.run(timer.wait_for(5s))) << "it can be used again";
    EXPECT_EQ(loop.clock().next(), std::nullopt);
}

TEST(TimerTest, WakesItsWaiterWhenItGoes) {
    VirtualLoop loop;
    auto timer = std::make_unique<Timer>(*loop.runtime());
    auto wait = loop.start(timer->wait_for(10s));
    loop.run_until_idle();
    timer.reset();
    loop.run_until_idle();
    ASSERT_TRUE(wait->done());
    EXPECT_FALSE(wait->take());
}

TEST(TimerTest, TimeThatHasPassedIsNow) {
    VirtualLoop loop;
    Timer timer(*loop.runtime());
    const TimePoint before = loop.now();
    EXPECT_TRUE(loop.run(timer.wait_until(before - 1s)));
    EXPECT_EQ(loop.now(), before);
}

TEST(TimerTest, RunsOnTheSteadyClockToo) {
    const auto runtime = Runtime::with_own_thread();
    Timer timer(*runtime);
    const TimePoint before = runtime->now();
    EXPECT_TRUE(runtime->block_on(timer.wait_for(5ms)));
    EXPECT_GE(runtime->now(), before + 5ms);
    auto cut = std::make_shared<Timer>(*runtime);
    std::thread other([&] { asio::post(runtime->executor(), [cut] { cut->cancel(); }); });
    other.join();
    EXPECT_TRUE(runtime->block_on(timer.wait_for(0ms)));
}

// ---- Event

TEST(EventTest, WakesAllWhoWait) {
    VirtualLoop loop;
    Event event(*loop.runtime());
    auto first = loop.start(event.wait());
    auto second = loop.start(event.wait_until(loop.now() + 1h));
    loop.run_until_idle();
    EXPECT_FALSE(first->done());
    event.notify_all();
    loop.run_until_idle();
    EXPECT_TRUE(first->done());
    ASSERT_TRUE(second->done());
    EXPECT_TRUE(second->take());
    EXPECT_EQ(loop.clock().next(), std::nullopt) << "the deadline's timer is gone";
}

TEST(EventTest, ForgetsWhatNobodyWaitedFor) {
    VirtualLoop loop;
    Event event(*loop.runtime());
    event.notify_all();
    auto wait = loop.start(event.wait());
    loop.run_until_idle();
    EXPECT_FALSE(wait->done());
}

TEST(EventTest, DeadlineComesFirst) {
    VirtualLoop loop;
    Event event(*loop.runtime());
    auto wait = loop.start(event.wait_until(loop.now() + 1s));
    loop.advance(1s);
    ASSERT_TRUE(wait->done());
    EXPECT_FALSE(wait->take());
    event.notify_all();
}

Task<void> wait_for_ever(std::shared_ptr<Event> event) {
    co_await event->wait_until(TimePoint::max());
}

// What the wait had registered goes before the event does: for the address sanitizer to judge.
TEST(EventTest, GoesWithALoopThatEndsWhileSomebodyWaits) {
    VirtualLoop loop;
    auto event = std::make_shared<Event>(*loop.runtime());
    const std::weak_ptr<Event> there = event;
    loop.runtime()->spawn(wait_for_ever(std::move(event)));
    loop.run_until_idle();
    EXPECT_FALSE(there.expired());
}

TEST(EventTest, WakesAllWhenItGoes) {
    VirtualLoop loop;
    auto event = std::make_unique<Event>(*loop.runtime());
    auto first = loop.start(event->wait());
    auto second = loop.start(event->wait_until(loop.now() + 1h));
    loop.run_until_idle();
    event.reset();
    loop.run_until_idle();
    EXPECT_TRUE(first->done());
    EXPECT_TRUE(second->done());
}

}  // namespace
}  // namespace kwire
