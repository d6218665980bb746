// On real threads: what runs where, in which order, and what is waited for.
#include "callback_queue.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto very_long = 1h;

class CallbackQueueTest : public testing::Test {
 protected:
    CallbackQueueTest() {
        queue_->listen([](const std::string&) {},
                       [this](const auto& name, const auto& what) { threw_ = name + ' ' + what; });
    }
    ~CallbackQueueTest() override {
        if (!queue_) return;
        on_strand([this] { queue_->close(); });
    }

    void on_strand(std::function<void()> what) { runtime_->block_on(run(std::move(what))); }
    static Task<void> run(std::function<void()> what) {
        what();
        co_return;
    }
    void add(std::string name, CallbackQueue::Call call, CallbackQueue::Call returned = {}) {
        on_strand([&] { queue_->add(name, call, returned); });
    }
    bool becomes_idle() { return runtime_->block_on(CallbackQueue::idle(queue_, later(runtime_->now(), very_long))); }

    std::shared_ptr<Runtime> runtime_ = Runtime::with_own_thread();
    std::shared_ptr<CallbackQueue> queue_ =
        std::make_shared<CallbackQueue>(runtime_, CallbackQueue::Settings{{}, very_long});
    std::string threw_;
};

TEST_F(CallbackQueueTest, RunsOneAfterTheOtherApartFromTheStrand) {
    std::vector<int> order;
    std::atomic<int> at_once{0};
    std::vector<bool> on_strand_thread;
    for (int i = 0; i < 100; ++i) {
        add("on_x", [&, i] {
            EXPECT_EQ(++at_once, 1);
            order.push_back(i);
            on_strand_thread.push_back(runtime_->on_runtime());
            --at_once;
        });
    }
    ASSERT_TRUE(becomes_idle());
    ASSERT_EQ(order.size(), 100U);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
        EXPECT_FALSE(on_strand_thread[static_cast<std::size_t>(i)]);
    }
}

TEST_F(CallbackQueueTest, TellsTheStrandWhenOneHasReturned) {
    std::vector<std::string> told;
    add("on_x", [] {}, [&] { told.push_back(runtime_->on_runtime() ? "on the strand" : "elsewhere"); });
    ASSERT_TRUE(becomes_idle());
    EXPECT_THAT(told, ElementsAre("on the strand"));
}

TEST_F(CallbackQueueTest, WhatIsThrownIsToldAndTheNextRuns) {
    bool ran = false;
    add("on_x", [] { throw std::runtime_error("no disk"); });
    add("on_y", [&] { ran = true; });
    ASSERT_TRUE(becomes_idle());
    EXPECT_EQ(threw_, "on_x no disk");
    EXPECT_TRUE(ran);
    add("on_z", [] { throw 5; });
    ASSERT_TRUE(becomes_idle());
    EXPECT_EQ(threw_, "on_z something that is no std::exception");
}

TEST_F(CallbackQueueTest, KnowsWhetherItIsAskedInACallback) {
    bool inside = false;
    add("on_x", [&] { inside = queue_->inside(); });
    ASSERT_TRUE(becomes_idle());
    EXPECT_TRUE(inside);
    EXPECT_FALSE(queue_->inside());
}

TEST_F(CallbackQueueTest, ABlockingCallInACallbackIsAnsweredByTheStrand) {
    bool answered = false;
    add("on_x", [&] { on_strand([&] { answered = true; }); });
    ASSERT_TRUE(becomes_idle());
    EXPECT_TRUE(answered);
}

TEST_F(CallbackQueueTest, OneThatNeverReturnsIsLeftBehind) {
    std::promise<void> begun;
    std::promise<void> let_go;
    std::promise<void> gone;
    bool second_ran = false;
    add("on_x", [&] {
        begun.set_value();
        let_go.get_future().wait();
        gone.set_value();
    });
    add("on_y", [&] { second_ran = true; });
    begun.get_future().wait();
    EXPECT_FALSE(runtime_->block_on(CallbackQueue::idle(queue_, runtime_->now())));
    on_strand([&] {
        EXPECT_EQ(queue_->running(), "on_x");
        EXPECT_EQ(queue_->waiting(), 1U);
        queue_->close();
        queue_.reset();  // does not wait for it
    });
    let_go.set_value();
    gone.get_future().wait();
    EXPECT_FALSE(second_ran);
}

TEST_F(CallbackQueueTest, NothingIsCalledOnceItIsClosed) {
    bool called = false;
    on_strand([&] { queue_->close(); });
    add("on_x", [&] { called = true; }, [&] { called = true; });
    EXPECT_TRUE(becomes_idle());
    queue_.reset();  // ends its thread, if it had begun one
    EXPECT_FALSE(called);
}

TEST_F(CallbackQueueTest, RunsOnTheExecutorItIsGiven) {
    const auto other = Runtime::with_own_thread();
    const auto given = std::make_shared<CallbackQueue>(runtime_, CallbackQueue::Settings{other->executor(), very_long});
    bool there = false;
    on_strand([&] { given->add("on_x", [&] { there = other->on_runtime(); }); });
    ASSERT_TRUE(runtime_->block_on(CallbackQueue::idle(given, later(runtime_->now(), very_long))));
    EXPECT_TRUE(there);
}

}  // namespace
}  // namespace kwire
