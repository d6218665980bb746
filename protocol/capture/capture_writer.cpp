#include <algorithm>
#include <bit>
#include <cassert>

#include <kwire/protocol/capture_file.h>

#include "../big_endian.h"

namespace kwire {
namespace {

using protocol::append_big_endian;
using std::chrono::nanoseconds;

constexpr std::uint8_t fin = 0x01;
constexpr std::uint8_t syn = 0x02;
constexpr std::uint8_t push = 0x08;
constexpr std::uint8_t ack = 0x10;
constexpr std::size_t tcp_header_bytes = 20;
// What fits an IPv4 packet with room to spare.
constexpr std::size_t packet_payload_max = 65'000;

template <class T>
void append_little_endian(std::string& out, std::type_identity_t<T> value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
    }
}

/// RFC 791: the ones' complement of the sum of all words.
std::uint16_t ip_checksum(std::string_view header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < header.size(); i += 2) {
        sum += protocol::load_big_endian<std::uint16_t>(header.data() + i);
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

void append_ip(std::string& out, const std::string& from, const std::string& to,
               std::size_t payload) {
    const std::size_t begin = out.size();
    if (from.size() == 4) {
        append_big_endian<std::uint16_t>(out, 0x4500);
        append_big_endian<std::uint16_t>(out, static_cast<std::uint16_t>(20 + payload));
        append_big_endian<std::uint32_t>(out, 0x00004000);  // not to be cut into fragments
        append_big_endian<std::uint16_t>(out, 0x4006);      // 64 hops, TCP
        append_big_endian<std::uint16_t>(out, 0);
        out += from + to;
        const std::uint16_t sum = ip_checksum(std::string_view(out).substr(begin));
        protocol::store_big_endian<std::uint16_t>(out.data() + begin + 10, sum);
    } else {
        append_big_endian<std::uint32_t>(out, 0x60000000);
        append_big_endian<std::uint16_t>(out, static_cast<std::uint16_t>(payload));
        append_big_endian<std::uint16_t>(out, 0x0640);
        out += from + to;
    }
}

void append_packet(std::string& out, CaptureWriter::Connection& connection,
                   CaptureWriter::From from, std::uint8_t flags, std::string_view payload,
                   nanoseconds time) {
    const bool by_client = from == CaptureWriter::From::client;
    const auto& sender = by_client ? connection.client : connection.broker;
    const auto& receiver = by_client ? connection.broker : connection.client;
    auto& sequence = by_client ? connection.client_sequence : connection.broker_sequence;
    const auto acknowledged = by_client ? connection.broker_sequence : connection.client_sequence;
    assert(sender.address.size() == receiver.address.size() &&
           (sender.address.size() == 4 || sender.address.size() == 16));
    const std::size_t tcp_bytes = tcp_header_bytes + payload.size();
    const std::size_t size = (sender.address.size() == 4 ? 20 : 40) + tcp_bytes;
    append_little_endian<std::uint32_t>(out,
                                        static_cast<std::uint32_t>(time.count() / 1'000'000'000));
    append_little_endian<std::uint32_t>(out,
                                        static_cast<std::uint32_t>(time.count() % 1'000'000'000));
    append_little_endian<std::uint32_t>(out, static_cast<std::uint32_t>(size));
    append_little_endian<std::uint32_t>(out, static_cast<std::uint32_t>(size));
    append_ip(out, sender.address, receiver.address, tcp_bytes);
    append_big_endian<std::uint16_t>(out, sender.port);
    append_big_endian<std::uint16_t>(out, receiver.port);
    append_big_endian<std::uint32_t>(out, sequence);
    append_big_endian<std::uint32_t>(out, (flags & ack) != 0 ? acknowledged : 0);
    append_big_endian<std::uint16_t>(out, static_cast<std::uint16_t>(0x5000 | flags));
    append_big_endian<std::uint16_t>(out, 0xffff);  // the window
    append_big_endian<std::uint32_t>(out, 0);       // a checksum that was left to the card
    out += payload;
    sequence += static_cast<std::uint32_t>(payload.size()) + ((flags & (syn | fin)) != 0 ? 1 : 0);
}

}  // namespace

void CaptureWriter::append_header(std::string& out) {
    append_little_endian<std::uint32_t>(out, 0xa1b23c4d);
    append_little_endian<std::uint16_t>(out, 2);
    append_little_endian<std::uint16_t>(out, 4);
    append_little_endian<std::uint64_t>(out, 0);
    append_little_endian<std::uint32_t>(out, 262'144);
    append_little_endian<std::uint32_t>(out, 101);  // packets begin with IP, of either version
}

void CaptureWriter::append_opening(std::string& out, Connection& connection, nanoseconds time) {
    append_packet(out, connection, From::client, syn, {}, time);
    append_packet(out, connection, From::broker, syn | ack, {}, time);
    append_packet(out, connection, From::client, ack, {}, time);
}

void CaptureWriter::append_bytes(std::string& out, Connection& connection, From from,
                                 std::string_view bytes, nanoseconds time) {
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, packet_payload_max);
        append_packet(out, connection, from, ack | push, part, time);
        bytes.remove_prefix(part.size());
    }
}

void CaptureWriter::append_end(std::string& out, Connection& connection, From from,
                               nanoseconds time) {
    append_packet(out, connection, from, ack | fin, {}, time);
}

}  // namespace kwire
