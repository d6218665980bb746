#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
