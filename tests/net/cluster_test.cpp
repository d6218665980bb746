#include <gtest/gtest.h>

#include <kwire/net/cluster.h>
#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>

#include "connecting/broker_versions.h"
#include "fake_cluster.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using test::Exchange;
using test::FakeCluster;
using test::VirtualLoop;

struct ClusterTest : testing::Test {
    VirtualLoop loop;
    FakeCluster kafka{loop};
    std::shared_ptr<Cluster> cluster;

    ~ClusterTest() override {
        if (cluster) cluster->close();
        EXPECT_EQ(kafka.complaints(), "");
    }

    void start(int brokers) {
        kafka.add_brokers(brokers);
        kafka.create_topic("clicks", 4);
        kafka.create_topic("views", 1);
        cluster = kafka.connect();
    }

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

    int list_offsets_at(std::int32_t broker, CallOptions options = {}) {
        loop.run(cluster->call(broker, ListOffsetsRequest{}, options));
        return asked_;
    }
    void answer_list_offsets() {
        kafka.on<ListOffsetsRequest>(
            [this](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t broker) {
                asked_ = broker;
                exchange.reply(ListOffsetsResponse{});
            });
    }
    int asked_ = -1;
};

// ---- metadata

TEST_F(ClusterTest, SeesTheWholeCluster) {
    start(3);
    EXPECT_TRUE(cluster->view()->brokers.empty());
    const auto view = refresh();
    EXPECT_EQ(view->brokers.size(), 3u);
    EXPECT_EQ(view->brokers.at(2).address, (HostPort{"b2", 9092}));
    EXPECT_EQ(view->cluster_id, "fake");
    EXPECT_EQ(view->controller, 1);
    EXPECT_EQ(view->topics.size(), 2u);
    EXPECT_EQ(view->find({"clicks", 3})->leader, 1);
    EXPECT_FALSE(view->topics.at("clicks").id.is_zero());
    EXPECT_EQ(cluster->view(), view);
}

TEST_F(ClusterTest, AsksOnlyForWhatIsWanted) {
    start(1);
    const auto view = refresh({"views", "nope"});
    EXPECT_EQ(view->topics.size(), 1u);
    EXPECT_TRUE(view->find({"views", 0}));
    EXPECT_EQ(view->topic_errors.at("nope"), ErrorCode::unknown_topic_or_partition);
    refresh({"clicks"});
    EXPECT_TRUE(cluster->view()->find({"views", 0})) << "views of other topics stay";
}

TEST_F(ClusterTest, NeverCreatesATopicByAsking) {
    for (const std::int16_t version : {0, 1, 3, 4, 9, 12}) {
        VirtualLoop own_loop;
        FakeCluster old(own_loop);
        old.add_brokers(1);
        old.create_topic("clicks", 1);
        old.versions[ApiKey::metadata] = {version, version};
        std::optional<protocol::MetadataRequest> seen;
        old.on<protocol::MetadataRequest>(
            [&](const protocol::MetadataRequest& request, const Exchange& exchange, std::int32_t) {
                seen = request;
                protocol::MetadataResponse answer;
                answer.brokers.push_back({1, "b1", 9092, std::nullopt});
                for (const char* name : {"clicks", "other"})
                    answer.topics.emplace_back().name = name;
                exchange.reply(answer);
            });
        const auto client = old.connect();
        const auto view = own_loop.run(client->refresh({"clicks", "nope"}));
        EXPECT_EQ(view->topics.size(), 1u) << version << ": the others were not asked for";
        EXPECT_EQ(view->topic_errors.count("nope"), version < 4 ? 1u : 0u)
            << "only where all topics were asked for is one that is left out unknown";
        EXPECT_EQ(view->topic_faults.count("nope"), version < 4 ? 0u : 1u);
        const bool all = version == 0 ? seen->topics->empty() : !seen->topics;
        EXPECT_EQ(all, version < 4) << version;
        EXPECT_EQ(seen->allow_auto_topic_creation, version < 4) << version;
        client->close();
    }
}

