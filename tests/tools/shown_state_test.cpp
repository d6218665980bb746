// What topics, offsets and group show where something cannot be read, is refused, or is not there: three things.
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <kwire/protocol/delete_groups.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_delete.h>
#include <kwire/protocol/offset_fetch.h>
#include <kwire/protocol/topic_partition.h>

#include "run_command.h"
#include "socket_broker.h"
#include "socket_zookeeper.h"

namespace kwire::tools::test {
namespace {

using namespace protocol;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::map<std::string, nlohmann::json> by_partition(const std::string& lines) {
    std::map<std::string, nlohmann::json> all;
    for (std::size_t begin = 0; begin < lines.size();) {
        const auto end = lines.find('\n', begin);
        auto line = nlohmann::json::parse(lines.substr(begin, end - begin));
        all[line["topic"].get<std::string>() + "/" + std::to_string(line["partition"].get<int>())] = line;
        begin = end + 1;
    }
    return all;
}

/// A group in ZooKeeper, on a broker whose logs end at 10.
class ShownState : public testing::Test {
 protected:
    ShownState() {
        zookeeper.put_broker(1, broker.port());
        zookeeper.put("/consumers/g/ids", "");
        broker.topics["t"] = {.partitions = 4};
        broker.topics["u"] = {};
        broker.on<ListOffsetsRequest>({1, 1}, [this](const ListOffsetsRequest& request, std::int16_t) {
            ListOffsetsResponse response;
            for (const auto& topic : request.topics) {
                if (topic.name == left_out) continue;
                auto& answered = response.topics.emplace_back();
                answered.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    auto& one = answered.partitions.emplace_back();
                    one.partition_index = partition.partition_index;
                    one.error_code = topic.name == refused ? ErrorCode::topic_authorization_failed : ErrorCode::none;
                    one.offset = partition.timestamp == -2 ? 0 : 10;
                }
            }
            return std::optional(response);
        });
    }
    std::string z() const { return " -z " + zookeeper.address(); }
    std::string b() const { return " -b " + broker.address(); }

    SocketZookeeper zookeeper;
    SocketBroker broker;
    std::string refused;
    std::string left_out;
};

TEST_F(ShownState, an_offset_is_stored_or_none_or_unreadable_or_beyond_the_end) {
    zookeeper.put("/consumers/g/offsets/t/0", "4");
    zookeeper.put("/consumers/g/offsets/t/1", "-1");
    zookeeper.put("/consumers/g/offsets/t/2", "25");
    zookeeper.put("/consumers/g/offsets/gone/0", "1");
    zookeeper.put("/consumers/g/owners/t/3", "me");
    const Outcome outcome = kwire("offsets get -g g -f json -t t -t gone" + z());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("/consumers/g/offsets/t/1 holds `-1`, which is not an offset"),
                                   HasSubstr("topic `gone`: the topic does not exist")));
    auto lines = by_partition(outcome.out);
    EXPECT_EQ(lines["t/0"]["offset"], 4);
    EXPECT_EQ(lines["t/0"]["lag"], 6);
    EXPECT_TRUE(lines["t/0"]["problem"].is_null());
    EXPECT_TRUE(lines["t/1"]["offset"].is_null());
    EXPECT_THAT(lines["t/1"]["problem"].get<std::string>(), HasSubstr("-1"));
    EXPECT_EQ(lines["t/2"]["offset"], 25);
    EXPECT_TRUE(lines["t/2"]["lag"].is_null());
    EXPECT_THAT(lines["t/2"]["problem"].get<std::string>(), HasSubstr("beyond the log's end at 10"));
    EXPECT_TRUE(lines["t/3"]["offset"].is_null());
    EXPECT_TRUE(lines["t/3"]["problem"].is_null()) << "none is no problem";
    EXPECT_TRUE(lines["gone/0"]["log_end"].is_null());
    EXPECT_THAT(lines["gone/0"]["problem"].get<std::string>(), HasSubstr("does not exist"));
    for (const std::string command : {"offsets get -g g", "group describe g"}) {
        const Outcome table = kwire(command + z());
        EXPECT_EQ(table.code, 1) << command;
        EXPECT_THAT(table.out, AllOf(ContainsRegex("t +1 +unreadable"), ContainsRegex("t +2 +25 +10 +beyond the end"),
                                     ContainsRegex("t +3 +- "), ContainsRegex("gone +0 +1 +no topic")))
            << command;
    }
}

