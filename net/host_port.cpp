#include <charconv>

#include <kwire/net/error.h>
#include <kwire/net/transport.h>

namespace kwire {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw Error(errc::invalid_config, '\'' + std::string(text) + "' is not host:port: " + why);
}

std::uint16_t parse_port(std::string_view text, std::string_view port) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
        refuse(text, "the port must be a number from 1 to 65535");
    }
    return number;
}

}  // namespace

std::string HostPort::to_string() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

HostPort HostPort::parse(std::string_view text, std::uint16_t default_port) {
    const std::string_view whole = trimmed(text);
    std::string_view host = whole;
    std::string_view rest;
    if (!whole.empty() && whole.front() == '[') {
        const auto close = whole.find(']');
        if (close == std::string_view::npos) refuse(text, "']' is missing");
        host = whole.substr(1, close - 1);
        rest = whole.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') refuse(text, "after ']' comes ':' and a port");
    } else if (const auto colon = whole.find(':'); colon != std::string_view::npos) {
        host = whole.substr(0, colon);
        rest = whole.substr(colon);
        if (rest.find("//") != std::string_view::npos) {
            refuse(text, "leave out what stands before the host name");
        }
        if (rest.find(':', 1) != std::string_view::npos) {
            refuse(text, "an IPv6 address goes in brackets, as in [::1]:9092");
        }
    }
    if (host.empty()) refuse(text, "the host is missing");
    if (host.find_first_of(blanks) != std::string_view::npos || host.find('/') != host.npos) {
        refuse(text, "a host name has no blanks and no '/'");
    }
    return {std::string(host), rest.empty() ? default_port : parse_port(text, rest.substr(1))};
}

std::vector<HostPort> HostPort::parse_list(std::string_view text, std::uint16_t default_port) {
    std::vector<HostPort> list;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const std::string_view item = trimmed(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        if (!item.empty()) list.push_back(parse(item, default_port));
    }
    if (list.empty()) {
        throw Error(errc::invalid_config, '\'' + std::string(text) + "' names no host:port");
    }
    return list;
}

}  // namespace kwire
