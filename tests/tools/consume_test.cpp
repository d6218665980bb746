// `kwire consume` against brokers that do not let it read: an outage never looks like an idle topic.
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/fetch.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/record_batch_builder.h>

#include "run_command.h"
#include "socket_broker.h"
#include "socket_zookeeper.h"

namespace kwire::tools::test {
namespace {

using namespace std::chrono_literals;
using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

FetchResponse fetched(const FetchRequest& request, std::int64_t end, ErrorCode error = ErrorCode::none) {
    FetchResponse response;
    for (const auto& topic : request.topics) {
        auto& answered = response.responses.emplace_back();
        answered.topic = topic.topic;
        for (const auto& partition : topic.partitions) {
            auto& one = answered.partitions.emplace_back();
            one.partition_index = partition.partition;
            one.error_code = error;
            one.high_watermark = one.last_stable_offset = end;
            if (error != ErrorCode::none || partition.fetch_offset >= end) continue;
            Compressor compressor;
            RecordBatchOptions options;
            options.base_offset = partition.fetch_offset;
            RecordBatchBuilder builder(options);
            for (auto offset = partition.fetch_offset; offset < end; ++offset) {
                builder.append(offset, std::nullopt, "m" + std::to_string(offset));
            }
            one.records = Bytes::own(builder.build(compressor));
        }
    }
    return response;
}

ListOffsetsResponse listed(const ListOffsetsRequest& request, ErrorCode error = ErrorCode::none) {
    ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
        auto& answered = response.topics.emplace_back();
        answered.name = topic.name;
        for (const auto& partition : topic.partitions) {
            auto& one = answered.partitions.emplace_back();
            one.partition_index = partition.partition_index;
            one.error_code = error;
            one.offset = 0;
        }
    }
    return response;
}

/// A ZooKeeper, a broker with topic t of one partition and three messages, and consume on them.
struct Scene {
    Scene() {
        broker.topics["t"] = {};
        broker.on<ListOffsetsRequest>({1, 1}, [this](const auto& request, std::int16_t) -> std::optional<ListOffsetsResponse> {
            if (silent_lookups) return std::nullopt;
            return listed(request, lookup_error);
        });
        broker.on<FetchRequest>({4, 4}, [this](const FetchRequest& request, std::int16_t) -> std::optional<FetchResponse> {
            ++fetches;
            if (fetches > silent_after) return std::nullopt;
            const bool empty = request.topics.empty() || request.topics.front().partitions.front().fetch_offset >= 3;
            // As a broker waits for data; with a client that does not wait this would spin.
            if (empty) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(request.max_wait_ms, 100)));
            return fetched(request, 3, fetch_error);
        });
        zookeeper.put_broker(1, broker.port());
        zookeeper.put_topic("t", 1);
    }
    void start(const std::string& more = "--idle-timeout 3s") {
        command = std::make_unique<RunningCommand>("consume -z " + zookeeper.address() + " -g g -t t " + more);
    }
    Outcome end() { return command->wait(30s); }

    SocketZookeeper zookeeper;
    ErrorCode lookup_error = ErrorCode::none;
    ErrorCode fetch_error = ErrorCode::none;
    bool silent_lookups = false;
    std::atomic<int> fetches{0};
    int silent_after = 1 << 30;
    SocketBroker broker;
    std::unique_ptr<RunningCommand> command;
};

TEST(Consume, ends_as_idle_once_all_is_read_and_committed) {
    Scene scene;
    scene.start();
    const Outcome outcome = scene.end();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "m0\nm1\nm2\n");
    EXPECT_THAT(outcome.err, HasSubstr("; committed"));
    EXPECT_EQ(scene.zookeeper.get("/consumers/g/offsets/t/0"), "3");
}

