// A stream of bytes to a server, and how to open one. TCP is the one in use; TLS will be another, and tests have one in
// memory whose other end is a scripted broker.
//
// Threads: only on the runtime's strand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/net/runtime.h>

namespace kwire {

struct HostPort {
    std::string host;
    std::uint16_t port = 0;

    auto operator<=>(const HostPort&) const = default;
    std::string to_string() const;  ///< `host:port`; an IPv6 host in brackets.

    /// Reads `host:port`, `[v6]:port` or `host` (then default_port). Throws errc::invalid_config.
    static HostPort parse(std::string_view text, std::uint16_t default_port);
    /// Reads a list with commas, blanks ignored. Throws errc::invalid_config; so does an empty list.
    static std::vector<HostPort> parse_list(std::string_view text, std::uint16_t default_port);
};

class Stream {
 public:
    virtual ~Stream() = default;
    /// Reads at least one byte into buffer. Throws errc::connection_lost at the end of the stream.
    virtual Task<std::size_t> read_some(std::span<char> buffer) = 0;
    /// Writes all of data, which must live until then.
    virtual Task<void> write(std::string_view data) = 0;
    /// Makes reads and writes under way fail with errc::connection_lost. May be called again.
    virtual void close() = 0;
};

class Transport {
 public:
    virtual ~Transport() = default;
    /// Resolves target and connects, trying each of its addresses until deadline. Throws errc::cannot_resolve,
    /// cannot_connect or timed_out, naming target.
    virtual Task<std::unique_ptr<Stream>> connect(HostPort target, TimePoint deadline) = 0;
};

std::shared_ptr<Transport> tcp_transport(std::shared_ptr<Runtime> runtime);

}  // namespace kwire
