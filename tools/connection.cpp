#include "connection.h"

#include <kwire/net/error.h>

#include "report.h"

namespace kwire::tools {
namespace {

Task<void> close_cluster(std::shared_ptr<Cluster> cluster) {
    cluster->close();
    co_return;
}

std::vector<HostPort> addresses(const std::vector<BrokerEndpoint>& brokers) {
    std::vector<HostPort> all;
    for (const BrokerEndpoint& broker : brokers) all.push_back(broker.address);
    return all;
}

}  // namespace

Option add_bootstrap(Command command, ConnectionOptions& options, const std::string& help) {
    return command.option("-b,--bootstrap", options.bootstrap, "HOST:PORT,...", help);
}

Option add_zookeeper(Command command, ConnectionOptions& options) {
    return command.option("-z,--zookeeper", options.zookeeper, "HOST:PORT,...[/CHROOT]",
                          "ZooKeeper servers, and the node below which Kafka keeps everything");
}

void add_properties(Command command, ConnectionOptions& options) {
    command.option("-X", options.properties, "KEY=VALUE",
                   "a property by Kafka's own name; `kwire config` lists them");
}

ClientConfig client_config(const ConnectionOptions& options, PropertyScopes scopes) {
    ClientConfig config;
    for (const std::string& property : options.properties) {
        const auto equals = property.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw UsageError("-X " + property + ": give key=value, such as -X client.id=me");
        }
        set_property(config, scopes, property.substr(0, equals), property.substr(equals + 1));
    }
    if (!options.bootstrap.empty()) {
        set_property(config, PropertyScope::cluster, "bootstrap.servers", options.bootstrap);
    }
    if (!options.zookeeper.empty()) config.group.zookeeper.connect = options.zookeeper;
    validate_properties(config, scopes);
    config.group.cluster.bootstrap = config.group.bootstrap;
    config.group.cluster.client_id = config.group.client_id;
    return config;
}

void require_bootstrap_or_zookeeper(const ConnectionOptions& options) {
    if (options.bootstrap.empty() && options.zookeeper.empty()) {
        throw UsageError("one of --bootstrap and --zookeeper is required");
    }
}

Connections::Connections(ClientConfig config)
    : config_(std::move(config)), runtime_(Runtime::with_own_thread()) {}

Connections::~Connections() {
    try {
        if (cluster_) wait(close_cluster(cluster_));
        registry_.reset();
        if (session_) wait(session_->close());
    } catch (const std::exception& error) {
        report(std::string("closing: ") + error.what());
    }
}

zk::Registry& Connections::registry() {
    if (!registry_) {
        zk::SessionConfig config;
        config.hosts = config_.group.zookeeper.connect;
        config.timeout = config_.group.zookeeper.session_timeout;
        config.connect_timeout = config_.group.zookeeper.connection_timeout;
        config.create_chroot = false;  // whoever looks at one, or changes what is in it, expects it to be there
        config.acl = config_.group.zookeeper.acl;
        config.auth = config_.group.zookeeper.auth;
        session_ = wait(zk::open_session(runtime_, std::move(config)));
        registry_ = std::make_unique<zk::Registry>(session_);
    }
    return *registry_;
}

void Connections::throw_no_broker() {
    const auto ids = wait(registry().session()->children("/brokers/ids"));
    if (ids.ok() && !ids.value.names.empty()) {
        std::string why;
        for (const auto& warning : registry().take_warnings()) why += "; " + warning.path + " " + warning.what;
        throw Error(errc::cannot_connect, "no broker that is registered in ZooKeeper can be used: kwire speaks PLAINTEXT "
                                          "only, neither TLS nor SASL" + why);
    }
    throw Error(errc::cannot_connect, "no broker is registered in ZooKeeper at " + config_.group.zookeeper.connect +
                                          "; is the chroot right? Kafka 4 needs --bootstrap");
}

const std::shared_ptr<Cluster>& Connections::cluster() {
    if (!cluster_) {
        ClusterConfig config = config_.group.cluster;
        if (config.bootstrap.empty()) {
            config.bootstrap = addresses(wait(registry().brokers()));
            if (config.bootstrap.empty()) throw_no_broker();
        }
        cluster_ = Cluster::create(runtime_, std::move(config));
    }
    return cluster_;
}

}  // namespace kwire::tools
