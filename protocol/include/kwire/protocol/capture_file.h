// Files of captured packets: pcap and pcapng, read and written without libpcap.
//
// Purpose: take packets with their times out of a file, whole or as it arrives through a pipe, and
// write files that Wireshark and this reader understand. Both byte orders, microseconds and
// nanoseconds, the longer records of "modified" pcap, any number of interfaces. Input never makes it throw; a size that cannot be is an
// error with its place. Lifetimes: a packet views the bytes it was found in. Threads: one object,
// one thread. Sources: the IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/decode_error.h>

namespace kwire {

struct CapturedPacket {
    std::chrono::nanoseconds time{};  ///< since 1970; 0 where the file does not say
    std::uint32_t link_type = 0;      ///< the file's number for what the packet begins with
    std::string_view data;
    std::size_t original_size = 0;  ///< what travelled; more than data where the capture cut it
};

class CaptureReader {
 public:
    enum class Step {
        packet,
        needs_more,  ///< What is left is not a whole packet: call again with more behind it.
        failed,      ///< See error(); nothing behind it can be read.
    };

    /// The next packet. `data` is what was not consumed so far; `consumed` is set to how much of it
    /// is done with, also where more is needed.
    Step next(std::string_view data, std::size_t& consumed, CapturedPacket& packet);

    const std::optional<DecodeError>& error() const { return error_; }

 private:
    enum class Format { unknown, pcap, pcapng };
    struct Interface {
        std::uint32_t link_type = 0;
        std::uint64_t ticks_a_second = 1'000'000;
        std::int64_t offset_seconds = 0;
    };

    std::uint16_t read16(const char* p) const;
    std::uint32_t read32(const char* p) const;
    Step begin(std::string_view data, std::size_t& consumed);
    Step next_pcap(std::string_view data, std::size_t& consumed, CapturedPacket& packet);
    Step next_block(std::string_view data, std::size_t& consumed, CapturedPacket& packet,
                    bool& found);
    bool read_section(std::string_view block);
    bool read_interface(std::string_view body);
    bool read_packet(std::uint32_t type, std::string_view body, CapturedPacket& packet);
    bool fail(std::size_t at, std::string what);

    Format format_ = Format::unknown;
    bool swapped_ = false;
    std::size_t record_bytes_ = 0;       // before a packet of a pcap file
    std::vector<Interface> interfaces_;  // of pcap there is one
    std::size_t position_ = 0;           // of `data` in the whole file, for errors
    std::optional<DecodeError> error_;
};

/// A file with TCP connections made of what a program sent and received, each packet with headers
/// of IP and TCP as they might have travelled. What is written can be appended to a file in parts.
class CaptureWriter {
 public:
    /// One end of a connection: an IPv4 or IPv6 address in network order, and a port.
    struct End {
        std::string address;  ///< 4 or 16 bytes; both ends alike
        std::uint16_t port = 0;
    };
    struct Connection {
        End client;
        End broker;
        std::uint32_t client_sequence = 1;
        std::uint32_t broker_sequence = 1;
    };
    enum class From { client, broker };

    /// What a file begins with: pcap, little endian, nanoseconds, packets that begin with IP.
    static void append_header(std::string& out);

    /// The three packets that open a connection.
    static void append_opening(std::string& out, Connection& connection,
                               std::chrono::nanoseconds time);
    /// Bytes that one end sent, in as many packets as they need.
    static void append_bytes(std::string& out, Connection& connection, From from,
                             std::string_view bytes, std::chrono::nanoseconds time);
    /// The packet that ends one direction.
    static void append_end(std::string& out, Connection& connection, From from,
                           std::chrono::nanoseconds time);
};

}  // namespace kwire
