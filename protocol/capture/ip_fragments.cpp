#include "ip_fragments.h"

#include <algorithm>
#include <utility>

namespace kwire {
namespace {

using std::chrono::nanoseconds;

// What a fragment takes beside its bytes, so that many tiny ones are bounded, too.
constexpr std::size_t part_cost = 128;
// RFC 791 and RFC 8200 give up after 15 to 60 s.
constexpr nanoseconds patience = std::chrono::seconds(30);

}  // namespace

bool Captured::skip(std::size_t size) {
    if (data.size() < size) return false;
    data.remove_prefix(size);
    original -= size;
    return true;
}

void Captured::limit(std::size_t size) {
    data = data.substr(0, size);
    original = std::min(original, size);
}

std::optional<Captured> IpFragments::add(const Key& key, const Fragment& fragment, nanoseconds time) {
    const std::size_t size = fragment.bytes.original;
    if (size == 0 || fragment.at + size > packet_bytes_max) return std::nullopt;
    const auto found = packet_of(key, time);
    Packet& packet = found->second;
    const auto same = packet.parts.find(fragment.at);
    if (same != packet.parts.end() && same->second.size == size) return std::nullopt;  // captured twice
    const bool ends_elsewhere = fragment.is_last && packet.size && *packet.size != fragment.at + size;
    if (ends_elsewhere || overlaps(packet, fragment.at, size) ||
        (packet.size && fragment.at + size > *packet.size)) {
        drop(found);
        return std::nullopt;
    }
    packet.parts[fragment.at] = {std::string(fragment.bytes.data), size};
    packet.came += size;
    bytes_ += fragment.bytes.data.size() + part_cost;
    if (fragment.is_last) packet.size = fragment.at + size;
    if (packet.size && packet.parts.rbegin()->first >= *packet.size) {
        drop(found);  // something lies behind its end
        return std::nullopt;
    }
    if (!packet.size || packet.came < *packet.size) {
        while (bytes_ > bytes_max || packets_.size() > packets_max) drop(packets_.find(oldest_first_.front()));
        return std::nullopt;
    }
    std::string joined;
    for (const auto& [at, part] : packet.parts) {
        joined += part.data;
        if (part.data.size() < part.size) break;
    }
    const std::size_t original = *packet.size;
    drop(found);
    whole_ = std::move(joined);
    return Captured{whole_, original};
}

IpFragments::Packets::iterator IpFragments::packet_of(const Key& key, nanoseconds time) {
    auto found = packets_.find(key);
    if (found != packets_.end()) {
        const nanoseconds age = time - found->second.begun;
        if (age <= patience && age >= -patience) return found;
        drop(found);
    }
    found = packets_.try_emplace(key).first;
    found->second.begun = time;
    found->second.place = oldest_first_.insert(oldest_first_.end(), key);
    return found;
}

bool IpFragments::overlaps(const Packet& packet, std::size_t at, std::size_t size) {
    const auto behind = packet.parts.lower_bound(at);
    if (behind != packet.parts.end() && behind->first < at + size) return true;
    if (behind == packet.parts.begin()) return false;
    const auto& [its_at, before] = *std::prev(behind);
    return its_at + before.size > at;
}

void IpFragments::drop(Packets::iterator packet) {
    for (const auto& [at, part] : packet->second.parts) bytes_ -= part.data.size() + part_cost;
    oldest_first_.erase(packet->second.place);
    packets_.erase(packet);
}

}  // namespace kwire
