#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include <kwire/protocol/tcp_segment.h>

#include "../big_endian.h"

namespace kwire {
namespace {

using protocol::load_big_endian;

constexpr std::uint16_t ipv4_protocol = 0x0800;
constexpr std::uint16_t ipv6_protocol = 0x86dd;

std::uint8_t byte(std::string_view data, std::size_t at) {
    return static_cast<std::uint8_t>(data[at]);
}
std::uint16_t word(std::string_view data, std::size_t at) {
    return load_big_endian<std::uint16_t>(data.data() + at);
}

bool take(std::string_view& data, std::size_t size) {
    if (data.size() < size) return false;
    data.remove_prefix(size);
    return true;
}

/// Leaves the network layer in data; false where it is none that carries TCP.
bool strip_ethernet(std::string_view& data) {
    if (data.size() < 14) return false;
    std::uint16_t protocol = word(data, 12);
    take(data, 14);
    while (protocol == 0x8100 || protocol == 0x88a8 || protocol == 0x9100) {
        if (data.size() < 4) return false;
        protocol = word(data, 2);
        take(data, 4);
    }
    return protocol == ipv4_protocol || protocol == ipv6_protocol;
}

bool strip_cooked(std::string_view& data, std::size_t size, std::size_t protocol_at) {
    if (data.size() < size) return false;
    const std::uint16_t protocol = word(data, protocol_at);
    take(data, size);
    return protocol == ipv4_protocol || protocol == ipv6_protocol;
}

bool strip_link(std::uint32_t link_type, std::string_view& data) {
    switch (link_type) {
        case 1:
            return strip_ethernet(data);
        case 0:    // BSD loopback, family in the byte order of whoever captured
        case 108:  // OpenBSD loopback
            return take(data, 4);
        case 12:
        case 14:
        case 101:
        case 228:
        case 229:
            return true;
        case 113:
            return strip_cooked(data, 16, 14);
        case 276:
            return strip_cooked(data, 20, 0);
        default:
            return false;
    }
}

/// Network layer and what it says of the size of the rest, which an Ethernet frame may pad.
struct Network {
    std::string_view rest;
    std::size_t original_size = 0;
    TcpEnd from;
    TcpEnd to;
};

std::optional<Network> read_ipv4(std::string_view data, std::size_t original) {
    if (data.size() < 20) return std::nullopt;
    const std::size_t header = std::size_t{byte(data, 0) & 0x0fU} * 4;
    if (header < 20 || data.size() < header || byte(data, 9) != 6) return std::nullopt;
    if ((word(data, 6) & 0x3fff) != 0) return std::nullopt;  // part of a packet cut into fragments
    std::size_t total = word(data, 2);
    if (total == 0) total = original;  // left to the network card, which cuts it up later
    if (total < header) return std::nullopt;
    Network network;
    network.rest = data.substr(header, total - header);
    network.original_size = total - header;
    std::memcpy(network.from.address.data(), data.data() + 12, 4);
    std::memcpy(network.to.address.data(), data.data() + 16, 4);
    return network;
}

bool is_extension(std::uint8_t next) {
    return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

std::optional<Network> read_ipv6(std::string_view data, std::size_t original) {
    constexpr std::size_t header = 40;
    if (data.size() < header) return std::nullopt;
    std::size_t payload = word(data, 4);
    if (payload == 0) payload = original - std::min(original, header);
    Network network;
    network.from.v6 = network.to.v6 = true;
    std::memcpy(network.from.address.data(), data.data() + 8, 16);
    std::memcpy(network.to.address.data(), data.data() + 24, 16);
    std::uint8_t next = byte(data, 6);
    std::string_view rest = data.substr(header, payload);
    while (is_extension(next)) {
        if (rest.size() < 8) return std::nullopt;
        if (next == 44 && (word(rest, 2) & 0xfff9) != 0) return std::nullopt;
        std::size_t size = next == 44 ? 8 : (std::size_t{byte(rest, 1)} + 1) * 8;
        if (next == 51) size = (std::size_t{byte(rest, 1)} + 2) * 4;
        next = byte(rest, 0);
        if (payload < size || !take(rest, size)) return std::nullopt;
        payload -= size;
    }
    if (next != 6) return std::nullopt;
    network.rest = rest;
    network.original_size = payload;
    return network;
}

}  // namespace

std::string TcpEnd::to_string() const {
    std::string text;
    if (v6) {
        char digits[INET6_ADDRSTRLEN] = {};
        inet_ntop(AF_INET6, address.data(), digits, sizeof digits);
        text.append("[").append(digits).append("]");
    } else {
        // inet_ntop takes a tenth of the time that a frame of few records does.
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) text += '.';
            text += std::to_string(static_cast<unsigned>(address[i]));
        }
    }
    return text.append(":").append(std::to_string(port));
}

std::optional<TcpSegment> tcp_segment(const CapturedPacket& packet) {
    std::string_view data = packet.data;
    if (!strip_link(packet.link_type, data) || data.empty()) return std::nullopt;
    const std::size_t original = packet.original_size - (packet.data.size() - data.size());
    const unsigned version = byte(data, 0) >> 4;
    auto network = version == 4   ? read_ipv4(data, original)
                   : version == 6 ? read_ipv6(data, original)
                                  : std::nullopt;
    if (!network || network->rest.size() < 20) return std::nullopt;
    const std::string_view tcp = network->rest;
    const std::size_t header = std::size_t{byte(tcp, 12)} / 16 * 4;
    if (header < 20 || header > tcp.size()) return std::nullopt;
    TcpSegment segment;
    segment.time = packet.time;
    segment.from = network->from;
    segment.to = network->to;
    segment.from.port = word(tcp, 0);
    segment.to.port = word(tcp, 2);
    segment.sequence = load_big_endian<std::uint32_t>(tcp.data() + 4);
    segment.acknowledgement = load_big_endian<std::uint32_t>(tcp.data() + 8);
    const std::uint8_t flags = byte(tcp, 13);
    segment.fin = (flags & 0x01) != 0;
    segment.syn = (flags & 0x02) != 0;
    segment.rst = (flags & 0x04) != 0;
    segment.ack = (flags & 0x10) != 0;
    segment.payload = tcp.substr(header);
    segment.payload_bytes = network->original_size - header;
    return segment;
}

}  // namespace kwire
