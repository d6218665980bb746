// Captures made by hand: frames of a few messages, packets of them, and what comes out of Traffic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/traffic.h>

namespace kwire {

/// All packets of a capture, as views into it.
std::vector<CapturedPacket> packets_of(const std::string& capture);

/// 127.0.0.1 with this port for the client, 127.0.0.1:9092 for the broker.
CaptureWriter::Connection connection_from(std::uint16_t client_port);

std::string metadata_request(std::int32_t correlation_id, const std::string& topic);
std::string metadata_response(std::int32_t correlation_id, const std::string& topic);
std::string produce_request(std::int32_t correlation_id, std::int16_t acks, std::size_t bytes);
std::string produce_response(std::int32_t correlation_id);

struct Seen {
    std::vector<Exchange> exchanges;
    TrafficCounts counts;

    /// Those that have request and answer.
    std::size_t matched() const;
};
Seen run(const std::vector<CapturedPacket>& packets, std::vector<std::uint16_t> ports);

}  // namespace kwire
