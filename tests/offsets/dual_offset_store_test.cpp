#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/dual_offset_store.h>

#include "plain_store.h"
#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using test::PlainStore;

class DualOffsets : public ::testing::Test {
 protected:
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    Error members_of_its_own() const {
        return {ErrorCode::unknown_member_id, "the broker coordinates members", {.api = "OffsetCommit"}};
    }

    test::VirtualLoop loop;
    std::shared_ptr<PlainStore> first = std::make_shared<PlainStore>();
    std::shared_ptr<PlainStore> second = std::make_shared<PlainStore>();
    std::vector<Error> refusals;
    std::shared_ptr<OffsetManager> dual = make_offset_manager(
        loop.runtime(), dual_offset_store(first, second, [this](const Error& error) { refusals.push_back(error); }));
    const TopicPartition tp{"t", 0};
};

TEST_F(DualOffsets, ReadsTheHigherAndBringsTheOtherUp) {
    first->stored[tp].next = 5;
    second->stored[tp].next = 9;
    EXPECT_EQ(run(dual->initialize_partition(tp)), 9);
    EXPECT_EQ(dual->committed(tp), 5);
    EXPECT_THAT(run(dual->flush()), IsEmpty());
    EXPECT_EQ(first->stored[tp].next, 9);
    EXPECT_EQ(dual->committed(tp), 9);
    EXPECT_EQ(second->writes, 0) << "it holds it already";
    EXPECT_EQ(run(dual->initialize_partition({"t", 1})), -1);
    EXPECT_THAT(run(dual->flush()), IsEmpty());
    EXPECT_FALSE(dual->committed({"t", 1}));
}

TEST_F(DualOffsets, AHalfThatHoldsNothingIsBroughtUpByFinalizingToo) {
    second->stored[tp].next = 9;
    EXPECT_EQ(run(dual->initialize_partition(tp)), 9);
    EXPECT_FALSE(dual->committed(tp));
    EXPECT_FALSE(run(dual->finalize_partition(tp, loop.now() + 1s)));
    EXPECT_EQ(first->stored[tp].next, 9);
}

TEST_F(DualOffsets, WritesBoth) {
    run(dual->initialize_partition(tp));
    EXPECT_TRUE(dual->mark_as_processed(tp, 3));
    EXPECT_FALSE(run(dual->finalize_partition(tp, loop.now() + 1s)));
    EXPECT_EQ(first->stored[tp].next, 3);
    EXPECT_EQ(second->stored[tp].next, 3);
    EXPECT_FALSE(dual->mark_as_processed(tp, 4));
}

TEST_F(DualOffsets, AFailureOfEitherIsOne) {
    run(dual->initialize_partition(tp));
    dual->mark_as_processed(tp, 3);
    second->failure = Error(errc::connection_lost, "broken");
    EXPECT_THAT(run(dual->flush()), SizeIs(1));
    first->failure = Error(errc::connection_lost, "broken");
    dual->mark_as_processed(tp, 4);
    EXPECT_THAT(run(dual->flush()), SizeIs(1)) << "one partition, one failure";
    EXPECT_THAT(run(dual->close(loop.now() + 1s)), SizeIs(1));
    EXPECT_EQ(first->stored[tp].next, 3);
}

TEST_F(DualOffsets, AHalfThatFailedIsWrittenLaterAndTheOtherIsNotWrittenTwice) {
    run(dual->initialize_partition(tp));
    dual->mark_as_processed(tp, 3);
    second->failure = Error(errc::connection_lost, "broken");
    EXPECT_THAT(run(dual->flush()), SizeIs(1));
    second->failure.reset();
    EXPECT_THAT(run(dual->flush()), IsEmpty());
    EXPECT_EQ(second->stored[tp].next, 3);
    EXPECT_EQ(first->writes, 1);
}

TEST_F(DualOffsets, IfEitherCannotBeReadNothingIsKept) {
    first->stored[tp].next = 5;
    second->failure = Error(errc::connection_lost, "broken");
    EXPECT_THROW(run(dual->initialize_partition(tp)), Error);
    EXPECT_FALSE(dual->mark_as_processed(tp, 6));
    EXPECT_EQ(first->stored[tp].next, 5);
}

TEST_F(DualOffsets, ALogThatBeginsAnewGoesBackInBoth) {
    first->stored[tp].next = 500;
    second->stored[tp].next = 400;
    run(dual->initialize_partition(tp));
    dual->restart_partition(tp, 0);
    dual->mark_as_processed(tp, 7);
    EXPECT_THAT(run(dual->flush()), IsEmpty());
    EXPECT_EQ(first->stored[tp].next, 7);
    EXPECT_EQ(second->stored[tp].next, 7);
}

TEST_F(DualOffsets, ABrokerWithMembersOfItsOwnIsNoFailureOfTheOtherHalf) {
    first->stored[tp].next = 5;
    second->stored[tp].next = 2;
    EXPECT_EQ(run(dual->initialize_partition(tp)), 5);
    second->write_failure = members_of_its_own();
    dual->mark_as_processed(tp, 6);
    EXPECT_THAT(run(dual->flush()), IsEmpty());
    EXPECT_EQ(first->stored[tp].next, 6);
    EXPECT_EQ(dual->committed(tp), 6);
    EXPECT_THAT(refusals, SizeIs(1));
    dual->mark_as_processed(tp, 7);
    EXPECT_FALSE(run(dual->finalize_partition(tp, loop.now() + 5s)));
    EXPECT_EQ(first->stored[tp].next, 7);
    EXPECT_EQ(second->stored[tp].next, 2);
    EXPECT_THAT(refusals, SizeIs(1)) << "said once";
}

TEST_F(DualOffsets, ARefusalForAnotherReasonStaysAFailure) {
    run(dual->initialize_partition(tp));
    dual->mark_as_processed(tp, 6);
    second->write_failure = Error(ErrorCode::group_authorization_failed, "no", {.api = "OffsetCommit"});
    EXPECT_THAT(run(dual->flush()), SizeIs(1));
    EXPECT_THAT(refusals, IsEmpty());
}

TEST_F(DualOffsets, WhatEitherForgetsIsRefreshedThereWithTheShorterInterval) {
    second->refresh = 1h;
    first->stored[tp].next = 5;
    second->stored[tp].next = 5;
    run(dual->initialize_partition(tp));
    loop.advance(3h);
    EXPECT_GE(second->writes, 2);
    EXPECT_EQ(first->writes, 0);
}

TEST_F(DualOffsets, ResetsBoth) {
    first->stored[tp].next = 5;
    second->stored[tp].next = 5;
    loop.run(dual->reset({}));
    EXPECT_THAT(first->stored, IsEmpty());
    EXPECT_THAT(second->stored, IsEmpty());
}

}  // namespace
}  // namespace kwire
