// No write begins once the lease has lapsed, whatever the store, and however far a write had come.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/dual_offset_store.h>
#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/offsets/zookeeper_offset_store.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>
#include <kwire/zk/memory_session.h>
#include <kwire/zk/registry.h>

#include "fake_cluster.h"
#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LeaseOfStores : public ::testing::Test {
 protected:
    LeaseOfStores() {
        kafka.on<OffsetFetchRequest>([this](const OffsetFetchRequest& request, const test::Exchange& exchange, std::int32_t) {
            OffsetFetchResponse response;
            auto& group = response.groups.emplace_back();
            group.group_id = request.groups.at(0).group_id;
            for (const auto& topic : *request.groups[0].topics) {
                auto& out = group.topics.emplace_back();
                out.name = topic.name;
                for (const auto index : topic.partition_indexes) {
                    const auto found = stored.find({topic.name, index});
                    out.partitions.push_back({index, found == stored.end() ? -1 : found->second});
                }
            }
            exchange.reply(response);
        });
        kafka.on<OffsetCommitRequest>([this](const OffsetCommitRequest& request, const test::Exchange& exchange, std::int32_t) {
            begun_at.push_back(loop.now());
            if (silent) return;
            OffsetCommitResponse response;
            for (const auto& topic : request.topics) {
                auto& out = response.topics.emplace_back();
                out.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    out.partitions.push_back({partition.partition_index, refusal});
                    if (refusal == ErrorCode::none) stored[{topic.name, partition.partition_index}] = partition.committed_offset;
                }
            }
            exchange.reply(response);
        });
        kafka.versions[ApiKey::offset_fetch] = {0, 9};
    }
    std::shared_ptr<Cluster> connect() {
        kafka.add_brokers(1);
        kafka.create_topic("t", 4);
        return kafka.connect();
    }
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    /// A manager of a registered member that has tp and marked it.
    std::shared_ptr<OffsetManager> begin(std::shared_ptr<OffsetStore> store) {
        session = ensemble.open();
        registry = std::make_shared<zk::Registry>(session);
        zk::Registration registration;
        registration.subscription["t"] = 1;
        EXPECT_TRUE(run(registry->register_member("g", "m", registration)) == zk::Code::ok);
        EXPECT_TRUE(run(registry->claim("g", "m", tp, "m")) == zk::Code::ok);
        auto manager = make_offset_manager(loop.runtime(), std::move(store));
        lease->extend(loop.now() + 3s);
        manager->use_identity({.member = "m", .registration = registry, .lease = lease});
        run(manager->initialize_partition(tp));
        EXPECT_TRUE(manager->mark_as_processed(tp, 50));
        return manager;
    }
    std::shared_ptr<OffsetManager> begin_in_kafka() { return begin(kafka_offset_store(cluster, "g")); }
    std::shared_ptr<OffsetManager> begin_in_both() {
        return begin(dual_offset_store(zookeeper_offset_store("g"), kafka_offset_store(cluster, "g")));
    }
    std::string in_zookeeper() const {
        const auto node = ensemble.peek("/consumers/g/offsets/t/0");
        return node ? node->data : "none";
    }
    void expect_none_begun_after(TimePoint end) {
        for (const TimePoint at : begun_at) EXPECT_LT(at, end);
    }

    test::VirtualLoop loop;
    test::FakeCluster kafka{loop};
    zk::MemoryEnsemble ensemble{loop.runtime()};
    std::map<TopicPartition, std::int64_t> stored;
    std::vector<TimePoint> begun_at;
    ErrorCode refusal = ErrorCode::none;
    bool silent = false;
    std::shared_ptr<zk::Session> session;
    std::shared_ptr<zk::Registry> registry;
    std::shared_ptr<Lease> lease = std::make_shared<Lease>();
    std::shared_ptr<Cluster> cluster = connect();
    const TopicPartition tp{"t", 0};
};

