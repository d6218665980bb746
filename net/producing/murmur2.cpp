#include <kwire/net/producer.h>

#include <cassert>
#include <cstring>

namespace kwire {

// Austin Appleby's MurmurHash2 with the seed that Kafka's Java clients use; all of them must choose the same partition.
std::uint32_t murmur2(std::string_view key) {
    constexpr std::uint32_t multiplier = 0x5bd1e995;
    constexpr std::uint32_t seed = 0x9747b28c;
    const auto byte_at = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(key[i]));
    };
    std::uint32_t hash = seed ^ static_cast<std::uint32_t>(key.size());
    std::size_t at = 0;
    for (; at + 4 <= key.size(); at += 4) {
        std::uint32_t word = byte_at(at) | byte_at(at + 1) << 8 | byte_at(at + 2) << 16 | byte_at(at + 3) << 24;
        word *= multiplier;
        word ^= word >> 24;
        hash = hash * multiplier ^ word * multiplier;
    }
    if (at < key.size()) {
        for (std::size_t i = key.size(); i-- > at;) hash ^= byte_at(i) << 8 * (i - at);
        hash *= multiplier;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    hash ^= hash >> 15;
    return hash;
}

std::int32_t partition_for_key(std::string_view key, std::int32_t partition_count) {
    assert(partition_count > 0);
    return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace kwire