/// All at once, for each takes its idle time.
TEST(Consume, an_outage_ends_at_the_idle_time_with_the_reason_and_exit_code_1) {
    struct Case {
        std::string name;
        std::function<void(Scene&)> prepare;
        std::string reason;
        std::string more = "--idle-timeout 3s";
        std::unique_ptr<Scene> scene = std::make_unique<Scene>();
    };
    SocketServer silent([](const Peer& peer) {
        while (!peer.read_frame().empty()) continue;
    });
    std::uint16_t refused = 0;
    {
        const SocketServer gone([](const Peer&) {});
        refused = gone.port();
    }
    std::vector<Case> cases;
    const auto add = [&cases](std::string name, std::function<void(Scene&)> prepare, std::string reason, std::string more = "") {
        cases.push_back({std::move(name), std::move(prepare), std::move(reason), "--idle-timeout 3s " + more});
    };
    add("refused port", [&](Scene& s) { s.zookeeper.put_broker(1, refused); }, "127.0.0.1:" + std::to_string(refused));
    add("unknown host",
        [](Scene& s) { s.zookeeper.put("/brokers/ids/1", R"({"version":1,"host":"no.such.host.invalid","port":9092})"); },
        "no.such.host.invalid");
    add("silent socket", [&](Scene& s) { s.zookeeper.put_broker(1, silent.port()); }, silent.address());
    add("no leader", [](Scene& s) { s.broker.topics["t"].leader = -1; }, "leader");
    add("refused ListOffsets", [](Scene& s) { s.lookup_error = ErrorCode::topic_authorization_failed; },
        "TOPIC_AUTHORIZATION_FAILED");
    add("ListOffsets refused for a while", [](Scene& s) { s.lookup_error = ErrorCode::not_leader_or_follower; }, "t/0 ");
    add("silent ListOffsets", [](Scene& s) { s.silent_lookups = true; }, "t/0 is not read yet");
    add("refused Fetch", [](Scene& s) { s.fetch_error = ErrorCode::topic_authorization_failed; }, "TOPIC_AUTHORIZATION_FAILED");
    add("Fetch refused by a code that nobody knows", [](Scene& s) { s.fetch_error = ErrorCode{1234}; }, "1234");
    add("garbled Fetch", [](Scene& s) { s.broker.garble(ApiKey::fetch, {4, 4}); }, "decode");
    add("silent after a while", [](Scene& s) { s.silent_after = 2; }, "has had no answer to a Fetch");
    add("foreign owner", [](Scene& s) { s.zookeeper.put("/consumers/g/owners/t/0", "stranger"); }, "is owned by stranger");
    add("denied topic", [](Scene& s) { s.broker.topics["t"].error = ErrorCode::topic_authorization_failed; },
        "TOPIC_AUTHORIZATION_FAILED", "-b BROKER");
    add("a topic refused by a code that nobody knows", [](Scene& s) { s.broker.topics["t"].error = ErrorCode{1234}; }, "1234",
        "-b BROKER");
    add("an unreadable stored offset", [](Scene& s) { s.zookeeper.put("/consumers/g/offsets/t/0", "-1"); },
        "holds `-1`, which is not an offset");
    for (Case& each : cases) {
        each.prepare(*each.scene);
        if (const auto at = each.more.find("BROKER"); at != std::string::npos) each.more.replace(at, 6, each.scene->broker.address());
        each.scene->start(each.more);
    }
    for (Case& each : cases) {
        const Outcome outcome = each.scene->end();
        EXPECT_EQ(outcome.code, 1) << each.name << ": " << outcome.err;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr("but not all was read"), HasSubstr(each.reason))) << each.name;
        EXPECT_THAT(outcome.err, Not(HasSubstr("does not exist"))) << each.name;
    }
}

TEST(Consume, a_signal_during_an_outage_ends_with_the_reason_too) {
    for (const int signal : {SIGTERM, SIGINT}) {
        Scene scene;
        scene.broker.topics["t"].leader = -1;
        scene.start("");
        EXPECT_TRUE(scene.command->await_error("not all can be read: t/0 has no leader", 20s));
        scene.command->signal(signal);
        const Outcome outcome = scene.end();
        EXPECT_EQ(outcome.code, 1) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("interrupted before all was read: t/0 "));
    }
}

TEST(Consume, a_signal_while_all_goes_well_is_an_ordinary_end) {
    Scene scene;
    scene.start("");
    EXPECT_TRUE(scene.command->await_output("m2", 20s));
    scene.command->signal(SIGTERM);
    const Outcome outcome = scene.end();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(scene.zookeeper.get("/consumers/g/offsets/t/0"), "3");
}

TEST(Consume, what_cannot_be_written_is_not_committed) {
    for (const std::string to : {">&-", "> /dev/full"}) {
        Scene scene;
        const std::string events = testing::TempDir() + "kwire-consume-events-" + std::to_string(scene.broker.port());
        scene.start("--idle-timeout 3s --events " + events + " " + to);
        const Outcome outcome = scene.end();
        EXPECT_EQ(outcome.code, 1) << to;
        EXPECT_THAT(outcome.err, HasSubstr("cannot write to stdout")) << to;
        EXPECT_EQ(scene.zookeeper.get("/consumers/g/offsets/t/0"), "") << to;
        std::remove(events.c_str());
    }
}

TEST(Consume, events_that_cannot_be_written_are_a_failure) {
    Scene scene;
    scene.start("--max-messages 3 --events /dev/full");
    const Outcome outcome = scene.end();
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("cannot write to the file of events"));
}

TEST(Consume, every_plaintext_listener_is_tried) {
    Scene scene;
    std::uint16_t refused = 0;
    {
        const SocketServer gone([](const Peer&) {});
        refused = gone.port();
    }
    scene.zookeeper.put("/brokers/ids/1", R"({"version":4,"host":null,"port":-1,"listener_security_protocol_map":)"
                                          R"({"A":"PLAINTEXT","B":"PLAINTEXT"},"endpoints":["A://127.0.0.1:)" +
                                              std::to_string(refused) + R"(","B://127.0.0.1:)" +
                                              std::to_string(scene.broker.port()) + R"("]})");
    scene.start();
    const Outcome outcome = scene.end();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "m0\nm1\nm2\n");
}

TEST(Consume, brokers_that_speak_no_plaintext_are_named) {
    Scene scene;
    scene.zookeeper.put("/brokers/ids/1", R"({"version":2,"host":null,"port":-1,"endpoints":["SASL_SSL://127.0.0.1:9093"]})");
    scene.start();
    const Outcome outcome = scene.end();
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("PLAINTEXT only"), HasSubstr("/brokers/ids/1 has no PLAINTEXT listener, only SASL_SSL"),
                                   Not(HasSubstr("lists no broker"))));
}

}  // namespace
}  // namespace kwire::tools::test
