// Brokers that are slow, dead, over quota or that answer what cannot be right, as Cluster meets them.
#include <gtest/gtest.h>

#include <kwire/net/admin.h>
#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/metadata.h>

#include "connecting/broker.h"
#include "fake_cluster.h"
#include "scripted_broker.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::ApiVersionsRequest;
using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using test::Exchange;
using test::FakeCluster;
using test::VirtualLoop;

Task<void> reply_after(std::shared_ptr<Runtime> runtime, Duration delay, std::function<void()> reply) {
    Timer timer(*runtime);
    co_await timer.wait_for(delay);
    reply();
}

struct ClusterFaultsTest : testing::Test {
    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;

    ~ClusterFaultsTest() override {
        if (cluster) cluster->close();
        EXPECT_EQ(kafka.complaints(), "");
    }

    void start(int brokers) {
        kafka.add_brokers(brokers);
        kafka.create_topic("clicks", 4);
        cluster = kafka.connect();
    }
    void start(ClusterConfig config) { cluster = Cluster::create(loop.runtime(), std::move(config)); }

    std::shared_ptr<const ClusterView> refresh(std::vector<std::string> topics = {}) {
        return loop.run(cluster->refresh(std::move(topics)));
    }

    template <class Run>
    static Error error_of(Run run) {
        try {
            run();
        } catch (const Error& e) {
            return e;
        }
        return {errc::closed, "there was no error"};
    }
};

// ---- what a broker speaks

TEST_F(ClusterFaultsTest, OneLateApiVersionsAnswerMakesNoOldBroker) {
    for (const auto late : {600ms, 2000ms, 8000ms}) {
        VirtualLoop own_loop;
        FakeCluster slow(own_loop);
        slow.add_brokers(1);
        int asked = 0;
        slow.on<ApiVersionsRequest>([&](const ApiVersionsRequest&, const Exchange& exchange, std::int32_t) {
            const auto reply = [&slow, exchange] { exchange.reply(test::offering(slow.versions)); };
            if (asked++ > 0) return reply();
            own_loop.runtime()->spawn(reply_after(own_loop.runtime(), late, reply));
        });
        const auto client = slow.connect();
        own_loop.run(client->refresh({}));
        EXPECT_GE(own_loop.run(client->version_for(1, ApiKey::fetch)), 13) << late.count();
        EXPECT_EQ(asked, 1);
        EXPECT_EQ(slow.complaints(), "");
        client->close();
    }
}

/// A broker of 0.9, or one that looks like it.
void make_old(FakeCluster& kafka) {
    kafka.versions = BrokerVersions::of(OldRelease::v0_9).all();
    kafka.on<ApiVersionsRequest>([](const ApiVersionsRequest&, const Exchange&, std::int32_t) {});
}

TEST_F(ClusterFaultsTest, AGuessIsForgottenAtTheFirstLostCallAndTold) {
    start(1);
    make_old(kafka);
    refresh();
    EXPECT_EQ(loop.run(cluster->version_for(1, ApiKey::fetch)), 1);
    EXPECT_NE(error_of([&] { loop.run(cluster->version_for(1, ApiKey::fetch, {.version_min = 4})); })
                  .reason()
                  .find("is taken for one of 0.9, because it did not answer ApiVersions"),
              std::string::npos);

    kafka.on<ListOffsetsRequest>(
        [](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) { exchange.close(); });
    const Error lost = error_of([&] { loop.run(cluster->call(1, ListOffsetsRequest{})); });
    EXPECT_EQ(lost.condition(), errc::connection_lost);
    EXPECT_NE(lost.reason().find("is taken for one of 0.9"), std::string::npos) << lost.what();
    EXPECT_NE(lost.reason().find("forgotten"), std::string::npos) << lost.what();

    // What came back is a broker of today.
    FakeCluster today(loop);
    kafka.versions = today.versions;
    kafka.on<ApiVersionsRequest>([&](const ApiVersionsRequest&, const Exchange& exchange, std::int32_t) {
        exchange.reply(test::offering(kafka.versions));
    });
    EXPECT_GE(loop.run(cluster->version_for(1, ApiKey::fetch)), 13);
}

