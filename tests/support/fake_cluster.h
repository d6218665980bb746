// A Kafka cluster in memory, answered by functions: no script, so the code under test may ask in
// any order.
//
//     VirtualLoop loop;
//     FakeCluster kafka(loop);
//     kafka.add_brokers(3);                                     // ids 1 to 3, b1:9092 to b3:9092
//     kafka.create_topic("clicks", 6);                          // leaders go round
//     auto cluster = kafka.connect();                           // a Cluster whose bootstrap list is all brokers
//     kafka.on<protocol::FetchRequest>([&](const protocol::FetchRequest& request, const Exchange& exchange, int broker) {
//         exchange.reply(answer_to(request));                   // or keep a copy of exchange, and reply later
//     });
//     kafka.move_leader({"clicks", 0}, 2);
//     kafka.stop(1);                                            // refuses and breaks connections
//
// ApiVersions, Metadata and FindCoordinator are answered from what the cluster holds (on<> replaces
// that too); anything else needs a handler, and is a complaint without one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/memory_transport.h>

#include "frame_server.h"

namespace kwire::test {

class FakeCluster {
 public:
    explicit FakeCluster(VirtualLoop& loop);
    ~FakeCluster();

    VirtualLoop& loop() { return loop_; }
    MemoryNetwork& network() { return *network_; }
    std::shared_ptr<Transport> transport() { return network_; }

    /// A configuration that leads to this cluster: every broker is in the bootstrap list.
    ClusterConfig config() const;
    std::shared_ptr<Cluster> connect();

    void add_broker(std::int32_t id, HostPort address);
    void add_brokers(int count);
    /// Stops listening and breaks the connections; Metadata goes on listing the broker if it is
    /// still_listed.
    void stop(std::int32_t broker, bool still_listed = true);
    void start(std::int32_t broker);
    /// The broker comes back at another address.
    void move(std::int32_t broker, HostPort address);
    FrameServer& server(std::int32_t broker);

    void create_topic(const std::string& name, int partitions);
    void delete_topic(const std::string& name);
    void add_partitions(const std::string& name, int partitions);
    /// Leader -1: none. Raises the leader epoch.
    void move_leader(const TopicPartition& tp, std::int32_t broker);
    std::int32_t leader(const TopicPartition& tp) const;
    std::int32_t leader_epoch(const TopicPartition& tp) const;
    /// All brokers that there were when the partition was made, unless set.
    void set_replicas(const TopicPartition& tp, std::vector<std::int32_t> brokers);
    bool has_topic(const std::string& name) const { return topics_.count(name) > 0; }

    /// What every broker offers from now on, per API; connections that exist keep what they were
    /// told. One that offers only Metadata 0 is of 0.8 or 0.9, and answers other versions in its layout.
    std::map<ApiKey, VersionRange> versions;
    std::int32_t coordinator = -1;  ///< -1: the first broker.
    std::int32_t controller = -1;   ///< -1: the first broker.
    std::string cluster_id = "fake";

    /// Handles requests of this kind at all brokers; broker is the one that was asked.
    template <class Request>
    void on(
        std::function<void(const Request& request, const Exchange& exchange, std::int32_t broker)>
            handler) {
        handlers_[Request::api_key] = [handler = std::move(handler)](const Exchange& exchange,
                                                                     std::int32_t broker) {
            handler(exchange.request<Request>(), exchange, broker);
        };
    }

    /// Sees every request before it is handled.
    std::function<void(const Exchange& exchange, std::int32_t broker)> on_any;
    /// The name of the topic with that id, "" if there is none.
    std::string topic_of(const Uuid& id) const;
    Uuid id_of(const std::string& topic) const { return topics_.at(topic).id; }

    /// How many requests of that API came, at all brokers.
    int count(ApiKey api) const;
    /// How many requests of all APIs came.
    std::size_t exchanges() const { return exchanges_; }
    /// The request of that number, counted from 0 over all brokers, is handled and its answer fails.
    void fail_at(std::size_t exchange, Fault fault) { fault_ = {exchange, fault}; }
    const std::string& complaints() const { return complaints_; }

 private:
    struct BrokerState {
        HostPort address;
        bool listed = true;
        std::unique_ptr<FrameServer> server;
    };
    struct PartitionState {
        std::int32_t leader = -1;
        std::int32_t leader_epoch = 0;
        std::vector<std::int32_t> replicas;
    };
    struct TopicState {
        Uuid id;
        std::vector<PartitionState> partitions;
    };

    void serve(std::int32_t broker);
    void handle(const Exchange& exchange, std::int32_t broker);
    void answer_versions(const Exchange& exchange) const;
    void answer_metadata(const Exchange& exchange) const;
    void answer_coordinator(const Exchange& exchange) const;
    std::int32_t first_broker() const;

    VirtualLoop& loop_;
    std::shared_ptr<MemoryNetwork> network_;
    std::map<std::int32_t, BrokerState> brokers_;
    std::map<std::string, TopicState> topics_;
    std::map<ApiKey, std::function<void(const Exchange&, std::int32_t)>> handlers_;
    std::map<ApiKey, int> counts_;
    std::size_t exchanges_ = 0;
    std::optional<std::pair<std::size_t, Fault>> fault_;
    std::string complaints_;
    std::uint8_t next_topic_id_ = 1;
};

/// Plays conversation once without a fault, then once for every exchange and every fault. It sets
/// everything up anew, calls arm on its cluster before the first request, checks what must hold with
/// and without a fault, and returns the number of exchanges. Returns how often it was played.
using ArmCluster = std::function<void(FakeCluster& kafka)>;
std::size_t replay_failing_exchanges(const std::function<std::size_t(const ArmCluster& arm)>& conversation);

}  // namespace kwire::test
