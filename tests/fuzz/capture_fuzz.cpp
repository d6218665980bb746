// libFuzzer: any bytes as a file of captured packets, or as what the two ends of a connection sent.
// The first byte picks which; of the second kind, each piece begins with its direction and size.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    seen_bytes = 0;
    switch (data[0] % 4) {
        case 0:
            read_file(input, true);
            break;
        case 1:
            read_file(input, false);
            break;
        case 2:
            talk(input, true);
            break;
        default:
            talk(input, false);
    }
    return 0;
}
