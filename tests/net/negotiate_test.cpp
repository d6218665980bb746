#include <gtest/gtest.h>

#include <kwire/protocol/metadata.h>

#include "connecting/broker.h"
#include "scripted_broker.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::ApiVersionsResponse;
using protocol::MetadataResponse;
using test::offering;
using test::ScriptedBroker;
using test::VirtualLoop;

const HostPort address{"b1", 9092};

struct NegotiateTest : testing::Test {
    VirtualLoop loop;
    std::shared_ptr<MemoryNetwork> network = std::make_shared<MemoryNetwork>(loop.runtime());
    ScriptedBroker script{loop, *network, address};
    ClusterConfig config;
    std::shared_ptr<AddressMemory> memory =
        std::make_shared<AddressMemory>(Backoff(50ms, 1000ms, 1));
    std::shared_ptr<Connection> connection;

    ~NegotiateTest() override {
        if (connection) connection->close();
    }

    BrokerVersions run() {
        auto dialer = std::make_shared<const Dialer>(
            Dialer{loop.runtime(), network, std::make_shared<FramePool>(), config});
        const Negotiated made =
            loop.run(negotiate(dialer, address, memory, loop.now() + config.connect_timeout));
        EXPECT_TRUE(made.connection->alive());
        connection = made.connection;
        loop.run_until_idle();
        // Where an old broker was found the question for ApiVersions stands until its deadline.
        if (made.versions.old_release()) loop.advance(config.connect_timeout);
        EXPECT_EQ(script.server().open_connections(), 1u)
            << "the ones that were for trying are gone";
        return made.versions;
    }

    Error fail() {
        try {
            run();
        } catch (const Error& e) {
            return e;
        }
        return {errc::closed, "it went well"};
    }

    static ApiVersionsResponse unsupported(ApiVersionsResponse answer) {
        answer.error_code = ErrorCode::unsupported_version;
        return answer;
    }
    /// A broker's answer in version 0 to a request of a version it does not know.
    void refuse_with(ApiVersionsResponse answer) {
        std::string frame;
        ASSERT_FALSE(protocol::encode_response(answer, 0, 0, frame));
        script.expect(ApiKey::api_versions, 3).reply_bytes(frame);
    }
};

TEST_F(NegotiateTest, TakesWhatTheBrokerOffers) {
    script.expect(ApiKey::api_versions, 3).reply(offering({{ApiKey::fetch, {4, 17}}}));
    EXPECT_EQ(run().offered(ApiKey::fetch), (VersionRange{4, 17}));
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, FallsBackToTheVersionThatTheBrokerNames) {
    auto answer = offering({});
    answer.api_keys.assign(1, {ApiKey::api_versions, 0, 2});
    refuse_with(unsupported(answer));
    script.expect(ApiKey::api_versions, 2).reply(offering({{ApiKey::fetch, {0, 11}}}));
    EXPECT_EQ(run().offered(ApiKey::fetch), (VersionRange{0, 11}));
    EXPECT_EQ(script.server().accepted(), 1u) << "on the same connection";
}

TEST_F(NegotiateTest, FallsBackToZeroWhereTheBrokerNamesNothing) {
    refuse_with(unsupported({}));
    script.expect(ApiKey::api_versions, 0).reply(offering({{ApiKey::fetch, {0, 3}}}));
    EXPECT_EQ(run().offered(ApiKey::fetch), (VersionRange{0, 3}));
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, SilenceAndAnAnswerInTheOldLayoutAreZeroNine) {
    script.expect(ApiKey::api_versions).keep_silent();
    TimePoint asked;
    script.expect(ApiKey::metadata, 1)
        .check<protocol::MetadataRequest>([&](const auto& request) {
            asked = loop.now();
            EXPECT_TRUE(request.topics && request.topics->empty()) << "no broker may create one";
        })
        .reply_in(MetadataResponse{}, 0);
    const TimePoint before = loop.now();
    const BrokerVersions versions = run();
    EXPECT_EQ(versions.old_release(), OldRelease::v0_9);
    EXPECT_EQ(versions.offered(ApiKey::fetch), (VersionRange{0, 1}));
    EXPECT_NE(versions.taken_for().find("0.9, because it did not answer ApiVersions within 500 ms"),
              std::string::npos)
        << versions.taken_for();
    EXPECT_LE(asked - before, 600ms);
}

