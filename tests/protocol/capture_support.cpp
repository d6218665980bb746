#include "capture_support.h"

#include <algorithm>
#include <utility>

#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>

namespace kwire {

using namespace protocol;

std::vector<CapturedPacket> packets_of(const std::string& capture) {
    std::vector<CapturedPacket> packets;
    CaptureReader reader;
    std::string_view left = capture;
    for (;;) {
        std::size_t consumed = 0;
        CapturedPacket packet;
        if (reader.next(left, consumed, packet) != CaptureReader::Step::packet) return packets;
        left.remove_prefix(consumed);
        packets.push_back(packet);
    }
}

CaptureWriter::Connection connection_from(std::uint16_t client_port) {
    const std::string loopback("\x7f\0\0\x01", 4);
    return {{loopback, client_port}, {loopback, 9092}, 0xfffffff0, 7};
}

std::string metadata_request(std::int32_t correlation_id, const std::string& topic) {
    MetadataRequest request;
    request.topics->emplace_back().name = topic;
    std::string frame;
    encode_request(request, 5, correlation_id, "tester", frame);
    return frame;
}

std::string metadata_response(std::int32_t correlation_id, const std::string& topic) {
    MetadataResponse response;
    response.brokers.emplace_back().host = "broker.example";
    response.topics.emplace_back().name = topic;
    std::string frame;
    encode_response(response, 5, correlation_id, frame);
    return frame;
}

std::string produce_request(std::int32_t correlation_id, std::int16_t acks, std::size_t bytes) {
    ProduceRequest request;
    request.acks = acks;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "clicks";
    topic.partition_data.emplace_back().records = Bytes::own(std::string(bytes, '\0'));
    std::string frame;
    encode_request(request, 7, correlation_id, "tester", frame);
    return frame;
}

std::string produce_response(std::int32_t correlation_id) {
    ProduceResponse response;
    auto& topic = response.responses.emplace_back();
    topic.name = "clicks";
    topic.partition_responses.emplace_back().error_code = ErrorCode::not_leader_or_follower;
    std::string frame;
    encode_response(response, 7, correlation_id, frame);
    return frame;
}

std::size_t Seen::matched() const {
    return static_cast<std::size_t>(std::count_if(
        exchanges.begin(), exchanges.end(),
        [](const Exchange& exchange) { return exchange.request && exchange.response; }));
}

Seen run(const std::vector<CapturedPacket>& packets, std::vector<std::uint16_t> ports) {
    Seen seen;
    Traffic traffic(std::move(ports), [&seen](const TcpEnd&, const TcpEnd&, Exchange&& exchange) {
        seen.exchanges.push_back(std::move(exchange));
    });
    for (const CapturedPacket& packet : packets) traffic.packet(packet);
    traffic.finish();
    seen.counts = traffic.counts();
    return seen;
}

}  // namespace kwire
