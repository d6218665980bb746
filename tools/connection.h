// How a subcommand reaches brokers and ZooKeeper: the options for it, and the connections
// themselves.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kwire/group/properties.h>
#include <kwire/net/cluster.h>
#include <kwire/zk/registry.h>

#include "command_line.h"

namespace kwire::tools {

struct ConnectionOptions {
    std::string bootstrap;
    std::string zookeeper;
    std::vector<std::string> properties;  ///< `key=value` each, in order; -X
};

Option add_bootstrap(Command command, ConnectionOptions& options, const std::string& help);
Option add_zookeeper(Command command, ConnectionOptions& options);
void add_properties(Command command, ConnectionOptions& options);

/// Applies -X and then what has an option of its own. Throws UsageError, errc::invalid_config.
ClientConfig client_config(const ConnectionOptions& options, PropertyScopes scopes);

/// What the subcommands that look at things, and change them, can be told by -X.
inline constexpr PropertyScopes scopes_of_tools = PropertyScope::cluster | PropertyScope::group;

/// Throws UsageError unless one of the two is given.
void require_bootstrap_or_zookeeper(const ConnectionOptions& options);

/// Connections that are opened when they are first asked for, and closed with this object. For one
/// thread.
class Connections {
 public:
    explicit Connections(ClientConfig config);
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    bool has_zookeeper() const { return !config_.group.zookeeper.connect.empty(); }
    bool has_bootstrap() const { return !config_.group.bootstrap.empty(); }

    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    zk::Registry& registry();
    /// By the bootstrap servers, or where there are none by the brokers that ZooKeeper lists.
    const std::shared_ptr<Cluster>& cluster();

    template <class T>
    T wait(Task<T> task) {
        return runtime_->block_on(std::move(task));
    }

 private:
    [[noreturn]] void throw_no_broker();

    ClientConfig config_;
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<zk::Session> session_;
    std::unique_ptr<zk::Registry> registry_;
    std::shared_ptr<Cluster> cluster_;
};

}  // namespace kwire::tools
