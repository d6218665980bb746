// The layers of a captured packet, down to TCP.
#pragma once

#include <optional>

#include <kwire/protocol/tcp_segment.h>

#include "ip_fragments.h"

namespace kwire {

class PacketLayers {
 public:
    /// `fragments`: null to leave out packets that were cut into some.
    PacketLayers(IpFragments* fragments, std::chrono::nanoseconds time) : fragments_(fragments), time_(time) {}

    /// TCP in what a link of this type carries (the number that files of captures give it).
    std::optional<TcpSegment> in_link(std::uint32_t link_type, Captured packet);

 private:
    struct Ends {
        TcpEnd from;
        TcpEnd to;
    };
    using Found = std::optional<TcpSegment>;

    Found in_ethernet(Captured packet);
    Found in_hdlc(Captured packet);
    Found in_ppp(Captured packet);
    Found in_pppoe(Captured packet);
    Found in_mpls(Captured packet);
    /// By the number that Ethernet gives to what follows.
    Found in_ethertype(std::uint16_t type, Captured packet);
    Found in_ip(Captured packet);
    Found in_ipv4(Captured packet);
    Found in_ipv6(Captured packet);
    Found in_fragment(std::size_t at, bool is_last, const IpFragments::Key& key, const Ends& ends, Captured packet);
    /// By the number that IP gives to what follows.
    Found in_protocol(std::uint8_t protocol, const Ends& ends, Captured packet);
    Found in_gre(Captured packet);
    Found in_udp(Captured packet);
    Found in_tcp(const Ends& ends, Captured packet) const;

    IpFragments* fragments_;
    std::chrono::nanoseconds time_;
    unsigned depth_ = 0;
};

}  // namespace kwire
