#include <array>
#include <cstddef>
#include <cstring>

#include <kwire/protocol/crc32.h>

#ifdef KWIRE_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#if defined(__x86_64__)
#define KWIRE_CRC32C_INSTRUCTION __attribute__((target("sse4.2")))
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__) && defined(__AARCH64EL__)
#define KWIRE_CRC32C_INSTRUCTION __attribute__((target("+crc")))
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace kwire::protocol {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // Castagnoli's, reflected

using Table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b does to the sum when k further bytes follow it.
constexpr std::array<Table, 8> make_byte_tables() {
    std::array<Table, 8> tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); ++k)
        for (std::size_t b = 0; b < 256; ++b)
            tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 255];
    return tables;
}

constexpr std::array<Table, 8> byte_tables = make_byte_tables();

std::uint32_t portable_raw(std::uint32_t crc, const unsigned char* p, std::size_t n) {
    for (; n >= 8; n -= 8, p += 8) {
        const std::uint32_t low = crc ^ (std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 |
                                         std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24);
        crc = byte_tables[7][low & 255] ^ byte_tables[6][low >> 8 & 255] ^
              byte_tables[5][low >> 16 & 255] ^ byte_tables[4][low >> 24] ^ byte_tables[3][p[4]] ^
              byte_tables[2][p[5]] ^ byte_tables[1][p[6]] ^ byte_tables[0][p[7]];
    }
    for (; n > 0; --n, ++p) crc = (crc >> 8) ^ byte_tables[0][(crc ^ *p) & 255];
    return crc;
}

#ifdef KWIRE_CRC32C_INSTRUCTION

// One CRC instruction takes three cycles but one can start in each: three independent lanes keep
// the unit busy. The lanes' sums are then put together: appending n bytes to a sum is a linear map,
// and that for a fixed n is four table look-ups.
constexpr std::size_t long_lane = 4096;
constexpr std::size_t short_lane = 256;

using Shift = std::array<Table, 4>;

/// A linear map on 32-bit sums, as the images of the 32 single bits.
using Matrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t image(const Matrix& m, std::uint32_t v) {
    std::uint32_t sum = 0;
    for (std::size_t bit = 0; v != 0; ++bit, v >>= 1)
        if ((v & 1) != 0) sum ^= m[bit];
    return sum;
}

constexpr Shift make_shift(std::size_t bytes_power_of_two) {
    Matrix m{};  // first: one zero byte
    for (std::size_t bit = 0; bit < 32; ++bit) {
        const std::uint32_t v = std::uint32_t{1} << bit;
        m[bit] = (v >> 8) ^ byte_tables[0][v & 255];
    }
    for (std::size_t n = 1; n < bytes_power_of_two; n *= 2) {
        Matrix twice{};
        for (std::size_t bit = 0; bit < 32; ++bit) twice[bit] = image(m, m[bit]);
        m = twice;
    }
    Shift shift{};
    for (std::size_t k = 0; k < 4; ++k)
        for (std::uint32_t b = 0; b < 256; ++b) shift[k][b] = image(m, b << (8 * k));
    return shift;
}

constexpr Shift long_shift = make_shift(long_lane);
constexpr Shift short_shift = make_shift(short_lane);

inline std::uint32_t shifted(const Shift& s, std::uint32_t crc) {
    return s[0][crc & 255] ^ s[1][crc >> 8 & 255] ^ s[2][crc >> 16 & 255] ^ s[3][crc >> 24];
}

inline std::uint64_t load64(const unsigned char* p) {
    std::uint64_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

#if defined(__x86_64__)
using Lane = std::uint64_t;
KWIRE_CRC32C_INSTRUCTION inline Lane step64(Lane crc, std::uint64_t v) {
    return _mm_crc32_u64(crc, v);
}
KWIRE_CRC32C_INSTRUCTION inline std::uint32_t step8(std::uint32_t crc, unsigned char v) {
    return _mm_crc32_u8(crc, v);
}
constexpr const char* instruction_name = "sse4.2";
bool processor_has_instruction() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2");
}
#else
using Lane = std::uint32_t;
KWIRE_CRC32C_INSTRUCTION inline Lane step64(Lane crc, std::uint64_t v) {
    return __crc32cd(crc, v);
}
KWIRE_CRC32C_INSTRUCTION inline std::uint32_t step8(std::uint32_t crc, unsigned char v) {
    return __crc32cb(crc, v);
}
constexpr const char* instruction_name = "armv8";
bool processor_has_instruction() {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#endif

template <std::size_t lane_bytes>
KWIRE_CRC32C_INSTRUCTION inline std::uint32_t three_lanes(std::uint32_t crc, const unsigned char* p,
                                                          const Shift& shift) {
    Lane a = crc;
    Lane b = 0;
    Lane c = 0;
    for (const unsigned char* const end = p + lane_bytes; p != end; p += 8) {
        a = step64(a, load64(p));
        b = step64(b, load64(p + lane_bytes));
        c = step64(c, load64(p + 2 * lane_bytes));
    }
    const std::uint32_t ab =
        shifted(shift, static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    return shifted(shift, ab) ^ static_cast<std::uint32_t>(c);
}

KWIRE_CRC32C_INSTRUCTION std::uint32_t instruction_raw(std::uint32_t crc, const unsigned char* p,
                                                       std::size_t n) {
    for (; n >= 3 * long_lane; n -= 3 * long_lane, p += 3 * long_lane)
        crc = three_lanes<long_lane>(crc, p, long_shift);
    for (; n >= 3 * short_lane; n -= 3 * short_lane, p += 3 * short_lane)
        crc = three_lanes<short_lane>(crc, p, short_shift);
    Lane lane = crc;
    for (; n >= 8; n -= 8, p += 8) lane = step64(lane, load64(p));
    crc = static_cast<std::uint32_t>(lane);
    for (; n > 0; --n, ++p) crc = step8(crc, *p);
    return crc;
}

#else
constexpr const char* instruction_name = "portable";
bool processor_has_instruction() {
    return false;
}
std::uint32_t instruction_raw(std::uint32_t crc, const unsigned char* p, std::size_t n) {
    return portable_raw(crc, p, n);
}
#endif

using Raw = std::uint32_t (*)(std::uint32_t, const unsigned char*, std::size_t);

Raw chosen() {
    static const Raw raw = processor_has_instruction() ? instruction_raw : portable_raw;
    return raw;
}

const unsigned char* bytes_of(std::string_view data) {
    return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace

std::uint32_t crc32c(std::string_view data, std::uint32_t seed) {
    return ~chosen()(~seed, bytes_of(data), data.size());
}

std::uint32_t crc32c_portable(std::string_view data, std::uint32_t seed) {
    return ~portable_raw(~seed, bytes_of(data), data.size());
}

const char* crc32c_implementation() {
    return chosen() == portable_raw ? "portable" : instruction_name;
}

std::uint32_t crc32(std::string_view data, std::uint32_t seed) {
#ifdef KWIRE_HAVE_LIBDEFLATE
    return libdeflate_crc32(seed, data.data(), data.size());
#else
    return static_cast<std::uint32_t>(::crc32_z(seed, bytes_of(data), data.size()));
#endif
}

}  // namespace kwire::protocol