TEST_F(ClusterFaultsTest, AnApiVersionsAnswerWinsAlsoAfterTheProofOfAnOldBroker) {
    start(1);
    make_old(kafka);
    FakeCluster today(loop);
    std::vector<Exchange> held;
    kafka.on<ApiVersionsRequest>([&](const ApiVersionsRequest&, const Exchange& exchange, std::int32_t) {
        held.push_back(exchange);
    });
    refresh();
    EXPECT_EQ(loop.run(cluster->version_for(1, ApiKey::fetch)), 1);
    ASSERT_EQ(held.size(), 1u);
    kafka.versions = today.versions;
    held[0].reply(test::offering(today.versions));
    loop.run_until_idle();
    kafka.on<ListOffsetsRequest>([](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
        EXPECT_GE(exchange.version(), 6);
        exchange.reply(ListOffsetsResponse{});
    });
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    EXPECT_EQ(held.size(), 1u) << "on the connection on which it came";
}

// ---- throttling, KIP-219

TEST_F(ClusterFaultsTest, AThrottledConnectionWaitsAndThatIsCounted) {
    start(1);
    refresh();
    std::vector<TimePoint> asked;
    std::int32_t throttle = 2'000;
    kafka.on<ListOffsetsRequest>([&](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
        asked.push_back(loop.now());
        ListOffsetsResponse answer;
        answer.throttle_time_ms = std::exchange(throttle, 0);
        exchange.reply(answer);
    });
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    loop.run(cluster->call(1, ListOffsetsRequest{}, {.lane = 1}));
    EXPECT_EQ(asked[1], asked[0]) << "another connection is not throttled";
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    EXPECT_EQ(asked[2] - asked[0], 2s);
    EXPECT_EQ(cluster->stats().throttled_answers, 1u);
    EXPECT_EQ(cluster->stats().throttle_time, 2000ms);
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    EXPECT_EQ(asked[3], asked[2]);
}

TEST_F(ClusterFaultsTest, BrokersBeforeKip219WaitThemselves) {
    start(1);
    kafka.versions[ApiKey::list_offsets] = {1, 2};
    refresh();
    std::vector<TimePoint> asked;
    kafka.on<ListOffsetsRequest>([&](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
        asked.push_back(loop.now());
        ListOffsetsResponse answer;
        answer.throttle_time_ms = 1'000;
        exchange.reply(answer);
    });
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    EXPECT_EQ(asked[1], asked[0]);
    EXPECT_EQ(cluster->stats().throttled_answers, 2u);
    EXPECT_FALSE(client_waits_when_throttled(ApiKey::fetch, 7));
    EXPECT_TRUE(client_waits_when_throttled(ApiKey::fetch, 8));
    EXPECT_FALSE(client_waits_when_throttled(ApiKey::produce, 5));
    EXPECT_TRUE(client_waits_when_throttled(ApiKey::consumer_group_heartbeat, 0));
}

TEST_F(ClusterFaultsTest, WaitingForAThrottledBrokerCostsNoRequestItsDeadline) {
    start(1);
    refresh();
    std::int32_t throttle = 20'000;
    Duration answer_time{};
    kafka.on<ListOffsetsRequest>([&](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
        ListOffsetsResponse answer;
        answer.throttle_time_ms = std::exchange(throttle, 0);
        loop.runtime()->spawn(reply_after(loop.runtime(), answer_time, [exchange, answer] { exchange.reply(answer); }));
    });
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    answer_time = 25s;
    loop.run(cluster->call(1, ListOffsetsRequest{}));  // 20 s of waiting and 25 s of answering, of 30 s
    answer_time = 0s;
    throttle = INT32_MAX;
    loop.run(cluster->call(1, ListOffsetsRequest{}));
    const TimePoint before = loop.now();
    const Error late = error_of([&] { loop.run(cluster->call(1, ListOffsetsRequest{})); });
    EXPECT_EQ(late.condition(), errc::timed_out);
    EXPECT_NE(late.reason().find("throttles this client"), std::string::npos) << late.what();
    EXPECT_EQ(loop.now(), before) << "it is said at once";
    loop.advance(1min);
    loop.run(cluster->call(1, ListOffsetsRequest{}));
}

