#include "assignment/member_id.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>

namespace kwire {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

std::string random_hex(std::size_t digits) {
    static constexpr char alphabet[] = "0123456789abcdef";
    std::random_device random;  // getrandom(2) or the processor's own: no seed to share between forked processes
    std::string text;
    while (text.size() < digits) {
        std::uint32_t bits = random();
        for (int i = 0; i < 8 && text.size() < digits; ++i, bits >>= 4) text += alphabet[bits & 15];
    }
    return text;
}

/// RFC 4122, version 4.
std::string random_uuid() {
    auto hex = random_hex(32);
    hex[12] = '4';
    hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) & 3];
    for (const std::size_t at : {20, 16, 12, 8}) hex.insert(at, 1, '-');
    return hex;
}

}  // namespace

std::string host_and_process() { return host_name() + ':' + std::to_string(getpid()); }

std::string new_member_id(Assignment rule, const std::string& group) {
    if (rule == Assignment::original) return host_name() + ':' + random_uuid();
    if (!is_java_rule(rule)) return "kwire:" + host_and_process() + ':' + random_hex(8);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    return group + '_' + host_name() + '-' + std::to_string(millis) + '-' + random_hex(8);
}

std::string owner_text(Assignment rule, const std::string& member_id) {
    return is_java_rule(rule) ? member_id + "-0" : member_id;
}

}  // namespace kwire