TEST_F(LeaseOfStores, ACommitThatIsTriedAgainEndsWithIt) {
    for (const ErrorCode code : {ErrorCode::coordinator_load_in_progress, ErrorCode::not_coordinator,
                                 ErrorCode::unknown_topic_or_partition}) {
        lease = std::make_shared<Lease>();
        begun_at.clear();
        stored.clear();
        const auto manager = begin_in_kafka();
        refusal = code;
        const TimePoint end = lease->until();
        const auto flushing = loop.start(manager->flush());
        loop.advance(5s);
        ASSERT_TRUE(flushing->done()) << to_string(code);
        EXPECT_THAT(flushing->take(), SizeIs(1));
        EXPECT_FALSE(begun_at.empty());
        expect_none_begun_after(end);
        refusal = ErrorCode::none;
        loop.advance(1h);
        expect_none_begun_after(end);
        EXPECT_THAT(stored, IsEmpty());
        run(session->close());
    }
}

TEST_F(LeaseOfStores, WhatLooksForItsCoordinatorUntilThenIsNotSent) {
    const auto manager = begin_in_kafka();
    kafka.stop(1);
    const auto flushing = loop.start(manager->flush());
    const auto finalizing = loop.start(manager->finalize_partition(tp, loop.now() + 20s));
    loop.advance(4s);
    kafka.start(1);
    loop.advance(1min);
    ASSERT_TRUE(flushing->done());
    ASSERT_TRUE(finalizing->done());
    EXPECT_TRUE(finalizing->take());
    EXPECT_THAT(begun_at, IsEmpty());
}

TEST_F(LeaseOfStores, ARequestWithoutAnAnswerIsNotWaitedForBeyondIt) {
    const auto manager = begin_in_kafka();
    silent = true;
    const auto flushing = loop.start(manager->flush());
    loop.advance(3500ms);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), SizeIs(1));
    EXPECT_THAT(begun_at, SizeIs(1));
}

TEST_F(LeaseOfStores, AMemberThatLostItsSessionStopsInTheMiddleOfItsTries) {
    const auto manager = begin_in_kafka();
    lease->extend(loop.now() + 1h);
    refusal = ErrorCode::coordinator_load_in_progress;
    const auto flushing = loop.start(manager->flush());
    loop.advance(1s);
    ASSERT_FALSE(flushing->done());
    lease->end();
    const TimePoint end = loop.now();
    lease = std::make_shared<Lease>(TimePoint::max());
    manager->use_identity({.member = "another", .registration = registry, .lease = lease});
    refusal = ErrorCode::none;
    loop.advance(1h);
    ASSERT_TRUE(flushing->done());
    EXPECT_THAT(flushing->take(), IsEmpty()) << "what it was to write is not the new member's";
    expect_none_begun_after(end);
    EXPECT_THAT(stored, IsEmpty());
}

TEST_F(LeaseOfStores, AnEndedLeaseAloneStopsTheTries) {
    const auto manager = begin_in_kafka();
    refusal = ErrorCode::coordinator_load_in_progress;
    const auto finalizing = loop.start(manager->finalize_partition(tp, loop.now() + 10s));
    loop.advance(1s);
    lease->end();
    const TimePoint end = loop.now();
    refusal = ErrorCode::none;
    loop.advance(2s);
    ASSERT_TRUE(finalizing->done()) << "it cannot come back, so nobody needs to wait";
    EXPECT_TRUE(finalizing->take());
    expect_none_begun_after(end);
}

TEST_F(LeaseOfStores, FinalizingAndClosingWaitForALeaseThatMayBeRenewed) {
    const auto manager = begin_in_kafka();
    loop.advance(4s);
    const auto finalizing = loop.start(manager->finalize_partition(tp, loop.now() + 10s));
    loop.advance(2s);
    EXPECT_FALSE(finalizing->done());
    EXPECT_THAT(begun_at, IsEmpty());
    lease->extend(loop.now() + 3s);
    loop.advance(1s);
    ASSERT_TRUE(finalizing->done());
    EXPECT_FALSE(finalizing->take());
    EXPECT_EQ(stored.at(tp), 50);
}

