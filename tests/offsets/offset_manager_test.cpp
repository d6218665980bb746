// The manager in front of any store: batches, marks, retries, deadlines, and stores that break their contract.
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/offset_store.h>

#include "plain_store.h"
#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using test::PlainStore;

class Manager : public ::testing::Test {
 protected:
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    std::shared_ptr<OffsetManager> manage(std::shared_ptr<OffsetStore> own) {
        return make_offset_manager(loop.runtime(), std::move(own));
    }
    CommitIdentity identity(std::string member, std::int32_t epoch = -1) const {
        return {.member = std::move(member), .generation_or_epoch = epoch, .lease = lease};
    }
    std::string failure_of(Task<std::int64_t> task) {
        try {
            run(std::move(task));
        } catch (const Error& error) {
            condition = error.condition();
            return error.what();
        }
        return "nothing";
    }

    test::VirtualLoop loop;
    std::shared_ptr<Lease> lease = std::make_shared<Lease>(TimePoint::max());
    std::shared_ptr<PlainStore> store = std::make_shared<PlainStore>();
    std::shared_ptr<OffsetManager> manager = manage(store);
    errc condition{};
    const TopicPartition tp{"t", 0};
};

TEST_F(Manager, ReadsManyWithOneCall) {
    std::vector<std::shared_ptr<test::VirtualLoop::Outcome<std::int64_t>>> begun;
    for (int i = 0; i < 100; ++i) {
        store->stored[{"t", i}].next = 10 * i;
        begun.push_back(loop.start(manager->initialize_partition({"t", i})));
    }
    loop.run_until_idle();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(begun[static_cast<std::size_t>(i)]->take(), 10 * i);
    EXPECT_EQ(store->reads, 1);
}

TEST_F(Manager, WritesAllThatChangedWithOneCall) {
    for (int i = 0; i < 100; ++i) run(manager->initialize_partition({"t", i}));
    for (int i = 0; i < 100; ++i) manager->mark_as_processed({"t", i}, i + 1);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(store->writes, 1);
    for (int i = 0; i < 100; ++i) manager->mark_as_processed({"t", i}, i + 2);
    for (int i = 0; i < 100; ++i) loop.start(manager->finalize_partition({"t", i}, loop.now() + 1s));
    loop.run_until_idle();
    EXPECT_EQ(store->writes, 2);
    EXPECT_EQ((store->stored[{"t", 99}].next), 101);
}

/// Its calls end when the test says so.
class SlowStore : public PlainStore {
 public:
    explicit SlowStore(Runtime& runtime) : go_on(runtime) {}
    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity identity) override {
        most_at_once = std::max(most_at_once, ++reading);
        while (slow) co_await go_on.wait();
        Outcomes outcomes = co_await PlainStore::read(std::move(which), std::move(identity));
        --reading;
        co_return outcomes;
    }
    Task<Outcomes> write(std::vector<Write> changes, CommitIdentity identity, TimePoint deadline) override {
        most_at_once = std::max(most_at_once, ++writing);
        while (slow) co_await go_on.wait();
        std::vector<Write> allowed;
        Outcomes refused;
        for (Write& write : changes) {
            if (write.may_begin()) {
                allowed.push_back(write);
            } else {
                refused[write.tp] = not_begun(write);
            }
        }
        Outcomes outcomes = co_await PlainStore::write(std::move(allowed), std::move(identity), deadline);
        outcomes.merge(refused);
        --writing;
        co_return outcomes;
    }
    void release() {
        slow = false;
        go_on.notify_all();
    }
    bool slow = false;
    Event go_on;
    int reading = 0, writing = 0, most_at_once = 0;
};

TEST_F(Manager, WhatIsAskedForWhileTheStoreIsBusyGoesTogetherInTheNextCall) {
    const auto slow = std::make_shared<SlowStore>(*loop.runtime());
    manager = manage(slow);
    slow->slow = true;
    std::vector<std::shared_ptr<test::VirtualLoop::Outcome<std::int64_t>>> begun;
    for (int i = 0; i < 50; ++i) {
        begun.push_back(loop.start(manager->initialize_partition({"t", i})));
        loop.run_until_idle();
    }
    slow->release();
    loop.run_until_idle();
    for (const auto& each : begun) EXPECT_EQ(each->take(), -1);
    EXPECT_EQ(slow->reads, 2);
    EXPECT_EQ(slow->most_at_once, 1);
}

