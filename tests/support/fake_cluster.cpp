#include "fake_cluster.h"

#include <algorithm>
#include <utility>

#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>

#include "scripted_broker.h"

namespace kwire::test {

FakeCluster::FakeCluster(VirtualLoop& loop)
    : loop_(loop), network_(std::make_shared<MemoryNetwork>(loop.runtime())) {
    for (const auto* schema : protocol::all_messages()) {
        if (schema->api_key) versions[*schema->api_key] = schema->versions;
    }
    versions[ApiKey::api_versions] = {0, 3};
}

FakeCluster::~FakeCluster() = default;

ClusterConfig FakeCluster::config() const {
    ClusterConfig config;
    for (const auto& [id, broker] : brokers_) config.bootstrap.push_back(broker.address);
    config.transport = network_;
    config.jitter_seed = 1;
    return config;
}

std::shared_ptr<Cluster> FakeCluster::connect() {
    return Cluster::create(loop_.runtime(), config());
}

// ---- brokers

void FakeCluster::add_broker(std::int32_t id, HostPort address) {
    brokers_[id].address = std::move(address);
    serve(id);
}

void FakeCluster::add_brokers(int count) {
    for (int i = 0; i < count; ++i) {
        const auto id = static_cast<std::int32_t>(brokers_.size()) + 1;
        add_broker(id, {'b' + std::to_string(id), 9092});
    }
}

void FakeCluster::serve(std::int32_t id) {
    auto& broker = brokers_.at(id);
    broker.server = std::make_unique<FrameServer>(
        loop_, *network_, broker.address,
        [this, id](const Exchange& exchange) { handle(exchange, id); });
}

void FakeCluster::stop(std::int32_t id, bool still_listed) {
    auto& broker = brokers_.at(id);
    broker.server->stop_listening();
    broker.server->break_connections();
    broker.listed = still_listed;
}

void FakeCluster::start(std::int32_t id) {
    brokers_.at(id).listed = true;
    brokers_.at(id).server->listen();
}

void FakeCluster::move(std::int32_t id, HostPort address) {
    stop(id);
    brokers_.at(id).address = std::move(address);
    serve(id);
}

FrameServer& FakeCluster::server(std::int32_t id) {
    return *brokers_.at(id).server;
}

std::int32_t FakeCluster::first_broker() const {
    return brokers_.empty() ? -1 : brokers_.begin()->first;
}

// ---- topics

void FakeCluster::create_topic(const std::string& name, int partitions) {
    topics_[name] = {};
    topics_[name].id.bytes[15] = next_topic_id_++;
    add_partitions(name, partitions);
}

void FakeCluster::delete_topic(const std::string& name) {
    topics_.erase(name);
}

void FakeCluster::add_partitions(const std::string& name, int partitions) {
    auto& topic = topics_.at(name);
    for (int i = 0; i < partitions; ++i) {
        const auto number = topic.partitions.size() % std::max<std::size_t>(1, brokers_.size());
        const auto leader = std::next(brokers_.begin(), static_cast<std::ptrdiff_t>(number));
        topic.partitions.push_back({leader->first, 0, {}});
        for (const auto& [id, broker] : brokers_) topic.partitions.back().replicas.push_back(id);
    }
}

void FakeCluster::move_leader(const TopicPartition& tp, std::int32_t broker) {
    auto& partition = topics_.at(tp.topic).partitions.at(static_cast<std::size_t>(tp.partition));
    partition.leader = broker;
    ++partition.leader_epoch;
}

std::int32_t FakeCluster::leader(const TopicPartition& tp) const {
    return topics_.at(tp.topic).partitions.at(static_cast<std::size_t>(tp.partition)).leader;
}

std::string FakeCluster::topic_of(const Uuid& id) const {
    const auto found = std::find_if(topics_.begin(), topics_.end(), [&](const auto& topic) { return topic.second.id == id; });
    return found == topics_.end() ? std::string() : found->first;
}

std::int32_t FakeCluster::leader_epoch(const TopicPartition& tp) const {
    return topics_.at(tp.topic).partitions.at(static_cast<std::size_t>(tp.partition)).leader_epoch;
}

void FakeCluster::set_replicas(const TopicPartition& tp, std::vector<std::int32_t> brokers) {
    topics_.at(tp.topic).partitions.at(static_cast<std::size_t>(tp.partition)).replicas = std::move(brokers);
}

// ---- answers

int FakeCluster::count(ApiKey api) const {
    const auto found = counts_.find(api);
    return found == counts_.end() ? 0 : found->second;
}

void FakeCluster::handle(const Exchange& exchange, std::int32_t broker) {
    const ApiKey api = exchange.api();
    ++counts_[api];
    if (fault_ && fault_->first == exchanges_) exchange.fail_with(fault_->second);
    ++exchanges_;
    if (on_any) on_any(exchange, broker);
    const auto offered = versions.find(api);
    // ApiVersions is answered whatever version was asked, as real brokers do; and so is Metadata by those of 0.8 and 0.9,
    // which alone speak nothing but version 0 of it.
    const bool old = api == ApiKey::metadata && offered != versions.end() && offered->second == VersionRange{0, 0};
    if (api != ApiKey::api_versions && !old &&
        (offered == versions.end() || !offered->second.contains(exchange.version()))) {
        complaints_ += to_string(api) + " v" + std::to_string(exchange.version()) +
                       " came, which was not offered\n";
        return exchange.close();
    }
    if (const auto handler = handlers_.find(api); handler != handlers_.end()) {
        return handler->second(exchange, broker);
    }
    switch (api) {
        case ApiKey::api_versions:
            return answer_versions(exchange);
        case ApiKey::metadata:
            return answer_metadata(exchange);
        case ApiKey::find_coordinator:
            return answer_coordinator(exchange);
        default:
            complaints_ += "there is no handler for " + to_string(api) + '\n';
            exchange.close();
    }
}

void FakeCluster::answer_versions(const Exchange& exchange) const {
    protocol::ApiVersionsResponse answer = offering(versions);
    if (versions.at(ApiKey::api_versions).contains(exchange.version())) {
        return exchange.reply(answer);
    }
    // The answer of version 0 to any version: correlation id, error, the versions that there are.
    answer.error_code = ErrorCode::unsupported_version;
    exchange.reply_in(answer, 0);
}

void FakeCluster::answer_metadata(const Exchange& exchange) const {
    const auto request = exchange.request<protocol::MetadataRequest>();
    protocol::MetadataResponse answer;
    answer.cluster_id = cluster_id;
    answer.controller_id = controller < 0 ? first_broker() : controller;
    for (const auto& [id, broker] : brokers_) {
        if (!broker.listed) continue;
        answer.brokers.push_back({id, broker.address.host, broker.address.port, std::nullopt});
    }
    const auto add = [&](const std::string& name) {
        protocol::MetadataResponse::Topic topic;
        topic.name = name;
        const auto found = topics_.find(name);
        if (found == topics_.end()) {
            topic.error_code = ErrorCode::unknown_topic_or_partition;
            answer.topics.push_back(std::move(topic));
            return;
        }
        topic.topic_id = found->second.id;
        for (const auto& state : found->second.partitions) {
            protocol::MetadataResponse::Partition partition;
            partition.partition_index = static_cast<std::int32_t>(topic.partitions.size());
            partition.leader_id = state.leader;
            partition.leader_epoch = state.leader_epoch;
            partition.replica_nodes = partition.isr_nodes = state.replicas;
            if (state.leader < 0) partition.error_code = ErrorCode::leader_not_available;
            topic.partitions.push_back(std::move(partition));
        }
        answer.topics.push_back(std::move(topic));
    };
    const bool old = versions.at(ApiKey::metadata) == VersionRange{0, 0};
    const bool all = !request.topics || (old && request.topics->empty());
    if (all) {
        for (const auto& [name, topic] : topics_) add(name);
    } else {
        for (const auto& topic : *request.topics) add(topic.name.value_or(""));
    }
    if (old) return exchange.reply_in(answer, 0);
    exchange.reply(answer);
}

void FakeCluster::answer_coordinator(const Exchange& exchange) const {
    const auto request = exchange.request<protocol::FindCoordinatorRequest>();
    const std::int32_t id = coordinator < 0 ? first_broker() : coordinator;
    const HostPort& address = brokers_.at(id).address;
    protocol::FindCoordinatorResponse answer;
    if (exchange.version() < 4) {
        answer.node_id = id;
        answer.host = address.host;
        answer.port = address.port;
    } else {
        for (const auto& key : request.coordinator_keys) {
            answer.coordinators.push_back(
                {key, id, address.host, address.port, ErrorCode::none, std::nullopt});
        }
    }
    exchange.reply(answer);
}

std::size_t replay_failing_exchanges(const std::function<std::size_t(const ArmCluster& arm)>& conversation) {
    const std::size_t exchanges = conversation([](FakeCluster&) {});
    return 1 + play_every_fault(exchanges, [&](std::size_t exchange, Fault fault) {
        conversation([&](FakeCluster& kafka) { kafka.fail_at(exchange, fault); });
    });
}

}  // namespace kwire::test