TEST_F(ClusterTest, AProducerLetsTheBrokerCreateTheTopic) {
    for (const std::int16_t version : {0, 1, 3, 4, 9, 12}) {
        VirtualLoop own_loop;
        FakeCluster old(own_loop);
        old.add_brokers(1);
        old.versions[ApiKey::metadata] = {version, version};
        protocol::MetadataRequest seen;
        old.on<protocol::MetadataRequest>(
            [&](const protocol::MetadataRequest& request, const Exchange& exchange, std::int32_t) {
                seen = request;
                protocol::MetadataResponse answer;
                answer.brokers.push_back({1, "b1", 9092, std::nullopt});
                answer.topics.emplace_back().name = "new";
                answer.topics.back().error_code = ErrorCode::leader_not_available;
                exchange.reply(answer);
            });
        const auto client = old.connect();
        const RefreshOptions options{.allow_auto_topic_creation = true};
        const auto view = own_loop.run(client->refresh({"new"}, options));
        ASSERT_TRUE(seen.topics && seen.topics->size() == 1) << version;
        EXPECT_EQ(seen.topics->front().name, "new");
        EXPECT_TRUE(seen.allow_auto_topic_creation) << version;
        EXPECT_EQ(view->topic_errors.at("new"), ErrorCode::leader_not_available);
        own_loop.run(client->refresh({}, options));
        EXPECT_EQ(seen.allow_auto_topic_creation, version < 4) << "of all topics none is created";
        client->close();
    }
}

TEST_F(ClusterTest, ARequestIsShapedByItsVersionInOneStep) {
    start(1);
    kafka.versions[ApiKey::list_offsets] = {1, 3};
    refresh();
    std::vector<std::int16_t> made;
    kafka.on<ListOffsetsRequest>(
        [&](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
            EXPECT_EQ(exchange.version(), 3);
            exchange.reply(ListOffsetsResponse{});
        });
    auto asking = loop.start(cluster->call(1, [&made](std::int16_t version) {
        made.push_back(version);
        return ListOffsetsRequest{};
    }));
    loop.run_until_idle();
    asking->take();
    EXPECT_EQ(made, std::vector<std::int16_t>{3});
    EXPECT_EQ(error_of([&] {
                  loop.run(cluster->call(1, [](std::int16_t) -> ListOffsetsRequest {
                      throw Error(errc::invalid_config, "it cannot be asked so");
                  }));
              }).condition(),
              errc::invalid_config);
}

TEST_F(ClusterTest, ConcurrentRefreshesShareOneRequest) {
    start(1);
    refresh();
    const int before = kafka.count(ApiKey::metadata);
    auto one = loop.start(cluster->refresh({"clicks", "views"}));
    auto two = loop.start(cluster->refresh({"views", "clicks"}));
    auto three = loop.start(cluster->refresh({"views"}));
    loop.run_until_idle();
    EXPECT_EQ(one->take(), two->take());
    EXPECT_TRUE(three->take());
    EXPECT_EQ(kafka.count(ApiKey::metadata), before + 2);
}

TEST_F(ClusterTest, KeepsItsViewWhenTheAnswerListsNoBroker) {
    start(2);
    const auto view = refresh();
    kafka.on<protocol::MetadataRequest>(
        [](const protocol::MetadataRequest&, const Exchange& exchange, std::int32_t) {
            exchange.reply(protocol::MetadataResponse{});
        });
    EXPECT_EQ(error_of([&] { refresh(); }).condition(), errc::cannot_connect);
    EXPECT_EQ(cluster->view(), view);
}

