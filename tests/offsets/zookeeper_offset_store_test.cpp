#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/zookeeper_offset_store.h>
#include <kwire/zk/gather.h>
#include <kwire/zk/memory_session.h>
#include <kwire/zk/registry.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using zk::Code;
using zk::Fault;

class ZookeeperOffsets : public ::testing::Test {
 protected:
    /// A member of the group: a session, a registration and a manager->
    struct Member {
        Member(ZookeeperOffsets& test, std::string name)
            : id(std::move(name)),
              session(test.ensemble.open()),
              registry(std::make_shared<zk::Registry>(session)),
              manager(make_offset_manager(test.loop.runtime(), zookeeper_offset_store("g"))) {
            zk::Registration registration;
            registration.subscription["t"] = 1;
            EXPECT_EQ(test.run(registry->register_member("g", id, registration)), Code::ok);
            manager->use_identity(identity());
        }
        CommitIdentity identity() const { return {.member = id, .registration = registry}; }

        std::string id;
        std::shared_ptr<zk::Session> session;
        std::shared_ptr<zk::Registry> registry;
        std::shared_ptr<OffsetManager> manager;
    };

    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    void own(Member& member, const TopicPartition& which) {
        EXPECT_EQ(until_answered([&] { return run(member.registry->claim("g", member.id, which, member.id)).code; }),
                  Code::ok);
    }
    void disown(Member& member, const TopicPartition& which) {
        // An answer that was lost may have been ok: then there is nothing to release any more.
        EXPECT_THAT(until_answered([&] { return run(member.registry->release("g", member.id, which)).code; }),
                    AnyOf(Code::ok, Code::no_node));
    }
    Code until_answered(const std::function<Code()>& ask) {
        Code code = ask();
        for (; code == Code::connection_loss; code = ask()) loop.run_until_idle();
        return code;
    }
    std::string stored(const TopicPartition& which) const {
        const auto node = ensemble.peek("/consumers/g/offsets/" + which.to_string());
        return node ? node->data : "none";
    }
    errc condition_of(const std::function<void()>& body) {
        try {
            body();
        } catch (const Error& error) {
            return error.condition();
        }
        return errc{};
    }
    TimePoint in(Duration duration) const { return loop.now() + duration; }

    test::VirtualLoop loop;
    zk::MemoryEnsemble ensemble{loop.runtime()};
    const TopicPartition tp{"t", 0};
};

TEST_F(ZookeeperOffsets, InitialisesWithTheNextOffsetOrNone) {
    Member m(*this, "m");
    EXPECT_EQ(run(m.manager->initialize_partition(tp)), -1);
    EXPECT_FALSE(m.manager->committed(tp));
    ensemble.put("/consumers/g/offsets/t/1", "42");
    EXPECT_EQ(run(m.manager->initialize_partition({"t", 1})), 42);
    EXPECT_EQ(m.manager->committed({"t", 1}), 42);
    EXPECT_THAT(run(m.manager->flush()), IsEmpty()) << "there is nothing new to write";
    EXPECT_EQ(stored(tp), "none");
}

TEST_F(ZookeeperOffsets, AnUnparsableStoredOffsetIsAnErrorAndNeverNone) {
    Member m(*this, "m");
    for (const char* text : {"", "junk", "-1", "9223372036854775808", "12 "}) {
        ensemble.put("/consumers/g/offsets/t/0", text);
        EXPECT_EQ(condition_of([&] { run(m.manager->initialize_partition(tp)); }),
                  errc::bad_stored_offset)
            << text;
        EXPECT_FALSE(m.manager->mark_as_processed(tp, 5)) << "it must not be kept";
    }
}

TEST_F(ZookeeperOffsets, FlushWritesWhatChangedAndOnlyThat) {
    Member m(*this, "m");
    for (int i = 0; i < 10; ++i) run(m.manager->initialize_partition({"t", i}));
    EXPECT_FALSE(m.manager->mark_as_processed({"other", 0}, 5));
    EXPECT_TRUE(m.manager->mark_as_processed({"t", 3}, 7));
    EXPECT_TRUE(m.manager->mark_as_processed({"t", 4}, 8));
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored({"t", 3}), "7");
    EXPECT_EQ(stored({"t", 4}), "8");
    EXPECT_EQ(stored({"t", 5}), "none");
    const auto before = ensemble.operations();
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(ensemble.operations(), before);
    EXPECT_TRUE(m.manager->mark_as_processed({"t", 3}, 9));
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(ensemble.operations(), before + 1) << "one transaction a partition once it exists";
    EXPECT_EQ(stored({"t", 3}), "9");
}

