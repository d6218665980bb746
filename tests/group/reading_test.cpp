// What a member says of how far it has come: an idle partition is not one that cannot be read.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "group_fixture.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ReadingTest : public GroupFixture {
 protected:
    ReadingState state_of(const std::shared_ptr<ConsumerGroup>& group) { return loop.run(group->async_reading()); }
    std::vector<std::string> obstacles_of(const std::shared_ptr<ConsumerGroup>& group) {
        std::vector<std::string> all;
        for (const auto& obstacle : state_of(group).obstacles) all.push_back(obstacle.to_string());
        return all;
    }
};

TEST_F(ReadingTest, all_is_read_once_every_end_was_confirmed) {
    create_topic("t", 2, 10);
    const auto group = join();
    settle();
    const auto before = state_of(group);
    EXPECT_FALSE(before.obstacles.empty()) << "nothing was polled yet";
    read_all(group);
    loop.advance(1s);
    const auto now = loop.runtime()->now();
    const auto after = state_of(group);
    EXPECT_THAT(obstacles_of(group), IsEmpty());
    EXPECT_GT(after.confirmed, now - 1s);
    EXPECT_LE(after.confirmed, now);
    close(group);
}

TEST_F(ReadingTest, what_is_fetched_and_not_polled_is_no_trouble_but_not_the_end) {
    create_topic("t", 1, 10);
    const auto group = join();
    settle();
    const auto state = state_of(group);
    EXPECT_FALSE(state.obstacles.empty());
    EXPECT_FALSE(state.troubled());
    close(group);
}

TEST_F(ReadingTest, a_dead_broker_is_named_with_the_reason) {
    create_topic("t", 1, 10);
    const auto group = join();
    read_all(group);
    kafka.stop(1);
    kafka.stop(2);
    loop.advance(3s);
    EXPECT_TRUE(state_of(group).troubled());
    EXPECT_THAT(obstacles_of(group), AllOf(Contains(StartsWith("t/0 ")), Contains(HasSubstr("b1:9092"))));
    close(group);
}

TEST_F(ReadingTest, a_broker_that_falls_silent_is_trouble_soon) {
    create_topic("t", 1, 10);
    const auto group = join();
    read_all(group);
    kafka.on<protocol::FetchRequest>([](const auto&, const Exchange&, int) {});
    loop.advance(4s);
    EXPECT_THAT(obstacles_of(group), Contains(AllOf(StartsWith("t/0 has had no answer"), HasSubstr("Fetch"))));
    close(group);
}

TEST_F(ReadingTest, a_refused_fetch_keeps_its_reason) {
    create_topic("t", 1, 10);
    const auto group = join();
    read_all(group);
    kafka.on<protocol::FetchRequest>([](const protocol::FetchRequest& request, const Exchange& exchange, int) {
        protocol::FetchResponse response;
        for (const auto& topic : request.topics) {
            auto& answered = response.responses.emplace_back();
            answered.topic = topic.topic;
            for (const auto& partition : topic.partitions) {
                auto& one = answered.partitions.emplace_back();
                one.partition_index = partition.partition;
                one.error_code = ErrorCode::topic_authorization_failed;
            }
        }
        exchange.reply(response);
    });
    loop.advance(3s);
    EXPECT_THAT(obstacles_of(group), Contains(HasSubstr("TOPIC_AUTHORIZATION_FAILED")));
    close(group);
}

TEST_F(ReadingTest, no_leader_is_said) {
    create_topic("t", 1, 10);
    kafka.move_leader({"t", 0}, -1);
    const auto group = join();
    loop.advance(2s);
    EXPECT_THAT(obstacles_of(group), Contains("t/0 has no leader at the moment"));
    close(group);
}

TEST_F(ReadingTest, a_foreign_owner_is_named) {
    create_topic("t", 1, 10);
    ensemble.put("/consumers/g/owners/t/0", "stranger");
    const auto group = join();
    loop.advance(2s);
    EXPECT_THAT(obstacles_of(group), Contains(AllOf(StartsWith("t/0 is owned by stranger"))));
    close(group);
}

TEST_F(ReadingTest, a_topic_that_is_not_there_is_an_obstacle) {
    create_topic("t", 1, 1);
    const auto group = join(config(), {"t", "gone"});
    read_all(group);
    EXPECT_THAT(obstacles_of(group), Contains("gone does not exist"));
    close(group);
    errors_of(group);
}

TEST_F(ReadingTest, the_others_partitions_count_once_they_are_claimed) {
    create_topic("t", 2, 5);
    const auto first = join();
    const auto second = join();
    loop.advance(5s);
    read_all(first);
    read_all(second);
    EXPECT_THAT(obstacles_of(first), IsEmpty());
    EXPECT_THAT(obstacles_of(second), IsEmpty());
    const std::string other = "/consumers/g/owners/t/" + std::to_string(second->owned().at(0).partition);
    ensemble.erase(other);
    EXPECT_THAT(obstacles_of(first), Contains(HasSubstr("is not claimed")));
    close(first);
    close(second);
}

TEST_F(ReadingTest, without_zookeeper_nothing_is_known) {
    create_topic("t", 1, 1);
    const auto group = join();
    read_all(group);
    ensemble.disconnect(session_of(group));
    loop.advance(1s);
    EXPECT_THAT(obstacles_of(group), Contains("ZooKeeper is disconnected"));
    close(group);
}

}  // namespace
}  // namespace kwire::test