TEST_F(ShownState, a_group_that_is_well_shows_no_problem) {
    zookeeper.put("/consumers/g/offsets/t/0", "4");
    const Outcome outcome = kwire("offsets get -g g" + z());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, ContainsRegex("t +0 +4 +10 +6"));
}

TEST_F(ShownState, what_may_not_be_read_hides_nothing_else) {
    zookeeper.put("/consumers/g/offsets/t/0", "4");
    zookeeper.put("/consumers/g/offsets/u/0", "5");
    zookeeper.put("/consumers/g/owners/t/0", "me");
    zookeeper.put("/consumers/g/ids/me", "{}");
    zookeeper.put("/consumers/h/ids", "");
    zookeeper.deny("/consumers/g/offsets/u");
    zookeeper.deny("/consumers/g/owners/t/0");
    zookeeper.deny("/consumers/h/ids");
    const Outcome offsets = kwire("offsets get -g g" + z());
    EXPECT_EQ(offsets.code, 1);
    EXPECT_THAT(offsets.out, ContainsRegex("t +0 +4 +10 +6 +unreadable"));
    EXPECT_THAT(offsets.err, AllOf(HasSubstr("/consumers/g/offsets/u cannot be read"), HasSubstr("/consumers/g/owners/t/0 cannot be read")));
    const Outcome groups = kwire("group list" + z());
    EXPECT_EQ(groups.code, 1);
    EXPECT_THAT(groups.out, AllOf(ContainsRegex("g +1"), ContainsRegex("h +unreadable")));
    EXPECT_THAT(groups.err, HasSubstr("group `h`: its members cannot be read"));
    const Outcome doctor = kwire("group doctor g" + z());
    EXPECT_EQ(doctor.code, 1);
    EXPECT_THAT(doctor.out, HasSubstr("/consumers/g/offsets/u cannot be read"));
}

TEST_F(ShownState, a_log_end_that_is_refused_or_left_out_is_not_none_and_hides_no_other) {
    zookeeper.put("/consumers/g/offsets/t/0", "4");
    zookeeper.put("/consumers/g/offsets/u/0", "5");
    refused = "u";
    const Outcome outcome = kwire("offsets get -g g" + z());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, AllOf(ContainsRegex("t +0 +4 +10 +6"), ContainsRegex("u +0 +5 +unknown +-")));
    EXPECT_THAT(outcome.err, HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
    refused = "";
    left_out = "u";
    const Outcome missing = kwire("offsets get -g g -X request.timeout.ms=2000" + z());
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.out, AllOf(ContainsRegex("t +0 +4 +10 +6"), ContainsRegex("u +0 +5 +unknown +-")));
}

TEST_F(ShownState, one_unreadable_topic_hides_no_other) {
    zookeeper.put_topic("good", 1);
    zookeeper.put("/brokers/topics/half", "");
    zookeeper.put_topic("stateless", 1);
    zookeeper.put("/brokers/topics/stateless/partitions/0/state", "{");
    zookeeper.put_topic("secret", 1);
    zookeeper.deny("/brokers/topics/secret");
    const Outcome outcome = kwire("topics describe" + z());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, AllOf(ContainsRegex("good +0 +1"), ContainsRegex("stateless +0 +none")));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("topic `half`: the ZooKeeper node /brokers/topics/half is empty"),
                                   HasSubstr("topic `stateless`: the ZooKeeper node /brokers/topics/stateless/partitions/0/state"),
                                   HasSubstr("topic `secret`:")));
    const Outcome list = kwire("topics list -f json" + z());
    EXPECT_EQ(list.code, 1);
    EXPECT_THAT(list.out, HasSubstr("\"good\""));
    const Outcome named = kwire("topics describe good" + z());
    EXPECT_EQ(named.code, 0);
    EXPECT_EQ(named.err, "");
}