// ---- metadata.max.age.ms

TEST_F(ClusterFaultsTest, TheViewOfTopicsInUseDoesNotGrowOld) {
    start(2);
    refresh({"clicks"});
    const auto old = cluster->view();
    auto next = loop.start(cluster->next_view(old, loop.now() + 1h));
    kafka.move_leader({"clicks", 0}, 2);
    kafka.add_partitions("clicks", 1);
    loop.advance(299s);
    EXPECT_EQ(cluster->view(), old);
    EXPECT_FALSE(next->done());
    loop.advance(2s);
    EXPECT_EQ(cluster->view()->find({"clicks", 0})->leader, 2);
    EXPECT_TRUE(cluster->view()->find({"clicks", 4}));
    ASSERT_TRUE(next->done());
    EXPECT_EQ(next->take(), cluster->view());
    EXPECT_EQ(cluster->stats().metadata_refreshes, 1u);

    // Who asks himself keeps the view fresh: there is nothing left to do.
    for (int i = 0; i < 10; ++i) {
        loop.advance(200s);
        refresh({"clicks"});
    }
    EXPECT_EQ(cluster->stats().metadata_refreshes, 1u);
    cluster->close();
    const int asked = kafka.count(ApiKey::metadata);
    loop.advance(1h);
    EXPECT_EQ(kafka.count(ApiKey::metadata), asked) << "it ends with the cluster";
}

TEST_F(ClusterFaultsTest, ARefreshThatFailsIsTriedAgainWithPatience) {
    start(1);
    refresh({"clicks"});
    kafka.stop(1);
    loop.advance(301s);
    loop.advance(600s);
    const auto stats = cluster->stats();
    EXPECT_GE(stats.metadata_refresh_failures, 10u);
    EXPECT_LE(stats.metadata_refresh_failures, 200u);
    kafka.start(1);
    const auto old = cluster->view();
    loop.advance(15s);
    EXPECT_NE(cluster->view(), old);
}

TEST_F(ClusterFaultsTest, ATopicThatIsGoneIsNotAskedForForEver) {
    start(1);
    refresh({"clicks", "views"});
    std::vector<std::size_t> named;
    kafka.on<MetadataRequest>([&](const MetadataRequest& request, const Exchange& exchange, std::int32_t) {
        named.push_back(request.topics->size());
        MetadataResponse answer;
        answer.brokers.push_back({1, "b1", 9092, std::nullopt});
        for (const auto& topic : *request.topics) {
            answer.topics.emplace_back().name = topic.name;
            if (topic.name == "views") answer.topics.back().error_code = ErrorCode::unknown_topic_or_partition;
        }
        exchange.reply(answer);
    });
    loop.advance(650s);
    EXPECT_EQ(named, (std::vector<std::size_t>{2, 1}));
}

// ---- the controller and coordinators

struct Controllers : ClusterFaultsTest {
    std::int32_t acting = 2;
    std::vector<int> asked;

    void start_three() {
        start(3);
        kafka.controller = 2;
        kafka.on<CreateTopicsRequest>([this](const CreateTopicsRequest& request, const Exchange& exchange, int broker) {
            asked.push_back(broker);
            CreateTopicsResponse answer;
            answer.topics.emplace_back().name = request.topics.at(0).name;
            if (broker != acting) answer.topics.back().error_code = ErrorCode::not_controller;
            exchange.reply(answer);
        });
    }
    void create() { loop.run(create_topic(cluster, "new", 1, 1, {})); }
};

TEST_F(Controllers, ADeadControllerIsNotAskedAgain) {
    start_three();
    create();
    kafka.stop(2, false);
    loop.run_until_idle();
    kafka.controller = acting = 3;
    create();
    EXPECT_EQ(asked, (std::vector<int>{2, 3}));
    // A black hole in place of the controller, that Metadata goes on naming for a while.
    kafka.network().black_hole({"b3", 9092});
    kafka.server(3).break_connections();
    loop.run_until_idle();
    loop.runtime()->spawn(reply_after(loop.runtime(), 10s, [this] { kafka.controller = acting = 1; }));
    create();
    EXPECT_EQ(asked, (std::vector<int>{2, 3, 1}));
}