TEST_F(Manager, AStoreThatNeverAnswersHoldsNobodyUp) {
    const auto slow = std::make_shared<SlowStore>(*loop.runtime());
    manager = manage(slow);
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 5);
    slow->slow = true;
    const TimePoint begin = loop.now();
    EXPECT_THAT(run(manager->flush()), SizeIs(1));
    EXPECT_LE(loop.now() - begin, 31s);
    EXPECT_THAT(failure_of(manager->initialize_partition({"t", 1})), HasSubstr("t"));
    EXPECT_EQ(condition, errc::timed_out);
    const TimePoint closing = loop.now();
    EXPECT_THAT(run(manager->close(closing + 2s)), SizeIs(1));
    EXPECT_LE(loop.now() - closing, 2s);
    slow->release();
    loop.advance(1min);
    EXPECT_THAT(slow->stored, IsEmpty()) << "given up before it began";
}

TEST_F(Manager, NothingOfAPartitionIsBegunAfterItWasFinalizedOrAbandoned) {
    const auto slow = std::make_shared<SlowStore>(*loop.runtime());
    manager = manage(slow);
    for (int i = 0; i < 3; ++i) run(manager->initialize_partition({"t", i}));
    for (int i = 0; i < 3; ++i) manager->mark_as_processed({"t", i}, 5);
    slow->slow = true;
    const auto flushing = loop.start(manager->flush());
    loop.run_until_idle();
    EXPECT_TRUE(run(manager->finalize_partition({"t", 0}, loop.now() + 1s)));
    manager->abandon_partition({"t", 1});
    slow->release();
    loop.advance(1min);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), IsEmpty());
    EXPECT_THAT(slow->stored, SizeIs(1));
    EXPECT_EQ((slow->stored[{"t", 2}].next), 5);
}

TEST_F(Manager, AMarkMadeWhileAFlushIsUnderWayIsWrittenByTheNext) {
    const auto slow = std::make_shared<SlowStore>(*loop.runtime());
    manager = manage(slow);
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 5);
    slow->slow = true;
    const auto first = loop.start(manager->flush());
    loop.run_until_idle();
    manager->mark_as_processed(tp, 8);
    const auto second = loop.start(manager->flush());
    loop.run_until_idle();
    slow->release();
    loop.run_until_idle();
    EXPECT_THAT(first->take(), IsEmpty());
    EXPECT_THAT(second->take(), IsEmpty());
    EXPECT_EQ(slow->stored[tp].next, 8) << "a flush that returned has stored what was marked before it";
}

enum class Thrown { error, exception, something };

/// Throws from its functions, or from their coroutines.
class ThrowingStore : public PlainStore {
 public:
    explicit ThrowingStore(Thrown what, bool at_once) : what_(what), at_once_(at_once) {}
    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity identity) override {
        if (at_once_ && reading) fail();
        return read_later(std::move(which), std::move(identity));
    }
    Task<Outcomes> write(std::vector<Write> changes, CommitIdentity, TimePoint) override {
        if (at_once_) fail();
        return write_later(std::move(changes));
    }
    bool reading = true;

 private:
    Task<Outcomes> read_later(std::vector<TopicPartition> which, CommitIdentity identity) {
        if (reading) fail();
        Outcomes outcomes = co_await PlainStore::read(std::move(which), std::move(identity));
        co_return outcomes;
    }
    Task<Outcomes> write_later(std::vector<Write>) {
        fail();
        co_return Outcomes{};
    }
    void fail() const {
        if (what_ == Thrown::error) throw Error(errc::invalid_config, "my store is down");
        if (what_ == Thrown::exception) throw std::runtime_error("my store is down");
        throw 7;
    }
    Thrown what_;
    bool at_once_;
};

TEST_F(Manager, WhateverAStoreThrowsIsAFailureOfThePartitionsAsked) {
    for (const Thrown what : {Thrown::error, Thrown::exception, Thrown::something}) {
        for (const bool at_once : {false, true}) {
            const auto throwing = std::make_shared<ThrowingStore>(what, at_once);
            manager = manage(throwing);
            EXPECT_THAT(failure_of(manager->initialize_partition(tp)), HasSubstr(what == Thrown::something ? "t" : "my store is down"));
            throwing->reading = false;
            EXPECT_EQ(run(manager->initialize_partition(tp)), -1);
            manager->mark_as_processed(tp, 3);
            const auto failures = run(manager->flush());
            ASSERT_THAT(failures, SizeIs(1));
            EXPECT_EQ(failures[0].tp, tp);
            EXPECT_EQ(failures[0].next, 3);
            EXPECT_TRUE(run(manager->finalize_partition(tp, loop.now() + 1s)));
        }
    }
}