TEST_F(ShownState, a_refused_topic_does_not_just_not_exist) {
    broker.topics["denied"].error = ErrorCode::topic_authorization_failed;
    broker.topics["odd"].error = ErrorCode{1234};
    broker.topics["bad"].error = ErrorCode::invalid_topic_exception;
    const Outcome outcome = kwire("topics describe t denied odd bad gone" + b());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, ContainsRegex("t +0 +1"));
    EXPECT_THAT(outcome.err, AllOf(ContainsRegex("`denied`: .*TOPIC_AUTHORIZATION_FAILED"), ContainsRegex("`odd`: .*1234"),
                                   ContainsRegex("`bad`: .*name is invalid"), ContainsRegex("`gone`: the topic does not exist")));
    const Outcome set = kwire("offsets set -g g -t denied --to oldest" + z());
    EXPECT_EQ(set.code, 1);
    EXPECT_THAT(set.err, HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
}

TEST_F(ShownState, brokers_without_a_plaintext_listener_are_not_no_brokers) {
    zookeeper.put("/brokers/ids/1", R"({"version":2,"host":null,"port":-1,"endpoints":["SASL_PLAINTEXT://127.0.0.1:1"]})");
    zookeeper.put("/consumers/g/offsets/t/0", "4");
    const Outcome outcome = kwire("offsets get -g g" + z());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("/brokers/ids/1 has no PLAINTEXT listener, only SASL_PLAINTEXT"),
                                   Not(HasSubstr("no broker is registered"))));
}

TEST_F(ShownState, a_chroot_at_every_server_is_one_chroot) {
    zookeeper.put("/k/brokers/topics/good", R"({"version":1,"partitions":{"0":[1]}})");
    const std::string server = zookeeper.address();
    EXPECT_EQ(kwire("topics list -z " + server + "/k," + server + "/k").out, "good\n");
    const Outcome two = kwire("topics list -z " + server + "/k," + server + "/l");
    EXPECT_EQ(two.code, 2);
    EXPECT_THAT(two.err, HasSubstr("different chroots"));
}

TEST_F(ShownState, a_time_is_milliseconds) {
    const Outcome outcome = kwire("offsets set -g g -t t --to @yesterday" + z());
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("after @ come milliseconds since 1970"));
}

TEST_F(ShownState, control_characters_do_not_reach_the_terminal) {
    const Outcome outcome = kwire("topics describe \"$(printf 'a\\033[2Jb')\"" + b());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("a\\x1b[2Jb"), Not(HasSubstr("\x1b"))));
}

/// A coordinator that keeps offsets of group g: 3 of t/0, 4 of t/1, 5 of u/0.
class StoredInKafka : public ShownState {
 protected:
    StoredInKafka() {
        broker.on<FindCoordinatorRequest>({0, 1}, [this](const FindCoordinatorRequest&, std::int16_t) {
            FindCoordinatorResponse response;
            response.node_id = 1;
            response.host = "127.0.0.1";
            response.port = broker.port();
            return std::optional(response);
        });
        broker.on<OffsetFetchRequest>({1, 5}, [this](const OffsetFetchRequest& request, std::int16_t) {
            OffsetFetchResponse response;
            const auto add = [&](const TopicPartition& tp, std::int64_t next) {
                if (tp == forgotten) return;
                if (response.topics.empty() || response.topics.back().name != tp.topic) response.topics.emplace_back().name = tp.topic;
                auto& one = response.topics.back().partitions.emplace_back();
                one.partition_index = tp.partition;
                one.committed_offset = next;
                if (tp == unreadable) one.error_code = ErrorCode::topic_authorization_failed;
            };
            if (!request.topics) {
                for (const auto& [tp, next] : offsets) add(tp, next);
                return std::optional(response);
            }
            for (const auto& topic : *request.topics) {
                for (const auto index : topic.partition_indexes) {
                    const auto found = offsets.find({topic.name, index});
                    add({topic.name, index}, found == offsets.end() ? -1 : found->second);
                }
            }
            return std::optional(response);
        });
        broker.on<OffsetCommitRequest>({2, 2}, [this](const OffsetCommitRequest& request, std::int16_t) {
            OffsetCommitResponse response;
            for (const auto& topic : request.topics) {
                auto& answered = response.topics.emplace_back();
                answered.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    offsets[{topic.name, partition.partition_index}] = partition.committed_offset;
                    answered.partitions.emplace_back().partition_index = partition.partition_index;
                }
            }
            return std::optional(response);
        });
    }
    void add_deletion() {
        broker.on<DeleteGroupsRequest>({0, 1}, [this](const DeleteGroupsRequest& request, std::int16_t) {
            DeleteGroupsResponse response;
            auto& result = response.results.emplace_back();
            result.group_id = request.groups_names.front();
            result.error_code = deletion_error;
            if (deletion_error == ErrorCode::none) offsets.clear();
            return std::optional(response);
        });
        broker.on<OffsetDeleteRequest>({0, 0}, [this](const OffsetDeleteRequest& request, std::int16_t) {
            OffsetDeleteResponse response;
            for (const auto& topic : request.topics) {
                auto& answered = response.topics.emplace_back();
                answered.name = topic.name;
                for (const auto& partition : topic.partitions) {
                    const TopicPartition tp{topic.name, partition.partition_index};
                    if (tp == forgotten) continue;
                    offsets.erase(tp);
                    answered.partitions.emplace_back().partition_index = partition.partition_index;
                }
            }
            return std::optional(response);
        });
    }

    std::map<TopicPartition, std::int64_t> offsets{{{"t", 0}, 3}, {{"t", 1}, 4}, {{"u", 0}, 5}};
    TopicPartition forgotten{"", -1};
    TopicPartition unreadable{"", -1};
    ErrorCode deletion_error = ErrorCode::none;
};

