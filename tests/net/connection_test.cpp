#include "connecting/connection.h"

#include <gtest/gtest.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>

#include "scripted_broker.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using test::Exchange;
using test::FrameServer;
using test::VirtualLoop;

const HostPort address{"b1", 9092};

MetadataResponse answer_of(const std::string& cluster_id) {
    MetadataResponse answer;
    answer.cluster_id = cluster_id;
    return answer;
}

struct ConnectionTest : testing::Test {
    VirtualLoop loop;
    MemoryNetwork network{loop.runtime()};
    std::vector<Exchange> requests;
    FrameServer server{loop, network, address,
                       [this](const Exchange& exchange) { requests.push_back(exchange); }};
    std::shared_ptr<FramePool> pool = std::make_shared<FramePool>();

    ~ConnectionTest() override {
        if (connection) connection->close();
    }

    void connect() {
        auto stream = loop.run(network.connect(address, loop.now() + 1s));
        connection = Connection::start(loop.runtime(), std::move(stream), {"b1:9092", "me"}, pool);
    }

    auto ask(Duration timeout = 30s) {
        const MetadataRequest request;
        auto outcome = loop.start(connection->ask(protocol::schema_of<MetadataRequest>(), &request,
                                                  9, loop.now() + timeout));
        loop.run_until_idle();
        return outcome;
    }

    static std::string cluster_id(const Bytes& body) {
        MetadataResponse answer;
        const auto error = protocol::decode(answer, 9, body);
        return error ? error->message() : answer.cluster_id.value_or("none");
    }

    template <class Outcome>
    static Error error_of(Outcome& outcome) {
        try {
            if (!outcome->done()) return {errc::closed, "still waiting"};
            outcome->take();
        } catch (const Error& e) {
            return e;
        }
        return {errc::closed, "there was no error"};
    }

    std::shared_ptr<Connection> connection;
};

TEST_F(ConnectionTest, AnswersFindTheirRequests) {
    connect();
    auto first = ask();
    auto second = ask();
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].client_id(), "me");
    requests[0].reply(answer_of("one"));
    loop.run_until_idle();
    ASSERT_EQ(requests.size(), 2u);
    requests[1].reply(answer_of("two"));
    loop.run_until_idle();
    EXPECT_EQ(cluster_id(first->take()), "one");
    EXPECT_EQ(cluster_id(second->take()), "two");
}

TEST_F(ConnectionTest, FramesMayBeSplitAnywhere) {
    for (const std::size_t size : {1u, 2u, 3u, 5u, 7u, 11u}) {
        network.set_faults({.read_bytes_max = size});
        connect();
        auto first = ask();
        auto second = ask();
        for (std::size_t i = 0; i < 2; ++i) {
            requests[i].reply(answer_of(std::string(100, 'x')));
            loop.run_until_idle();
        }
        EXPECT_EQ(cluster_id(first->take()), std::string(100, 'x'));
        EXPECT_EQ(cluster_id(second->take()), std::string(100, 'x'));
        connection->close();
        requests.clear();
    }
}

TEST_F(ConnectionTest, LargeAndSmallFramesFollowOneAnother) {
    connect();
    for (const std::size_t size : {10u, 20'000u, 17u, 16'384u, 3'000'000u, 1u}) {
        MetadataResponse answer;
        answer.cluster_id = "end";
        while (answer.topics.size() * 1000 < size) {
            answer.topics.emplace_back().name = std::string(1000, 'n');
        }
        auto asked = ask();
        requests.back().reply(answer);
        loop.run_until_idle();
        ASSERT_TRUE(asked->done()) << size;
        EXPECT_EQ(cluster_id(asked->take()), "end") << size;
    }
    EXPECT_GT(pool->idle_bytes(), 3'000'000u);
}

TEST_F(ConnectionTest, OneErrorEndsEverything) {
    connect();
    auto first = ask();
    auto second = ask();
    requests[0].close();
    loop.run_until_idle();
    EXPECT_EQ(error_of(first).condition(), errc::connection_lost);
    const Error error = error_of(second);
    EXPECT_EQ(error.condition(), errc::connection_lost);
    EXPECT_EQ(error.where().target, "b1:9092");
    EXPECT_EQ(error.where().api, "Metadata");
    EXPECT_EQ(error.where().api_version, 9);
    EXPECT_FALSE(connection->alive());
    auto later = ask();
    EXPECT_EQ(error_of(later).condition(), errc::connection_lost);
}