TEST_F(ClusterTest, SaysWhyNoListedBrokerCanBeConnectedTo) {
    start(1);
    refresh();
    kafka.on<protocol::MetadataRequest>(
        [](const protocol::MetadataRequest&, const Exchange& exchange, std::int32_t) {
            protocol::MetadataResponse answer;
            answer.brokers.push_back({.node_id = 4, .host = "b4", .port = 70'000});
            exchange.reply(answer);
        });
    const Error error = error_of([&] { refresh(); });
    EXPECT_NE(error.reason().find("id 4, host 'b4', port 70000"), std::string::npos) << error.what();
}

TEST_F(ClusterTest, AnEmptyClusterOfOldIsEmpty) {
    start(2);
    kafka.on<protocol::MetadataRequest>(
        [](const protocol::MetadataRequest&, const Exchange& exchange, std::int32_t) {
            exchange.reply(protocol::MetadataResponse{});
        });
    const auto view = refresh({"clicks"});
    EXPECT_TRUE(view->brokers.empty());
    EXPECT_TRUE(view->topic_errors.empty());
    EXPECT_TRUE(view->topic_faults.contains("clicks"));
}

TEST_F(ClusterTest, FollowsLeadersAndPartitions) {
    start(3);
    refresh();
    kafka.move_leader({"clicks", 0}, 3);
    kafka.move_leader({"clicks", 1}, -1);
    kafka.add_partitions("clicks", 2);
    const auto view = refresh({"clicks"});
    EXPECT_EQ(view->find({"clicks", 0})->leader, 3);
    EXPECT_EQ(view->find({"clicks", 0})->leader_epoch, 1);
    EXPECT_EQ(view->find({"clicks", 1})->leader, -1);
    EXPECT_EQ(view->topics.at("clicks").partitions.size(), 6u);
    kafka.delete_topic("clicks");
    EXPECT_FALSE(refresh({"clicks"})->topics.contains("clicks"));
}

// ---- finding a broker

TEST_F(ClusterTest, TriesEveryBootstrapServer) {
    kafka.add_brokers(1);
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"dead1", 9092}, {"dead2", 9092}, {"b1", 9092}};
    cluster = Cluster::create(loop.runtime(), config);
    EXPECT_EQ(refresh()->brokers.size(), 1u);
}

TEST_F(ClusterTest, ABlackHoleLeavesTimeForTheNext) {
    kafka.add_brokers(1);
    kafka.network().black_hole({"hole", 9092});
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"hole", 9092}, {"b1", 9092}};
    config.request_timeout = 3s;
    cluster = Cluster::create(loop.runtime(), config);
    const TimePoint before = loop.now();
    EXPECT_EQ(refresh()->brokers.size(), 1u);
    EXPECT_LE(loop.now() - before, 1500ms);
}

TEST_F(ClusterTest, NamesAllItTriedAndWhy) {
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"dead", 9092}, {"hole", 9093}};
    config.connect_timeout = 1s;
    kafka.network().black_hole({"hole", 9093});
    cluster = Cluster::create(loop.runtime(), config);
    const Error error = error_of([&] { refresh(); });
    EXPECT_EQ(error.condition(), errc::cannot_connect);
    for (const char* part : {"Metadata", "dead:9092", "refused", "hole:9093", "time"}) {
        EXPECT_NE(error.reason().find(part), std::string::npos) << part << " in " << error.what();
    }
}

TEST_F(ClusterTest, OneServerKeepsItsOwnError) {
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"dead", 9092}};
    cluster = Cluster::create(loop.runtime(), config);
    const Error error = error_of([&] { refresh(); });
    EXPECT_EQ(error.condition(), errc::cannot_connect);
    EXPECT_EQ(error.where().target, "dead:9092");
}

TEST_F(ClusterTest, ANewBootstrapListIsUsed) {
    kafka.add_brokers(1);
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"dead", 9092}};
    cluster = Cluster::create(loop.runtime(), config);
    EXPECT_THROW(refresh(), Error);
    cluster->set_bootstrap({{"b1", 9092}});
    EXPECT_EQ(refresh()->brokers.size(), 1u);
}

TEST_F(ClusterTest, ADeadTargetIsTriedAtMostTwentyTimesASecond) {
    ClusterConfig config = kafka.config();
    config.bootstrap = {{"dead", 9092}};
    config.reconnect_backoff = 0ms;
    config.reconnect_backoff_max = 0ms;
    cluster = Cluster::create(loop.runtime(), config);
    const TimePoint end = loop.now() + 5s;
    while (loop.now() < end) EXPECT_THROW(refresh(), Error);
    EXPECT_LE(kafka.network().connects({"dead", 9092}), 101u);
    EXPECT_GE(kafka.network().connects({"dead", 9092}), 50u);
}

TEST_F(ClusterTest, ABrokerThatDropsEveryConnectionIsNotStormed) {
    start(1);
    refresh();
    kafka.on<ListOffsetsRequest>([](const ListOffsetsRequest&, const Exchange& exchange,
                                    std::int32_t) { exchange.close(); });
    const auto before = kafka.server(1).accepted();
    const TimePoint end = loop.now() + 2s;
    while (loop.now() < end) {
        EXPECT_EQ(error_of([&] { list_offsets_at(1); }).condition(), errc::connection_lost);
    }
    EXPECT_LE(kafka.server(1).accepted() - before, 42u);
}

// ---- calls

