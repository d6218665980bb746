#include <cstdint>
#include <cstring>

#include <kwire/protocol/json_text.h>

namespace kwire::protocol {
namespace {

/// Eight bytes, all of which may stand in a JSON string as they are: ASCII from the blank on, no
/// quote, no backslash, no DEL.
bool all_plain(const char* bytes) {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t tops = 0x8080808080808080;
    const auto has_zero = [](std::uint64_t w) { return (w - ones) & ~w & tops; };
    const std::uint64_t below_blank = (word - ones * 0x20) & ~word & tops;
    return ((word & tops) | below_blank | has_zero(word ^ (ones * '"')) |
            has_zero(word ^ (ones * '\\')) | has_zero(word ^ (ones * 0x7f))) == 0;
}

/// How long the UTF-8 sequence is that text begins with; 0 if it is none. Unicode 15, table 3-7.
std::size_t sequence_length(const char* text, std::size_t left) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const unsigned char first = byte(0);
    if (first < 0xC2) return first < 0x80 ? 1 : 0;
    if (first < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
    if (first < 0xF0) {
        if (left < 3 || !follows(1) || !follows(2)) return 0;
        if (first == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
        if (first == 0xED && byte(1) >= 0xA0) return 0;  // a surrogate
        return 3;
    }
    if (first > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;   // overlong
    if (first == 0xF4 && byte(1) >= 0x90) return 0;  // above U+10FFFF
    return 4;
}

void append_escape(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            break;
    }
    constexpr char digits[] = "0123456789ABCDEF";
    out += "\\u00";
    out += digits[(static_cast<unsigned char>(c) >> 4) & 15];
    out += digits[static_cast<unsigned char>(c) & 15];
}

}  // namespace

bool append_escaped(std::string& out, std::string_view text) {
    const std::size_t before = out.size();
    const char* const end = text.data() + text.size();
    const char* plain = text.data();  // where what is not yet copied begins
    const char* at = plain;
    while (at < end) {
        if (end - at >= 8 && all_plain(at)) {
            at += 8;
            continue;
        }
        const auto c = static_cast<unsigned char>(*at);
        if (c >= 0x80) {
            const std::size_t length = sequence_length(at, static_cast<std::size_t>(end - at));
            if (length == 0) {
                out.resize(before);
                return false;
            }
            // U+0080 to U+009F are control characters, too, by which a terminal can be steered.
            const bool is_control = c == 0xC2 && static_cast<unsigned char>(at[1]) < 0xA0;
            if (is_control) {
                out.append(plain, at);
                append_escape(out, at[1]);
                plain = at + length;
            }
            at += length;
        } else if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            ++at;
        } else {
            out.append(plain, at);
            append_escape(out, *at);
            plain = ++at;
        }
    }
    out.append(plain, end);
    return true;
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    if (!append_escaped(out, text)) {
        // Piece by piece: rare, so it may be slow.
        while (!text.empty()) {
            const std::size_t length = sequence_length(text.data(), text.size());
            if (length == 0) {
                out += "\xef\xbf\xbd";
            } else {
                append_escaped(out, text.substr(0, length));
            }
            text.remove_prefix(length > 0 ? length : 1);
        }
    }
    out += '"';
}

void append_json_string_or_base64(std::string& out, std::string_view text) {
    out += '"';
    if (append_escaped(out, text)) {
        out += '"';
        return;
    }
    out.back() = '{';
    out += "\"base64\":\"";
    append_base64(out, text);
    out += "\"}";
}

void append_base64(std::string& out, std::string_view bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto at = [bytes](std::size_t i) {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
    };
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        out += digits[group >> 18 & 63];
        out += digits[group >> 12 & 63];
        out += i + 1 < bytes.size() ? digits[group >> 6 & 63] : '=';
        out += i + 2 < bytes.size() ? digits[group & 63] : '=';
    }
}

}  // namespace kwire::protocol
