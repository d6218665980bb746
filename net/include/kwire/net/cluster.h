// A Kafka cluster as one client sees it: its brokers, who leads what, and a connection to each broker in use.
//
// Purpose: send a request to the broker that is responsible for it, at a version that both sides speak, and get the
// decoded answer or an Error.
// Invariants: never sends a version the broker did not offer. A view is replaced whole, never changed, and an answer of
// Metadata that is worse than nothing (no brokers) does not replace one. A dead broker is tried with backoff and jitter.
// Threads: create, view and config from any thread; coroutines on the runtime's strand.
// Lifetimes: held by shared_ptr; close() ends all its connections and makes what is in flight fail with errc::closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>
#include <kwire/net/transport.h>
#include <kwire/protocol/api_key.h>
#include <kwire/protocol/topic_partition.h>
#include <kwire/protocol/uuid.h>

namespace kwire {

struct BrokerEndpoint {
    std::int32_t id = -1;
    HostPort address;
    std::optional<std::string> rack;

    bool operator==(const BrokerEndpoint&) const = default;
};

struct PartitionView {
    std::int32_t leader = -1;        ///< -1: none at the moment.
    std::int32_t leader_epoch = -1;  ///< -1: the broker is too old to say.
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
};

struct TopicView {
    Uuid id;  ///< All zero: the broker is too old to have topic ids.
    bool internal = false;
    std::map<std::int32_t, PartitionView> partitions;
};

/// What one Metadata answer, or several put together, said.
struct ClusterView {
    std::string cluster_id;
    std::int32_t controller = -1;
    std::map<std::int32_t, BrokerEndpoint> brokers;
    std::map<std::string, TopicView> topics;

    /// The partition's view, or null if it, or its topic, is not known.
    const PartitionView* find(const TopicPartition& tp) const;
};

struct ClusterConfig {
    std::vector<HostPort> bootstrap;                         ///< bootstrap.servers; at least one.
    std::string client_id = "kwire";                         ///< client.id
    std::chrono::milliseconds connect_timeout{10'000};       ///< socket.connection.setup.timeout.ms
    std::chrono::milliseconds request_timeout{30'000};       ///< request.timeout.ms
    std::chrono::milliseconds reconnect_backoff{50};         ///< reconnect.backoff.ms
    std::chrono::milliseconds reconnect_backoff_max{1'000};  ///< reconnect.backoff.max.ms
    std::chrono::milliseconds metadata_max_age{300'000};     ///< metadata.max.age.ms
    std::int32_t frame_bytes_max = 512 * 1024 * 1024;  ///< A larger response poisons its connection.
    std::shared_ptr<Transport> transport;              ///< Null: TCP.
};

class Cluster : public std::enable_shared_from_this<Cluster> {
 public:
    /// Throws errc::invalid_config.
    static std::shared_ptr<Cluster> create(std::shared_ptr<Runtime> runtime, ClusterConfig config);
    ~Cluster();

    const std::shared_ptr<Runtime>& runtime() const;
    const ClusterConfig& config() const;

    /// The newest view; never null, empty before the first refresh.
    std::shared_ptr<const ClusterView> view() const;

    /// Asks for Metadata of topics (none: of all topics) and returns the view that results. Concurrent calls share one
    /// request where they can. Throws if no broker answers within the request timeout. A topic that does not exist is
    /// absent from the view; topics are never created by asking.
    Task<std::shared_ptr<const ClusterView>> refresh(std::vector<std::string> topics);

    /// Replaces the bootstrap list, for example with what ZooKeeper lists now.
    void set_bootstrap(std::vector<HostPort> bootstrap);

    struct CallOptions {
        std::optional<std::chrono::milliseconds> timeout = {};  ///< Default: request_timeout.
        std::int16_t version_min = 0;                           ///< Refuse to go lower.
        std::int16_t version_max = INT16_MAX;  ///< Do not go higher, whatever the broker offers.
        std::int8_t lane = 0;  ///< Calls of different lanes have connections of their own: one waits, the others pass.
    };

    /// Sends request to the broker of that id and returns its answer. The highest version that both know is used.
    /// Throws errc::unsupported_version, message_not_encodable, timed_out, connection_lost, cannot_connect,
    /// broken_frame, closed. Error codes inside the answer are the caller's to look at.
    template <class Request>
    Task<typename Request::Response> call(std::int32_t broker, Request request,
                                          CallOptions options);

    /// The same, to any broker that can be reached: known ones first, then the bootstrap list.
    template <class Request>
    Task<typename Request::Response> call_any(Request request, CallOptions options);

    /// The same, to the controller (KIP-4: create and delete topics), followed when it moves.
    template <class Request>
    Task<typename Request::Response> call_controller(Request request, CallOptions options);

    /// The broker that coordinates group: asked for (FindCoordinator), then remembered until forget_coordinator.
    Task<std::int32_t> coordinator(std::string group);
    void forget_coordinator(const std::string& group);

    /// The version that call() would use at this broker, to shape a request by; connects if need be.
    Task<std::int16_t> version_for(std::int32_t broker, ApiKey api, CallOptions options);

    void close();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    Cluster();
};

}  // namespace kwire
