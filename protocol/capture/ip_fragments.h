// IP packets that were cut into fragments, put together again.
//
// Purpose: what lies above IP is only whole when all fragments of a packet are there. Invariants: at
// most bytes_max are kept, with what keeping costs, of at most packets_max packets; the oldest give way.
// A packet whose fragments overlap is dropped (RFC 5722), so is one of which fragments come more than
// 30 s apart. Sources: RFC 791, RFC 8200. Threads: one object, one thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kwire {

/// Bytes of a packet from some layer on, as far as they were captured.
struct Captured {
    std::string_view data;
    std::size_t original = 0;  ///< how many travelled; at least data

    /// Goes on behind the first bytes; false, and unchanged, if so many were not captured.
    bool skip(std::size_t size);
    /// What lies behind the first bytes is padding or another layer's.
    void limit(std::size_t size);
};

class IpFragments {
 public:
    static constexpr std::size_t bytes_max = 8U << 20;
    static constexpr std::size_t packets_max = 1024;
    static constexpr std::size_t packet_bytes_max = 65535;

    /// What the fragments of one packet have in common.
    struct Key {
        std::array<std::uint8_t, 16> from{};
        std::array<std::uint8_t, 16> to{};
        std::uint32_t id = 0;
        std::uint8_t protocol = 0;
        bool v6 = false;

        auto operator<=>(const Key&) const = default;
    };
    struct Fragment {
        std::size_t at = 0;
        bool is_last = false;
        Captured bytes;
    };

    /// The whole content of the packet if this was the last fragment that was missing. It is valid until
    /// the next call; where a fragment was cut by the capture it ends there.
    std::optional<Captured> add(const Key& key, const Fragment& fragment, std::chrono::nanoseconds time);

 private:
    struct Part {
        std::string data;
        std::size_t size = 0;  // that travelled
    };
    struct Packet {
        std::map<std::size_t, Part> parts;
        std::optional<std::size_t> size;  // known from the last fragment
        std::size_t came = 0;
        std::chrono::nanoseconds begun{};
        std::list<Key>::iterator place;
    };
    using Packets = std::map<Key, Packet>;

    Packets::iterator packet_of(const Key& key, std::chrono::nanoseconds time);
    static bool overlaps(const Packet& packet, std::size_t at, std::size_t size);
    void drop(Packets::iterator packet);

    Packets packets_;
    std::list<Key> oldest_first_;
    std::size_t bytes_ = 0;
    std::string whole_;
};

}  // namespace kwire
