#include "base64.h"

#include <array>
#include <cstdint>

#include <kwire/protocol/json_text.h>

namespace kwire {
namespace {

constexpr std::string_view standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Values = std::array<std::int8_t, 256>;

// The value of each character, -1 for what is none.
constexpr Values values_of(std::string_view alphabet) {
    Values values{};
    for (auto& value : values) value = -1;
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return values;
}

constexpr Values standard_values = values_of(standard);
constexpr Values url_safe_values = values_of(url_safe);

std::optional<std::string> read(std::string_view text, const Values& values) {
    std::string data;
    data.reserve(text.size() / 4 * 3 + 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int value = values[static_cast<unsigned char>(c)];
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            data += static_cast<char>(bits >> count & 0xff);
        }
    }
    const std::uint32_t left = bits & ((1U << count) - 1);
    if (count >= 6 || left != 0) return std::nullopt;
    return data;
}

}  // namespace

std::optional<std::string> protocol::from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    return read(text, standard_values);
}

std::string base64_url(std::string_view data) {
    std::string text;
    text.reserve((data.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : data) {
        bits = bits << 8 | static_cast<std::uint8_t>(c);
        for (count += 8; count >= 6; count -= 6) text += url_safe[bits >> (count - 6) & 63];
    }
    if (count > 0) text += url_safe[bits << (6 - count) & 63];
    return text;
}

std::optional<std::string> from_base64_url(std::string_view text) {
    return read(text, url_safe_values);
}

}  // namespace kwire