TEST_F(NegotiateTest, SilenceAndAnAnswerInTheNewLayoutAreASlowBroker) {
    for (const auto late : {600ms, 2000ms, 8000ms}) {
        script.expect(ApiKey::api_versions).after(late).reply(offering({{ApiKey::fetch, {4, 17}}}));
        script.expect(ApiKey::metadata, 1).reply(MetadataResponse{});
        const TimePoint before = loop.now();
        const BrokerVersions versions = run();
        EXPECT_EQ(versions.offered(ApiKey::fetch), (VersionRange{4, 17})) << late.count();
        EXPECT_EQ(loop.now() - before, late);
        EXPECT_EQ(memory->old_release, std::nullopt);
        EXPECT_TRUE(script.done()) << script.complaints();
        connection->close();
    }
}

TEST_F(NegotiateTest, ABrokerThatIsNotOldAndDoesNotSayWhatItSpeaksIsAnError) {
    script.expect(ApiKey::api_versions).keep_silent();
    script.expect(ApiKey::metadata, 1).reply(MetadataResponse{});
    const Error error = fail();
    EXPECT_EQ(error.condition(), errc::timed_out);
    EXPECT_NE(error.reason().find("does not say what it speaks"), std::string::npos) << error.what();

    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).close();
    script.expect(ApiKey::metadata, 1).reply(MetadataResponse{});
    EXPECT_EQ(fail().condition(), errc::connection_lost);
    EXPECT_EQ(memory->old_release, std::nullopt);
}

TEST_F(NegotiateTest, NothingIsGuessedWhereThatIsForbidden) {
    config.version_guess = false;
    script.expect(ApiKey::api_versions).after(8s).reply(offering({{ApiKey::fetch, {4, 17}}}));
    EXPECT_EQ(run().old_release(), std::nullopt);
    connection->close();
    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).close();
    EXPECT_EQ(fail().condition(), errc::connection_lost);
    script.expect(ApiKey::api_versions).keep_silent();
    EXPECT_EQ(fail().condition(), errc::timed_out);
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, ClosingTwiceIsZeroEight) {
    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).close();
    script.expect(ApiKey::metadata, 1).reply_in(MetadataResponse{}, 0);
    EXPECT_EQ(run().old_release(), OldRelease::v0_8_2);
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, ClosingOnceIsARestart) {
    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).reply(offering({{ApiKey::fetch, {0, 11}}}));
    EXPECT_EQ(run().old_release(), std::nullopt);
}

TEST_F(NegotiateTest, ASlowBrokerIsNotAnOldOne) {
    script.expect(ApiKey::api_versions).after(900ms).reply(offering({{ApiKey::fetch, {0, 11}}}));
    script.expect(ApiKey::metadata, 1).after(400ms).reply(MetadataResponse{});
    EXPECT_EQ(run().offered(ApiKey::fetch), (VersionRange{0, 11}));
}

