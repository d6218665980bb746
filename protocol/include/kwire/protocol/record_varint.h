// The variable-length integers of v2 records: zigzag, seven bits a byte, least significant group
// first.
//
// An int32 has at most 5 bytes, an int64 at most 10, as in Kafka's ByteUtils. Longer ones, and ones
// with bits beyond the type's width, are refused; padding with zero groups inside the limit is
// accepted, as Java accepts it. Here is only what the record reader inlines. The checked reads cost
// a compare a byte, the short ones none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace kwire::protocol {

template <class Int>
constexpr std::size_t varint_bytes_max = sizeof(Int) == 4 ? 5 : 10;

template <class Int>
constexpr Int zigzag_decoded(std::make_unsigned_t<Int> raw) {
    return static_cast<Int>((raw >> 1) ^ (~(raw & 1) + 1));
}

template <class Int>
constexpr std::make_unsigned_t<Int> zigzag_encoded(Int value) {
    using Raw = std::make_unsigned_t<Int>;
    return static_cast<Raw>(static_cast<Raw>(value) << 1) ^
           static_cast<Raw>(value >> (8 * sizeof(Int) - 1));
}

/// Reads at p and moves it on; false where no varint of Int's width ends before p reaches end. p is
/// then unspecified.
template <class Int>
bool read_varint(const char*& p, const char* end, Int& value) {
    using Raw = std::make_unsigned_t<Int>;
    constexpr unsigned last_shift = 7 * (varint_bytes_max<Int> - 1);
    if (p != end && static_cast<unsigned char>(*p) < 128) [[likely]] {
        value = zigzag_decoded<Int>(static_cast<unsigned char>(*p++));
        return true;
    }
    Raw raw = 0;
    for (unsigned shift = 0; p != end; shift += 7) {
        const auto group = static_cast<unsigned char>(*p++);
        raw |= static_cast<Raw>(static_cast<Raw>(group & 127) << shift);
        if (shift == last_shift && (group >> (8 * sizeof(Int) - last_shift)) != 0) return false;
        if (group < 128) {
            value = zigzag_decoded<Int>(raw);
            return true;
        }
    }
    return false;
}

/// The bits of a varint of at most bytes_max bytes, zigzag not undone: an odd number stands for a
/// negative one. Does not look at an end; false for longer ones, whatever they hold. Precondition:
/// bytes_max bytes are readable at p.
template <unsigned bytes_max, class Raw>
[[gnu::always_inline]] inline bool read_short_varint(const char*& p, Raw& raw) {
    static_assert(std::is_unsigned_v<Raw> && 7 * bytes_max < 8 * sizeof(Raw));
    static_assert(bytes_max == 3 || bytes_max == 5);
    // Adds the group at p[index]; the bit of the byte before that says "more" goes again.
    const auto is_last = [&](unsigned index) __attribute__((always_inline)) {
        const Raw group = static_cast<unsigned char>(p[index]);
        raw += (group << 7 * index) - (Raw{1} << 7 * index);
        return group < 128;
    };
    raw = static_cast<unsigned char>(p[0]);
    if (raw < 128) [[likely]] {
        p += 1;
    } else if (is_last(1)) {
        p += 2;
    } else if (is_last(2)) {
        p += 3;
    } else if (bytes_max < 5) {
        return false;
    } else if (is_last(3)) {
        p += 4;
    } else if (is_last(4)) {
        p += 5;
    } else {
        return false;
    }
    return true;
}

template <class Int>
constexpr std::size_t varint_size(Int value) {
    std::size_t size = 1;
    for (auto raw = zigzag_encoded(value); raw >= 128; raw >>= 7) ++size;
    return size;
}

template <class Int>
void append_varint(std::string& out, Int value) {
    auto raw = zigzag_encoded(value);
    for (; raw >= 128; raw >>= 7) out.push_back(static_cast<char>((raw & 127) | 128));
    out.push_back(static_cast<char>(raw));
}

}  // namespace kwire::protocol
