#include "numbers.h"

#include <cstdio>
#include <ctime>

namespace kwire::tools {

std::string show_count(std::uint64_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return digits;
}

std::string show_bytes(std::uint64_t bytes) {
    if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
    constexpr const char* units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double amount = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    while (amount >= 999.95 && unit + 1 < std::size(units)) {
        amount /= 1000;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %s", amount, units[unit]);
    return text;
}

void append_utc(std::string& out, std::int64_t time, std::int64_t per_second) {
    const std::int64_t part = (time % per_second + per_second) % per_second;
    const std::time_t seconds = time / per_second - (time % per_second < 0 ? 1 : 0);
    std::tm parts{};
    if (!gmtime_r(&seconds, &parts)) {
        out += std::to_string(time);
        return;
    }
    char text[48];
    out.append(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
    if (per_second > 1) {
        std::string digits = std::to_string(per_second + part);
        digits.front() = '.';  // per_second is a power of ten, of which this was the 1
        out += digits;
    }
    out += 'Z';
}

std::string printable(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F are control characters, too; in UTF-8 they are C2 80 to C2 9F.
        const bool follows_c2 = i > 0 && text[i - 1] == '\xc2' && byte >= 0x80 && byte < 0xa0;
        const bool begins_c2 = byte == 0xc2 && i + 1 < text.size() &&
                               static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                               static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (byte >= 0x20 && byte != 0x7f && !follows_c2 && !begins_c2) {
            shown += text[i];
            continue;
        }
        shown.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return shown;
}

}  // namespace kwire::tools