TEST_F(ClusterTest, AsksTheBrokerThatIsMeant) {
    start(3);
    answer_list_offsets();
    refresh();
    for (const int id : {1, 2, 3, 1}) EXPECT_EQ(list_offsets_at(id), id);
    EXPECT_EQ(kafka.server(1).accepted(), 1u);
    const Error error = error_of([&] { list_offsets_at(7); });
    EXPECT_EQ(error.condition(), errc::cannot_connect);
    EXPECT_NE(error.reason().find("broker 7"), std::string::npos);
}

TEST_F(ClusterTest, NeverSendsAVersionThatIsNotOffered) {
    start(1);
    answer_list_offsets();
    kafka.versions[ApiKey::list_offsets] = {1, 3};
    refresh();
    EXPECT_EQ(loop.run(cluster->version_for(1, ApiKey::list_offsets)), 3);
    EXPECT_EQ(list_offsets_at(1), 1);
    EXPECT_EQ(error_of([&] { list_offsets_at(1, {.version_min = 4}); }).condition(),
              errc::unsupported_version);
    EXPECT_EQ(error_of([&] { list_offsets_at(1, {.version_max = 0}); }).condition(),
              errc::unsupported_version);
    EXPECT_EQ(loop.run(cluster->version_for(1, ApiKey::list_offsets, {.version_max = 2})), 2);
    EXPECT_EQ(loop.run(cluster->versions(1)).at(ApiKey::list_offsets), (VersionRange{1, 3}));
    kafka.versions.erase(ApiKey::list_offsets);
    kafka.server(1).break_connections();
    loop.run_until_idle();
    const Error error = error_of([&] { list_offsets_at(1); });
    EXPECT_EQ(error.condition(), errc::unsupported_version);
    EXPECT_NE(error.reason().find("does not know"), std::string::npos) << error.what();
}

TEST_F(ClusterTest, LanesHaveConnectionsOfTheirOwn) {
    start(1);
    std::vector<Exchange> held;
    kafka.on<ListOffsetsRequest>([&held](const ListOffsetsRequest&, const Exchange& exchange,
                                         std::int32_t) { held.push_back(exchange); });
    refresh();
    auto waits = loop.start(cluster->call(1, ListOffsetsRequest{}, {.lane = 1}));
    auto passes = loop.start(cluster->call(1, ListOffsetsRequest{}, {.lane = 2}));
    loop.run_until_idle();
    ASSERT_EQ(held.size(), 2u);
    held[1].reply(ListOffsetsResponse{});
    loop.run_until_idle();
    EXPECT_TRUE(passes->done());
    EXPECT_FALSE(waits->done());
    EXPECT_EQ(kafka.server(1).accepted(), 3u);
    held[0].reply(ListOffsetsResponse{});
    loop.run_until_idle();
    EXPECT_TRUE(waits->done());
}

TEST_F(ClusterTest, ReconnectsWhenABrokerComesBack) {
    start(1);
    answer_list_offsets();
    refresh();
    kafka.stop(1);
    loop.run_until_idle();
    EXPECT_EQ(error_of([&] { list_offsets_at(1); }).condition(), errc::cannot_connect);
    kafka.start(1);
    EXPECT_EQ(list_offsets_at(1), 1);
}

TEST_F(ClusterTest, ABrokerThatMovedIsFoundAtItsNewAddress) {
    start(2);
    answer_list_offsets();
    refresh();
    EXPECT_EQ(list_offsets_at(2), 2);
    kafka.move(2, {"new-b2", 9999});
    refresh();
    EXPECT_EQ(list_offsets_at(2), 2);
    EXPECT_EQ(kafka.network().connects({"new-b2", 9999}), 1u);
}

TEST_F(ClusterTest, AnAnswerThatDoesNotDecodePoisons) {
    start(1);
    kafka.on<ListOffsetsRequest>(
        [](const ListOffsetsRequest&, const Exchange& exchange, std::int32_t) {
            std::string frame = exchange.encoded(ListOffsetsResponse{});
            frame[frame.size() - 2] = '\x7f';
            exchange.reply_bytes(frame);
        });
    refresh();
    const Error error = error_of([&] { list_offsets_at(1); });
    EXPECT_EQ(error.condition(), errc::broken_frame) << error.what();
    EXPECT_NE(error.reason().find("ListOffsetsResponse"), std::string::npos) << error.what();
    loop.run_until_idle();
    EXPECT_EQ(kafka.server(1).open_connections(), 0u);
}