TEST_F(ZookeeperOffsets, ManyAreWrittenInFewTransactions) {
    constexpr int partitions = 250;
    Member m(*this, "m");
    for (int i = 0; i < partitions; ++i) run(m.manager->initialize_partition({"t", i}));
    for (std::int64_t next : {1, 2}) {
        for (int i = 0; i < partitions; ++i) m.manager->mark_as_processed({"t", i}, 1000 * i + next);
        const auto before = ensemble.operations();
        EXPECT_THAT(run(m.manager->flush()), IsEmpty());
        const auto asked = ensemble.operations() - before;
        if (next == 2) {
            EXPECT_EQ(asked, 3U) << "once they exist";
        }
        for (int i = 0; i < partitions; ++i) EXPECT_EQ(stored({"t", i}), std::to_string(1000 * i + next));
    }
}

TEST_F(ZookeeperOffsets, AConflictKeepsNoOtherFromBeingWritten) {
    Member m(*this, "m");
    for (int i = 0; i < 5; ++i) run(m.manager->initialize_partition({"t", i}));
    for (int i = 0; i < 5; ++i) m.manager->mark_as_processed({"t", i}, 10);
    ensemble.put("/consumers/g/offsets/t/2", "4");  // and m does not own it
    ensemble.put("/consumers/g/offsets/t/3", "11");
    const auto failures = run(m.manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].tp, (TopicPartition{"t", 2}));
    EXPECT_EQ(failures[0].error.condition(), errc::not_owner);
    for (int i : {0, 1, 4}) EXPECT_EQ(stored({"t", i}), "10");
    EXPECT_EQ(stored({"t", 2}), "4");
    EXPECT_EQ(stored({"t", 3}), "11");
}

TEST_F(ZookeeperOffsets, LowerMarksChangeNothing_Fault11) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    EXPECT_TRUE(m.manager->mark_as_processed(tp, 10));
    EXPECT_TRUE(m.manager->mark_as_processed(tp, 4));
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "10");
    EXPECT_TRUE(m.manager->mark_as_processed(tp, 5));
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "10");
}

TEST_F(ZookeeperOffsets, TheFirstMessageCountsAsProcessed_Fault10) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    EXPECT_TRUE(m.manager->mark_as_processed(tp, 1));  // the message at offset 0
    EXPECT_FALSE(run(m.manager->finalize_partition(tp, in(1min))));
    EXPECT_EQ(stored(tp), "1");
    run(m.manager->initialize_partition({"t", 1}));
    EXPECT_TRUE(m.manager->mark_as_processed({"t", 1}, 0));  // nothing processed, but known to be 0
    EXPECT_FALSE(run(m.manager->finalize_partition({"t", 1}, in(1min))));
    EXPECT_EQ(stored({"t", 1}), "0");
}

TEST_F(ZookeeperOffsets, FinaliseWritesAndStopsKeeping_Fault4) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    EXPECT_FALSE(run(m.manager->finalize_partition(tp, in(1s))));
    EXPECT_EQ(stored(tp), "5");
    EXPECT_EQ(m.manager->committed(tp), 5);
    EXPECT_FALSE(m.manager->mark_as_processed(tp, 6));
    EXPECT_FALSE(run(m.manager->finalize_partition(tp, in(1s)))) << "twice is fine";
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "5");
}

TEST_F(ZookeeperOffsets, AfterAFinaliseThatRanOutOfTimeNothingIsWritten_Fault4) {
    Member m(*this, "m");
    Member next(*this, "next");
    own(m, tp);
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    ensemble.disconnect(m.session->id());
    const TimePoint begin = loop.now();
    const auto failure = run(m.manager->finalize_partition(tp, in(2s)));
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->error.condition(), errc::connection_lost);
    EXPECT_EQ(failure->next, 5);
    EXPECT_EQ(loop.now() - begin, 2s);
    ensemble.reconnect(m.session->id());
    loop.run_until_idle();
    disown(m, tp);
    own(next, tp);
    EXPECT_EQ(run(next.manager->initialize_partition(tp)), -1);
    next.manager->mark_as_processed(tp, 3);
    EXPECT_THAT(run(next.manager->flush()), IsEmpty());
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    loop.advance(1min);
    EXPECT_EQ(stored(tp), "3");
}

TEST_F(ZookeeperOffsets, FinaliseOutlastsALostConnection) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    ensemble.disconnect(m.session->id());
    const auto finalising = loop.start(m.manager->finalize_partition(tp, in(10s)));
    loop.advance(3s);
    EXPECT_FALSE(finalising->done());
    ensemble.reconnect(m.session->id());
    loop.advance(1s);
    ASSERT_TRUE(finalising->done());
    EXPECT_FALSE(finalising->take());
    EXPECT_EQ(stored(tp), "5");
}

