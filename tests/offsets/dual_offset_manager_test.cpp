#include <chrono>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/offsets/dual_offset_manager.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The smallest manager that keeps the contract; also the proof that a program can bring its own.
class PlainOffsets final : public OffsetManager {
 public:
    std::map<TopicPartition, std::int64_t> stored;
    std::map<TopicPartition, std::int64_t> marks;
    bool broken = false;

    Task<std::int64_t> initialize_partition(TopicPartition tp) override {
        if (broken) throw Error(errc::connection_lost, "broken");
        marks[tp] = value_or(stored, tp);
        co_return marks[tp];
    }
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override {
        if (!marks.contains(tp)) return false;
        marks[tp] = std::max(marks[tp], next);
        return true;
    }
    Task<std::vector<CommitFailure>> flush() override {
        std::vector<CommitFailure> failures;
        for (const auto& [tp, next] : marks) {
            if (next <= value_or(stored, tp)) continue;
            if (broken) {
                failures.push_back({tp, next, Error(errc::connection_lost, "broken")});
            } else {
                stored[tp] = next;
            }
        }
        co_return failures;
    }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp, TimePoint) override {
        std::vector<CommitFailure> failures = co_await flush();
        marks.erase(tp);
        if (failures.empty()) co_return std::nullopt;
        co_return failures.front();
    }
    void abandon_partition(const TopicPartition& tp) override { marks.erase(tp); }
    Task<std::vector<CommitFailure>> close(TimePoint) override {
        std::vector<CommitFailure> failures = co_await flush();
        marks.clear();
        co_return failures;
    }
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override {
        const auto found = stored.find(tp);
        return found == stored.end() ? std::nullopt : std::optional(found->second);
    }

 private:
    static std::int64_t value_or(const std::map<TopicPartition, std::int64_t>& map,
                                 const TopicPartition& tp) {
        const auto found = map.find(tp);
        return found == map.end() ? -1 : found->second;
    }
};

class DualOffsets : public ::testing::Test {
 protected:
    template <class T>
    T run(Task<T> task) {
        return loop.run(std::move(task));
    }
    test::VirtualLoop loop;
    std::shared_ptr<PlainOffsets> first = std::make_shared<PlainOffsets>();
    std::shared_ptr<PlainOffsets> second = std::make_shared<PlainOffsets>();
    DualOffsetManager dual{first, second};
    const TopicPartition tp{"t", 0};
};

TEST_F(DualOffsets, ReadsTheHigherAndBringsTheOtherUp) {
    first->stored[tp] = 5;
    second->stored[tp] = 9;
    EXPECT_EQ(run(dual.initialize_partition(tp)), 9);
    EXPECT_EQ(dual.committed(tp), 5);
    EXPECT_THAT(run(dual.flush()), IsEmpty());
    EXPECT_EQ(first->stored[tp], 9);
    EXPECT_EQ(dual.committed(tp), 9);
    EXPECT_EQ(run(dual.initialize_partition({"t", 1})), -1);
    EXPECT_THAT(run(dual.flush()), IsEmpty());
    EXPECT_FALSE(dual.committed({"t", 1}));
}

TEST_F(DualOffsets, WritesBoth) {
    run(dual.initialize_partition(tp));
    EXPECT_TRUE(dual.mark_as_processed(tp, 3));
    EXPECT_FALSE(run(dual.finalize_partition(tp, loop.now() + 1s)));
    EXPECT_EQ(first->stored[tp], 3);
    EXPECT_EQ(second->stored[tp], 3);
    EXPECT_FALSE(dual.mark_as_processed(tp, 4));
}

TEST_F(DualOffsets, AFailureOfEitherIsOne) {
    run(dual.initialize_partition(tp));
    dual.mark_as_processed(tp, 3);
    second->broken = true;
    EXPECT_THAT(run(dual.flush()), SizeIs(1));
    first->broken = true;
    dual.mark_as_processed(tp, 4);
    EXPECT_THAT(run(dual.flush()), SizeIs(1)) << "one partition, one failure";
    EXPECT_THAT(run(dual.close(loop.now() + 1s)), SizeIs(1));
}

TEST_F(DualOffsets, WhereEitherCannotBeReadNothingIsKept) {
    first->stored[tp] = 5;
    second->broken = true;
    EXPECT_THROW(run(dual.initialize_partition(tp)), Error);
    EXPECT_FALSE(dual.mark_as_processed(tp, 6));
    EXPECT_THAT(first->marks, IsEmpty());
}

}  // namespace
}  // namespace kwire