TEST_F(ConnectionTest, ALateAnswerPoisons) {
    connect();
    auto late = ask(10s);
    auto patient = ask(60s);
    loop.advance(9s);
    EXPECT_FALSE(late->done());
    loop.advance(1s);
    EXPECT_EQ(error_of(late).condition(), errc::timed_out);
    EXPECT_EQ(error_of(patient).condition(), errc::connection_lost);
}

TEST_F(ConnectionTest, AnEarlierDeadlineIsKeptToo) {
    connect();
    auto patient = ask(60s);
    loop.advance(1s);
    auto hasty = ask(2s);
    loop.advance(2s);
    EXPECT_EQ(error_of(hasty).condition(), errc::timed_out);
}

TEST_F(ConnectionTest, SaysWhatElseMayBeAtThatPort) {
    struct Case {
        std::string bytes;
        const char* word;
    };
    const Case cases[] = {{{"\x15\x03\x03\x00\x02\x02\x50", 7}, "TLS"},
                          {"HTTP/1.1 400 Bad Request\r\n", "HTTP"},
                          {{"\xff\xff\xff\xff\x00\x00\x00\x00", 8}, "-1"},
                          {{"\x00\x00\x00\x00\x00\x00\x00\x00", 8}, "0"},
                          {{"\x7f\xff\xff\xff\x00\x00\x00\x00", 8}, "2147483647"},
                          {{"\x00\x00\x00\x08\x00\x00\x00\x63\x00\x00\x00\x00", 12}, "99"}};
    for (const auto& one : cases) {
        connect();
        auto asked = ask();
        requests.back().reply_bytes(one.bytes);
        loop.run_until_idle();
        const Error error = error_of(asked);
        EXPECT_EQ(error.condition(), errc::not_kafka) << error.what();
        EXPECT_NE(error.reason().find(one.word), std::string::npos) << error.what();
    }
}

TEST_F(ConnectionTest, AWrongFrameAfterARightOneIsBroken) {
    connect();
    auto right = ask();
    requests.back().reply(answer_of("one"));
    loop.run_until_idle();
    EXPECT_EQ(cluster_id(right->take()), "one");
    for (const std::string& bytes :
         {std::string("\x00\x00\x00\x03xyz", 7), std::string("HTTP....")}) {
        connect();
        auto fine = ask();
        requests.back().reply(answer_of("two"));
        loop.run_until_idle();
        auto wrong = ask();
        requests.back().reply_bytes(bytes);
        loop.run_until_idle();
        EXPECT_EQ(error_of(wrong).condition(), errc::broken_frame) << error_of(wrong).what();
    }
}

TEST_F(ConnectionTest, WhatIsNotAnsweredEndsWhenItIsWritten) {
    connect();
    const protocol::ProduceRequest request;
    auto told =
        loop.start(connection->tell(protocol::schema_of<protocol::ProduceRequest>(), &request, 3, TimePoint::max()));
    loop.run_until_idle();
    EXPECT_TRUE(told->done());
    ASSERT_EQ(requests.size(), 1u);
    requests[0].no_reply();
    auto asked = ask();
    requests[1].reply(answer_of("next"));
    loop.run_until_idle();
    EXPECT_EQ(cluster_id(asked->take()), "next");
}

TEST_F(ConnectionTest, RefusesWhatTheVersionCannotCarry) {
    connect();
    protocol::ProduceRequest request;
    request.transactional_id = "t";
    EXPECT_THROW(connection->ask(protocol::schema_of<protocol::ProduceRequest>(), &request, 2,
                                 loop.now() + 1s),
                 Error);
    auto asked = ask();
    EXPECT_EQ(requests.size(), 1u) << "nothing of it was sent, and the connection goes on";
    EXPECT_TRUE(connection->alive());
}

TEST_F(ConnectionTest, CloseEndsWhatIsInFlight) {
    connect();
    auto asked = ask();
    connection->close();
    loop.run_until_idle();
    EXPECT_EQ(error_of(asked).condition(), errc::closed);
    EXPECT_EQ(server.open_connections(), 0u);
}

}  // namespace
}  // namespace kwire