TEST_F(ZookeeperOffsets, ALostAnswerIsFoundOutAndNotWrittenTwice) {
    Member m(*this, "m");
    own(m, tp);
    run(m.manager->initialize_partition(tp));
    for (const Fault fault : {Fault::connection_loss_before, Fault::connection_loss_after}) {
        const std::int64_t mark = fault == Fault::connection_loss_before ? 5 : 9;
        const auto number = ensemble.operations();
        ensemble.on_operation([=](const zk::MemoryOperation& operation) {
            return operation.number == number ? fault : Fault::none;
        });
        m.manager->mark_as_processed(tp, mark);
        const auto failures = run(m.manager->flush());
        ASSERT_THAT(failures, SizeIs(1));
        EXPECT_EQ(failures[0].error.condition(), errc::connection_lost);
        loop.run_until_idle();
        EXPECT_THAT(run(m.manager->flush()), IsEmpty()) << "the mark stays and is tried again";
        EXPECT_EQ(stored(tp), std::to_string(mark));
        EXPECT_EQ(m.manager->committed(tp), mark);
    }
}

TEST_F(ZookeeperOffsets, AMemberThatLostThePartitionCannotMoveTheNewOwnersOffset_Fault2) {
    Member old(*this, "old");
    Member owner(*this, "owner");
    own(old, tp);
    run(old.manager->initialize_partition(tp));
    old.manager->mark_as_processed(tp, 5);
    disown(old, tp);  // it lost it without noticing
    own(owner, tp);
    run(owner.manager->initialize_partition(tp));
    owner.manager->mark_as_processed(tp, 3);
    EXPECT_THAT(run(owner.manager->flush()), IsEmpty());
    const auto failures = run(old.manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].error.condition(), errc::not_owner);
    EXPECT_THAT(failures[0].error.what(), HasSubstr("owner"));
    EXPECT_EQ(stored(tp), "3");
    owner.manager->mark_as_processed(tp, 50);
    EXPECT_THAT(run(owner.manager->flush()), IsEmpty());
    old.manager->mark_as_processed(tp, 40);
    EXPECT_THAT(run(old.manager->flush()), IsEmpty()) << "what is stored covers it";
    EXPECT_EQ(stored(tp), "50");
}

TEST_F(ZookeeperOffsets, TheOwnerOverridesALateWriteOfTheLastOne) {
    Member old(*this, "old");
    Member owner(*this, "owner");
    own(old, tp);
    run(old.manager->initialize_partition(tp));
    old.manager->mark_as_processed(tp, 5);
    disown(old, tp);
    own(owner, tp);
    run(owner.manager->initialize_partition(tp));
    EXPECT_THAT(run(old.manager->flush()), IsEmpty()) << "nobody had written meanwhile";
    owner.manager->mark_as_processed(tp, 8);
    EXPECT_THAT(run(owner.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "8");
}

TEST_F(ZookeeperOffsets, ALogThatBeginsAnewIsCommittedBack) {
    ensemble.put("/consumers/g/offsets/t/0", "1000");
    Member m(*this, "m");
    own(m, tp);
    run(m.manager->initialize_partition(tp));
    m.manager->restart_partition(tp, 0);
    m.manager->mark_as_processed(tp, 600);
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "600");
    EXPECT_EQ(m.manager->committed(tp), 600);
    // Again, and this time somebody else wrote: what is there does not stand, though it is higher.
    ensemble.put("/consumers/g/offsets/t/0", "700");
    m.manager->restart_partition(tp, 5);
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "5");
    // Only once: from then on it goes up.
    ensemble.put("/consumers/g/offsets/t/0", "700");
    m.manager->mark_as_processed(tp, 6);
    EXPECT_FALSE(run(m.manager->finalize_partition(tp, in(5s))));
    EXPECT_EQ(stored(tp), "700");
}

TEST_F(ZookeeperOffsets, WhoIsNotTheOwnerMovesNothingBack) {
    ensemble.put("/consumers/g/offsets/t/0", "1000");
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    ensemble.put("/consumers/g/offsets/t/0", "1001");
    m.manager->restart_partition(tp, 5);
    EXPECT_TRUE(run(m.manager->finalize_partition(tp, in(5s))));
    EXPECT_EQ(stored(tp), "1001");
}

TEST_F(ZookeeperOffsets, NothingIsWrittenWithoutARegistration) {
    Member m(*this, "m");
    own(m, tp);
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    ensemble.erase("/consumers/g/ids/m");
    ensemble.erase("/consumers/g/fences");
    const auto failures = run(m.manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].error.condition(), errc::not_owner);
    EXPECT_EQ(stored(tp), "none");
}

