#include "xxh32.h"

#include <bit>
#include <cstddef>

#include "lz4_frame.h"

namespace kwire::protocol {
namespace {

constexpr std::uint32_t prime_1 = 2654435761U;
constexpr std::uint32_t prime_2 = 2246822519U;
constexpr std::uint32_t prime_3 = 3266489917U;
constexpr std::uint32_t prime_4 = 668265263U;
constexpr std::uint32_t prime_5 = 374761393U;

std::uint32_t round(std::uint32_t lane, std::uint32_t input) {
    return std::rotl(lane + input * prime_2, 13) * prime_1;
}

}  // namespace

std::uint32_t xxh32(std::string_view data) {
    const char* p = data.data();
    const char* const end = p + data.size();
    std::uint32_t hash = prime_5;
    if (data.size() >= 16) {
        std::uint32_t lanes[4] = {prime_1 + prime_2, prime_2, 0, 0U - prime_1};
        for (; end - p >= 16; p += 16)
            for (std::size_t i = 0; i < 4; ++i)
                lanes[i] = round(lanes[i], load_little_endian32(p + 4 * i));
        hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
               std::rotl(lanes[3], 18);
    }
    hash += static_cast<std::uint32_t>(data.size());
    for (; end - p >= 4; p += 4)
        hash = std::rotl(hash + load_little_endian32(p) * prime_3, 17) * prime_4;
    for (; p != end; ++p)
        hash = std::rotl(hash + static_cast<unsigned char>(*p) * prime_5, 11) * prime_1;
    hash = (hash ^ (hash >> 15)) * prime_2;
    hash = (hash ^ (hash >> 13)) * prime_3;
    return hash ^ (hash >> 16);
}

}  // namespace kwire::protocol