/// Leaves partitions out of its answers.
class ForgetfulStore : public PlainStore {
 public:
    Task<Outcomes> read(std::vector<TopicPartition>, CommitIdentity) override { co_return Outcomes{}; }
};

TEST_F(Manager, AnAnswerThatLeavesAPartitionOutIsNotNone) {
    manager = manage(std::make_shared<ForgetfulStore>());
    EXPECT_THAT(failure_of(manager->initialize_partition(tp)), HasSubstr("leaves this partition out"));
    EXPECT_EQ(condition, errc::bad_answer);
    EXPECT_FALSE(manager->mark_as_processed(tp, 1));
}

TEST_F(Manager, AStoredOffsetBelowNoneIsRefused) {
    store->stored[tp].next = -5;
    failure_of(manager->initialize_partition(tp));
    EXPECT_EQ(condition, errc::bad_stored_offset);
}

TEST_F(Manager, ANewEpochKeepsTheMarksAndANewMemberLosesThem) {
    manager->use_identity(identity("m", 1));
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 5);
    manager->use_identity(identity("m", 2));
    EXPECT_TRUE(manager->mark_as_processed(tp, 6));
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(store->stored[tp].next, 6);
    manager->mark_as_processed(tp, 7);
    manager->use_identity(identity("other", 1));
    EXPECT_FALSE(manager->mark_as_processed(tp, 8));
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(store->stored[tp].next, 6);
}

TEST_F(Manager, ReadingForAnEarlierMemberEndsAtOnce) {
    const auto slow = std::make_shared<SlowStore>(*loop.runtime());
    manager = manage(slow);
    manager->use_identity(identity("m"));
    slow->slow = true;
    const auto reading = loop.start(manager->initialize_partition(tp));
    loop.run_until_idle();
    manager->use_identity(identity("other"));
    loop.run_until_idle();
    ASSERT_TRUE(reading->done());
    EXPECT_THROW(reading->take(), Error);
}

TEST_F(Manager, TheLeaderEpochIsStoredWithTheOffsetItBelongsTo) {
    store->stored[tp] = {.next = 4, .leader_epoch = 2};
    run(manager->initialize_partition(tp));
    EXPECT_EQ(manager->committed_leader_epoch(tp), 2);
    manager->mark_with_leader_epoch(tp, 9, 3);
    manager->mark_with_leader_epoch(tp, 8, 2);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(store->stored[tp].leader_epoch, 3);
    EXPECT_EQ(manager->committed_leader_epoch(tp), 3);
    manager->mark_as_processed(tp, 10);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(store->stored[tp].leader_epoch, -1) << "an epoch of earlier messages says nothing of this one";
}

TEST_F(Manager, WhatAStoreForgetsIsWrittenAgainWithoutAnyFlush) {
    store->refresh = 6h;
    store->stored[tp].next = 4;
    run(manager->initialize_partition(tp));
    run(manager->initialize_partition({"t", 1}));  // nothing is stored of it
    manager->mark_as_processed(tp, 9);
    loop.advance(11min);
    EXPECT_EQ(store->writes, 1) << "nobody knows how old it was when it was taken over";
    EXPECT_EQ(store->stored[tp].next, 4) << "what is marked is for a flush to write";
    loop.advance(5h);
    EXPECT_EQ(store->writes, 1);
    loop.advance(2h);
    EXPECT_EQ(store->writes, 2);
    EXPECT_FALSE(store->stored.contains({"t", 1}));
}

TEST_F(Manager, ARefreshFollowsTheIntervalOfItsStore) {
    store->refresh = 5min;
    store->stored[tp].next = 4;
    run(manager->initialize_partition(tp));
    loop.advance(61min);
    EXPECT_GE(store->writes, 10);
    EXPECT_LE(store->writes, 12);
}

TEST_F(Manager, NothingIsRefreshedWithoutALeaseNorAfterTheEnd) {
    store->refresh = 5min;
    store->stored[tp].next = 4;
    manager->use_identity(identity("m"));
    run(manager->initialize_partition(tp));
    lease->end();
    loop.advance(1h);
    EXPECT_EQ(store->writes, 0);
    manager.reset();
    loop.advance(1h);
    EXPECT_EQ(store->writes, 0);
}

