#include "packet_layers.h"

#include <algorithm>
#include <cstring>

#include "../big_endian.h"

namespace kwire {
namespace {

using protocol::load_big_endian;

// No network wraps packets so often; made-up ones would go on for as long as their bytes last.
constexpr unsigned depth_max = 32;

namespace ethertype {
constexpr std::uint16_t llc_max = 1500;  // up to here it is a length (IEEE 802.3)
constexpr std::uint16_t ipv4 = 0x0800;
constexpr std::uint16_t ethernet = 0x6558;  // transparent bridging, in GRE and Geneve
constexpr std::uint16_t vlan = 0x8100;
constexpr std::uint16_t ipv6 = 0x86dd;
constexpr std::uint16_t ppp = 0x880b;
constexpr std::uint16_t mpls = 0x8847;
constexpr std::uint16_t mpls_multicast = 0x8848;
constexpr std::uint16_t pppoe = 0x8864;
constexpr std::uint16_t provider_vlan = 0x88a8;
constexpr std::uint16_t old_vlan = 0x9100;
constexpr std::uint16_t older_vlan = 0x9200;
}  // namespace ethertype

namespace ip_protocol {
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t ipv4 = 4;
constexpr std::uint8_t tcp = 6;
constexpr std::uint8_t udp = 17;
constexpr std::uint8_t ipv6 = 41;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t gre = 47;
constexpr std::uint8_t authentication = 51;
constexpr std::uint8_t options = 60;
constexpr std::uint8_t mpls = 137;
}  // namespace ip_protocol

std::uint8_t byte(const Captured& packet, std::size_t at) {
    return static_cast<std::uint8_t>(packet.data[at]);
}
std::uint16_t word(const Captured& packet, std::size_t at) {
    return load_big_endian<std::uint16_t>(packet.data.data() + at);
}
bool has(const Captured& packet, std::size_t size) {
    return packet.data.size() >= size;
}

bool is_extension(std::uint8_t next) {
    return next == ip_protocol::hop_by_hop || next == ip_protocol::routing || next == ip_protocol::fragment ||
           next == ip_protocol::authentication || next == ip_protocol::options;
}

}  // namespace

std::optional<TcpSegment> PacketLayers::in_link(std::uint32_t link_type, Captured packet) {
    switch (link_type) {
        case 1:
            return in_ethernet(packet);
        case 0:    // BSD loopback, family in the byte order of whoever captured
        case 108:  // OpenBSD loopback
            return packet.skip(4) ? in_ip(packet) : std::nullopt;
        case 9:
            return in_ppp(packet);
        case 12:
        case 14:
        case 101:
        case 228:
        case 229:
            return in_ip(packet);
        case 50:
        case 104:
            return in_hdlc(packet);
        case 51:
            return in_pppoe(packet);
        case 204:  // PPP behind a byte with the direction
            return packet.skip(1) ? in_ppp(packet) : std::nullopt;
        case 113: {
            if (!has(packet, 16)) return std::nullopt;
            const std::uint16_t type = word(packet, 14);
            packet.skip(16);
            return in_ethertype(type, packet);
        }
        case 276: {
            if (!has(packet, 20)) return std::nullopt;
            const std::uint16_t type = word(packet, 0);
            packet.skip(20);
            return in_ethertype(type, packet);
        }
        default:
            return std::nullopt;
    }
}

PacketLayers::Found PacketLayers::in_ethernet(Captured packet) {
    if (!has(packet, 14)) return std::nullopt;
    const std::uint16_t type = word(packet, 12);
    packet.skip(14);
    return in_ethertype(type, packet);
}

/// PPP in frames like HDLC's (RFC 1662), or Cisco's HDLC.
PacketLayers::Found PacketLayers::in_hdlc(Captured packet) {
    if (!has(packet, 4)) return std::nullopt;
    if (byte(packet, 0) == 0xff) return in_ppp(packet);
    const std::uint16_t type = word(packet, 2);
    packet.skip(4);
    return in_ethertype(type, packet);
}

PacketLayers::Found PacketLayers::in_ppp(Captured packet) {
    if (has(packet, 2) && word(packet, 0) == 0xff03) packet.skip(2);  // address and control may be left out
    if (!has(packet, 2)) return std::nullopt;
    const bool is_short = (byte(packet, 0) & 1) != 0;  // the number's first byte, 0, may be left out
    const std::uint16_t number = is_short ? byte(packet, 0) : word(packet, 0);
    packet.skip(is_short ? 1 : 2);
    switch (number) {
        case 0x0021:
            return in_ethertype(ethertype::ipv4, packet);
        case 0x0057:
            return in_ethertype(ethertype::ipv6, packet);
        case 0x0281:
        case 0x0283:
            return in_mpls(packet);
        default:
            return std::nullopt;
    }
}

PacketLayers::Found PacketLayers::in_pppoe(Captured packet) {
    constexpr std::uint16_t version_1_session = 0x1100;
    if (!has(packet, 6) || word(packet, 0) != version_1_session) return std::nullopt;
    const std::size_t size = word(packet, 4);
    packet.skip(6);
    packet.limit(size);
    return in_ppp(packet);
}

PacketLayers::Found PacketLayers::in_mpls(Captured packet) {
    for (bool is_last = false; !is_last;) {
        if (!has(packet, 4)) return std::nullopt;
        is_last = (byte(packet, 2) & 1) != 0;
        packet.skip(4);
    }
    if (!has(packet, 1)) return std::nullopt;
    // Nothing says what follows (RFC 4928): IP by its version, or Ethernet behind a word that begins with 0.
    const unsigned first = byte(packet, 0) >> 4;
    if (first == 4 || first == 6) return in_ip(packet);
    if (first == 0) packet.skip(std::min<std::size_t>(4, packet.data.size()));
    if (++depth_ > depth_max) return std::nullopt;
    return in_ethernet(packet);
}

PacketLayers::Found PacketLayers::in_ethertype(std::uint16_t type, Captured packet) {
    if (++depth_ > depth_max) return std::nullopt;
    switch (type) {
        case ethertype::ipv4:
        case ethertype::ipv6:
            return in_ip(packet);
        case ethertype::vlan:
        case ethertype::provider_vlan:
        case ethertype::old_vlan:
        case ethertype::older_vlan: {
            if (!has(packet, 4)) return std::nullopt;
            const std::uint16_t tagged = word(packet, 2);
            packet.skip(4);
            return in_ethertype(tagged, packet);
        }
        case ethertype::mpls:
        case ethertype::mpls_multicast:
            return in_mpls(packet);
        case ethertype::pppoe:
            return in_pppoe(packet);
        case ethertype::ppp:
            return in_ppp(packet);
        case ethertype::ethernet:
            return in_ethernet(packet);
        default:
            break;
    }
    // A length: LLC and SNAP say what follows.
    constexpr std::string_view snap("\xaa\xaa\x03\0\0\0", 6);
    if (type > ethertype::llc_max || !packet.data.starts_with(snap) || !has(packet, 8)) return std::nullopt;
    packet.limit(type);
    if (!has(packet, 8)) return std::nullopt;
    const std::uint16_t inner = word(packet, 6);
    packet.skip(8);
    return inner > ethertype::llc_max ? in_ethertype(inner, packet) : std::nullopt;
}

PacketLayers::Found PacketLayers::in_ip(Captured packet) {
    if (++depth_ > depth_max || !has(packet, 1)) return std::nullopt;
    const unsigned version = byte(packet, 0) >> 4;
    if (version == 4) return in_ipv4(packet);
    return version == 6 ? in_ipv6(packet) : std::nullopt;
}

PacketLayers::Found PacketLayers::in_ipv4(Captured packet) {
    if (!has(packet, 20)) return std::nullopt;
    const std::size_t header = std::size_t{byte(packet, 0) & 0x0fU} * 4;
    std::size_t total = word(packet, 2);
    if (total == 0) total = packet.original;  // left to the network card, which cuts it up later
    if (header < 20 || total < header) return std::nullopt;
    const std::uint16_t fragment = word(packet, 6);
    const std::uint8_t protocol = byte(packet, 9);
    IpFragments::Key key{.id = word(packet, 4), .protocol = protocol};
    std::memcpy(key.from.data(), packet.data.data() + 12, 4);
    std::memcpy(key.to.data(), packet.data.data() + 16, 4);
    Ends ends;
    ends.from.address = key.from;
    ends.to.address = key.to;
    packet.limit(total);
    if (!packet.skip(header)) return std::nullopt;
    const std::size_t at = std::size_t{fragment & 0x1fffU} * 8;
    const bool is_last = (fragment & 0x2000) == 0;
    if (at == 0 && is_last) return in_protocol(protocol, ends, packet);
    return in_fragment(at, is_last, key, ends, packet);
}

PacketLayers::Found PacketLayers::in_ipv6(Captured packet) {
    constexpr std::size_t header = 40;
    if (!has(packet, header)) return std::nullopt;
    const std::size_t payload = word(packet, 4);
    IpFragments::Key key{.v6 = true};
    std::memcpy(key.from.data(), packet.data.data() + 8, 16);
    std::memcpy(key.to.data(), packet.data.data() + 24, 16);
    Ends ends;
    ends.from.v6 = ends.to.v6 = true;
    ends.from.address = key.from;
    ends.to.address = key.to;
    std::uint8_t next = byte(packet, 6);
    packet.skip(header);
    if (payload > 0) packet.limit(payload);
    while (is_extension(next)) {
        if (!has(packet, 8)) return std::nullopt;
        const std::uint8_t kind = next;
        next = byte(packet, 0);
        if (kind == ip_protocol::fragment) {
            const std::uint16_t place = word(packet, 2);
            key.id = load_big_endian<std::uint32_t>(packet.data.data() + 4);
            key.protocol = next;
            packet.skip(8);
            const std::size_t at = place & 0xfff8;
            const bool is_last = (place & 1) == 0;
            if (at != 0 || !is_last) return in_fragment(at, is_last, key, ends, packet);
            continue;
        }
        const std::size_t size = kind == ip_protocol::authentication ? (std::size_t{byte(packet, 1)} + 2) * 4
                                                                     : (std::size_t{byte(packet, 1)} + 1) * 8;
        if (!packet.skip(size)) return std::nullopt;
    }
    return in_protocol(next, ends, packet);
}

PacketLayers::Found PacketLayers::in_fragment(std::size_t at, bool is_last, const IpFragments::Key& key,
                                              const Ends& ends, Captured packet) {
    if (!fragments_) return std::nullopt;
    const auto whole = fragments_->add(key, {at, is_last, packet}, time_);
    return whole ? in_protocol(key.protocol, ends, *whole) : std::nullopt;
}

PacketLayers::Found PacketLayers::in_protocol(std::uint8_t protocol, const Ends& ends, Captured packet) {
    switch (protocol) {
        case ip_protocol::tcp:
            return in_tcp(ends, packet);
        case ip_protocol::ipv4:
        case ip_protocol::ipv6:
            return in_ip(packet);
        case ip_protocol::gre:
            return in_gre(packet);
        case ip_protocol::udp:
            return in_udp(packet);
        case ip_protocol::mpls:
            return in_mpls(packet);
        default:
            return std::nullopt;
    }
}

/// RFC 2784 and 2890; version 1 of PPTP (RFC 2637).
PacketLayers::Found PacketLayers::in_gre(Captured packet) {
    if (!has(packet, 4)) return std::nullopt;
    const std::uint16_t flags = word(packet, 0);
    const std::uint16_t type = word(packet, 2);
    constexpr std::uint16_t checksum = 0x8000;
    constexpr std::uint16_t routing = 0x4000;  // of RFC 1701, never used
    constexpr std::uint16_t key = 0x2000;
    constexpr std::uint16_t sequence = 0x1000;
    constexpr std::uint16_t acknowledgement = 0x0080;
    const unsigned version = flags & 0x7U;
    if (version > 1 || (flags & routing) != 0) return std::nullopt;
    std::size_t header = 4;
    for (const std::uint16_t flag : {checksum, key, sequence}) {
        if ((flags & flag) != 0) header += 4;
    }
    if (version == 1 && (flags & acknowledgement) != 0) header += 4;
    return packet.skip(header) ? in_ethertype(type, packet) : std::nullopt;
}

/// VXLAN (RFC 7348; Linux once took another port) and Geneve (RFC 8926).
PacketLayers::Found PacketLayers::in_udp(Captured packet) {
    constexpr std::uint16_t vxlan_port = 4789;
    constexpr std::uint16_t linux_vxlan_port = 8472;
    constexpr std::uint16_t geneve_port = 6081;
    constexpr std::size_t udp_header = 8;
    constexpr std::size_t tunnel_header = 8;
    if (!has(packet, udp_header + tunnel_header)) return std::nullopt;
    const std::uint16_t port = word(packet, 2);
    const std::size_t size = word(packet, 4);
    if (size < udp_header + tunnel_header) return std::nullopt;
    packet.limit(size);
    packet.skip(udp_header);
    if (port == vxlan_port || port == linux_vxlan_port) {
        constexpr std::uint8_t has_network = 0x08;
        if ((byte(packet, 0) & has_network) == 0) return std::nullopt;
        packet.skip(tunnel_header);
        return in_ethertype(ethertype::ethernet, packet);
    }
    if (port != geneve_port || byte(packet, 0) >> 6 != 0) return std::nullopt;
    const std::uint16_t type = word(packet, 2);
    const std::size_t options = std::size_t{byte(packet, 0) & 0x3fU} * 4;
    return packet.skip(tunnel_header + options) ? in_ethertype(type, packet) : std::nullopt;
}

PacketLayers::Found PacketLayers::in_tcp(const Ends& ends, Captured packet) const {
    if (!has(packet, 20)) return std::nullopt;
    const std::size_t header = std::size_t{byte(packet, 12)} / 16 * 4;
    if (header < 20 || !has(packet, header)) return std::nullopt;
    TcpSegment segment;
    segment.time = time_;
    segment.from = ends.from;
    segment.to = ends.to;
    segment.from.port = word(packet, 0);
    segment.to.port = word(packet, 2);
    segment.sequence = load_big_endian<std::uint32_t>(packet.data.data() + 4);
    segment.acknowledgement = load_big_endian<std::uint32_t>(packet.data.data() + 8);
    const std::uint8_t flags = byte(packet, 13);
    segment.fin = (flags & 0x01) != 0;
    segment.syn = (flags & 0x02) != 0;
    segment.rst = (flags & 0x04) != 0;
    segment.ack = (flags & 0x10) != 0;
    packet.skip(header);
    segment.payload = packet.data;
    segment.payload_bytes = packet.original;
    return segment;
}

}  // namespace kwire