TEST_F(StoredInKafka, an_offset_that_is_refused_or_left_out_is_not_none) {
    unreadable = {"t", 1};
    const Outcome outcome = kwire("offsets get -g g" + b());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, AllOf(ContainsRegex("t +0 +3 +10 +7"), ContainsRegex("t +1 +unreadable"), ContainsRegex("u +0 +5 +10 +5")));
    EXPECT_THAT(outcome.err, HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
    unreadable = {"", -1};
    forgotten = {"t", 2};
    const Outcome left_out_one = kwire("offsets get -g g -t t -X request.timeout.ms=1500" + b());
    EXPECT_EQ(left_out_one.code, 1);
    EXPECT_THAT(left_out_one.out, AllOf(ContainsRegex("t +0 +3"), ContainsRegex("t +2 +unreadable"), ContainsRegex("t +3 +- ")));
    EXPECT_THAT(left_out_one.err, HasSubstr("leaves out"));
}

TEST_F(StoredInKafka, reset_removes_the_group) {
    add_deletion();
    const Outcome outcome = kwire("offsets reset -g g" + b());
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(offsets.empty());
    EXPECT_THAT(outcome.err, HasSubstr("has no stored offsets any more"));
}

TEST_F(StoredInKafka, reset_of_a_running_group_is_refused_in_words) {
    add_deletion();
    deletion_error = ErrorCode::non_empty_group;
    const Outcome outcome = kwire("offsets reset -g g" + b());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("NON_EMPTY_GROUP"), HasSubstr("stop them first")));
    EXPECT_EQ(offsets.size(), 3U);
}

TEST_F(StoredInKafka, reset_of_a_topic_removes_only_its_offsets) {
    add_deletion();
    const Outcome outcome = kwire("offsets reset -g g -t t" + b());
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(offsets, (std::map<TopicPartition, std::int64_t>{{{"u", 0}, 5}}));
    offsets[{"t", 0}] = 3;
    offsets[{"t", 1}] = 4;
    forgotten = {"t", 1};
    const Outcome half = kwire("offsets reset -g g -t t -X request.timeout.ms=1500" + b());
    EXPECT_EQ(half.code, 1) << "an answer without the partition is no removal";
}

TEST_F(StoredInKafka, where_nothing_can_be_removed_it_says_what_it_does_instead) {
    const Outcome outcome = kwire("offsets reset -g g" + b());
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("DeleteGroups came with Kafka 1.1"), HasSubstr("set to the oldest offsets instead")));
    EXPECT_EQ((offsets[{"t", 0}]), 0);
    EXPECT_EQ((offsets[{"u", 0}]), 0);
}

}  // namespace
}  // namespace kwire::tools::test