TEST_F(ZookeeperOffsets, AnExpiredSessionWritesNothingAndTheNextOneStartsAnew) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    ensemble.expire(m.session->id());
    const auto failures = run(m.manager->flush());
    ASSERT_THAT(failures, SizeIs(1));
    EXPECT_EQ(failures[0].error.condition(), errc::session_expired);
    const auto failure = run(m.manager->finalize_partition({"t", 9}, in(1min)));
    EXPECT_FALSE(failure) << "it is not kept";
    Member again(*this, "again");
    m.manager->use_identity(again.identity());
    EXPECT_FALSE(m.manager->mark_as_processed(tp, 6));
    EXPECT_EQ(run(m.manager->initialize_partition(tp)), -1);
    m.manager->mark_as_processed(tp, 6);
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "6");
}

TEST_F(ZookeeperOffsets, AbandonedPartitionsAreNotWritten) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    m.manager->abandon_partition(tp);
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_EQ(stored(tp), "none");
    EXPECT_FALSE(m.manager->mark_as_processed(tp, 6));
}

TEST_F(ZookeeperOffsets, CloseWritesAllAndLaterCallsDoNotHang_Fault9) {
    Member m(*this, "m");
    for (int i = 0; i < 3; ++i) {
        run(m.manager->initialize_partition({"t", i}));
        m.manager->mark_as_processed({"t", i}, 10 + i);
    }
    EXPECT_THAT(run(m.manager->close(in(1s))), IsEmpty());
    EXPECT_EQ(stored({"t", 2}), "12");
    EXPECT_THAT(run(m.manager->flush()), IsEmpty());
    EXPECT_THAT(run(m.manager->close(in(1s))), IsEmpty());
    EXPECT_FALSE(run(m.manager->finalize_partition(tp, in(1s))));
    EXPECT_FALSE(m.manager->mark_as_processed(tp, 20));
    EXPECT_EQ(condition_of([&] { run(m.manager->initialize_partition(tp)); }), errc::closed);
}

TEST_F(ZookeeperOffsets, CloseReturnsByItsDeadlineWithoutAServer_Fault9) {
    Member m(*this, "m");
    for (int i = 0; i < 3; ++i) {
        run(m.manager->initialize_partition({"t", i}));
        m.manager->mark_as_processed({"t", i}, 10 + i);
    }
    ensemble.disconnect(m.session->id());
    const TimePoint begin = loop.now();
    EXPECT_THAT(run(m.manager->close(in(2s))), SizeIs(3));
    EXPECT_EQ(loop.now() - begin, 2s);
}

TEST_F(ZookeeperOffsets, FinaliseDuringAFlushWritesTheLastMark) {
    Member m(*this, "m");
    run(m.manager->initialize_partition(tp));
    m.manager->mark_as_processed(tp, 5);
    const auto flushing = loop.start(m.manager->flush());
    const auto finalising = loop.start(m.manager->finalize_partition(tp, in(1s)));
    m.manager->mark_as_processed(tp, 9);
    loop.run_until_idle();
    EXPECT_THAT(flushing->take(), IsEmpty());
    EXPECT_FALSE(finalising->take());
    EXPECT_EQ(stored(tp), "9");
}

/// Two members hand a partition to and fro while answers get lost: what is stored never goes back,
/// and never runs ahead of what was marked.
TEST_F(ZookeeperOffsets, NeverGoesBackWhateverIsLost) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        std::mt19937_64 random(seed);
        const TopicPartition mine{"t" + std::to_string(seed), 0};
        Member a(*this, "a" + std::to_string(seed));
        Member b(*this, "b" + std::to_string(seed));
        ensemble.on_operation([&](const zk::MemoryOperation& operation) {
            if (operation.kind != zk::MemoryOperation::Kind::multi || random() % 4 != 0) {
                return Fault::none;
            }
            return random() % 2 == 0 ? Fault::connection_loss_before : Fault::connection_loss_after;
        });
        std::int64_t read = -1, highest = 0, last_stored = -1;
        for (int turn = 0; turn < 6; ++turn) {
            Member& member = turn % 2 == 0 ? a : b;
            own(member, mine);
            read = run(member.manager->initialize_partition(mine));
            ASSERT_GE(read, last_stored);
            for (int step = 0; step < 5; ++step) {
                highest = std::max(highest, std::max<std::int64_t>(read, 0) +
                                                static_cast<std::int64_t>(random() % 20));
                member.manager->mark_as_processed(mine, highest);
                if (random() % 2 == 0) run(member.manager->flush());
                loop.run_until_idle();
            }
            run(member.manager->finalize_partition(mine, in(random() % 2 == 0 ? 0s : 5s)));
            loop.run_until_idle();
            disown(member, mine);
            const std::string now = stored(mine);
            if (now == "none") continue;
            ASSERT_GE(std::stoll(now), last_stored) << "seed " << seed;
            ASSERT_LE(std::stoll(now), highest) << "seed " << seed;
            last_stored = std::stoll(now);
        }
        ensemble.on_operation(nullptr);
    }
}

}  // namespace
}  // namespace kwire
