// What a program's callbacks hold up, and for how long: they run on a loop of their own here, whenever the test says so.
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <asio/io_context.hpp>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CallbacksTest : public GroupFixture {
 protected:
    /// All that it is told goes to told_, once let_return is called for it.
    GroupConfig watched() {
        auto result = config();
        result.callback_executor = callbacks_.get_executor();
        const auto note = [this](std::string what) {
            return [this, what](const std::vector<TopicPartition>& partitions) {
                for (const auto& tp : partitions) told_.push_back(what + tp.to_string());
            };
        };
        result.on_assigned = note("+");
        result.on_revoked = note("-");
        result.on_lost = note("!");
        result.on_committed = [this](const std::map<TopicPartition, std::int64_t>& offsets) {
            for (const auto& [tp, next] : offsets) told_.push_back(tp.to_string() + '=' + std::to_string(next));
        };
        return result;
    }
    /// The callback that runs, if any, returns, and what follows from that happens.
    bool let_return() {
        const bool ran = callbacks_.poll_one() > 0;
        callbacks_.restart();
        settle();
        return ran;
    }
    void let_all_return() {
        while (let_return()) {
        }
    }
    void close_watched(const std::shared_ptr<ConsumerGroup>& group) {
        const auto closing = loop.start(group->async_close());
        settle();
        let_all_return();
        EXPECT_TRUE(closing->done());
    }

    asio::io_context callbacks_;
    std::vector<std::string> told_;
};

TEST_F(CallbacksTest, NothingIsReadBeforeOnAssignedHasReturned) {
    create_topic("t", 1, 5);
    const auto group = join(watched());
    EXPECT_THAT(group->owned(), SizeIs(1));
    loop.advance(30s);
    EXPECT_THAT(read_all(group), IsEmpty());
    EXPECT_TRUE(let_return());
    EXPECT_THAT(told_, ElementsAre("+t/0"));
    EXPECT_THAT(read_all(group), SizeIs(5));
    let_all_return();
    close_watched(group);
}

TEST_F(CallbacksTest, APartitionMovesWhenOnRevokedHasReturned) {
    create_topic("t", 2, 5);
    const auto first = join(watched());
    let_all_return();
    EXPECT_THAT(read_all(first), SizeIs(10));
    const auto second = join();
    loop.advance(30s);
    EXPECT_THAT(second->owned(), IsEmpty());
    let_all_return();
    EXPECT_THAT(second->owned(), SizeIs(1));
    EXPECT_THAT(errors_of(first), IsEmpty());
    close(second);
    close_watched(first);
}

TEST_F(CallbacksTest, AKeptPartitionGoesOnWhileOnRevokedBlocks) {
    create_topic("t", 2, 5);
    const auto first = join(watched());
    let_all_return();
    EXPECT_THAT(read_all(first), SizeIs(10));
    const auto second = join();
    for (int p = 0; p < 2; ++p) logs.append({"t", p}, 5);
    EXPECT_THAT(read_all(first), SizeIs(5)) << "of the one it keeps; the other has stopped";
    loop.run(first->async_flush_offsets());
    EXPECT_EQ(stored->next.at({"t", 0}) + stored->next.at({"t", 1}), 15);
    let_all_return();
    EXPECT_THAT(read_all(second), SizeIs(5));
    close(second);
    close_watched(first);
}

TEST_F(CallbacksTest, OnRevokedThatBlocksHoldsThePartitionForTheProcessingTimeoutAndNotLonger) {
    create_topic("t", 2, 5);
    const auto first = join(watched());
    let_all_return();
    EXPECT_THAT(read_all(first), SizeIs(10));
    const auto second = join();
    loop.advance(59s);
    EXPECT_THAT(second->owned(), IsEmpty());
    loop.advance(2s);
    EXPECT_THAT(second->owned(), SizeIs(1));
    EXPECT_THAT(read_all(second), IsEmpty()) << "all was committed nevertheless";
    EXPECT_THAT(errors_of(first), Contains(HasSubstr("on_revoked has not returned")));
    let_all_return();
    close(second);
    close_watched(first);
}

