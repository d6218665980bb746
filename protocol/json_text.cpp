#include "json_text.h"

#include <cstdint>
#include <cstdio>

namespace kwire::protocol {
namespace {

bool is_continuation(std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80;
}

// The length of the UTF-8 sequence that begins `text`, 0 where there is none: RFC 3629, so no
// overlong forms, no surrogates and nothing above U+10FFFF.
std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<std::uint8_t>(text[0]);
    const std::uint8_t second = text.size() > 1 ? static_cast<std::uint8_t>(text[1]) : 0;
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    if (!is_continuation(text, 1)) return 0;
    if (first < 0xe0) return 2;
    if (!is_continuation(text, 2)) return 0;
    if (first < 0xf0) {
        const bool overlong = first == 0xe0 && second < 0xa0;
        const bool surrogate = first == 0xed && second > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool too_high = first == 0xf4 && second > 0x8f;
    return overlong || too_high || !is_continuation(text, 3) ? 0 : 4;
}

void append_escaped(std::string& out, char c) {
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
        default:
            break;
    }
    if (static_cast<std::uint8_t>(c) >= 0x20) {
        out += c;
        return;
    }
    char text[8];
    std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
    out += text;
}

}  // namespace

void append_camel_case(std::string& out, std::string_view snake_case) {
    bool raise = false;
    for (const char c : snake_case) {
        if (c == '_') {
            raise = true;
            continue;
        }
        out += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        raise = false;
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 1) {
            append_escaped(out, text[0]);
        } else if (length > 1) {
            out += text.substr(0, length);
        } else {
            out += "\xef\xbf\xbd";
        }
        text.remove_prefix(length > 0 ? length : 1);
    }
    out += '"';
}

}  // namespace kwire::protocol
