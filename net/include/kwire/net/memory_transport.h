// A network in memory: servers in the same process, on the same strand, that a client reaches as it
// would over TCP.
//
// Purpose: tests, and programs that bring their own broker. What a network can do to a connection
// (cut it in the middle, hand out a byte at a time, refuse, keep silent) can be asked for here,
// exactly. Threads: only on the runtime's strand, or while the runtime does not run. Lifetimes:
// streams may outlive the network.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <kwire/net/transport.h>

namespace kwire {

class MemoryNetwork final : public Transport {
 public:
    /// Gets the server's end of every new connection.
    using Acceptor = std::function<void(std::unique_ptr<Stream> stream)>;

    struct Faults {
        /// A read returns at most this many bytes.
        std::size_t read_bytes_max = SIZE_MAX;
        /// The connection breaks after this many bytes have reached the client.
        std::optional<std::size_t> cut_after_bytes = {};
    };

    explicit MemoryNetwork(std::shared_ptr<Runtime> runtime);

    /// Serves address from now on; replaces who did before.
    void listen(HostPort address, Acceptor acceptor);
    /// Connecting to address is refused from now on. Connections that exist go on.
    void unlisten(const HostPort& address);
    /// Connecting to address never ends, as behind a firewall that drops packets.
    void black_hole(HostPort address);
    /// How connections that are made from now on misbehave.
    void set_faults(Faults faults) { faults_ = faults; }

    /// How often connect was called for address.
    std::size_t connects(const HostPort& address) const;

    Task<std::unique_ptr<Stream>> connect(HostPort target, TimePoint deadline) override;

 private:
    std::shared_ptr<Runtime> runtime_;
    std::map<HostPort, Acceptor> acceptors_;  // an empty one is a black hole
    std::map<HostPort, std::size_t> connects_;
    Faults faults_;
};

}  // namespace kwire