TEST_F(CallbacksTest, OnAssignedThatBlocksKeepsNoPartitionFromItsNextOwner) {
    create_topic("t", 2, 5);
    const auto first = join(watched());
    const auto second = join();
    EXPECT_THAT(second->owned(), IsEmpty()) << "on_revoked is called after on_assigned";
    loop.advance(61s);
    EXPECT_THAT(second->owned(), SizeIs(1));
    EXPECT_THAT(read_all(second), SizeIs(5));
    EXPECT_THAT(read_all(first), IsEmpty());
    EXPECT_THAT(errors_of(first), Contains(HasSubstr("on_assigned has not returned")));
    let_all_return();
    EXPECT_THAT(told_, SizeIs(3));
    EXPECT_THAT(read_all(first), SizeIs(5));
    close(second);
    close_watched(first);
}

TEST_F(CallbacksTest, CloseLeavesACallbackBehindThatDoesNotReturn) {
    create_topic("t", 2, 5);
    const auto group = join(watched());
    let_all_return();
    EXPECT_THAT(read_all(group), SizeIs(10));
    told_.clear();
    const auto before = loop.now();
    const auto report = loop.run(group->async_close(3s));
    EXPECT_GE(loop.now() - before, 3s);
    EXPECT_LE(loop.now() - before, 8s);
    EXPECT_TRUE(report.clean()) << "all that was handed out is committed";
    EXPECT_EQ(owner_of("t", 0), "nobody");
    EXPECT_THAT(errors_of(group), Contains(HasSubstr("on_revoked has not returned in the time that close() has")));
    let_all_return();
    EXPECT_THAT(told_, IsEmpty()) << "no callback begins after close has returned";
}

TEST_F(CallbacksTest, CloseReturnsWhenTheLastCallbackHas) {
    create_topic("t", 2, 5);
    const auto group = join(watched());
    let_all_return();
    EXPECT_THAT(read_all(group), SizeIs(10));
    told_.clear();
    const auto closing = loop.start(group->async_close());
    settle();
    EXPECT_FALSE(closing->done());
    let_all_return();
    EXPECT_TRUE(closing->done());
    EXPECT_THAT(told_, ElementsAre("-t/0", "-t/1", "t/0=5", "t/1=5"));
}

TEST_F(CallbacksTest, CloseInACallbackSaysThatItWouldWaitForItself) {
    create_topic("t", 1, 5);
    std::weak_ptr<ConsumerGroup> weak;
    errc refused{};
    auto config = watched();
    config.on_assigned = [&](const auto&) {
        try {
            weak.lock()->close();
        } catch (const Error& error) {
            refused = error.condition();
        }
    };
    const auto group = join(config);
    weak = group;
    let_all_return();
    EXPECT_EQ(refused, errc::would_block_runtime);
    EXPECT_THAT(read_all(group), SizeIs(5)) << "nothing has happened";
    close_watched(group);
}

TEST_F(CallbacksTest, TheLastReferenceMayGoInACallback) {
    create_topic("t", 1, 5);
    std::shared_ptr<ConsumerGroup> group;
    auto config = watched();
    config.on_assigned = [&](const auto&) { group.reset(); };
    group = join(config);
    let_all_return();
    EXPECT_THAT(ensemble.children_of("/consumers/g/ids"), IsEmpty());
}

TEST_F(CallbacksTest, WhatIsCommittedWhileACallbackBlocksIsToldAtOnce) {
    create_topic("t", 1, 1);
    const auto group = join(watched());
    let_all_return();
    told_.clear();
    for (int i = 0; i < 5; ++i) {
        EXPECT_THAT(read_all(group), SizeIs(1));
        loop.run(group->async_flush_offsets());
        logs.append({"t", 0}, 1);
    }
    let_all_return();
    EXPECT_THAT(told_, ElementsAre("t/0=1", "t/0=5")) << "the first was under way";
    close_watched(group);
}

TEST_F(CallbacksTest, ErrorsThatNobodyTakesDoNotPileUp) {
    create_topic("t", 1, 5);
    auto config = watched();
    int errors = 0;
    config.on_error = [&](const Error&) { ++errors; };
    config.offsets.commit_interval = 100ms;
    const auto group = join(config);
    let_all_return();
    EXPECT_THAT(read_all(group), SizeIs(5));
    stored->fails = true;
    loop.advance(1min);
    stored->fails = false;
    let_all_return();
    EXPECT_GT(errors, 200);
    EXPECT_LE(errors, 256 + 1);
    close_watched(group);
}

}  // namespace
}  // namespace kwire::test
