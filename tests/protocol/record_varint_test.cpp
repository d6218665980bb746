#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/protocol/record_varint.h>

namespace kwire::protocol {
namespace {

template <class Int>
void expect_round_trip(Int value) {
    std::string bytes;
    append_varint(bytes, value);
    EXPECT_EQ(bytes.size(), varint_size(value)) << value;
    EXPECT_LE(bytes.size(), varint_bytes_max<Int>);
    Int checked = 0;
    const char* p = bytes.data();
    ASSERT_TRUE(read_varint(p, bytes.data() + bytes.size(), checked)) << value;
    EXPECT_EQ(checked, value);
    EXPECT_EQ(p, bytes.data() + bytes.size());

    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        p = bytes.data();
        EXPECT_FALSE(read_varint(p, bytes.data() + cut, checked)) << value << " cut at " << cut;
    }
    std::string padded = bytes + std::string(varint_bytes_max<Int>, '\xff');
    std::make_unsigned_t<Int> raw = 0;
    p = padded.data();
    ASSERT_EQ(read_short_varint<3>(p, raw), bytes.size() <= 3) << value;
    if (bytes.size() > 3) return;
    EXPECT_EQ(raw, zigzag_encoded(value));
    EXPECT_EQ(p, padded.data() + bytes.size());
}

template <class Int>
class RecordVarint : public ::testing::Test {};
using Widths = ::testing::Types<std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(RecordVarint, Widths);

TYPED_TEST(RecordVarint, EveryWidthGoesThereAndBack) {
    using Int = TypeParam;
    for (unsigned shift = 0; shift < 8 * sizeof(Int) - 1; ++shift)
        for (const Int near : {-1, 0, 1}) {
            expect_round_trip(static_cast<Int>((Int{1} << shift) + near));
            expect_round_trip(static_cast<Int>(-(Int{1} << shift) - near));
        }
    expect_round_trip(std::numeric_limits<Int>::max());
    expect_round_trip(std::numeric_limits<Int>::min());
}

TYPED_TEST(RecordVarint, TooLongIsRefused) {
    using Int = TypeParam;
    const std::string endless(20, '\x80');
    Int value = 0;
    const char* p = endless.data();
    EXPECT_FALSE(read_varint(p, endless.data() + endless.size(), value));
    std::make_unsigned_t<Int> raw = 0;
    p = endless.data();
    EXPECT_FALSE(read_short_varint<3>(p, raw));

    // The last byte allowed has room for 4 bits of an int32 and 1 of an int64.
    std::string full(varint_bytes_max<Int> - 1, '\xff');
    const char most = sizeof(Int) == 4 ? '\x0f' : '\x01';
    full.push_back(most);
    p = full.data();
    ASSERT_TRUE(read_varint(p, full.data() + full.size(), value));
    EXPECT_EQ(value, std::numeric_limits<Int>::min());
    full.back() = static_cast<char>(most + 1);
    p = full.data();
    EXPECT_FALSE(read_varint(p, full.data() + full.size(), value));
}

TYPED_TEST(RecordVarint, PaddingWithinTheLimitIsAccepted) {
    const std::string padded("\x82\x80\x80\x00", 4);
    TypeParam value = 0;
    const char* p = padded.data();
    ASSERT_TRUE(read_varint(p, padded.data() + padded.size(), value));
    EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace kwire::protocol
