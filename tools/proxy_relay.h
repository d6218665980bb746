// What `kwire proxy` does on the network: a listener for each broker, a connection to the broker
// for each that a client makes.
//
// Frames pass as they come, without being decoded, but for answers that name brokers (there the
// addresses become those of the proxy's listeners) and for what rules are about. A listener is
// opened when an answer first names its broker, so all traffic stays in the proxy. Threads:
// everything runs on the thread of run(), the functions of ProxyConfig too.
// What is shown and kept is what the client saw: its requests as it sent them, and the answers as
// it was given them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/net/transport.h>
#include <kwire/protocol/conversation.h>

#include "proxy_rules.h"

namespace kwire::tools {

struct ProxyConfig {
    HostPort listen;        ///< of the bootstrap servers; other brokers get the ports that follow
    std::string advertise;  ///< the host that clients are told; empty: that of listen
    std::vector<HostPort> bootstrap;
    std::vector<ProxyRule> rules;

    /// Every exchange; empty: connections are not looked into.
    std::function<void(const std::string& client, const std::string& broker, const Exchange&)> show;
    /// Bytes for a capture file; empty: none is made.
    std::function<void(std::string_view)> keep;
    /// Called five times a second.
    std::function<void()> tick;
    /// Sentences for the person.
    std::function<void(const std::string&)> tell;
};

class Proxy {
 public:
    /// Opens the first listener. Throws errc::cannot_connect if it cannot.
    explicit Proxy(ProxyConfig config);
    ~Proxy();

    /// Passes on what comes until stop(), which may be called on any thread.
    void run();
    void stop();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kwire::tools
