// What a captured packet carries of a TCP connection.
//
// Purpose: look through the layers below TCP. Links: Ethernet, Linux's "cooked" captures (SLL and SLL2),
// loopback, PPP, PPPoE, Cisco's HDLC, bare IP. Between them and IP: VLAN tags, MPLS, LLC/SNAP. IPv4, and
// IPv6 with its extension headers, also in each other, in GRE, VXLAN and Geneve. IP packets that were cut
// into fragments are put together by SegmentReader, within bounds (ip_fragments.h). Input never makes it
// throw or read outside the packet. Lifetimes: the payload views the packet, or the reader. Threads: the
// function keeps no state; a reader is for one thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/capture_file.h>

namespace kwire {

/// One end of a connection.
struct TcpEnd {
    std::array<std::uint8_t, 16> address{};  ///< of IPv4 the first four
    bool v6 = false;
    std::uint16_t port = 0;

    auto operator<=>(const TcpEnd&) const = default;
    /// `10.0.0.1:9092`, `[fe80::1]:9092`.
    std::string to_string() const;
};

struct TcpSegment {
    std::chrono::nanoseconds time{};
    TcpEnd from;
    TcpEnd to;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    bool syn = false;
    bool fin = false;
    bool rst = false;
    bool ack = false;
    std::string_view payload;
    /// How many bytes of payload travelled; more than payload has where the capture cut it.
    std::size_t payload_bytes = 0;
};

/// Nothing where the packet is no TCP, a fragment of an IP packet, or cut before the payload.
std::optional<TcpSegment> tcp_segment(const CapturedPacket& packet);

class IpFragments;

/// The same for the packets of a capture one after the other, also for those that came in fragments: the
/// fragment that was missing last gives the segment. Its payload is valid until the next call.
class SegmentReader {
 public:
    SegmentReader();
    ~SegmentReader();
    std::optional<TcpSegment> read(const CapturedPacket& packet);

 private:
    std::unique_ptr<IpFragments> fragments_;
};

}  // namespace kwire