TEST_F(ClusterTest, ProduceWithoutAcksDoesNotWait) {
    start(1);
    int came = 0;
    kafka.on<protocol::ProduceRequest>(
        [&came](const protocol::ProduceRequest&, const Exchange& exchange, std::int32_t) {
            ++came;
            exchange.no_reply();
        });
    refresh();
    loop.run(cluster->call(1, protocol::ProduceRequest{}, {.no_answer = true}));
    loop.run_until_idle();
    EXPECT_EQ(came, 1);
}

TEST_F(ClusterTest, ALateAnswerIsATimeout) {
    start(1);
    std::vector<Exchange> held;
    kafka.on<ListOffsetsRequest>([&held](const ListOffsetsRequest&, const Exchange& exchange,
                                         std::int32_t) { held.push_back(exchange); });
    refresh();
    const TimePoint before = loop.now();
    const Error error = error_of([&] { list_offsets_at(1, {.timeout = 2s}); });
    EXPECT_EQ(error.condition(), errc::timed_out) << error.what();
    EXPECT_EQ(loop.now(), before + 2s);
}

// ---- the controller, the coordinator

TEST_F(ClusterTest, FollowsTheController) {
    start(3);
    kafka.controller = 2;
    int acting = 2;
    std::vector<int> asked;
    kafka.on<CreateTopicsRequest>(
        [&](const CreateTopicsRequest&, const Exchange& exchange, std::int32_t broker) {
            asked.push_back(broker);
            CreateTopicsResponse answer;
            const ErrorCode code =
                broker == acting ? ErrorCode::topic_already_exists : ErrorCode::not_controller;
            answer.topics.emplace_back().error_code = code;
            exchange.reply(answer);
        });
    const auto create = [&] { return loop.run(cluster->call_controller(CreateTopicsRequest{})); };
    EXPECT_EQ(create().topics.at(0).error_code, ErrorCode::topic_already_exists);
    kafka.controller = 3;
    acting = 3;
    EXPECT_EQ(create().topics.at(0).error_code, ErrorCode::topic_already_exists);
    EXPECT_EQ(asked, (std::vector<int>{2, 2, 3}));
}

TEST_F(ClusterTest, FindsAnotherControllerWhereTheOldOneIsGone) {
    start(3);
    kafka.controller = 2;
    std::vector<int> asked;
    kafka.on<CreateTopicsRequest>(
        [&](const CreateTopicsRequest&, const Exchange& exchange, std::int32_t broker) {
            asked.push_back(broker);
            CreateTopicsResponse answer;
            answer.topics.emplace_back();
            exchange.reply(answer);
        });
    const auto create = [&] { return loop.run(cluster->call_controller(CreateTopicsRequest{})); };
    EXPECT_EQ(create().topics.size(), 1U);
    kafka.stop(2);
    loop.run_until_idle();
    kafka.controller = 3;
    EXPECT_EQ(create().topics.size(), 1U);
    EXPECT_EQ(asked, (std::vector<int>{2, 3}));
    // One that is named and never listed is nothing to ask, and one that is listed again is found.
    kafka.stop(3, false);
    loop.run_until_idle();
    EXPECT_THROW(create(), Error);
    kafka.start(3);
    EXPECT_EQ(create().topics.size(), 1U);
    EXPECT_EQ(asked, (std::vector<int>{2, 3, 3}));
}

TEST_F(ClusterTest, FindsTheCoordinatorAtAnyVersion) {
    for (const std::int16_t version : {0, 2, 3, 4, 6}) {
        VirtualLoop own_loop;
        FakeCluster old(own_loop);
        old.add_brokers(3);
        old.coordinator = 3;
        old.versions[ApiKey::find_coordinator] = {0, version};
        const auto client = old.connect();
        EXPECT_EQ(own_loop.run(client->coordinator("g")), 3) << version;
        EXPECT_EQ(own_loop.run(client->coordinator("g")), 3);
        EXPECT_EQ(old.count(ApiKey::find_coordinator), 1) << "it is remembered";
        EXPECT_GE(own_loop.run(client->version_for(3, ApiKey::offset_commit)), 0)
            << "it can be called, though Metadata was never asked for";
        old.coordinator = 2;
        client->forget_coordinator("g");
        EXPECT_EQ(own_loop.run(client->coordinator("g")), 2);
        EXPECT_EQ(old.complaints(), "");
        client->close();
    }
}

