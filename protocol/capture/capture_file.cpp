#include <algorithm>
#include <bit>
#include <cstring>

#include <kwire/protocol/capture_file.h>

namespace kwire {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t pcap_header_bytes = 24;
constexpr std::size_t pcap_record_bytes = 16;
// Of the "modified" format of old Linux distributions, with interface, protocol and kind behind the rest.
constexpr std::size_t modified_record_bytes = 24;
constexpr std::uint32_t microseconds_magic = 0xa1b2c3d4;
constexpr std::uint32_t nanoseconds_magic = 0xa1b23c4d;
constexpr std::uint32_t modified_magic = 0xa1b2cd34;
constexpr std::size_t block_bytes_min = 12;
// No capture has larger packets or blocks: a size beyond is damage, not data to wait for.
constexpr std::uint32_t packet_bytes_max = 64U << 20;

constexpr std::uint32_t section_block = 0x0a0d0d0a;
constexpr std::uint32_t interface_block = 1;
constexpr std::uint32_t old_packet_block = 2;
constexpr std::uint32_t simple_packet_block = 3;
constexpr std::uint32_t packet_block = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;

std::uint32_t load32(const char* p) {
    std::uint32_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

std::uint32_t swap32(std::uint32_t value) {
    return __builtin_bswap32(value);
}

std::size_t padded(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

/// Ticks of any resolution as nanoseconds; what lies beyond the years that fit is cut to them.
nanoseconds to_time(std::uint64_t ticks, std::uint64_t ticks_a_second,
                    std::int64_t offset_seconds) {
    const std::uint64_t seconds = ticks / ticks_a_second;
    const std::uint64_t rest = ticks % ticks_a_second;
    __extension__ using Wide = unsigned __int128;
    const auto fraction = static_cast<std::int64_t>(Wide{rest} * 1'000'000'000U / ticks_a_second);
    constexpr std::int64_t seconds_max = INT64_MAX / 1'000'000'000 - 1;
    const std::int64_t begin =
        seconds > static_cast<std::uint64_t>(seconds_max) ? 0 : static_cast<std::int64_t>(seconds);
    const std::int64_t offset = std::clamp(offset_seconds, -seconds_max, seconds_max);
    const std::int64_t whole = std::clamp(begin + offset, -seconds_max, seconds_max);
    return nanoseconds(whole * 1'000'000'000 + fraction);
}

/// pcapng's if_tsresol: a negative power of 10, or of 2 where the highest bit is set.
std::optional<std::uint64_t> resolution(std::uint8_t value) {
    const unsigned power = value & 0x7fU;
    if ((value & 0x80U) != 0) {
        if (power > 63) return std::nullopt;
        return std::uint64_t{1} << power;
    }
    if (power > 19) return std::nullopt;
    std::uint64_t ticks = 1;
    for (unsigned i = 0; i < power; ++i) ticks *= 10;
    return ticks;
}

}  // namespace

std::uint16_t CaptureReader::read16(const char* p) const {
    std::uint16_t value;
    std::memcpy(&value, p, sizeof value);
    return swapped_ ? __builtin_bswap16(value) : value;
}

std::uint32_t CaptureReader::read32(const char* p) const {
    return swapped_ ? swap32(load32(p)) : load32(p);
}

bool CaptureReader::fail(std::size_t at, std::string what) {
    error_ =
        DecodeError{format_ == Format::pcapng ? "pcapng" : "pcap", std::move(what), position_ + at};
    return false;
}

CaptureReader::Step CaptureReader::next(std::string_view data, std::size_t& consumed,
                                        CapturedPacket& packet) {
    consumed = 0;
    if (error_) return Step::failed;
    if (format_ == Format::unknown) {
        const Step step = begin(data, consumed);
        position_ += consumed;
        if (step != Step::packet) return step;
    }
    for (;;) {
        std::size_t size = 0;
        bool found = true;
        const Step step = format_ == Format::pcap
                              ? next_pcap(data.substr(consumed), size, packet)
                              : next_block(data.substr(consumed), size, packet, found);
        consumed += size;
        position_ += size;
        if (step != Step::packet || found) return step;
    }
}

/// `packet` here means: go on.
CaptureReader::Step CaptureReader::begin(std::string_view data, std::size_t& consumed) {
    if (data.size() < 4) return Step::needs_more;
    const std::uint32_t magic = load32(data.data());
    if (magic == section_block) {
        format_ = Format::pcapng;
        return Step::packet;
    }
    for (const bool swapped : {false, true}) {
        const std::uint32_t value = swapped ? swap32(magic) : magic;
        if (value != microseconds_magic && value != nanoseconds_magic && value != modified_magic) continue;
        if (data.size() < pcap_header_bytes) return Step::needs_more;
        format_ = Format::pcap;
        swapped_ = swapped;
        // The upper half of the last word tells of frame check sequences, which nobody captures.
        interfaces_ = {{read32(data.data() + 20) & 0xffffU,
                        value == nanoseconds_magic ? 1'000'000'000U : 1'000'000U, 0}};
        record_bytes_ = value == modified_magic ? modified_record_bytes : pcap_record_bytes;
        consumed = pcap_header_bytes;
        return Step::packet;
    }
    fail(0, "is neither a pcap nor a pcapng file");
    return Step::failed;
}

CaptureReader::Step CaptureReader::next_pcap(std::string_view data, std::size_t& consumed,
                                             CapturedPacket& packet) {
    if (data.size() < record_bytes_) return Step::needs_more;
    const std::uint32_t captured = read32(data.data() + 8);
    if (captured > packet_bytes_max) {
        fail(8, "claims a packet of " + std::to_string(captured) + " bytes");
        return Step::failed;
    }
    if (data.size() - record_bytes_ < captured) return Step::needs_more;
    const Interface& only = interfaces_.front();
    const nanoseconds second = std::chrono::seconds(read32(data.data()));
    const std::uint64_t fraction = read32(data.data() + 4);
    packet.time =
        second + nanoseconds(only.ticks_a_second == 1'000'000 ? fraction * 1000 : fraction);
    packet.link_type = only.link_type;
    packet.data = data.substr(record_bytes_, captured);
    packet.original_size = std::max<std::size_t>(read32(data.data() + 12), captured);
    consumed = record_bytes_ + captured;
    return Step::packet;
}

CaptureReader::Step CaptureReader::next_block(std::string_view data, std::size_t& consumed,
                                              CapturedPacket& packet, bool& found) {
    found = false;
    if (data.size() < block_bytes_min) return Step::needs_more;
    if (load32(data.data()) == section_block && !read_section(data)) return Step::failed;
    const std::uint32_t type = read32(data.data());
    const std::uint32_t size = read32(data.data() + 4);
    if (size < block_bytes_min || size % 4 != 0 || size > packet_bytes_max) {
        fail(4, "claims a block of " + std::to_string(size) + " bytes");
        return Step::failed;
    }
    if (data.size() < size) return Step::needs_more;
    const std::string_view body = data.substr(8, size - block_bytes_min);
    if (type == interface_block) {
        if (!read_interface(body)) return Step::failed;
    } else if (type == packet_block || type == simple_packet_block || type == old_packet_block) {
        if (!read_packet(type, body, packet)) return Step::failed;
        found = true;
    }
    consumed = size;
    return Step::packet;
}

/// A section may have another byte order than the one before, and has interfaces of its own.
bool CaptureReader::read_section(std::string_view block) {
    const std::uint32_t magic = load32(block.data() + 8);
    if (magic != byte_order_magic && swap32(magic) != byte_order_magic) {
        return fail(8, "a section without byte-order magic");
    }
    swapped_ = magic != byte_order_magic;
    interfaces_.clear();
    return true;
}

bool CaptureReader::read_interface(std::string_view body) {
    if (body.size() < 8) return fail(8, "an interface block that is too short");
    Interface described;
    described.link_type = read16(body.data());
    for (std::size_t at = 8; body.size() - at >= 4;) {
        const std::uint16_t code = read16(body.data() + at);
        const std::size_t size = read16(body.data() + at + 2);
        at += 4;
        if (code == 0 || padded(size) > body.size() - at) break;
        if (code == 9 && size == 1) {
            const auto ticks = resolution(static_cast<std::uint8_t>(body[at]));
            if (!ticks) return fail(8 + at, "a resolution of time that does not fit 64 bits");
            described.ticks_a_second = *ticks;
        } else if (code == 14 && size == 8) {
            std::uint64_t seconds = 0;
            std::memcpy(&seconds, body.data() + at, sizeof seconds);
            if (swapped_) seconds = __builtin_bswap64(seconds);
            described.offset_seconds = static_cast<std::int64_t>(seconds);
        }
        at += padded(size);
    }
    interfaces_.push_back(described);
    return true;
}

bool CaptureReader::read_packet(std::uint32_t type, std::string_view body, CapturedPacket& packet) {
    const std::size_t header = type == simple_packet_block ? 4 : 20;
    if (body.size() < header) return fail(8, "a packet block that is too short");
    std::size_t interface = 0;
    std::size_t captured = 0;
    std::uint64_t ticks = 0;
    if (type == simple_packet_block) {
        packet.original_size = read32(body.data());
        captured = std::min(packet.original_size, body.size() - header);
    } else {
        interface = type == packet_block ? read32(body.data()) : read16(body.data());
        ticks = std::uint64_t{read32(body.data() + 4)} << 32 | read32(body.data() + 8);
        captured = read32(body.data() + 12);
        packet.original_size = read32(body.data() + 16);
    }
    if (captured > body.size() - header) {
        return fail(20, "claims a packet of " + std::to_string(captured) + " bytes in " +
                            std::to_string(body.size() - header));
    }
    if (interface >= interfaces_.size()) {
        return fail(8, "names interface " + std::to_string(interface) + " of " +
                           std::to_string(interfaces_.size()));
    }
    const Interface& its = interfaces_[interface];
    packet.time = to_time(ticks, its.ticks_a_second, its.offset_seconds);
    packet.link_type = its.link_type;
    packet.data = body.substr(header, captured);
    packet.original_size = std::max(packet.original_size, captured);
    return true;
}

}  // namespace kwire