TEST_F(Controllers, ALostAnswerIsNoReasonToAskTwice) {
    start_three();
    kafka.on<CreateTopicsRequest>([this](const CreateTopicsRequest&, const Exchange& exchange, int broker) {
        asked.push_back(broker);
        kafka.controller = 1;
        exchange.close();
    });
    EXPECT_EQ(error_of([&] { create(); }).condition(), errc::connection_lost);
    EXPECT_EQ(asked, std::vector<int>{2});
    EXPECT_EQ(error_of([&] { create(); }).condition(), errc::connection_lost);
    EXPECT_EQ(asked, (std::vector<int>{2, 1})) << "but Metadata is asked who the controller is now";
}

TEST_F(Controllers, SaysThatTheControllerCannotBeReached) {
    start_three();
    refresh();
    kafka.stop(2);
    const TimePoint before = loop.now();
    const Error error = error_of([&] { create(); });
    EXPECT_EQ(error.condition(), errc::cannot_connect) << error.what();
    EXPECT_NE(error.reason().find("controller, broker 2"), std::string::npos) << error.what();
    EXPECT_LE(loop.now() - before, 31s);
    EXPECT_LE(kafka.count(ApiKey::metadata), 60);
}

TEST_F(ClusterFaultsTest, ADeadCoordinatorIsForgotten) {
    start(3);
    refresh();
    kafka.coordinator = 2;
    EXPECT_EQ(loop.run(cluster->coordinator("g")), 2);
    kafka.stop(2);
    EXPECT_THROW(loop.run(cluster->call(2, ListOffsetsRequest{})), Error);
    kafka.coordinator = 3;
    EXPECT_EQ(loop.run(cluster->coordinator("g")), 3);
}

