#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/tcp_segment.h>

#include "capture_support.h"

namespace kwire {
namespace {

using std::chrono::nanoseconds;
using testing::HasSubstr;

/// Numbers of a file in one byte order.
class Writer {
 public:
    explicit Writer(bool big_endian) : big_endian_(big_endian) {}
    Writer& number(std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) {
            const int shift = 8 * (big_endian_ ? bytes - 1 - i : i);
            out_ += static_cast<char>(value >> shift & 0xff);
        }
        return *this;
    }
    Writer& text(std::string_view bytes) {
        out_ += bytes;
        return *this;
    }
    /// A block of pcapng around `body`, padded.
    Writer& block(std::uint32_t type, std::string body) {
        body.resize((body.size() + 3) / 4 * 4);
        const std::size_t size = body.size() + 12;
        return number(type, 4).number(size, 4).text(body).number(size, 4);
    }
    std::string take() { return std::move(out_); }

 private:
    bool big_endian_;
    std::string out_;
};

std::string pcap(bool big_endian, bool nano) {
    Writer file(big_endian);
    file.number(nano ? 0xa1b23c4d : 0xa1b2c3d4, 4).number(2, 2).number(4, 2).number(0, 8);
    file.number(65535, 4).number(113, 4);
    file.number(1'700'000'000, 4).number(nano ? 123'456'789 : 123'456, 4);
    file.number(5, 4).number(9, 4).text("hello");
    file.number(1'700'000'001, 4).number(0, 4).number(0, 4).number(0, 4);
    return file.take();
}

std::string pcapng(bool big_endian) {
    const auto writer = [big_endian] { return Writer(big_endian); };
    Writer file(big_endian);
    file.block(0x0a0d0d0a,
               writer().number(0x1a2b3c4d, 4).number(1, 2).number(0, 2).number(~0ULL, 8).take());
    file.block(1, writer().number(1, 2).number(0, 2).number(0, 4).take());
    file.block(1, writer()
                      .number(276, 2)
                      .number(0, 2)
                      .number(0, 4)
                      .number(9, 2)
                      .number(1, 2)
                      .text(std::string("\x09\0\0\0", 4))
                      .number(14, 2)
                      .number(8, 2)
                      .number(100, 8)
                      .number(0, 4)
                      .take());
    file.block(5, std::string(20, 'x'));  // statistics: skipped
    const std::uint64_t micros = 1'700'000'000'123'456;
    file.block(6, writer()
                      .number(0, 4)
                      .number(micros >> 32, 4)
                      .number(micros & 0xffffffff, 4)
                      .number(5, 4)
                      .number(9, 4)
                      .text("hello")
                      .take());
    const std::uint64_t nanos = 1'600'000'000'000'000'007;
    file.block(6, writer()
                      .number(1, 4)
                      .number(nanos >> 32, 4)
                      .number(nanos & 0xffffffff, 4)
                      .number(2, 4)
                      .number(2, 4)
                      .text("yo")
                      .take());
    file.block(3, writer().number(3, 4).text("abc").take());
    return file.take();
}

TEST(Pcap, both_byte_orders_and_both_resolutions) {
    for (const bool big_endian : {false, true}) {
        for (const bool nano : {false, true}) {
            const std::string file = pcap(big_endian, nano);
            const auto packets = packets_of(file);
            ASSERT_EQ(packets.size(), 2U);
            EXPECT_EQ(packets[0].time.count(),
                      1'700'000'000'000'000'000 + (nano ? 123'456'789 : 123'456'000));
            EXPECT_EQ(packets[0].link_type, 113U);
            EXPECT_EQ(packets[0].data, "hello");
            EXPECT_EQ(packets[0].original_size, 9U);
            EXPECT_EQ(packets[1].data, "");
        }
    }
}

/// As old Linux distributions wrote it: eight more bytes before each packet.
TEST(Pcap, the_modified_format) {
    for (const bool big_endian : {false, true}) {
        Writer writer(big_endian);
        writer.number(0xa1b2cd34, 4).number(2, 2).number(4, 2).number(0, 8).number(65535, 4).number(1, 4);
        for (const char* packet : {"hello", "you"}) {
            const std::size_t size = std::string_view(packet).size();
            writer.number(1'700'000'000, 4).number(123'456, 4).number(size, 4).number(9, 4);
            writer.number(3, 4).number(0x0800, 2).number(4, 1).number(0, 1).text(packet);
        }
        const std::string file = writer.take();
        const auto packets = packets_of(file);
        ASSERT_EQ(packets.size(), 2U);
        EXPECT_EQ(packets[0].time.count(), 1'700'000'000'123'456'000);
        EXPECT_EQ(packets[0].data, "hello");
        EXPECT_EQ(packets[0].original_size, 9U);
        EXPECT_EQ(packets[1].data, "you");
        for (std::size_t cut = 24; cut < file.size(); ++cut) EXPECT_LE(packets_of(file.substr(0, cut)).size(), 1U);
    }
}

TEST(Pcapng, blocks_interfaces_and_resolutions) {
    for (const bool big_endian : {false, true}) {
        const std::string file = pcapng(big_endian);
        const auto packets = packets_of(file);
        ASSERT_EQ(packets.size(), 3U);
        EXPECT_EQ(packets[0].time.count(), 1'700'000'000'123'456'000);
        EXPECT_EQ(packets[0].link_type, 1U);
        EXPECT_EQ(packets[0].data, "hello");
        EXPECT_EQ(packets[0].original_size, 9U);
        EXPECT_EQ(packets[1].time.count(), 1'600'000'100'000'000'007);
        EXPECT_EQ(packets[1].link_type, 276U);
        EXPECT_EQ(packets[1].data, "yo");
        EXPECT_EQ(packets[2].data, "abc");
    }
}

TEST(CaptureReader, gives_the_same_packets_however_little_comes_at_a_time) {
    for (const std::string& file : {pcap(true, false), pcapng(false), pcapng(true)}) {
        std::vector<std::string> found;
        CaptureReader reader;
        std::string data;
        for (const char c : file) {
            data += c;
            std::size_t consumed = 0;
            CapturedPacket packet;
            while (reader.next(data, consumed, packet) == CaptureReader::Step::packet) {
                found.emplace_back(packet.data);
                data.erase(0, consumed);
            }
            data.erase(0, consumed);
        }
        EXPECT_EQ(data, "");
        std::vector<std::string> expected;
        for (const auto& packet : packets_of(file)) expected.emplace_back(packet.data);
        EXPECT_EQ(found, expected);
    }
}

std::string failure(std::string file) {
    CaptureReader reader;
    std::size_t consumed = 0;
    CapturedPacket packet;
    for (;;) {
        const auto step = reader.next(file, consumed, packet);
        if (step == CaptureReader::Step::failed) return reader.error()->message();
        if (step == CaptureReader::Step::needs_more) return "needs more";
        file.erase(0, consumed);
    }
}

TEST(CaptureReader, says_what_is_wrong_and_where) {
    EXPECT_THAT(failure("This is a text"), HasSubstr("neither a pcap nor a pcapng file at byte 0"));
    std::string file = pcap(false, false);
    file.replace(24 + 8, 4, "\xff\xff\xff\x7f");
    EXPECT_THAT(failure(file), HasSubstr("claims a packet of 2147483647 bytes at byte 32"));
    file = pcapng(false);
    file[8] = 'x';
    EXPECT_THAT(failure(file), HasSubstr("byte-order magic"));
    file = pcapng(false);
    file[28 + 4] = 3;
    EXPECT_THAT(failure(file), HasSubstr("claims a block of 3 bytes at byte 32"));
    EXPECT_EQ(failure(""), "needs more");
}

TEST(CaptureReader, survives_every_cut_and_every_flipped_byte) {
    for (const std::string& file : {pcap(false, true), pcapng(true)}) {
        for (std::size_t i = 0; i < file.size(); ++i) {
            failure(file.substr(0, i));
            std::string flipped = file;
            flipped[i] = static_cast<char>(~flipped[i]);
            failure(flipped);
        }
    }
}

TEST(CaptureWriter, what_it_writes_reads_back) {
    for (const std::string& address :
         {std::string("\x0a\0\0\x07", 4), std::string(15, '\0') + '\x01'}) {
        CaptureWriter::Connection connection{{address, 4000}, {address, 9092}};
        std::string file;
        CaptureWriter::append_header(file);
        CaptureWriter::append_opening(file, connection, nanoseconds(5));
        const std::string bytes(150'000, 'b');
        CaptureWriter::append_bytes(file, connection, CaptureWriter::From::broker, bytes,
                                    nanoseconds(1'234'567'890'123));
        CaptureWriter::append_end(file, connection, CaptureWriter::From::client, nanoseconds(9));
        const auto packets = packets_of(file);
        ASSERT_EQ(packets.size(), 3U + 3U + 1U);
        std::string seen;
        for (const auto& packet : packets) {
            const auto segment = tcp_segment(packet);
            ASSERT_TRUE(segment);
            EXPECT_EQ(segment->payload.size(), segment->payload_bytes);
            seen += segment->payload;
        }
        EXPECT_EQ(seen, bytes);
        EXPECT_TRUE(tcp_segment(packets[0])->syn);
        EXPECT_FALSE(tcp_segment(packets[0])->ack);
        EXPECT_EQ(packets[4].time, nanoseconds(1'234'567'890'123));
        EXPECT_TRUE(tcp_segment(packets[6])->fin);
        EXPECT_EQ(tcp_segment(packets[6])->to.port, 9092);
    }
}

/// An IPv4 packet with TCP and three bytes of payload, without a link layer.
std::string ip_packet() {
    auto connection = connection_from(4000);
    std::string file;
    CaptureWriter::append_header(file);
    CaptureWriter::append_bytes(file, connection, CaptureWriter::From::client, "abc", {});
    return std::string(packets_of(file).at(0).data);
}

std::optional<TcpSegment> segment_in(const std::string& data, std::uint32_t link_type) {
    return tcp_segment({{}, link_type, data, data.size()});
}

TEST(TcpSegment, is_found_below_every_link_layer) {
    const std::string ip = ip_packet();
    const std::string macs(12, 'm');
    const std::string padding(8, 'p');
    const std::string vlan("\x81\x00\x00\x07", 4);
    const std::string four("\x08\x00", 2);
    const std::pair<std::uint32_t, std::string> packets[] = {
        {1, macs + four + ip},
        {1, macs + four + ip + padding},
        {1, macs + vlan + vlan + four + ip},
        {0, std::string("\x02\0\0\0", 4) + ip},
        {101, ip},
        {113, std::string(14, 's') + four + ip},
        {276, four + std::string(18, 's') + ip},
    };
    for (const auto& [link_type, data] : packets) {
        const auto segment = segment_in(data, link_type);
        ASSERT_TRUE(segment) << link_type;
        EXPECT_EQ(segment->payload, "abc");
        EXPECT_EQ(segment->from.to_string(), "127.0.0.1:4000");
        EXPECT_EQ(segment->to.to_string(), "127.0.0.1:9092");
    }
    EXPECT_FALSE(segment_in(macs + "\x08\x06" + ip, 1)) << "ARP";
    EXPECT_FALSE(segment_in(ip, 147)) << "a link layer nobody knows";
}

std::string big_endian(std::uint64_t value, int bytes) {
    return Writer(true).number(value, bytes).take();
}

std::string ipv4(std::uint8_t protocol, const std::string& content, std::uint16_t fragment = 0, std::uint16_t id = 7) {
    return std::string("\x45\0", 2) + big_endian(20 + content.size(), 2) + big_endian(id, 2) +
           big_endian(fragment, 2) + big_endian(64, 1) + big_endian(protocol, 1) + big_endian(0, 2) +
           std::string("\x0a\0\0\1\x0a\0\0\2", 8) +
           content;
}

std::string ipv6(std::uint8_t next, const std::string& content) {
    return std::string("\x60\0\0\0", 4) + big_endian(content.size(), 2) + big_endian(next, 1) + big_endian(64, 1) +
           std::string(15, '\0') + '\1' + std::string(15, '\0') + '\2' + content;
}

std::string udp(std::uint16_t port, const std::string& content) {
    return big_endian(5000, 2) + big_endian(port, 2) + big_endian(8 + content.size(), 2) + big_endian(0, 2) + content;
}

/// Each wrapping as RFCs draw it, by hand.
std::vector<std::tuple<const char*, std::uint32_t, std::string>> wrappings(const std::string& ip) {
    const std::string macs(12, 'm');
    const std::string four = big_endian(0x0800, 2);
    const std::string vlan = big_endian(0x81000007, 4);
    const std::string ethernet = macs + four + ip;
    const std::string ppp = big_endian(0x0021, 2) + ip;
    const auto pppoe = [](const std::string& in) {
        return big_endian(0x1100, 2) + big_endian(9, 2) + big_endian(in.size(), 2) + in;
    };
    const std::string label = big_endian(0x00010040, 4);
    const std::string last_label = big_endian(0x00020140, 4);
    const std::string vxlan = big_endian(0x0800000000000100, 8);
    const auto gre = [](const std::string& flags, std::uint16_t type, const std::string& in) {
        return flags + big_endian(type, 2) + in;
    };
    return {
        {"SLL with a VLAN tag", 113, std::string(14, 's') + vlan + four + ip},
        {"SLL with two", 113, std::string(14, 's') + big_endian(0x88a80001, 4) + vlan + four + ip},
        {"SLL2 with a VLAN tag", 276, big_endian(0x8100, 2) + std::string(18, 's') + big_endian(7, 2) + four + ip},
        {"stacked VLAN tags", 1, macs + big_endian(0x91000002, 4) + big_endian(0x88a80001, 4) + vlan + four + ip},
        {"LLC and SNAP", 1,
         macs + big_endian(8 + ip.size(), 2) + std::string("\xaa\xaa\3\0\0\0", 6) + four + ip + "pad"},
        {"PPP", 9, ppp},
        {"PPP with address and control", 9, big_endian(0xff03, 2) + ppp},
        {"PPP with a short number", 9, big_endian(0x21, 1) + ip},
        {"PPP with its direction", 204, big_endian(1, 1) + big_endian(0xff03, 2) + ppp},
        {"PPP like HDLC", 50, big_endian(0xff03, 2) + ppp},
        {"Cisco's HDLC on a serial line", 50, big_endian(0x0f00, 2) + four + ip},
        {"Cisco's HDLC", 104, big_endian(0x8f00, 2) + four + ip},
        {"PPPoE", 51, pppoe(ppp)},
        {"PPPoE in Ethernet with padding", 1, macs + big_endian(0x8864, 2) + pppoe(ppp) + "padding"},
        {"PPPoE behind a VLAN tag", 1, macs + vlan + big_endian(0x8864, 2) + pppoe(ppp)},
        {"MPLS", 1, macs + big_endian(0x8847, 2) + last_label + ip},
        {"MPLS with labels", 1, macs + big_endian(0x8848, 2) + label + label + last_label + ip},
        {"MPLS in PPP", 9, big_endian(0x0281, 2) + last_label + ip},
        {"Ethernet in MPLS", 1, macs + big_endian(0x8847, 2) + last_label + big_endian(0, 4) + ethernet},
        {"raw", 12, ip},
        {"raw, as others number it", 14, ip},
        {"IPv4", 228, ip},
        {"OpenBSD loopback", 108, big_endian(2, 4) + ip},
        {"IP in IP", 101, ipv4(4, ip)},
        {"IPv4 in IPv6", 229, ipv6(4, ip)},
        {"GRE", 101, ipv4(47, gre(big_endian(0, 2), 0x0800, ip))},
        {"GRE with checksum, key and number", 101,
         ipv4(47, gre(big_endian(0xb000, 2), 0x0800, std::string(12, 'x') + ip))},
        {"GRE with Ethernet", 101, ipv4(47, gre(big_endian(0x2000, 2), 0x6558, big_endian(5, 4) + ethernet))},
        {"GRE of PPTP", 101, ipv4(47, gre(big_endian(0x3081, 2), 0x880b, std::string(12, 'x') + ppp))},
        {"GRE in IPv6", 101, ipv6(47, gre(big_endian(0, 2), 0x0800, ip))},
        {"VXLAN", 1, macs + four + ipv4(17, udp(4789, vxlan + ethernet))},
        {"VXLAN on Linux's old port", 101, ipv4(17, udp(8472, vxlan + macs + vlan + four + ip))},
        {"VXLAN over IPv6", 101, ipv6(17, udp(4789, vxlan + ethernet))},
        {"Geneve", 101, ipv4(17, udp(6081, big_endian(0x02, 1) + big_endian(0, 1) + big_endian(0x6558, 2) +
                                               std::string(4, 'v') + std::string(8, 'o') + ethernet))},
        {"MPLS in IP", 101, ipv4(137, last_label + ip)},
    };
}

TEST(TcpSegment, is_found_in_every_wrapping) {
    const std::string ip = ip_packet();
    for (const auto& [what, link_type, data] : wrappings(ip)) {
        const auto segment = segment_in(data, link_type);
        ASSERT_TRUE(segment) << what;
        EXPECT_EQ(segment->payload, "abc") << what;
        EXPECT_EQ(segment->payload_bytes, 3U) << what;
        EXPECT_EQ(segment->from.to_string(), "127.0.0.1:4000") << what;
        EXPECT_EQ(segment->to.to_string(), "127.0.0.1:9092") << what;
    }
    const std::string tcp = ip.substr(20);
    const auto in_four = segment_in(ipv4(41, ipv6(6, tcp)), 101);
    ASSERT_TRUE(in_four);
    EXPECT_EQ(in_four->from.to_string(), "[::1]:4000");
    EXPECT_TRUE(segment_in(ipv6(6, tcp), 229));
    EXPECT_FALSE(segment_in(ipv4(17, udp(53, std::string(8, '\x08') + ip)), 101)) << "UDP of another kind";
    EXPECT_FALSE(segment_in(std::string(12, 'm') + big_endian(0x8863, 2) + ip, 1)) << "PPPoE that opens a session";
    EXPECT_FALSE(segment_in(ipv4(47, big_endian(0x4000, 2) + big_endian(0x0800, 2) + ip), 101));
    std::string deep = ip;
    for (int i = 0; i < 1000; ++i) deep = ipv4(4, deep);
    EXPECT_FALSE(segment_in(deep, 101)) << "wrapped for as long as there are bytes";
}

TEST(TcpSegment, survives_every_cut_and_every_flipped_byte_of_every_wrapping) {
    for (const auto& [what, link_type, data] : wrappings(ip_packet())) {
        SegmentReader reader;
        for (std::size_t i = 0; i < data.size(); ++i) {
            const std::string cut = data.substr(0, i);
            reader.read({{}, link_type, cut, data.size()});
            for (const char flip : {'\xff', '\x01', '\x80'}) {
                std::string flipped = data;
                flipped[i] = static_cast<char>(flipped[i] ^ flip);
                reader.read({{}, link_type, flipped, flipped.size()});
            }
        }
    }
}

/// TCP with its payload, cut into pieces of so many bytes, each a packet of IPv4.
std::vector<std::string> in_fragments(const std::string& tcp, std::size_t size, std::uint16_t id = 7) {
    std::vector<std::string> packets;
    for (std::size_t at = 0; at < tcp.size(); at += size) {
        const bool is_last = at + size >= tcp.size();
        const auto place = static_cast<std::uint16_t>(at / 8 | (is_last ? 0 : 0x2000));
        packets.push_back(ipv4(6, tcp.substr(at, size), place, id));
    }
    return packets;
}

std::string tcp_with(std::size_t payload) {
    return ip_packet().substr(20, 20) + std::string(payload, 'x');
}

TEST(SegmentReader, puts_fragments_together_in_any_order) {
    std::mt19937 random(1);
    for (const std::size_t size : {8U, 40U, 1480U}) {
        for (int round = 0; round < 20; ++round) {
            auto packets = in_fragments(tcp_with(3000), size);
            packets.push_back(packets[random() % (packets.size() - 1)]);  // captured twice
            std::shuffle(packets.begin(), packets.end() - 1, random);
            SegmentReader reader;
            std::size_t found = 0;
            for (const std::string& packet : packets) {
                const auto segment = reader.read({{}, 101, packet, packet.size()});
                if (!segment) continue;
                ++found;
                EXPECT_EQ(segment->payload, std::string(3000, 'x'));
                EXPECT_EQ(segment->payload_bytes, 3000U);
                EXPECT_EQ(segment->from.to_string(), "10.0.0.1:4000");
            }
            EXPECT_EQ(found, 1U);
        }
    }
}

TEST(SegmentReader, puts_fragments_of_ipv6_and_of_tunnels_together) {
    const std::string tcp = tcp_with(500);
    SegmentReader reader;
    const auto piece = [&tcp](std::size_t at, std::size_t size, bool more) {
        return ipv6(44, big_endian(6, 1) + big_endian(0, 1) + big_endian(at | (more ? 1 : 0), 2) + big_endian(99, 4) +
                            tcp.substr(at, size));
    };
    const std::string first = piece(0, 256, true);
    const std::string second = piece(256, 256 + 8, false);
    EXPECT_FALSE(reader.read({{}, 101, first, first.size()}));
    const auto segment = reader.read({{}, 101, second, second.size()});
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->payload.size(), 500U);
    // A packet in fragments in a tunnel whose packets came in fragments, too.
    std::size_t found = 0;
    std::uint16_t id = 20;
    for (const std::string& inner : in_fragments(tcp, 256)) {
        const std::string tunnelled = big_endian(0, 2) + big_endian(0x0800, 2) + inner;
        ++id;
        for (std::size_t at = 0; at < tunnelled.size(); at += 104) {
            const bool is_last = at + 104 >= tunnelled.size();
            const std::string outer = ipv4(47, tunnelled.substr(at, 104),
                                           static_cast<std::uint16_t>(at / 8 | (is_last ? 0 : 0x2000)), id);
            const auto inside = reader.read({{}, 101, outer, outer.size()});
            if (!inside) continue;
            ++found;
            EXPECT_EQ(inside->payload, std::string(500, 'x'));
        }
    }
    EXPECT_EQ(found, 1U);
}

TEST(SegmentReader, fragments_that_overlap_are_no_packet_and_late_ones_of_another) {
    const std::string tcp = tcp_with(100);
    SegmentReader reader;
    const auto read = [&reader](const std::string& packet, std::chrono::seconds time = {}) {
        return reader.read({time, 101, packet, packet.size()});
    };
    read(ipv4(6, tcp.substr(0, 64), 0x2000));
    read(ipv4(6, tcp.substr(32, 40), 0x2000 | 4));
    EXPECT_FALSE(read(ipv4(6, tcp.substr(72), 9)));
    read(ipv4(6, tcp.substr(0, 64), 0x2000, 8), std::chrono::seconds(0));
    EXPECT_FALSE(read(ipv4(6, tcp.substr(64), 8, 8), std::chrono::seconds(40)));
    EXPECT_TRUE(read(ipv4(6, tcp.substr(0, 64), 0x2000, 8), std::chrono::seconds(41)));
    EXPECT_FALSE(read(ipv4(6, std::string(100, 'x'), 0x1fff, 9))) << "beyond the largest packet";
}

TEST(SegmentReader, a_fragment_that_the_capture_cut_ends_what_is_there) {
    const auto packets = in_fragments(tcp_with(2000), 1000);
    SegmentReader reader;
    reader.read({{}, 101, packets[0], packets[0].size()});
    reader.read({{}, 101, std::string_view(packets[1]).substr(0, 120), packets[1].size()});
    const auto segment = reader.read({{}, 101, packets[2], packets[2].size()});
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->payload.size(), 1000U - 20 + 100);
    EXPECT_EQ(segment->payload_bytes, 2000U);
}

TEST(SegmentReader, fragments_that_never_become_whole_take_no_more_than_so_much_memory) {
    const auto in_use = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
    SegmentReader reader;
    const std::int64_t before = in_use();
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        for (const std::uint16_t at : {0, 1000}) {
            const std::string packet =
                ipv4(6, std::string(1400, 'x'), static_cast<std::uint16_t>(0x2000 | at), static_cast<std::uint16_t>(i));
            EXPECT_FALSE(reader.read({{}, 101, packet, packet.size()}));
        }
    }
    // A sanitizer's allocator tells nothing, and then there is nothing to see here.
    EXPECT_LT(in_use() - before, 12 << 20);
    const auto packets = in_fragments(tcp_with(3000), 1480);
    std::size_t found = 0;
    for (const std::string& packet : packets) found += reader.read({{}, 101, packet, packet.size()}) ? 1 : 0;
    EXPECT_EQ(found, 1U) << "the oldest gave way";
}

