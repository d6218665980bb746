// pause, resume, seek, position, lag and committed of a group's member.
#include <algorithm>

#include <kwire/group/consumer_group.h>

#include "group_fixture.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::GroupFixture;
using Values = std::vector<std::string>;

class GroupControlTest : public GroupFixture {
 protected:
    GroupControlTest() { create_topic("t", 2, 4); }

    Values sorted(Values values) {
        std::sort(values.begin(), values.end());
        return values;
    }
    std::optional<std::int64_t> committed(const std::shared_ptr<ConsumerGroup>& group, const TopicPartition& tp) {
        return loop.run(group->async_committed(tp));
    }

    const TopicPartition first{"t", 0};
    const TopicPartition second{"t", 1};
};

TEST_F(GroupControlTest, APausedPartitionIsLeftOutAndKeptByItsOwner) {
    const auto group = join();
    settle();
    group->pause({first});
    EXPECT_EQ(sorted(read_all(group)), (Values{"t/1@0", "t/1@1", "t/1@2", "t/1@3"}));
    EXPECT_EQ(group->position(first), 0);
    EXPECT_EQ(group->lag(second), 0);
    EXPECT_EQ(group->paused(), std::vector<TopicPartition>{first});
    EXPECT_EQ(group->owned().size(), 2u);
    group->resume({first});
    EXPECT_EQ(sorted(read_all(group)), (Values{"t/0@0", "t/0@1", "t/0@2", "t/0@3"}));
    EXPECT_EQ(group->position(first), 4);
    EXPECT_TRUE(close(group).clean());
}

TEST_F(GroupControlTest, ASeekBackIsCommittedAndReadAgain) {
    const auto group = join();
    EXPECT_EQ(read_all(group).size(), 8u);
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(committed(group, first), 4);
    group->seek(first, 1);
    EXPECT_EQ(group->position(first), 1);
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(committed(group, first), 1);
    EXPECT_EQ(stored->next[(TopicPartition{"t", 0})], 1);
    EXPECT_EQ(read_all(group), (Values{"t/0@1", "t/0@2", "t/0@3"}));
    EXPECT_TRUE(close(group).clean());
    EXPECT_EQ(stored->next[(TopicPartition{"t", 0})], 4);
    EXPECT_EQ(stored->next[(TopicPartition{"t", 1})], 4);
}

TEST_F(GroupControlTest, WhatWasReadBeforeASeekMovesNoCommit) {
    const auto group = join();
    settle();
    group->pause({second});
    const auto before = read_one(group);
    ASSERT_TRUE(before);
    group->seek(first, 3);
    EXPECT_FALSE(group->commit_upto(*before));
    EXPECT_FALSE(group->acknowledge(*before));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(committed(group, first), 3);
    EXPECT_EQ(read_all(group), (Values{"t/0@3"}));
    loop.run(group->async_flush_offsets());
    EXPECT_EQ(committed(group, first), 4);
    close(group);
}

TEST_F(GroupControlTest, OnlyTheOwnerMayControlAPartition) {
    const auto one = join();
    const auto other = join();
    loop.advance(10s);
    ASSERT_EQ(one->owned().size(), 1u);
    ASSERT_EQ(other->owned().size(), 1u);
    const TopicPartition theirs = other->owned()[0];
    const auto refused = [&](const std::function<void()>& action) {
        try {
            action();
        } catch (const Error& error) {
            return error.condition() == errc::not_owner && error.where().topic == "t";
        }
        return false;
    };
    EXPECT_TRUE(refused([&] { one->pause({theirs}); }));
    EXPECT_TRUE(refused([&] { one->pause({one->owned()[0], theirs}); }));
    EXPECT_TRUE(refused([&] { one->resume({theirs}); }));
    EXPECT_TRUE(refused([&] { one->seek(theirs, 2); }));
    EXPECT_TRUE(refused([&] { committed(one, theirs); }));
    EXPECT_TRUE(one->paused().empty());
    EXPECT_EQ(one->position(theirs), std::nullopt);
    EXPECT_EQ(one->lag(theirs), std::nullopt);
    EXPECT_TRUE(other->position(theirs).has_value());
    close(one);
    EXPECT_TRUE(refused([&] { one->seek(first, 0); })) << "and nobody controls what it has left";
    close(other);
}

TEST_F(GroupControlTest, APartitionThatGoesAndComesBackIsNotPaused) {
    auto one = join();
    settle();
    one->pause({first, second});
    auto other = join();
    loop.advance(10s);
    EXPECT_EQ(one->owned().size(), 1u);
    EXPECT_EQ(one->paused().size(), 1u) << "the one that stayed";
    const TopicPartition stayed = one->owned()[0];
    close(other);
    loop.advance(10s);
    EXPECT_EQ(one->owned().size(), 2u);
    EXPECT_EQ(one->paused(), std::vector<TopicPartition>{stayed});
    EXPECT_EQ(read_all(one).size(), 4u);
    one->resume({stayed});
    EXPECT_EQ(read_all(one).size(), 4u);
    close(one);
}

}  // namespace
}  // namespace kwire