TEST_F(ClusterTest, WaitsForACoordinatorToBeThere) {
    start(1);
    int refusals = 3;
    kafka.on<protocol::FindCoordinatorRequest>([&](const protocol::FindCoordinatorRequest& request,
                                                   const Exchange& exchange, std::int32_t) {
        const ErrorCode code =
            refusals-- > 0 ? ErrorCode::coordinator_not_available : ErrorCode::none;
        protocol::FindCoordinatorResponse answer;
        answer.coordinators.push_back(
            {request.coordinator_keys.at(0), 1, "b1", 9092, code, std::nullopt});
        exchange.reply(answer);
    });
    EXPECT_EQ(loop.run(cluster->coordinator("g")), 1);
    cluster->forget_coordinator("g");
    refusals = 1'000'000;
    const Error error = error_of([&] { loop.run(cluster->coordinator("g")); });
    EXPECT_EQ(error.broker_code(), ErrorCode::coordinator_not_available);
    EXPECT_NE(error.reason().find("'g'"), std::string::npos);
}

TEST_F(ClusterTest, ABrokerOfZeroEightOneKnowsNoCoordinator) {
    start(1);
    kafka.versions = BrokerVersions::of(OldRelease::v0_8_2).all();
    kafka.on<protocol::ApiVersionsRequest>([](const protocol::ApiVersionsRequest&,
                                              const Exchange& exchange,
                                              std::int32_t) { exchange.close(); });
    kafka.on<protocol::FindCoordinatorRequest>([](const protocol::FindCoordinatorRequest&,
                                                  const Exchange& exchange,
                                                  std::int32_t) { exchange.close(); });
    EXPECT_EQ(refresh()->topics.size(), 2u);
    for (int i = 0; i < 2; ++i) {
        const Error error = error_of([&] { loop.run(cluster->coordinator("g")); });
        EXPECT_EQ(error.condition(), errc::unsupported_version) << error.what();
    }
    EXPECT_EQ(kafka.count(ApiKey::find_coordinator), 1) << "it was learned the first time";
}

// ---- the end

TEST_F(ClusterTest, CloseEndsWhatIsInFlightAndWhatComesLater) {
    start(1);
    std::vector<Exchange> held;
    kafka.on<ListOffsetsRequest>([&held](const ListOffsetsRequest&, const Exchange& exchange,
                                         std::int32_t) { held.push_back(exchange); });
    refresh();
    auto call = loop.start(cluster->call(1, ListOffsetsRequest{}));
    kafka.network().black_hole({"b1", 9092});
    auto connecting = loop.start(cluster->call(1, ListOffsetsRequest{}, {.lane = 1}));
    loop.run_until_idle();
    cluster->close();
    cluster->close();
    loop.run_until_idle();
    ASSERT_TRUE(call->done());
    EXPECT_EQ(error_of([&] { call->take(); }).condition(), errc::closed);
    ASSERT_TRUE(connecting->done());
    EXPECT_EQ(error_of([&] { connecting->take(); }).condition(), errc::closed);
    EXPECT_EQ(error_of([&] { refresh(); }).condition(), errc::closed);
    EXPECT_EQ(error_of([&] { list_offsets_at(1); }).condition(), errc::closed);
    EXPECT_EQ(kafka.server(1).open_connections(), 0u);
}

TEST_F(ClusterTest, RefusesAWrongConfiguration) {
    const auto refused = [this](auto change) {
        ClusterConfig config;
        config.bootstrap = {{"b1", 9092}};
        change(config);
        return error_of([&] { Cluster::create(loop.runtime(), config); }).reason();
    };
    EXPECT_NE(refused([](auto& c) { c.bootstrap.clear(); }).find("bootstrap.servers"),
              std::string::npos);
    EXPECT_EQ(refused([](auto& c) { c.request_timeout = 0ms; }),
              "request.timeout.ms is 0, but must be at least 1 (milliseconds)");
    EXPECT_NE(refused([](auto& c) { c.reconnect_backoff_max = 1ms; }).find("reconnect.backoff.max"),
              std::string::npos);
    EXPECT_NE(refused([](auto& c) { c.frame_bytes_max = 1; }).find("1024"), std::string::npos);
}

}  // namespace
}  // namespace kwire
