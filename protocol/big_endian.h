// Fixed-size integers in the byte order of the wire.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace kwire::protocol {

template <class T>
T swap_to_big_endian(T value) {
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big)
        return value;
    else if constexpr (sizeof(T) == 2)
        return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
    else if constexpr (sizeof(T) == 4)
        return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
    else
        return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

/// Precondition: sizeof(T) bytes are readable at p.
template <class T>
T load_big_endian(const void* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return swap_to_big_endian(value);
}

/// Precondition: sizeof(T) bytes are writable at p. T is named by the caller so that the width is
/// in sight.
template <class T>
void store_big_endian(void* p, std::type_identity_t<T> value) {
    value = swap_to_big_endian(value);
    std::memcpy(p, &value, sizeof value);
}

template <class T>
void append_big_endian(std::string& out, std::type_identity_t<T> value) {
    char bytes[sizeof(T)];
    store_big_endian<T>(bytes, value);
    out.append(bytes, sizeof bytes);
}

}  // namespace kwire::protocol
