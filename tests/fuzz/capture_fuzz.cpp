// libFuzzer: any bytes as a file of captured packets, as what the two ends of a connection sent, or as
// packets of any link. The first byte picks which; of the second kind each piece begins with its direction
// and size, of the third with its link type and size.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <kwire/protocol/traffic.h>

namespace {

using namespace kwire;

std::size_t seen_bytes = 0;

/// What comes out lies inside what went in, and no frame comes out twice.
void check(const Exchange& exchange, std::size_t input) {
    if (!exchange.request && !exchange.response) std::abort();
    if (exchange.request) seen_bytes += exchange.request->bytes.size();
    if (exchange.response) seen_bytes += exchange.response->bytes.size();
    if (seen_bytes > input) std::abort();
}

void read_file(std::string_view file, bool port_known) {
    const std::size_t input = file.size();
    Traffic traffic(port_known ? std::vector<std::uint16_t>{9092} : std::vector<std::uint16_t>{},
                    [input](const TcpEnd& client, const TcpEnd&, Exchange&& exchange) {
                        client.to_string();
                        check(exchange, input);
                    });
    CaptureReader reader;
    for (;;) {
        std::size_t consumed = 0;
        CapturedPacket packet;
        const auto step = reader.next(file, consumed, packet);
        if (consumed > file.size()) std::abort();
        file.remove_prefix(consumed);
        if (step != CaptureReader::Step::packet) break;
        if (packet.original_size < packet.data.size()) std::abort();
        traffic.packet(packet);
    }
    traffic.finish();
}

void talk(std::string_view pieces, bool from_start) {
    const std::size_t input = pieces.size();
    Conversation conversation([input](Exchange&& exchange) { check(exchange, input); }, from_start);
    while (pieces.size() >= 2) {
        const auto kind = static_cast<unsigned char>(pieces[0]);
        const std::size_t size = static_cast<unsigned char>(pieces[1]);
        pieces.remove_prefix(2);
        StreamSink& side = (kind & 1) != 0 ? conversation.broker() : conversation.client();
        if (kind >= 0xf0) side.lost();
        side.bytes(pieces.substr(0, size), {});
        pieces.remove_prefix(std::min(size, pieces.size()));
    }
    conversation.finish();
}

void read_packets(std::string_view packets, bool port_known) {
    const std::size_t input = packets.size();
    Traffic traffic(port_known ? std::vector<std::uint16_t>{9092} : std::vector<std::uint16_t>{},
                    [input](const TcpEnd&, const TcpEnd&, Exchange&& exchange) { check(exchange, input); });
    constexpr std::uint32_t link_types[] = {1, 0, 9, 12, 50, 51, 101, 104, 108, 113, 204, 228, 229, 276, 14, 147};
    for (std::int64_t second = 0; packets.size() >= 2; ++second) {
        const auto kind = static_cast<unsigned char>(packets[0]);
        const std::size_t size = static_cast<unsigned char>(packets[1]);
        packets.remove_prefix(2);
        const std::string_view data = packets.substr(0, size);
        packets.remove_prefix(data.size());
        // Of the highest bits, one cuts the packet.
        const std::size_t original = data.size() + ((kind & 0x80) != 0 ? 20 : 0);
        traffic.packet({std::chrono::seconds(second), link_types[kind % std::size(link_types)], data, original});
    }
    traffic.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    seen_bytes = 0;
    switch (data[0] % 6) {
        case 0:
            read_file(input, true);
            break;
        case 1:
            read_file(input, false);
            break;
        case 2:
            talk(input, true);
            break;
        case 3:
            talk(input, false);
            break;
        case 4:
            read_packets(input, true);
            break;
        default:
            read_packets(input, false);
    }
    return 0;
}
