// Decoding what no broker would send: an error with a place, no crash, and memory in proportion to
// the input.
#include <array>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/messages.h>

#include "oracle_data.h"

namespace {

// What the test's own allocations add up to since it was last set to 0.
std::size_t allocated = 0;

}  // namespace

// Not inlined: the compiler must not see one half of a pair and warn about the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
    allocated += size;
    if (void* block = std::malloc(size > 0 ? size : 1)) return block;
    throw std::bad_alloc();
}
// The library's own forms of these would not be ours in a sanitized build.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    allocated += size;
    return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
    std::free(block);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
    std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
    std::free(block);
}

namespace kwire::test {
namespace {

using namespace kwire::protocol;

// Beyond eight times the input: the floor that the codec grants, and the text of an error.
constexpr std::size_t slack = (1 << 20) + 4096;

std::optional<DecodeError> decode_in_bounds(const OracleMessage& m, const Bytes& bytes) {
    const Schema& schema = *find_message(m.name);
    const auto value = schema.make();
    allocated = 0;
    auto error = decode(schema, value.get(), m.version, bytes);
    EXPECT_LE(allocated, 8 * bytes.size() + slack) << m.where();
    if (error) {
        EXPECT_TRUE(error->path.starts_with(m.name)) << error->message();
        EXPECT_LE(error->offset, bytes.size()) << error->message();
    } else {
        // Whatever was accepted can be written.
        std::string out;
        const auto refused = encode(schema, value.get(), m.version, out);
        EXPECT_FALSE(refused) << refused->message();
    }
    return error;
}

TEST(HostileMessage, CutAtEveryByteIsAnError) {
    for (const OracleMessage& m : oracle_messages()) {
        for (std::size_t size = 0; size < m.bytes.size(); ++size) {
            ASSERT_TRUE(decode_in_bounds(m, m.bytes.slice(0, size)))
                << m.where() << " cut to " << size;
        }
    }
}

TEST(HostileMessage, BytesLeftOverAreAnError) {
    for (const OracleMessage& m : oracle_messages()) {
        const auto error = decode_in_bounds(m, Bytes::own(std::string(m.bytes.view()) + '\0'));
        ASSERT_TRUE(error) << m.where();
        EXPECT_EQ(error->message(),
                  m.name + ": 1 bytes left over at byte " + std::to_string(m.bytes.size()));
    }
}

// Among the places are all lengths and counts; what they say instead is the worst there is.
TEST(HostileMessage, EveryPlaceMaySayAnything) {
    using namespace std::string_literals;
    const std::array values{"\xff\xff\xff\xff"s,
                            "\xff\xff\xff\xfe"s,
                            "\x7f\xff\xff\xff"s,
                            "\x00\x00\xff\xff"s,
                            "\xff\xff"s,
                            "\x7f\xff"s,
                            "\xff"s,
                            "\x80"s,
                            "\0"s,
                            "\x01"s,
                            "\xff\xff\xff\xff\x0f"s,
                            "\xff\xff\xff\xff\xff"s};
    std::size_t refused = 0;
    std::size_t index = 0;
    for (const OracleMessage& m : oracle_messages()) {
        // A quarter is enough, of the three values of each version another one every time: the
        // sanitizers have their time.
        if (++index % 4 != 0 || m.bytes.size() > 300) continue;
        for (const std::string& value : values) {
            for (std::size_t at = 0; at + value.size() <= m.bytes.size(); ++at) {
                std::string bytes(m.bytes.view());
                bytes.replace(at, value.size(), value);
                if (decode_in_bounds(m, Bytes::own(std::move(bytes)))) ++refused;
            }
        }
    }
    EXPECT_GT(refused, 10000U);
}

TEST(HostileMessage, AMegabyteOfAnythingStaysInBounds) {
    for (const char filling : {'\0', '\1', '\x7f', '\x80', '\xff', '\2'}) {
        const Bytes bytes = Bytes::own(std::string(std::size_t{1} << 18, filling));
        for (const Schema* schema : every_schema()) {
            for (std::int16_t v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
                OracleMessage m;
                m.name = schema->name;
                m.version = v;
                EXPECT_TRUE(decode_in_bounds(m, bytes));
            }
        }
    }
}

// Many elements that are as small as can be: the place where structs in memory outgrow the wire
// most.
TEST(HostileMessage, ManyEmptyElementsAreRefusedAndNotAllocated) {
    OracleMessage m;
    m.name = "DeleteTopicsRequest";
    m.version = 4;
    // A compact count of 2^20 empty names, one byte each.
    std::string bytes = "\x81\x80\x40";
    bytes.append(std::size_t{1} << 20, '\1');
    bytes.append("\0\0\0\0\0", 5);
    const auto error = decode_in_bounds(m, Bytes::own(std::move(bytes)));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message(),
              "DeleteTopicsRequest.topic_names: would take more than eight times the memory of the "
              "input at byte 3");
}

// A compact length can say it, but no other length could, and Kafka refuses it.
TEST(HostileMessage, AStringLongerThanTheProtocolAllowsIsAnError) {
    OracleMessage m;
    m.name = "DeleteTopicsRequest";
    m.version = 4;
    std::string bytes = "\x02\x81\x80\x02";
    bytes.append(32768, 'x').append(5, '\0');
    const auto error = decode_in_bounds(m, Bytes::own(std::move(bytes)));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->message(),
              "DeleteTopicsRequest.topic_names[0]: has a length of 32768, more than the protocol's "
              "32767 at byte 1");
}

// Each is two bytes, and much more where it is kept.
TEST(HostileMessage, ManyUnknownTaggedFieldsAreNotKept) {
    std::string bytes = "\x01";  // no topics
    bytes.append(4, '\0').append("\x80\x80\x10");
    for (std::size_t i = 0; i < std::size_t{1} << 18; ++i) bytes.append("\x63\0", 2);
    const Schema& schema = *find_message("DeleteTopicsRequest");
    const auto value = schema.make();
    UnknownTags unknown;
    allocated = 0;
    const auto error = decode(schema, value.get(), 4, Bytes::own(std::move(bytes)), &unknown);
    EXPECT_LE(allocated, 8 * 2 * (std::size_t{1} << 18) + slack);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->what, "would take more than eight times the memory of the input");
    EXPECT_FALSE(decode(schema, schema.make().get(), 4, Bytes::own(std::string(1, '\1') + std::string(4, '\0') + "\x02\x63" + std::string(1, '\0') + "\x64" + std::string(1, '\0')), &unknown));
}

}  // namespace
}  // namespace kwire::test
