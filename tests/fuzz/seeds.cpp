#include "seeds.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/messages.h>

namespace kwire::fuzz {
namespace {

using namespace kwire::protocol;
using Seeds = std::vector<std::string>;

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

/// A line of messages.txt.
struct Golden {
    std::string name;
    std::int16_t version = 0;
    std::string bytes;
    std::string json;
};

std::vector<Golden> golden_messages(const std::string& folder) {
    std::vector<Golden> all;
    for (const std::string& line : lines_of(folder + "/messages.txt")) {
        std::istringstream words(line);
        Golden golden;
        std::string hex;
        words >> golden.name >> golden.version >> hex;
        if (hex != "-") golden.bytes = from_hex(hex);
        words.get();
        std::getline(words, golden.json);
        all.push_back(std::move(golden));
    }
    return all;
}

/// The places that messages_fuzz knows them by.
std::map<std::string, std::size_t> numbers_of_messages() {
    std::map<std::string, std::size_t> numbers;
    for (const auto list : {all_messages(), embedded_messages()}) {
        for (const Schema* schema : list) numbers.emplace(schema->name, numbers.size());
    }
    return numbers;
}

std::string with_header(const Schema& schema, const Golden& golden, std::int32_t correlation_id) {
    const ApiKey key = *schema.api_key;
    std::string frame;
    if (request_schema(key) == &schema) {
        const RequestHeader header{key, golden.version, correlation_id, "kwire"};
        encode(header, request_header_version(key, golden.version), frame);
    } else {
        encode(ResponseHeader{correlation_id}, response_header_version(key, golden.version), frame);
    }
    return frame + golden.bytes;
}

Seeds of_messages(const std::string& folder) {
    const auto numbers = numbers_of_messages();
    Seeds seeds;
    for (const Golden& golden : golden_messages(folder)) {
        const Schema& schema = *find_message(golden.name);
        const std::size_t number = numbers.at(golden.name);
        const std::string pick{static_cast<char>(number >> 8), static_cast<char>(number & 0xff),
                               static_cast<char>(golden.version - schema.versions.lowest)};
        seeds.push_back('\0' + pick + golden.bytes);
        seeds.push_back('\1' + pick + golden.json);
        if (schema.api_key) seeds.push_back('\2' + pick + with_header(schema, golden, 1));
        // What stands in records: as a value, after a key of its size.
        if (!schema.api_key) seeds.push_back('\3' + std::string(3, '\0') + golden.bytes);
    }
    return seeds;
}

Seeds of_records(const std::string& folder) {
    Seeds seeds;
    for (const char* release : {"0.8.2.2", "0.10.2.2", "1.1.1", "3.9.1"}) {
        for (const std::string& line : lines_of(folder + "/records-" + release + ".txt")) {
            std::istringstream words(line);
            std::string kind;
            std::string name;
            std::string base64;
            words >> kind >> name >> base64;
            const auto bytes = kind == "case" ? from_base64(base64) : std::nullopt;
            if (!bytes) continue;
            seeds.push_back('\0' + *bytes);
            seeds.push_back('\5' + *bytes);
        }
    }
    return seeds;
}

/// Batches with something between them.
Seeds of_damaged_segments(const std::string& folder) {
    Seeds seeds;
    for (const std::string& records : of_records(folder)) {
        constexpr std::size_t small = 600;  // what is searched is read several times
        if (records.size() > small) continue;
        const std::string batches = records.substr(1);
        seeds.push_back('\4' + batches + std::string(40, '\0') + batches);
        seeds.push_back('\4' + ("xyz" + batches.substr(1)) + batches);
    }
    return seeds;
}

/// The lines `kind rest` of what was taken from running brokers.
void each_taken(const std::string& folder,
                const std::function<void(const std::string& kind, const std::string& rest)>& take) {
    for (const std::string& line : lines_of(folder + "/taken.txt")) {
        const auto blank = line.find(' ');
        if (blank == std::string::npos || line[0] == '#') continue;
        take(line.substr(0, blank), line.substr(blank + 1));
    }
}

/// A connection on which a request and its answer pass.
std::string capture_of(const std::string& request, const std::string& response) {
    const std::string loopback("\x7f\0\0\x01", 4);
    CaptureWriter::Connection connection{{loopback, 50000}, {loopback, 9092}};
    std::string file;
    CaptureWriter::append_header(file);
    CaptureWriter::append_opening(file, connection, {});
    CaptureWriter::append_bytes(file, connection, CaptureWriter::From::client, request, {});
    CaptureWriter::append_bytes(file, connection, CaptureWriter::From::broker, response, {});
    CaptureWriter::append_end(file, connection, CaptureWriter::From::client, {});
    CaptureWriter::append_end(file, connection, CaptureWriter::From::broker, {});
    return file;
}

std::string sized(const std::string& frame) {
    std::string size(4, '\0');
    for (unsigned i = 0; i < 4; ++i) size[i] = static_cast<char>(frame.size() >> (24 - 8 * i));
    return size + frame;
}

/// As capture_fuzz reads them: direction, size, bytes.
std::string pieces_of(std::string_view bytes, char from) {
    std::string pieces;
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 200))) {
        const std::string_view piece = bytes.substr(0, 200);
        pieces += from;
        pieces += static_cast<char>(piece.size());
        pieces += piece;
    }
    return pieces;
}

