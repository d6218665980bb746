// `kwire produce` against brokers that do not take what it sends.
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/produce.h>

#include "run_command.h"
#include "socket_broker.h"

namespace kwire::tools::test {
namespace {

using namespace std::chrono_literals;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

ProduceResponse accepted(const ProduceRequest& request) {
    ProduceResponse response;
    for (const auto& topic : request.topic_data) {
        auto& answered = response.responses.emplace_back();
        answered.name = topic.name;
        for (const auto& data : topic.partition_data) answered.partition_responses.emplace_back().index = data.index;
    }
    return response;
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

TEST(Produce, a_dead_broker_is_reported_once_and_a_signal_ends_it) {
    std::string nobody;
    {
        const SocketServer gone([](const Peer&) {});
        nobody = gone.address();
    }
    for (const int signal : {SIGTERM, SIGINT}) {
        RunningCommand command("produce -t t -b " + nobody);
        command.write("one\ntwo\n");
        EXPECT_TRUE(command.await_error(nobody, 8s));
        command.signal(signal);
        const Outcome outcome = command.wait(8s);
        EXPECT_EQ(outcome.code, 1) << outcome.err;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr("2 of the lines were not acknowledged"), HasSubstr("2 FAILED")));
        EXPECT_LE(times(outcome.err, "trying again"), 3U) << outcome.err;
    }
}

TEST(Produce, a_silent_broker_is_reported) {
    SocketServer silent([](const Peer& peer) {
        while (!peer.read_frame().empty()) continue;
    });
    RunningCommand command("produce -t t -b " + silent.address());
    command.write("one\n");
    command.close_input();
    EXPECT_TRUE(command.await_error(silent.address(), 8s));
    command.signal(SIGTERM);
    EXPECT_EQ(command.wait(8s).code, 1);
}

TEST(Produce, a_broker_that_stops_reading_does_not_keep_it_without_acks) {
    SocketBroker broker;
    broker.topics["t"] = {};
    std::atomic<bool> over{false};
    broker.on<ProduceRequest>({3, 7}, [&over](const ProduceRequest&, std::int16_t) -> std::optional<ProduceResponse> {
        over.wait(false);
        return std::nullopt;
    });
    RunningCommand lines("produce -t t --acks 0 -b " + broker.address() + " -X buffer.memory=1000000");
    std::thread writing([&lines] {
        const std::string line(10'000, 'x');
        for (int i = 0; i < 3'000; ++i) lines.write(line + "\n");
    });
    EXPECT_TRUE(lines.await_error("acknowledged nothing for 3 s", 15s));
    lines.signal(SIGTERM);
    const Outcome outcome = lines.wait(10s);
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("were not acknowledged"));
    over = true;
    over.notify_all();
    writing.join();
}

TEST(Produce, what_was_acknowledged_before_a_signal_is_well) {
    SocketBroker broker;
    broker.topics["t"] = {};
    broker.on<ProduceRequest>({3, 7}, [](const ProduceRequest& request, std::int16_t) { return std::optional(accepted(request)); });
    RunningCommand command("produce -t t -b " + broker.address());
    command.write("one\n");
    for (int i = 0; i < 1'000 && broker.count(ApiKey::produce) == 0; ++i) command.await_error("never", 10ms);
    command.signal(SIGINT);
    const Outcome outcome = command.wait(8s);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("1 line, 1 acknowledged"));
}

TEST(Produce, topics_are_created_unless_that_is_turned_off) {
    SocketBroker broker;
    const auto send_one = [&broker](const std::string& more) {
        RunningCommand command("produce -t t -X delivery.timeout.ms=1000 -b " + broker.address() + " " + more);
        command.write("x\n");
        command.close_input();
        return command.wait(10s);
    };
    EXPECT_EQ(send_one("").code, 1);
    EXPECT_TRUE(broker.auto_creation_allowed);
    const Outcome outcome = send_one("-X allow.auto.create.topics=false");
    EXPECT_FALSE(broker.auto_creation_allowed);
    EXPECT_THAT(outcome.err, HasSubstr("the topic does not exist"));
}

TEST(Produce, a_refused_topic_keeps_its_reason) {
    SocketBroker broker;
    broker.topics["t"].error = ErrorCode::topic_authorization_failed;
    broker.topics["u"].error = ErrorCode{1234};
    RunningCommand denied("produce -t t -b " + broker.address());
    RunningCommand odd("produce -t u -b " + broker.address());
    denied.write("x\n");
    odd.write("x\n");
    denied.close_input();
    odd.close_input();
    const Outcome first = denied.wait(10s);
    EXPECT_EQ(first.code, 1);
    EXPECT_THAT(first.err, AllOf(HasSubstr("TOPIC_AUTHORIZATION_FAILED"), Not(HasSubstr("does not exist"))));
    const Outcome second = odd.wait(10s);
    EXPECT_EQ(second.code, 1);
    EXPECT_THAT(second.err, AllOf(HasSubstr("1234"), Not(HasSubstr("does not exist"))));
}

}  // namespace
}  // namespace kwire::tools::test
