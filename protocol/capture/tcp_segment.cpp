#include <arpa/inet.h>

#include <kwire/protocol/tcp_segment.h>

#include "packet_layers.h"

namespace kwire {

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
    return PacketLayers(nullptr, packet.time).in_link(packet.link_type, {packet.data, packet.original_size});
}

SegmentReader::SegmentReader() : fragments_(std::make_unique<IpFragments>()) {}
SegmentReader::~SegmentReader() = default;

std::optional<TcpSegment> SegmentReader::read(const CapturedPacket& packet) {
    return PacketLayers(fragments_.get(), packet.time)
        .in_link(packet.link_type, {packet.data, packet.original_size});
}

}  // namespace kwire
