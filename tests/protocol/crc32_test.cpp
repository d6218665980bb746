#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/crc32.h>

namespace kwire::protocol {
namespace {

/// Bit by bit, from the definition.
std::uint32_t slow_crc(std::string_view data, std::uint32_t polynomial) {
    std::uint32_t crc = ~0U;
    for (const char c : data) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
    }
    return ~crc;
}

constexpr std::uint32_t castagnoli = 0x82f63b78;
constexpr std::uint32_t ieee = 0xedb88320;

std::string noise(std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::string data(size, '\0');
    for (char& c : data) c = static_cast<char>(random());
    return data;
}

TEST(Crc32, KnownValues) {
    // RFC 3720, B.4, and the check values of both sums.
    EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
    EXPECT_EQ(crc32c(""), 0U);
    EXPECT_EQ(crc32("123456789"), 0xcbf43926U);
    EXPECT_EQ(crc32(""), 0U);
}

TEST(Crc32, EverySizeAndAlignmentMatchesTheDefinition) {
    const std::string data = noise(1200);
    for (std::size_t size = 0; size <= 1100; size += size < 300 ? 1 : 37)
        for (const std::size_t from : {0, 1, 3, 7}) {
            const std::string_view piece = std::string_view(data).substr(from, size);
            const std::uint32_t expected = slow_crc(piece, castagnoli);
            EXPECT_EQ(crc32c(piece), expected) << size << " from " << from;
            EXPECT_EQ(crc32c_portable(piece), expected) << size << " from " << from;
            EXPECT_EQ(crc32(piece), slow_crc(piece, ieee)) << size << " from " << from;
        }
}

/// Around the sizes where the lanes are put together.
TEST(Crc32, LargeSizesMatchThePortableForm) {
    const std::string data = noise((1 << 20) + 11);
    for (const std::size_t size :
         {767U, 768U, 769U, 12287U, 12288U, 12289U, 13056U, 24576U, 100'000U, 1U << 20})
        EXPECT_EQ(crc32c(std::string_view(data).substr(5, size)),
                  crc32c_portable(std::string_view(data).substr(5, size)))
            << size << " with " << crc32c_implementation();
}

TEST(Crc32, GoesOnFromASum) {
    const std::string_view data = "The quick brown fox jumps over the lazy dog";
    for (std::size_t cut = 0; cut <= data.size(); ++cut) {
        EXPECT_EQ(crc32c(data.substr(cut), crc32c(data.substr(0, cut))), crc32c(data));
        EXPECT_EQ(crc32(data.substr(cut), crc32(data.substr(0, cut))), crc32(data));
    }
}

}  // namespace
}  // namespace kwire::protocol