TEST_F(LeaseOfStores, ClosingWithoutALeaseWritesNothingAndReturnsInTime) {
    const auto manager = begin_in_both();
    loop.advance(4s);
    const TimePoint begin = loop.now();
    EXPECT_THAT(run(manager->close(begin + 2s)), SizeIs(1));
    EXPECT_LE(loop.now() - begin, 2s);
    loop.advance(1h);
    EXPECT_THAT(begun_at, IsEmpty());
    EXPECT_EQ(in_zookeeper(), "none");
}

TEST_F(LeaseOfStores, AFlushWithoutALeaseReturnsAtOnceAndTheMarkStays) {
    const auto manager = begin_in_both();
    loop.advance(4s);
    const TimePoint begin = loop.now();
    EXPECT_THAT(run(manager->flush()), SizeIs(1));
    EXPECT_EQ(loop.now(), begin);
    lease->extend(loop.now() + 3s);
    EXPECT_THAT(run(manager->flush()), IsEmpty());
    EXPECT_EQ(stored.at(tp), 50);
    EXPECT_EQ(in_zookeeper(), "50");
}

TEST_F(LeaseOfStores, BothHalvesOfADualStoreStop) {
    const auto manager = begin_in_both();
    refusal = ErrorCode::coordinator_load_in_progress;
    const TimePoint end = lease->until();
    const auto flushing = loop.start(manager->flush());
    loop.advance(5s);
    ASSERT_TRUE(flushing->done());
    refusal = ErrorCode::none;
    loop.advance(1h);
    expect_none_begun_after(end);
    EXPECT_THAT(stored, IsEmpty());
}

TEST_F(LeaseOfStores, ARefreshIsAWriteLikeAnyOther) {
    stored[tp] = 7;
    lease->extend(loop.now() + 2h);
    const auto manager = begin_in_kafka();
    loop.advance(11min);
    EXPECT_THAT(begun_at, SizeIs(1));
    lease->end();
    loop.advance(48h);
    EXPECT_THAT(begun_at, SizeIs(1));
}

TEST_F(LeaseOfStores, AConflictInZookeeperIsNotSettledAfterIt) {
    const auto manager = begin(zookeeper_offset_store("g"));
    ensemble.put("/consumers/g/offsets/t/0", "4");  // so the first try meets a conflict
    int multis = 0;
    ensemble.on_operation([this, &multis](const zk::MemoryOperation& operation) {
        if (operation.kind == zk::MemoryOperation::Kind::multi) {
            ++multis;
        } else {
            lease->end();  // while it reads what is there
        }
        return zk::Fault::none;
    });
    EXPECT_THAT(run(manager->flush()), SizeIs(1));
    EXPECT_EQ(multis, 1);
    EXPECT_EQ(in_zookeeper(), "4");
}

TEST_F(LeaseOfStores, OneByOneAfterATransactionThatFailedNothingIsWrittenAfterIt) {
    const auto manager = begin(zookeeper_offset_store("g"));
    run(manager->initialize_partition({"t", 1}));
    manager->mark_as_processed({"t", 1}, 60);
    int multis = 0;
    ensemble.on_operation([this, &multis](const zk::MemoryOperation& operation) {
        if (operation.kind != zk::MemoryOperation::Kind::multi) return zk::Fault::none;
        ++multis;
        lease->end();
        return zk::Fault::connection_loss_before;
    });
    EXPECT_THAT(run(manager->flush()), SizeIs(2));
    EXPECT_EQ(multis, 1);
    EXPECT_EQ(in_zookeeper(), "none");
}

}  // namespace
}  // namespace kwire