TEST(TcpSegment, looks_behind_the_extension_headers_of_ipv6) {
    const std::string tcp = ip_packet().substr(20);
    const std::string options = std::string("\x2c\x00", 2) + std::string(6, '\0');
    const std::string fragment = std::string("\x06\x00\x00\x00", 4) + std::string(4, 'i');
    std::string packet("\x60\0\0\0", 4);
    packet += '\0';
    packet += static_cast<char>(options.size() + fragment.size() + tcp.size());
    packet +=
        std::string("\0\x40", 2) + std::string(15, '\0') + '\x01' + std::string(15, '\0') + '\x02';
    const std::string whole = packet + options + fragment + tcp;
    const auto segment = segment_in(whole, 101);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->payload, "abc");
    EXPECT_EQ(segment->from.to_string(), "[::1]:4000");
    std::string later = whole;
    later[40 + 8 + 3] = 8;
    EXPECT_FALSE(segment_in(later, 101)) << "not the first fragment";
}

TEST(TcpSegment, says_how_much_the_capture_cut_off) {
    const std::string ip = ip_packet();
    const auto segment =
        tcp_segment({{}, 101, std::string_view(ip).substr(0, ip.size() - 2), ip.size()});
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->payload, "a");
    EXPECT_EQ(segment->payload_bytes, 3U);
}

TEST(TcpSegment, survives_every_cut_and_every_flipped_byte) {
    const std::string ethernet = std::string(12, 'm') + std::string("\x08\x00", 2) + ip_packet();
    for (std::size_t i = 0; i < ethernet.size(); ++i) {
        segment_in(ethernet.substr(0, i), 1);
        std::string flipped = ethernet;
        flipped[i] = static_cast<char>(~flipped[i]);
        segment_in(flipped, 1);
    }
}

}  // namespace
}  // namespace kwire
