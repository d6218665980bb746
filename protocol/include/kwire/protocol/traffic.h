// Kafka's traffic in captured packets: every connection put together, every request with its
// answer.
//
// Purpose: packets in, exchanges out. Which end is the broker follows from who opened the
// connection, from the ports that were named, or, where neither helps, from who sends what can only
// be a request. Connections that are not Kafka's are left out and counted. Invariants and limits:
// those of TcpAssembler and Conversation. Threads: one object, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <kwire/protocol/conversation.h>
#include <kwire/protocol/tcp_segment.h>

namespace kwire {

struct TrafficCounts {
    std::uint64_t packets = 0;
    std::uint64_t packets_without_tcp = 0;  ///< also parts of IP packets, and link types not known
    std::uint64_t packets_to_other_ports = 0;  ///< TCP, but not to or from those that were named
    std::uint64_t cut_packets = 0;  ///< of which the capture kept less than travelled (its snap length)
    std::uint64_t connections = 0;          ///< that speak Kafka
    std::uint64_t other_connections = 0;
    std::uint64_t tls_connections = 0;  ///< among the others
    std::uint64_t frames = 0;
    std::uint64_t skipped_bytes = 0;  ///< on Kafka's connections, but in no frame
    std::uint64_t gaps = 0;           ///< on them, where packets are missing
    std::uint64_t cut_bytes = 0;      ///< of frames in which their connection ended
};

class Traffic {
 public:
    using Handler = std::function<void(const TcpEnd& client, const TcpEnd& broker, Exchange&&)>;

    /// `ports`: only connections to these are looked at; empty: all, if they look like Kafka.
    Traffic(std::vector<std::uint16_t> ports, Handler handler);
    ~Traffic();

    void packet(const CapturedPacket& packet);
    /// Nothing more comes: what still waits comes out. Call once.
    void finish();
    TrafficCounts counts() const;

 private:
    struct Connection;
    using Ends = std::pair<TcpEnd, TcpEnd>;  // the smaller one first

    bool wanted(const TcpEnd& end) const;
    bool decide(Connection& connection, const TcpSegment& segment) const;
    void open(Connection& connection, const TcpEnd& client, const TcpEnd& broker, bool from_start,
              bool in_doubt);
    void close(Connection& connection);
    void deliver(Connection& connection, const TcpSegment& segment);
    void deliver_now(Connection& connection, const TcpSegment& segment);
    bool hold(Connection& connection, const TcpSegment& segment);
    void drop_held(Connection& connection);
    void deliver_with_held(Connection& connection, const TcpSegment& segment);

    SegmentReader segments_;
    std::vector<std::uint16_t> ports_;
    Handler handler_;
    std::map<Ends, std::unique_ptr<Connection>> connections_;
    std::size_t held_bytes_ = 0;  // of all connections
    TrafficCounts counts_;
};

}  // namespace kwire