TEST_F(ClusterFaultsTest, ACoordinatorThatCannotBeIsNotBelieved) {
    start(1);
    const std::vector<FindCoordinatorResponse::Coordinator> wrong = {
        {"g", -1, "b1", 9092, ErrorCode::none, std::nullopt},
        {"g", 1, "", 9092, ErrorCode::none, std::nullopt},
        {"g", 1, "b1", 0, ErrorCode::none, std::nullopt},
        {"g", 1, "b1", -1, ErrorCode::none, std::nullopt},
        {"g", 1, "b1", 65536 + 9092, ErrorCode::none, std::nullopt},
        {"g", 1, std::string(30'000, 'x'), INT32_MAX, ErrorCode::none, std::nullopt},
        {"another", 1, "b1", 9092, ErrorCode::none, std::nullopt}};
    for (const std::int16_t version : {3, 4}) {
        kafka.versions[ApiKey::find_coordinator] = {0, version};
        cluster->close();
        cluster = kafka.connect();
        for (const auto& coordinator : wrong) {
            if (version < 4 && coordinator.key != "g") continue;
            kafka.on<FindCoordinatorRequest>([&](const FindCoordinatorRequest&, const Exchange& exchange, std::int32_t) {
                FindCoordinatorResponse answer;
                if (version < 4) {
                    answer.node_id = coordinator.node_id;
                    answer.host = coordinator.host.substr(0, 30'000);
                    answer.port = coordinator.port;
                } else {
                    answer.coordinators = {coordinator};
                }
                exchange.reply(answer);
            });
            const Error error = error_of([&] { loop.run(cluster->coordinator("g")); });
            EXPECT_EQ(error.condition(), errc::broken_frame) << error.what();
            EXPECT_EQ(error.where().api, "FindCoordinator");
            EXPECT_LT(std::string(error.what()).size(), 1000u);
        }
    }
    kafka.on<FindCoordinatorRequest>([&](const FindCoordinatorRequest&, const Exchange& exchange, std::int32_t) {
        FindCoordinatorResponse answer;
        answer.coordinators.assign(2, {"g", 1, "b1", 9092, ErrorCode::none, std::nullopt});
        exchange.reply(answer);
    });
    EXPECT_NE(error_of([&] { loop.run(cluster->coordinator("g")); }).reason().find("2 are answered"), std::string::npos);
}

// ---- many addresses

TEST_F(ClusterFaultsTest, AmongManyDeadAddressesTheLivingOneHasItsTime) {
    kafka.add_brokers(1);
    ClusterConfig config = kafka.config();
    config.bootstrap.clear();
    for (int i = 0; i < 100; ++i) {
        const HostPort hole{"hole" + std::to_string(i), 9092};
        kafka.network().black_hole(hole);
        config.bootstrap.push_back(hole);
    }
    config.bootstrap.push_back({"b1", 9092});
    kafka.on<ApiVersionsRequest>([&](const ApiVersionsRequest&, const Exchange& exchange, std::int32_t) {
        const auto reply = [this, exchange] { exchange.reply(test::offering(kafka.versions)); };
        loop.runtime()->spawn(reply_after(loop.runtime(), 2s, reply));
    });
    start(config);
    const TimePoint before = loop.now();
    EXPECT_EQ(refresh()->brokers.size(), 1u);
    EXPECT_LE(loop.now() - before, 20s);
}

TEST_F(ClusterFaultsTest, OneThatTakesConnectionsAndAnswersNothingDoesNotTakeItAll) {
    start(3);
    refresh();
    for (const std::int32_t id : {1, 2, 3}) loop.run(cluster->versions(id));
    int asked = 0;
    kafka.on<MetadataRequest>([&](const MetadataRequest&, const Exchange& exchange, std::int32_t) {
        if (++asked < 3) return;
        MetadataResponse answer;
        answer.brokers.push_back({1, "b1", 9092, std::nullopt});
        exchange.reply(answer);
    });
    EXPECT_EQ(refresh()->brokers.size(), 1u);
    EXPECT_EQ(asked, 3);
}

TEST_F(ClusterFaultsTest, RefusingAddressesCostAtMostTwentyTriesASecond) {
    ClusterConfig config;
    config.transport = kafka.transport();
    for (int i = 0; i < 200; ++i) config.bootstrap.push_back({"dead" + std::to_string(i), 9092});
    start(config);
    const TimePoint before = loop.now();
    EXPECT_EQ(error_of([&] { refresh(); }).condition(), errc::cannot_connect);
    EXPECT_GE(loop.now() - before, 9s);
    EXPECT_LE(loop.now() - before, 11s);
}

// ---- executors

TEST_F(ClusterFaultsTest, AnswersCoroutinesOnAnyExecutor) {
    start(1);
    asio::io_context foreign;
    std::vector<Error> errors;
    const auto note = [&](std::exception_ptr failure) {
        if (failure) errors.push_back(as_error(failure));
    };
    std::optional<std::shared_ptr<const ClusterView>> view;
    std::optional<std::map<ApiKey, VersionRange>> versions;
    std::optional<MetadataResponse> answer;
    kwire::start(foreign.get_executor(), keep_result(cluster->refresh({}), &view), note);
    kwire::start(foreign.get_executor(), keep_result(cluster->call_any(MetadataRequest{}), &answer), note);
    foreign.poll();
    loop.advance(5s);
    foreign.restart();
    kwire::start(foreign.get_executor(), keep_result(cluster->versions(1), &versions), note);
    foreign.poll();
    loop.advance(5s);
    foreign.restart();
    foreign.poll();
    for (const Error& error : errors) ADD_FAILURE() << error.what();
    EXPECT_TRUE(view && answer && versions);
}

TEST_F(ClusterFaultsTest, NobodyWaitsOnAnExecutorThatIsNotTheirs) {
    start(1);
    asio::io_context foreign;
    std::vector<Error> errors;
    const auto note = [&](std::exception_ptr failure) { errors.push_back(as_error(failure)); };
    std::optional<MetadataResponse> answer;
    kwire::start(foreign.get_executor(),
                 keep_result(cluster->call_any(MetadataRequest{}, CallOptions{}, use_task), &answer), note);
    foreign.run();
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].condition(), errc::foreign_executor) << errors[0].what();
}

}  // namespace
}  // namespace kwire