TEST_F(Manager, WithPatienceAFlushGoesOnWithBackoff) {
    store->patience_ = 10s;
    store->try_again = true;
    run(manager->initialize_partition(tp));
    manager->mark_as_processed(tp, 3);
    store->failure = Error(errc::connection_lost, "gone");
    const auto flushing = loop.start(manager->flush());
    loop.advance(5s);
    EXPECT_FALSE(flushing->done());
    EXPECT_LE(store->writes, 20) << "a calm pace";
    store->failure.reset();
    loop.advance(1s);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), IsEmpty());
    EXPECT_EQ(store->stored[tp].next, 3);
}

TEST_F(Manager, ResetGoesToTheStore) {
    store->stored[tp].next = 4;
    loop.run(manager->reset({}));
    EXPECT_THAT(store->stored, IsEmpty());
}

TEST_F(Manager, AStoreThatCannotForgetSaysSo) {
    class Bare : public OffsetStore {
        Task<Outcomes> read(std::vector<TopicPartition>, CommitIdentity) override { co_return Outcomes{}; }
        Task<Outcomes> write(std::vector<Write>, CommitIdentity, TimePoint) override { co_return Outcomes{}; }
    };
    manager = manage(std::make_shared<Bare>());
    std::string said;
    try {
        loop.run(manager->reset({}));
    } catch (const Error& error) {
        said = error.what();
    }
    EXPECT_THAT(said, HasSubstr("reset_offsets"));
}

/// A program's own manager that throws from wherever it can.
class ThrowingManager final : public OffsetManager {
 public:
    explicit ThrowingManager(Thrown what) : what_(what) {}
    void use_identity(CommitIdentity) override { fail(); }
    Task<std::int64_t> initialize_partition(TopicPartition) override {
        fail();
        co_return 0;
    }
    std::int32_t committed_leader_epoch(const TopicPartition&) const override { fail(); }
    bool mark_as_processed(const TopicPartition&, std::int64_t) override { fail(); }
    bool mark_with_leader_epoch(const TopicPartition&, std::int64_t, std::int32_t) override { fail(); }
    void restart_partition(const TopicPartition&, std::int64_t) override { fail(); }
    Task<std::vector<CommitFailure>> flush() override { fail(); }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition, TimePoint) override { fail(); }
    void abandon_partition(const TopicPartition&) override { fail(); }
    Task<std::vector<CommitFailure>> close(TimePoint) override { fail(); }
    std::optional<std::int64_t> committed(const TopicPartition&) const override { fail(); }
    Task<void> reset(OffsetReset) override { fail(); }

 private:
    [[noreturn]] void fail() const {
        if (what_ == Thrown::error) throw Error(errc::invalid_config, "my store is down");
        if (what_ == Thrown::exception) throw std::runtime_error("my store is down");
        throw 7;
    }
    Thrown what_;
};

TEST_F(Manager, WhateverAnOwnManagerThrowsIsAnError) {
    for (const Thrown what : {Thrown::error, Thrown::exception, Thrown::something}) {
        std::vector<Error> reported;
        const auto guarded = guard_offset_manager(loop.runtime(), std::make_shared<ThrowingManager>(what),
                                                  [&reported](const Error& error) { reported.push_back(error); });
        guarded->use_identity(identity("m"));
        EXPECT_THAT(reported, SizeIs(1));
        EXPECT_THROW(run(guarded->initialize_partition(tp)), Error);
        EXPECT_EQ(guarded->committed_leader_epoch(tp), -1);
        EXPECT_FALSE(guarded->mark_as_processed(tp, 1));
        EXPECT_FALSE(guarded->mark_with_leader_epoch(tp, 1, 1));
        guarded->restart_partition(tp, 1);
        EXPECT_THROW(run(guarded->flush()), Error);
        EXPECT_TRUE(run(guarded->finalize_partition(tp, loop.now() + 1s)));
        guarded->abandon_partition(tp);
        EXPECT_FALSE(guarded->committed(tp));
        EXPECT_THROW(loop.run(guarded->reset({})), Error);
        EXPECT_THAT(run(guarded->close(loop.now() + 1s)), SizeIs(1));
        loop.advance(1min);
    }
}

}  // namespace
}  // namespace kwire