TEST_F(NegotiateTest, AnOldReleaseIsRememberedButProvenOnEachConnection) {
    script.expect(ApiKey::api_versions).keep_silent();
    script.expect(ApiKey::metadata, 1).reply_in(MetadataResponse{}, 0);
    run();
    connection->close();
    TimePoint before = loop.now();
    TimePoint asked;
    script.expect(ApiKey::metadata, 1)
        .check<protocol::MetadataRequest>([&](const auto&) { asked = loop.now(); })
        .reply_in(MetadataResponse{}, 0);
    EXPECT_EQ(run().old_release(), OldRelease::v0_9);
    EXPECT_EQ(asked, before) << "one question, no wait";
    connection->close();

    script.expect(ApiKey::metadata, 1).reply(MetadataResponse{});
    script.expect(ApiKey::api_versions).reply(offering({{ApiKey::fetch, {0, 3}}}));
    EXPECT_EQ(run().old_release(), std::nullopt) << "it was upgraded";
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, WhatTheUserSaysGoes) {
    config.broker_version_fallback = OldRelease::v0_8_1;
    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).close();
    script.expect(ApiKey::metadata, 1).reply_in(MetadataResponse{}, 0);
    EXPECT_EQ(run().old_release(), OldRelease::v0_8_1);
    connection->close();

    config.api_version_request = false;
    memory->old_release.reset();
    const BrokerVersions said = run();
    EXPECT_EQ(said.old_release(), OldRelease::v0_8_1) << "without a single request";
    EXPECT_NE(said.taken_for().find("api.version.request is false"), std::string::npos);
    EXPECT_TRUE(script.done()) << script.complaints();
}

TEST_F(NegotiateTest, WhatClosesOnEverythingIsNoBroker) {
    script.expect(ApiKey::api_versions, 3).close();
    script.expect(ApiKey::api_versions, 0).close();
    script.expect(ApiKey::metadata, 1).close();
    const Error error = fail();
    EXPECT_EQ(error.condition(), errc::not_kafka) << error.what();
    EXPECT_NE(error.reason().find("TLS"), std::string::npos);
    EXPECT_EQ(error.where().target, "b1:9092");
}

TEST_F(NegotiateTest, WhatNeverAnswersIsNotTakenForOld) {
    script.expect(ApiKey::api_versions).keep_silent();
    script.expect(ApiKey::metadata, 1).keep_silent();
    const Error error = fail();
    EXPECT_EQ(error.condition(), errc::timed_out) << error.what();
    EXPECT_NE(error.reason().find("hangs"), std::string::npos);
}

TEST_F(NegotiateTest, SaysWhatDoesNotSpeakKafka) {
    script.expect(ApiKey::api_versions).reply_bytes(std::string("\x15\x03\x03\x00\x02\x02\x50", 7));
    const Error error = fail();
    EXPECT_EQ(error.condition(), errc::not_kafka) << error.what();
    EXPECT_NE(error.reason().find("TLS"), std::string::npos);
}

/// Whatever fails in whatever way: the outcome is versions, or a worded error, in bounded time and
/// with nothing open.
TEST(NegotiateReplayTest, EveryStepMayFail) {
    const auto conversation = [](const test::Arm& arm) {
        VirtualLoop loop;
        auto network = std::make_shared<MemoryNetwork>(loop.runtime());
        ScriptedBroker script(loop, *network, address);
        auto refusal = offering({});
        refusal.error_code = ErrorCode::unsupported_version;
        std::string frame;
        ASSERT_FALSE(protocol::encode_response(refusal, 0, 0, frame));
        script.expect(ApiKey::api_versions, 3).reply_bytes(frame);
        script.expect(ApiKey::api_versions).reply(offering({{ApiKey::fetch, {0, 11}}}));
        arm(script);
        ClusterConfig config;
        auto memory = std::make_shared<AddressMemory>(Backoff(50ms, 1000ms, 1));
        auto dialer = std::make_shared<const Dialer>(
            Dialer{loop.runtime(), network, std::make_shared<FramePool>(), config});
        const TimePoint deadline = loop.now() + 10s;
        std::shared_ptr<Connection> connection;
        try {
            const auto made = loop.run(negotiate(dialer, address, memory, deadline));
            EXPECT_TRUE(made.versions.offered(ApiKey::fetch));
            connection = made.connection;
        } catch (const Error& e) {
            EXPECT_EQ(e.where().target, "b1:9092") << e.what();
        }
        EXPECT_LE(loop.now(), deadline + 1s);
        loop.run_until_idle();
        EXPECT_LE(script.server().open_connections(), connection ? 1u : 0u);
        if (connection) connection->close();
    };
    EXPECT_EQ(test::replay_failing(conversation), 1 + 2 * std::size(test::all_faults));
}

}  // namespace
}  // namespace kwire