std::string two_bytes(std::size_t number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

/// An IPv4 packet around what it carries, one fragment of it where `place` says so.
std::string ipv4(char protocol, const std::string& content, std::size_t place = 0) {
    return std::string("\x45\0", 2) + two_bytes(20 + content.size()) + std::string("\0\7", 2) + two_bytes(place) +
           '\x40' + protocol + std::string("\0\0\x0a\0\0\1\x0a\0\0\2", 10) + content;
}

/// A request in packets of every wrapping, as capture_fuzz reads them.
Seeds of_wrapped_packets() {
    const Schema& schema = *request_schema(ApiKey::metadata);
    std::string frame;
    encode_request(schema, schema.make().get(), 1, 7, "kwire", frame);
    CaptureWriter::Connection connection{{std::string("\x0a\0\0\1", 4), 50000},
                                         {std::string("\x0a\0\0\2", 4), 9092}};
    std::string file;
    CaptureWriter::append_bytes(file, connection, CaptureWriter::From::client, frame, {});
    const std::string ip = file.substr(16);
    const std::string tcp = ip.substr(20);
    const std::string macs(12, 'm');
    const std::string four("\x08\0", 2);
    const std::string ethernet = macs + four + ip;
    const std::string ppp = std::string("\0\x21", 2) + ip;
    const std::string pppoe = std::string("\x11\0\0\1", 4) + two_bytes(ppp.size()) + ppp;
    const std::string vlan("\x81\0\0\7", 4);
    const std::string label("\0\1\1\x40", 4);
    const std::string tunnel = two_bytes(5000) + two_bytes(4789) + two_bytes(16 + ethernet.size()) +
                               std::string("\0\0\x08\0\0\0\0\0\1\0", 10) + ethernet;
    const std::string ip6 = std::string("\x60\0\0\0", 4) + two_bytes(8 + tcp.size()) + std::string("\x2c\x40", 2) +
                            std::string(32, 'a') + std::string("\6\0\0\0\0\0\0\1", 8) + tcp;
    // By the places that the fuzzer knows link types by.
    const std::pair<char, std::string> wrapped[] = {
        {0, ethernet},
        {0, macs + vlan + vlan + four + ip},
        {0, macs + "\x88\x64" + pppoe},
        {0, macs + "\x88\x47" + label + ip},
        {0, macs + "\x88\x47" + label + std::string(4, '\0') + ethernet},
        {2, ppp},
        {4, "\xff\3" + ppp},
        {5, pppoe},
        {6, ipv4(4, ip)},
        {6, ipv4(47, std::string("\x30\0\x65\x58", 4) + std::string(8, 'k') + ethernet)},
        {6, ipv4(17, tunnel)},
        {6, ip6},
        {7, std::string("\x0f\0", 2) + four + ip},
        {9, std::string(14, 's') + vlan + four + ip},
        {13, std::string("\x81\0", 2) + std::string(18, 's') + vlan.substr(2) + four + ip},
    };
    Seeds seeds;
    for (const auto& [link, packet] : wrapped) seeds.push_back('\4' + pieces_of(packet, link));
    seeds.push_back('\5' + pieces_of(ipv4(6, tcp.substr(24), 3), 6) + pieces_of(ipv4(6, tcp.substr(0, 24), 0x2000), 6));
    return seeds;
}

/// A login with bare tokens, and a request that kwire does not know.
std::string odd_talk() {
    const auto frame = [](const char* name, std::int16_t version) {
        const Schema& schema = *find_message(name);
        std::string bytes;
        if (std::string_view(name).ends_with("Request")) {
            encode_request(schema, schema.make().get(), version, 1, "kwire", bytes);
        } else {
            encode_response(schema, schema.make().get(), version, 1, bytes);
        }
        return bytes;
    };
    return pieces_of(frame("SaslHandshakeRequest", 0), '\0') + pieces_of(frame("SaslHandshakeResponse", 0), '\1') +
           pieces_of(sized(std::string("\0u\0p", 4)), '\0') + pieces_of(sized(""), '\1') +
           pieces_of(frame("MetadataRequest", 1), '\0') + pieces_of(frame("MetadataResponse", 1), '\1') +
           pieces_of(sized(std::string("\x27\x0f\0\0\0\0\0\x09\xff\xff", 10) + "abc"), '\0') +
           pieces_of(sized(std::string("\0\0\0\x09xyz", 7)), '\1');
}

Seeds of_captures(const std::string& folder) {
    Seeds seeds = of_wrapped_packets();
    seeds.push_back('\2' + odd_talk());
    seeds.push_back('\3' + odd_talk());
    std::map<std::pair<ApiKey, std::int16_t>, Golden> requests;
    for (Golden& golden : golden_messages(folder)) {
        const Schema& schema = *find_message(golden.name);
        if (!schema.api_key) continue;
        if (request_schema(*schema.api_key) == &schema) {
            requests[{*schema.api_key, golden.version}] = std::move(golden);
            continue;
        }
        const auto asked = requests.find({*schema.api_key, golden.version});
        if (asked == requests.end()) continue;
        const Schema& request = *request_schema(*schema.api_key);
        const std::string sent = sized(with_header(request, asked->second, 7));
        const std::string came = sized(with_header(schema, golden, 7));
        seeds.push_back('\0' + capture_of(sent, came));
        seeds.push_back('\2' + pieces_of(sent, '\0') + pieces_of(came, '\1'));
    }
    each_taken(folder, [&seeds](const std::string& kind, const std::string& rest) {
        if (kind != "capture") return;
        const std::string bytes = from_base64(rest).value();
        seeds.push_back('\0' + bytes);
        seeds.push_back('\1' + bytes);
    });
    return seeds;
}

/// One kind after another, by the byte that the fuzzer picks it with.
Seeds of_taken(const std::string& folder, const std::vector<std::string>& kinds, bool base64) {
    Seeds seeds;
    each_taken(folder, [&](const std::string& kind, const std::string& rest) {
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            if (kinds[i] != kind) continue;
            seeds.push_back(static_cast<char>(i) + (base64 ? from_base64(rest).value() : rest));
        }
    });
    return seeds;
}

}  // namespace

std::vector<std::string> seeds_of(std::string_view fuzzer, const std::string& folder) {
    if (fuzzer == "messages_fuzz") return of_messages(folder);
    if (fuzzer == "records_fuzz") return of_records(folder);
    if (fuzzer == "capture_fuzz") return of_captures(folder);
    if (fuzzer == "segments_fuzz") {
        Seeds seeds = of_taken(folder, {"index", "timeindex", "txnindex", "snapshot"}, true);
        for (std::string& seed : of_damaged_segments(folder)) seeds.push_back(std::move(seed));
        return seeds;
    }
    if (fuzzer == "registry_fuzz") {
        return of_taken(folder, {"broker", "controller", "topic", "state", "config", "member", "plan", "offset"},
                        false);
    }
    throw std::runtime_error("no fuzzer is called " + std::string(fuzzer));
}

}  // namespace kwire::fuzz
